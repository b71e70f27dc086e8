//! [`Key`]: a name made of content, so that the same work has the same name wherever files lie.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// A SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The key of several things, each with its length, so that no two lists run together.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Its bytes.
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A seed of 32 bits made of it, the range in which other programs draw theirs.
    pub fn seed(&self) -> u64 {
        let [a, b, c, d, ..] = self.0;
        u64::from(u32::from_le_bytes([a, b, c, d]))
    }

    /// 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        let mut hex = String::with_capacity(64);
        for byte in self.0 {
            // Writing to a String cannot fail.
            write!(hex, "{byte:02x}").ok();
        }
        hex
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sha_256_and_lists_do_not_run_together() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Key::of(b"").hex(), empty);
        let of = |parts: &[&'static str]| Key::of_parts(parts.iter().map(|part| part.as_bytes()));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab"]), of(&["ab", ""]));
        assert_eq!(Key::of(b"").seed(), 0x42c4_b0e3);
    }
}
