//! What sessions that ended badly have left, and the folders they are left in.
//!
//! Each open document has a folder under `sessions/` with its journal and a lock file. The lock is
//! the operating system's and dies with the program, so a folder whose lock can be had belongs to
//! nobody who lives. Whoever lists it keeps the lock; no two programs offer the same work.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::document::journal;
use crate::geometry::Extent;

/// Names something that can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecoveryId(pub u64);

/// A document whose program ended without closing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recoverable {
    /// Which one.
    pub id: RecoveryId,
    /// What it was called.
    pub title: String,
    /// The file it came from.
    pub path: Option<PathBuf>,
    /// The canvas size when its journal was begun.
    pub extent: Extent,
    /// When it was worked on last.
    pub changed_at: SystemTime,
}

/// The folder of one document's journal, locked as long as this lives.
#[derive(Debug)]
pub(super) struct SessionFolder {
    path: PathBuf,
    _lock: File,
}

impl SessionFolder {
    /// A new folder under `sessions`.
    pub(super) fn create(sessions: &Path, number: u64) -> std::io::Result<Self> {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = clock.map_or(0, |since| since.as_nanos());
        let path = sessions.join(format!("{nanos}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Self::lock(path)
    }

    fn lock(path: PathBuf) -> std::io::Result<Self> {
        let mut options = OpenOptions::new();
        let lock = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))?;
        lock.try_lock()?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// Takes the folder away.
    pub(super) fn remove(self) {
        Self::remove_at(&self.path);
    }

    /// Takes a folder away. The journal goes first: a folder without one is nothing to restore.
    /// What cannot be removed is tried again when a program lists the folders next.
    pub(super) fn remove_at(path: &Path) {
        for name in ["journal", "journal.new", "lock"] {
            _ = std::fs::remove_file(path.join(name));
        }
        _ = std::fs::remove_dir(path);
    }
}

/// Looks for what programs that no longer live have left, newest first. Folders without a journal
/// are taken away once they are old enough that nobody can be just making them.
pub(super) fn find_left_behind(sessions: &Path) -> Vec<(Recoverable, SessionFolder)> {
    let Ok(entries) = std::fs::read_dir(sessions) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let journal = path.join("journal");
        let changed_at = journal.metadata().and_then(|meta| meta.modified());
        let Ok(folder) = SessionFolder::lock(path.clone()) else {
            continue;
        };
        match (journal::about(&journal), changed_at) {
            (Some(about), Ok(changed_at)) => {
                let recoverable = Recoverable {
                    id: RecoveryId(0),
                    title: about.title,
                    path: about.path.map(PathBuf::from),
                    extent: about.extent,
                    changed_at,
                };
                found.push((recoverable, folder));
            }
            _ if is_old(&path) => folder.remove(),
            _ => {}
        }
    }
    found.sort_by_key(|(left, _)| std::cmp::Reverse(left.changed_at));
    for (number, (left, _)) in found.iter_mut().enumerate() {
        left.id = RecoveryId(number as u64 + 1);
    }
    found
}

fn is_old(path: &Path) -> bool {
    let age = path
        .metadata()
        .and_then(|meta| meta.modified())
        .map(|changed| changed.elapsed().unwrap_or_default());
    age.is_ok_and(|age| age > Duration::from_hours(1))
}
