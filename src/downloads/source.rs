//! [`Source`]: what was asked for.

use super::address;
use super::error::DownloadError;
use super::list::{self, Offer};

/// What was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A model of the list.
    Offer(&'static Offer),
    /// A repository of the hub, and a file in it.
    Repository {
        /// `owner/name`.
        name: String,
        /// Only this file of it.
        file: Option<String>,
    },
    /// Any file.
    Address(String),
}

impl Source {
    /// Understands an id of the list, `hf:OWNER/REPO[/FILE]`, the address of a page or file of a repository,
    /// and any other address.
    pub fn parse(text: &str) -> Result<Self, DownloadError> {
        let text = text.trim();
        if let Some(offer) = list::offers().iter().find(|offer| offer.id == text) {
            return Ok(Self::Offer(offer));
        }
        let bad = || DownloadError::BadSource(address::shown(text));
        if let Some(name) = text.strip_prefix("hf:") {
            return repository(name).ok_or_else(bad);
        }
        let host = address::host(text);
        if host.is_empty() {
            return Err(bad());
        }
        if ["huggingface.co", "hf.co", "www.huggingface.co"].contains(&host.as_str()) {
            return of_page(address::path(text)).ok_or_else(bad);
        }
        // The page of a model of Civitai names the version that it shows.
        if host == "civitai.com"
            && let Some(version) = query(text, "modelVersionId")
            && address::path(text).starts_with("/models/")
        {
            return Ok(Self::Address(format!(
                "https://civitai.com/api/download/models/{version}"
            )));
        }
        Ok(Self::Address(text.to_owned()))
    }
}

/// `owner/name` or `owner/name/file`.
fn repository(text: &str) -> Option<Source> {
    let mut parts = text.splitn(3, '/');
    let (owner, name, file) = (parts.next()?, parts.next()?, parts.next());
    let is_name = |part: &str| {
        let mut bytes = part.bytes();
        bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
            && bytes.all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    (is_name(owner) && is_name(name)).then(|| Source::Repository {
        name: format!("{owner}/{name}"),
        file: file.filter(|file| !file.is_empty()).map(str::to_owned),
    })
}

/// `/owner/name`, or `/owner/name/resolve/main/file` and its kin.
fn of_page(path: &str) -> Option<Source> {
    let path = address::decoded(path);
    let path = path.trim_matches('/');
    let parts: Vec<&str> = path.splitn(5, '/').collect();
    match parts.as_slice() {
        [owner, name] | [owner, name, "tree", ..] => repository(&format!("{owner}/{name}")),
        [owner, name, "resolve" | "blob", _, file] => repository(&format!("{owner}/{name}/{file}")),
        _ => None,
    }
}

fn query<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let query = url.split_once('?')?.1;
    let mut values = query.split('&').filter_map(|pair| pair.split_once('='));
    let found = values.find(|(key, _)| *key == name)?.1;
    (!found.is_empty() && found.bytes().all(|byte| byte.is_ascii_digit())).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_hub(name: &str, file: Option<&str>) -> Source {
        Source::Repository {
            name: name.to_owned(),
            file: file.map(str::to_owned),
        }
    }

    #[test]
    fn what_people_paste_is_understood() {
        for (text, wanted) in [
            ("hf:a/b", of_hub("a/b", None)),
            (
                "hf:a/b/c/d.safetensors",
                of_hub("a/b", Some("c/d.safetensors")),
            ),
            (" https://huggingface.co/a/b ", of_hub("a/b", None)),
            ("https://huggingface.co/a/b/tree/main", of_hub("a/b", None)),
            (
                "https://huggingface.co/a/b/resolve/main/c/d%20e.ckpt?download=true",
                of_hub("a/b", Some("c/d e.ckpt")),
            ),
            (
                "https://huggingface.co/a/b/blob/main/c.ckpt",
                of_hub("a/b", Some("c.ckpt")),
            ),
            (
                "https://civitai.com/models/4384?modelVersionId=128713",
                Source::Address("https://civitai.com/api/download/models/128713".to_owned()),
            ),
            (
                "http://127.0.0.1:1/m.safetensors",
                Source::Address("http://127.0.0.1:1/m.safetensors".to_owned()),
            ),
        ] {
            assert_eq!(Source::parse(text).as_ref(), Ok(&wanted), "{text}");
        }
        assert!(matches!(Source::parse("sd15"), Ok(Source::Offer(_))));
        for text in [
            "",
            "a/b",
            "hf:a",
            "hf:../b",
            "ftp://a/b",
            "https://huggingface.co/a",
            "dream",
        ] {
            assert!(
                matches!(Source::parse(text), Err(DownloadError::BadSource(_))),
                "{text}"
            );
        }
    }
}
