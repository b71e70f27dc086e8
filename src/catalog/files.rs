//! [`ModelFiles`]: the files of a model, wherever they lie.

use std::borrow::Cow;
use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::error::CatalogError;
use super::{ModelRef, builtin, inspect};

/// The files of a model by their path inside a diffusers folder, such as `unet/config.json`.
/// The built-in model and a user's folder are read through the same calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelFiles {
    /// Compiled into the program.
    BuiltIn,
    /// In a folder.
    Folder(PathBuf),
}

/// The contents of a file, mapped or compiled in.
#[derive(Debug)]
pub enum FileBytes {
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

impl ModelFiles {
    /// The files of that model. Nothing is read yet.
    pub fn of(model: &ModelRef) -> Self {
        match model {
            ModelRef::BuiltIn => Self::BuiltIn,
            ModelRef::Folder(folder) => Self::Folder(folder.clone()),
        }
    }

    /// How to name a file of the model in a message.
    pub fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::BuiltIn => Path::new("(built in)").join(name),
            Self::Folder(folder) => folder.join(name),
        }
    }

    /// True when the model has that file.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::BuiltIn => builtin::file(name).is_some(),
            Self::Folder(folder) => folder.join(name).is_file(),
        }
    }

    /// Size of the file of that name in bytes.
    pub fn len(&self, name: &str) -> Result<u64, CatalogError> {
        match self {
            Self::BuiltIn => builtin::file(name)
                .map(|bytes| bytes.len() as u64)
                .ok_or_else(|| self.missing(name)),
            Self::Folder(folder) => std::fs::metadata(folder.join(name))
                .map(|metadata| metadata.len())
                .map_err(|error| self.unreadable(name, &error)),
        }
    }

    /// Size of the weights in the file of that name in bytes. Refuses what its first bytes say is
    /// something else.
    pub(super) fn weights_len(&self, name: &str) -> Result<u64, CatalogError> {
        if let Self::Folder(folder) = self {
            let head = inspect::head(&folder.join(name)).map_err(|e| self.unreadable(name, &e))?;
            if let Some(what) = inspect::foreign_head(&head) {
                let path = self.path(name);
                return Err(CatalogError::Foreign { path, what });
            }
        }
        self.len(name)
    }

    /// A small file, read whole.
    pub fn read(&self, name: &str) -> Result<Cow<'static, [u8]>, CatalogError> {
        match self {
            Self::BuiltIn => builtin::file(name)
                .map(Cow::Borrowed)
                .ok_or_else(|| self.missing(name)),
            Self::Folder(folder) => std::fs::read(folder.join(name))
                .map(Cow::Owned)
                .map_err(|error| self.unreadable(name, &error)),
        }
    }

    /// A large file, mapped into memory.
    pub fn map(&self, name: &str) -> Result<FileBytes, CatalogError> {
        match self {
            Self::BuiltIn => builtin::file(name)
                .map(FileBytes::Static)
                .ok_or_else(|| self.missing(name)),
            Self::Folder(folder) => {
                let file = File::open(folder.join(name)).map_err(|e| self.unreadable(name, &e))?;
                map(&file)
                    .map(FileBytes::Mapped)
                    .map_err(|e| self.unreadable(name, &e))
            }
        }
    }

    fn missing(&self, name: &str) -> CatalogError {
        CatalogError::MissingFile {
            path: self.path(name),
        }
    }

    fn unreadable(&self, name: &str, error: &std::io::Error) -> CatalogError {
        if error.kind() == std::io::ErrorKind::NotFound {
            return self.missing(name);
        }
        CatalogError::Unreadable {
            path: self.path(name),
            why: error.to_string(),
        }
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
