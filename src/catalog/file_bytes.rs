//! [`FileBytes`]: the contents of a file, mapped or compiled in.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

/// The contents of a file, mapped or compiled in.
#[derive(Debug)]
pub(super) enum FileBytes {
    /// Part of the program.
    Static(&'static [u8]),
    /// Mapped; pages come from disk when they are read.
    Mapped(Mmap),
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

impl FileBytes {
    /// Maps the file at `path`.
    pub(super) fn map(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            // Nothing cannot be mapped.
            return Ok(Self::Static(&[]));
        }
        map(&file).map(Self::Mapped)
    }
}

#[expect(
    unsafe_code,
    reason = "weights of several gigabytes are mapped, not copied"
)]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is read-only and private to us. What remains is that another process cuts
    // the file while we read it, which ends the program as it would for any mapped file; weights
    // are read once, at load, and are not written by anything of ours.
    unsafe { Mmap::map(file) }
}
