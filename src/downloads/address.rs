//! Addresses, as far as they must be understood: where a redirect leads, and whose address it is.

/// `https://host:port`, in small letters: what a token belongs to. `None` for what is no address of the web.
pub(super) fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "https" && scheme != "http" {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A name before an @ is no part of the host.
    let host = authority
        .rsplit('@')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(usual).unwrap_or(&host);
    (!host.is_empty() && !host.starts_with(':')).then(|| format!("{scheme}://{host}"))
}

/// The host of an address, for messages.
pub(super) fn host(url: &str) -> String {
    let origin = origin(url).unwrap_or_default();
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    host.to_owned()
}

/// True for addresses that lead back to this machine.
pub(super) fn is_this_machine(url: &str) -> bool {
    let host = host(url);
    let name = host
        .rsplit_once(':')
        .map_or(host.as_str(), |(name, _)| name);
    ["localhost", "127.0.0.1", "[::1]"].contains(&name)
}

/// The address without what may be a secret: the query, and a name and password before the host.
pub(super) fn shown(url: &str) -> String {
    origin(url).map_or_else(|| url.to_owned(), |origin| format!("{origin}{}", path(url)))
}

/// The path of an address, with its `/`, without query.
pub(super) fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.find('/')
        .and_then(|at| rest.get(at..))
        .unwrap_or_default()
}

/// Where `location` leads from `base`. `None` for what is no address of the web, and for a step from https
/// to http.
pub(super) fn joined(base: &str, location: &str) -> Option<String> {
    let location = location.trim();
    let base_origin = origin(base)?;
    let joined = if location.contains("://") {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{}://{rest}", base_origin.split("://").next()?)
    } else if location.starts_with('/') {
        format!("{base_origin}{location}")
    } else {
        let path = path(base);
        let folder = path
            .rfind('/')
            .and_then(|at| path.get(..=at))
            .unwrap_or("/");
        format!("{base_origin}{folder}{location}")
    };
    let to = origin(&joined)?;
    let is_weaker = base_origin.starts_with("https:") && !to.starts_with("https:");
    (!is_weaker).then_some(joined)
}

/// A path with what an address cannot hold as `%xx`; `/` stays.
pub(super) fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend([byte >> 4, byte & 15].map(hex_digit));
        }
    }
    encoded
}

fn hex_digit(value: u8) -> char {
    let digit = char::from_digit(value.into(), 16).unwrap_or('0');
    digit.to_ascii_uppercase()
}

/// The way back.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let (b'%', Some(byte)) = (first, byte) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (url, wanted) in [
            (
                "https://Huggingface.co/a/b?c",
                Some("https://huggingface.co"),
            ),
            ("https://huggingface.co:443", Some("https://huggingface.co")),
            ("http://127.0.0.1:80/x", Some("http://127.0.0.1")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            // The host is evil.example, whatever stands before the @.
            (
                "https://huggingface.co@evil.example/",
                Some("https://evil.example"),
            ),
            (
                "https://huggingface.co.evil.example/",
                Some("https://huggingface.co.evil.example"),
            ),
            ("ftp://a/b", None),
            ("https:///a", None),
            ("a/b", None),
        ] {
            assert_eq!(origin(url).as_deref(), wanted, "{url}");
        }
    }

    #[test]
    fn redirects_lead_where_they_say_and_never_to_weaker_ground() {
        let base = "https://h.example/a/b/c.bin?x=1";
        for (location, wanted) in [
            (
                "https://cdn.example/z?sig=1",
                Some("https://cdn.example/z?sig=1"),
            ),
            ("//cdn.example/z", Some("https://cdn.example/z")),
            ("/z", Some("https://h.example/z")),
            ("z", Some("https://h.example/a/b/z")),
            ("http://h.example/z", None),
            ("javascript://x", None),
        ] {
            assert_eq!(joined(base, location).as_deref(), wanted, "{location}");
        }
        assert_eq!(
            joined("http://h/a", "http://i/b").as_deref(),
            Some("http://i/b")
        );
    }

    #[test]
    fn secrets_are_not_shown_and_names_survive() {
        assert_eq!(
            shown("https://me:pw@h.example/a?token=s"),
            "https://h.example/a"
        );
        assert_eq!(encoded("a b/ü.txt"), "a%20b/%C3%BC.txt");
        assert_eq!(decoded(&encoded("a b/ü.txt")), "a b/ü.txt");
        assert_eq!(decoded("100%"), "100%");
    }
}
