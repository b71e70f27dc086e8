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

    /// Gives back the memory of a part that has been read; it comes from disk, or from what the system keeps
    /// of it, when it is read again.
    pub(super) fn release(&self, start: usize, length: usize) {
        if let Self::Mapped(map) = self {
            release(map, start, length);
        }
    }
}

#[cfg(unix)]
#[expect(
    unsafe_code,
    reason = "a file of weights would lie in memory beside what is made of it"
)]
fn release(map: &Mmap, start: usize, length: usize) {
    use memmap2::UncheckedAdvice;
    // SAFETY: the map is of a file and never written, so its pages read the same afterwards.
    // A system that refuses keeps the pages, which harms nothing.
    unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, start, length) }.ok();
}

#[cfg(not(unix))]
fn release(_map: &Mmap, _start: usize, _length: usize) {}

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
