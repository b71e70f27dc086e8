//! [`Work`]: the hidden folder in which a download grows until it is whole.
//!
//! `models/.getting/<name>-<source>/` holds `parcel.json` (what it will be), `lock`, and `files/`. The library
//! does not look into hidden folders, so half a model is never offered; a rename at the end makes it one.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::error::DownloadError;
use super::parcel::{Parcel, Shape, hex, stays_below};
use crate::catalog::{self, Addition, CatalogError, Foreign, ModelRef};

const FOLDER: &str = ".getting";
const PARCEL: &str = "parcel.json";
const LOCK: &str = "lock";
const FILES: &str = "files";

/// A download that was begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// What it will be. Its licence was accepted.
    pub parcel: Parcel,
    /// Bytes that are there.
    pub done: u64,
}

/// The folder of a download, which nobody else works in.
#[derive(Debug)]
pub(super) struct Work {
    folder: PathBuf,
    models: PathBuf,
    /// Held open: that is the lock.
    lock: File,
}

fn folder_of(models: &Path, parcel: &Parcel) -> PathBuf {
    let hash = Sha256::digest(parcel.source.as_bytes());
    let short = hex(hash.get(..4).unwrap_or_default());
    models.join(FOLDER).join(format!("{}-{short}", parcel.name))
}

impl Work {
    /// Opens the folder, made anew where there is none. What lies in it of another state of the source is
    /// thrown away.
    pub(super) fn open(models: &Path, parcel: &Parcel) -> Result<Self, DownloadError> {
        let folder = folder_of(models, parcel);
        let failed = |error: &std::io::Error| DownloadError::of_io(&folder, error);
        if parcel.files.iter().any(|file| !stays_below(&file.path)) {
            return Err(DownloadError::NothingToRun(parcel.source.clone()));
        }
        let there = target(models, parcel);
        // LoRAs have a folder of their own.
        let as_lora = there
            .file_name()
            .map(|name| models.join("loras").join(name));
        for there in [Some(there), as_lora].into_iter().flatten() {
            if there.exists() {
                return Err(DownloadError::AlreadyThere(there));
            }
        }
        fs::create_dir_all(folder.join(FILES)).map_err(|error| failed(&error))?;
        let lock = File::create(folder.join(LOCK)).map_err(|error| failed(&error))?;
        // One that was just stopped needs a moment to let go.
        let mut glances = 0;
        while let Err(error) = lock.try_lock() {
            match error {
                TryLockError::WouldBlock if glances < 20 => glances += 1,
                TryLockError::WouldBlock => return Err(DownloadError::Busy(parcel.name.clone())),
                TryLockError::Error(error) => return Err(failed(&error)),
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        if read(&folder).is_none_or(|before| before.files != parcel.files) {
            fs::remove_dir_all(folder.join(FILES)).map_err(|error| failed(&error))?;
            fs::create_dir_all(folder.join(FILES)).map_err(|error| failed(&error))?;
            write(&folder.join(PARCEL), parcel)?;
        }
        Ok(Self {
            folder,
            models: models.to_path_buf(),
            lock,
        })
    }

    /// Where a file of the parcel grows.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        let mut at = self.folder.join(FILES);
        at.extend(path.split('/'));
        at
    }

    /// Takes away what a kill has left beside the files themselves: notes without a part, files half
    /// renamed.
    fn sweep(&self, parcel: &Parcel) -> Result<(), DownloadError> {
        let wanted: Vec<PathBuf> = parcel.files.iter().map(|f| self.file(&f.path)).collect();
        let mut folders = vec![self.folder.join(FILES)];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if !wanted.contains(&path) {
                    fs::remove_file(&path).map_err(|error| DownloadError::of_io(&path, &error))?;
                }
            }
        }
        Ok(())
    }

    /// Puts what is whole where models are looked for, and clears up. Says where it is.
    pub(super) fn place(self, parcel: &Parcel) -> Result<PathBuf, DownloadError> {
        self.sweep(parcel)?;
        let (from, mut to) = match (parcel.shape, parcel.files.as_slice()) {
            (Shape::File, [one]) => (self.file(&one.path), target(&self.models, parcel)),
            _ => (self.folder.join(FILES), target(&self.models, parcel)),
        };
        if parcel.shape == Shape::File {
            match catalog::open(&ModelRef::at(from.clone())) {
                Err(CatalogError::Foreign {
                    what: Foreign::Addition(Addition::Lora),
                    ..
                }) => {
                    let name = to.file_name().unwrap_or_default().to_owned();
                    to = self.models.join("loras").join(name);
                }
                // Nobody told its checksum.
                Err(error @ CatalogError::Damaged { .. })
                    if parcel.files.iter().any(|file| file.sha256.is_none()) =>
                {
                    drop(fs::remove_file(&from));
                    return Err(DownloadError::Foreign(error));
                }
                _ => {}
            }
        }
        if to.exists() {
            return Err(DownloadError::AlreadyThere(to));
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(|error| DownloadError::of_io(folder, &error))?;
        }
        fs::rename(&from, &to).map_err(|error| DownloadError::of_io(&to, &error))?;
        let Self {
            folder,
            models,
            lock,
        } = self;
        // An open file keeps its folder on some systems.
        drop(lock);
        // What stays is empty and hidden.
        drop(fs::remove_dir_all(&folder));
        drop(fs::remove_dir(models.join(FOLDER)));
        Ok(to)
    }
}

