//! [`Parcel`]: what a download consists of.

use serde::{Deserialize, Serialize};

/// What a download consists of: known before its first byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// What its folder, or its file without the ending, will be called.
    pub name: String,
    /// As it was asked for; asking for that again gives the same.
    pub source: String,
    /// Name of its licence; `None` where the server does not say.
    pub licence: Option<String>,
    /// Where licence and model are described.
    pub page: String,
    /// What it becomes.
    pub shape: Shape,
    /// What is fetched.
    pub files: Vec<RemoteFile>,
}

/// What a parcel becomes in the models folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// A folder with all its files.
    Folder,
    /// Its one file.
    File,
}

/// A file on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteFile {
    /// Where it is.
    pub url: String,
    /// Where it goes, below the parcel's folder; with `/`.
    pub path: String,
    /// Its size, where the server says it.
    pub bytes: Option<u64>,
    /// Its SHA-256 in hexadecimal, where the server says it.
    pub sha256: Option<String>,
}

impl Parcel {
    /// Size of all files; `None` where that of one is not known.
    pub fn bytes(&self) -> Option<u64> {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// A name that is safe as that of a folder or file: no path, nothing hidden.
pub(super) fn safe_name(name: &str) -> String {
    let safe = |c: char| {
        if c.is_alphanumeric() || "-_. ".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(safe).collect();
    let name = name.trim().trim_start_matches('.');
    let name = name.get(..name.floor_char_boundary(120)).unwrap_or(name);
    if name.is_empty() {
        "model".to_owned()
    } else {
        name.to_owned()
    }
}

/// True for a path that stays below the folder it is joined to.
pub(super) fn stays_below(path: &str) -> bool {
    let is_plain = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0'])
    };
    path.split('/').all(is_plain)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.map(|value| char::from_digit(value.into(), 16));
    digits.map(|digit| digit.unwrap_or('0')).collect()
}

/// SHA-256 in small letters, if that is what stands there, with or without quotation marks.
pub(super) fn sha256_of(etag: &str) -> Option<String> {
    let text = etag.trim().trim_matches('"');
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_of_servers_lead_nowhere_else() {
        assert_eq!(safe_name("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(safe_name(".hidden"), "hidden");
        assert_eq!(safe_name("夢 v1.5"), "夢 v1.5");
        assert_eq!(safe_name(""), "model");
        for bad in [
            "../a", "/a", "a//b", "a/../b", "C:\\a", "a\\b", "", ".git/x",
        ] {
            assert!(!stays_below(bad), "{bad}");
        }
        assert!(stays_below("unet/config.json"));
    }

    #[test]
    fn an_etag_is_a_checksum_only_when_it_looks_like_one() {
        let hash = "A".repeat(64);
        assert_eq!(sha256_of(&format!("\"{hash}\"")), Some("a".repeat(64)));
        assert_eq!(sha256_of(&"a".repeat(40)), None);
        assert_eq!(sha256_of("\"5d41402abc4b2a76b9719d911017c592-9\""), None);
    }
}
