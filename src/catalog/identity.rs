//! [`identity`]: what a file of weights is, wherever it lies and whatever it is called.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::error::CatalogError;

/// Places of a file that are looked at beside its header, evenly spread.
const BLOCKS: u64 = 64;
const BLOCK_BYTES: u64 = 4096;
/// Longer headers are looked at up to here.
const HEADER_BYTES: u64 = 1 << 20;

/// SHA-256, in hexadecimal, of a file's length, its header and 64 blocks of 4 KiB spread evenly over
/// it: it tells any two files of weights apart that differ in more than a few numbers, and a large
/// file is not read for it.
pub fn identity(path: &Path) -> Result<String, CatalogError> {
    let digest = File::open(path).and_then(|mut file| identity_of(&mut file));
    digest.map_err(|error| CatalogError::of_io(path, &error))
}

/// As [`identity`], of what is read from there.
pub fn identity_of(weights: &mut (impl Read + Seek)) -> std::io::Result<String> {
    let length = weights.seek(SeekFrom::End(0))?;
    let mut hash = Sha256::new();
    hash.update(length.to_le_bytes());
    let mut part = |from: u64, count: u64| -> std::io::Result<Vec<u8>> {
        weights.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        weights.by_ref().take(count).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let header = match <[u8; 8]>::try_from(part(0, 8)?) {
        Ok(start) => u64::from_le_bytes(start).saturating_add(8),
        Err(_) => 8,
    };
    hash.update(part(0, header.min(HEADER_BYTES))?);
    for block in 0..BLOCKS {
        hash.update(part(length / BLOCKS * block, BLOCK_BYTES)?);
    }
    Ok(hexadecimal(hash))
}

/// SHA-256 of bytes, in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(Sha256::new_with_prefix(bytes))
}

/// SHA-256 of a whole file, in hexadecimal; `None` when it was stopped.
pub(super) fn sha256_of_file(
    path: &Path,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Option<String>, CatalogError> {
    let read = || -> std::io::Result<Option<String>> {
        let mut file = File::open(path)?;
        let mut hash = Sha256::new();
        let mut block = vec![0; 1 << 20];
        loop {
            if is_stopped() {
                return Ok(None);
            }
            match file.read(&mut block)? {
                0 => return Ok(Some(hexadecimal(hash))),
                count => hash.update(block.get(..count).unwrap_or_default()),
            }
        }
    };
    read().map_err(|error| CatalogError::of_io(path, &error))
}

fn hexadecimal(hash: Sha256) -> String {
    let mut text = String::new();
    for byte in hash.finalize() {
        // A string takes everything.
        write!(text, "{byte:02x}").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_contents_and_not_the_name() {
        let room = tempfile::tempdir().unwrap();
        let of = |name: &str, bytes: &[u8]| {
            let path = room.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            identity(&path).unwrap()
        };
        let mut bytes: Vec<u8> = (0..1_000_000_u32).map(|i| (i * 7) as u8).collect();
        let first = of("a", &bytes);
        assert_eq!(first.len(), 64);
        assert_eq!(first, of("b", &bytes));
        assert_ne!(first, of("c", &bytes[1..]));
        // In the middle of a block that is looked at.
        bytes[1_000_000 / 64 * 17 + 100] ^= 1;
        assert_ne!(first, of("d", &bytes));
        assert_ne!(of("e", b""), of("f", b"1"));
        assert!(identity(&room.path().join("none")).is_err());
    }
}