/// What a parcel will be.
fn target(models: &Path, parcel: &Parcel) -> PathBuf {
    match (parcel.shape, parcel.files.as_slice()) {
        (Shape::File, [one]) => models.join(&one.path),
        _ => models.join(&parcel.name),
    }
}

/// Downloads that were begun in that models folder and not ended, by name.
pub fn unfinished(models: &Path) -> Vec<Unfinished> {
    let folders = fs::read_dir(models.join(FOLDER)).into_iter().flatten();
    let folders = folders.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<Unfinished> = folders
        .filter_map(|folder| {
            let parcel = read(&folder)?;
            let done = bytes_below(&folder.join(FILES));
            Some(Unfinished { parcel, done })
        })
        .collect();
    found.sort_by(|a, b| a.parcel.name.cmp(&b.parcel.name));
    found
}

/// Throws away what is there of a download. One that another program is fetching stays.
pub fn forget(models: &Path, parcel: &Parcel) -> Result<(), DownloadError> {
    let folder = folder_of(models, parcel);
    if let Ok(lock) = File::open(folder.join(LOCK))
        && matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
    {
        return Err(DownloadError::Busy(parcel.name.clone()));
    }
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DownloadError::of_io(&folder, &error))
        }
        _ => Ok(()),
    }
}

fn read(folder: &Path) -> Option<Parcel> {
    let bytes = fs::read(folder.join(PARCEL)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Writes a small file, whole or not at all.
pub(super) fn write(path: &Path, value: &impl serde::Serialize) -> Result<(), DownloadError> {
    let written = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(value)?)?;
        file.persist(path)?;
        Ok(())
    };
    written().map_err(|error| DownloadError::of_io(path, &error))
}

/// Size of the files below a folder, what belongs to the download itself left out.
fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of_entry = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_below(&entry.path()),
        Ok(data) if !entry.path().to_string_lossy().ends_with(".part.json") => data.len(),
        _ => 0,
    };
    entries.map(of_entry).sum()
}

/// An error where less than `needed` bytes, and a little, are free for `folder`. Where the system does not
/// say, that is no reason to stop.
pub(super) fn check_room(folder: &Path, needed: u64) -> Result<(), DownloadError> {
    /// What a disk should keep free.
    const SPARE: u64 = 64 << 20;
    match free_bytes(folder) {
        Some(free) if needed > 0 && free < needed.saturating_add(SPARE) => {
            Err(DownloadError::NoRoom {
                folder: folder.to_path_buf(),
                needed,
                free,
            })
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}
