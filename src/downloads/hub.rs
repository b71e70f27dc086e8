//! What a repository of the hub holds, and which of its files make a model that can be run.

use serde::Deserialize;

use super::Watch;
use super::address;
use super::client::{Client, Request};
use super::error::DownloadError;
use super::parcel::{Parcel, RemoteFile, Shape, safe_name, sha256_of, stays_below};
use super::stream::{self, Stream};

/// A description is not longer.
const MOST_BYTES: usize = 16 << 20;
/// Folders of a diffusers model that are read here. Others (safety checker, feature extractor) are not.
const PARTS: [&str; 7] = [
    "unet",
    "vae",
    "text_encoder",
    "text_encoder_2",
    "tokenizer",
    "tokenizer_2",
    "scheduler",
];
/// Those with weights; the second text encoder where there is one.
const NETWORKS: [&str; 4] = ["unet", "vae", "text_encoder", "text_encoder_2"];

#[derive(Debug, Deserialize)]
struct Description {
    sha: Option<String>,
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(default, rename = "cardData")]
    card: Option<Card>,
}

#[derive(Debug, Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<Lfs>,
}

#[derive(Debug, Deserialize)]
struct Lfs {
    sha256: Option<String>,
    size: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct Card {
    license: Option<serde_json::Value>,
    license_name: Option<String>,
}

impl Card {
    fn licence(&self) -> Option<String> {
        let named = self.license_name.clone();
        let plain = self.license.as_ref()?.as_str().map(str::to_owned);
        // “other” says nothing; its name does.
        match plain.as_deref() {
            Some("other") => named.or(plain),
            _ => plain.or(named),
        }
    }
}

/// Asks the hub what `repository` (`owner/name`) holds, and chooses what makes a model, or `file` alone.
pub(super) fn ask(
    client: &Client,
    repository: &str,
    file: Option<&str>,
    watch: &mut dyn Watch,
) -> Result<Parcel, DownloadError> {
    let hub = client.hub().to_owned();
    let url = format!("{hub}/api/models/{repository}?blobs=true");
    let text = stream::with_retries(client, watch, |watch| {
        let read = || -> Result<Vec<u8>, DownloadError> {
            let stream = Stream::open(client, Request::to(&url))?;
            stream.head(watch)?;
            stream.beginning(MOST_BYTES, watch)
        };
        (read(), false)
    })?;
    let bad = |why: String| DownloadError::BadListing {
        host: address::host(&hub),
        why,
    };
    let description: Description =
        serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    let chosen = chosen(&description.siblings, repository, file)?;
    // All files of one moment, whatever happens there meanwhile.
    let revision = description.sha.as_deref().unwrap_or("main");
    if !stays_below(revision) {
        return Err(bad(format!("revision {revision}")));
    }
    let remote = |sibling: &&Sibling| RemoteFile {
        url: format!(
            "{hub}/{repository}/resolve/{revision}/{}",
            address::encoded(&sibling.rfilename)
        ),
        path: match file {
            Some(_) => last(&sibling.rfilename).to_owned(),
            None => sibling.rfilename.clone(),
        },
        bytes: sibling
            .lfs
            .as_ref()
            .and_then(|lfs| lfs.size)
            .or(sibling.size),
        sha256: sibling
            .lfs
            .as_ref()
            .and_then(|lfs| sha256_of(lfs.sha256.as_deref()?)),
    };
    let (shape, name) = match chosen.as_slice() {
        [one] if !is_folder_file(&one.rfilename) => (Shape::File, stem(last(&one.rfilename))),
        _ => (Shape::Folder, last(repository)),
    };
    let mut files: Vec<RemoteFile> = chosen.iter().map(remote).collect();
    if shape == Shape::File
        && let Some(one) = files.first_mut()
    {
        one.path = last(&one.path).to_owned();
    }
    Ok(Parcel {
        name: safe_name(name),
        source: file.map_or_else(
            || format!("hf:{repository}"),
            |file| format!("hf:{repository}/{file}"),
        ),
        licence: description.card.and_then(|card| card.licence()),
        page: format!("{hub}/{repository}"),
        shape,
        files,
    })
}

/// True for what is only a part of a folder.
fn is_folder_file(path: &str) -> bool {
    std::path::Path::new(path).extension() == Some("json".as_ref())
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A file's name without its ending.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn is_checkpoint(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["safetensors", "ckpt"].contains(&ending.to_ascii_lowercase().as_str())
}

/// The files that make a model: of a diffusers folder the networks in half precision where there are such;
/// else the only checkpoint.
fn chosen<'a>(
    siblings: &'a [Sibling],
    repository: &str,
    file: Option<&str>,
) -> Result<Vec<&'a Sibling>, DownloadError> {
    let lawful = || siblings.iter().filter(|s| stays_below(&s.rfilename));
    let find = |path: &str| lawful().find(|sibling| sibling.rfilename == path);
    let nothing = || DownloadError::NothingToRun(repository.to_owned());
    if let Some(file) = file {
        let url = format!("{repository}/{file}");
        let found = find(file).ok_or(DownloadError::NotFound(url))?;
        return Ok(vec![found]);
    }
    if let Some(index) = find("model_index.json") {
        let mut files = vec![index];
        files.extend(lawful().filter(|s| s.rfilename.to_ascii_uppercase().starts_with("LICENSE")));
        for sibling in lawful() {
            let Some((folder, name)) = sibling.rfilename.split_once('/') else {
                continue;
            };
            let is_text = [".json", ".txt"]
                .iter()
                .any(|ending| name.ends_with(ending));
            if PARTS.contains(&folder) && is_text && !name.ends_with(".index.json") {
                files.push(sibling);
            }
        }
        for network in NETWORKS {
            let is_there = find(&format!("{network}/config.json")).is_some();
            let stem = if network.starts_with("text") {
                "model"
            } else {
                "diffusion_pytorch_model"
            };
            let half = find(&format!("{network}/{stem}.fp16.safetensors"));
            match half.or_else(|| find(&format!("{network}/{stem}.safetensors"))) {
                Some(weights) => files.push(weights),
                None if is_there => return Err(nothing()),
                None => {}
            }
        }
        return Ok(files);
    }
    // A network alone, such as an autoencoder.
    let alone = (
        find("config.json"),
        find("diffusion_pytorch_model.safetensors"),
    );
    if let (Some(config), Some(weights)) = alone {
        return Ok(vec![config, weights]);
    }
    let checkpoints: Vec<&Sibling> = lawful().filter(|s| is_checkpoint(&s.rfilename)).collect();
    let safe: Vec<&Sibling> = checkpoints
        .iter()
        .copied()
        .filter(|s| s.rfilename.ends_with(".safetensors"))
        .collect();
    match (safe.as_slice(), checkpoints.as_slice()) {
        ([one], _) | ([], [one]) => Ok(vec![one]),
        (_, []) => Err(nothing()),
        _ => Err(DownloadError::Several {
            repository: repository.to_owned(),
            files: checkpoints.iter().map(|s| s.rfilename.clone()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Vec<Sibling> {
        let sibling = |name: &&str| Sibling {
            rfilename: (*name).to_owned(),
            size: Some(1),
            lfs: None,
        };
        names.iter().map(sibling).collect()
    }

    #[track_caller]
    fn names(listing: &[&str], file: Option<&str>) -> Result<Vec<String>, DownloadError> {
        let siblings = of(listing);
        let found = chosen(&siblings, "a/b", file)?;
        Ok(found.iter().map(|s| s.rfilename.clone()).collect())
    }

    #[test]
    fn of_a_diffusers_folder_half_precision_is_taken_and_no_checker() {
        let listing = [
            "README.md",
            "LICENSE.md",
            "model_index.json",
            "v1-5-pruned.ckpt",
            "v1-5-pruned.safetensors",
            "safety_checker/model.safetensors",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "text_encoder/model.fp16.safetensors",
            "text_encoder/model.safetensors",
            "text_encoder/pytorch_model.bin",
            "tokenizer/merges.txt",
            "tokenizer/vocab.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "unet/diffusion_pytorch_model.non_ema.safetensors",
            "unet/diffusion_pytorch_model.safetensors",
            "unet/diffusion_pytorch_model.safetensors.index.json",
            "vae/config.json",
            "vae/diffusion_pytorch_model.safetensors",
            "../../evil.json",
        ];
        let wanted = [
            "model_index.json",
            "LICENSE.md",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "tokenizer/merges.txt",
            "tokenizer/vocab.json",
            "unet/config.json",
            "vae/config.json",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "vae/diffusion_pytorch_model.safetensors",
            "text_encoder/model.fp16.safetensors",
        ];
        assert_eq!(names(&listing, None).unwrap(), wanted);
        let one = names(&listing, Some("v1-5-pruned.ckpt")).unwrap();
        assert_eq!(one, ["v1-5-pruned.ckpt"]);
        assert!(matches!(
            names(&listing, Some("../../evil.json")),
            Err(DownloadError::NotFound(_))
        ));
    }

    #[test]
    fn what_is_no_folder_is_one_file_or_a_question() {
        assert_eq!(
            names(&["a.safetensors", "a.ckpt", "notes.txt"], None).unwrap(),
            ["a.safetensors"]
        );
        assert_eq!(names(&["x/a.ckpt"], None).unwrap(), ["x/a.ckpt"]);
        let tiny = [
            "config.json",
            "diffusion_pytorch_model.safetensors",
            "x.safetensors",
        ];
        assert_eq!(names(&tiny, None).unwrap(), tiny[..2]);
        let several = names(&["a.safetensors", "b.safetensors"], None);
        assert!(matches!(several, Err(DownloadError::Several { files, .. }) if files.len() == 2));
        for listing in [
            &["model.gguf"][..],
            &[
                "model_index.json",
                "unet/config.json",
                "unet/diffusion_pytorch_model.bin",
            ],
            &[],
        ] {
            let nothing = names(listing, None);
            assert!(
                matches!(nothing, Err(DownloadError::NothingToRun(_))),
                "{listing:?}"
            );
        }
    }

    #[test]
    fn licences_are_named_as_the_card_names_them() {
        let licence = |json: &str| serde_json::from_str::<Card>(json).unwrap().licence();
        assert_eq!(licence(r#"{"license":"mit"}"#).as_deref(), Some("mit"));
        let other = r#"{"license":"other","license_name":"sai-nc-community"}"#;
        assert_eq!(licence(other).as_deref(), Some("sai-nc-community"));
        assert_eq!(licence("{}"), None);
        assert_eq!(licence(r#"{"license":["a","b"]}"#), None);
    }
}
