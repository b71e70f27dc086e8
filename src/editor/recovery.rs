//! What sessions that ended badly have left, and the folders they are left in.
//!
//! Each open document has a folder under `sessions/` with its journal and a lock file. The lock is
//! the operating system's and dies with the program, so a folder whose lock can be had belongs to
//! nobody who lives. Whoever lists it keeps the lock; no two programs offer the same work.
//!
//! A program that was killed holds its locks until the system has taken it apart, which may take
//! seconds. So folders that are locked at the start are looked at again for a while.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Editor;
use crate::document::{DocumentId, crash_journal as journal};
use crate::geometry::Extent;
use crate::jobs::{Task, TaskEvent};
use crate::raster::sheet::SheetTile;

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
    /// What it looks like, small, in sRGB.
    pub thumbnail: Thumbnail,
}

/// What something that can be opened looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Thumbnail {
    /// Nobody has looked yet.
    #[default]
    Unread,
    /// It is being read.
    Reading,
    /// The picture with its visible layers.
    Picture(Arc<SheetTile>),
    /// It is damaged, or cannot be read.
    None,
    /// There is no such file any more.
    Missing,
}

/// Longest side of a thumbnail, in pixels.
pub(super) const THUMBNAIL_PX: u32 = 160;

/// A document of which a thumbnail was asked for, and the thumbnail.
pub(super) type Shown = (RecoveryId, Option<SheetTile>);

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

    pub(super) fn lock(path: PathBuf) -> std::io::Result<Self> {
        let mut options = OpenOptions::new();
        let lock = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))?;
        lock.try_lock()?;
        Ok(Self { path, _lock: lock })
    }

    /// Nothing says any more that its document was closed.
    pub(super) fn reopen(&self) -> std::io::Result<()> {
        match std::fs::remove_file(self.path.join(CLOSED_FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
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
        let own = ["journal", "journal.new", CLOSED_FILE, OLD_RESULTS_FILE];
        for name in own {
            _ = std::fs::remove_file(path.join(name));
        }
        _ = std::fs::remove_dir_all(path.join(RESULTS_FOLDER));
        _ = std::fs::remove_file(path.join("lock"));
        _ = std::fs::remove_dir(path);
    }
}

/// What says that a folder's document was closed on purpose.
pub(super) const CLOSED_FILE: &str = "closed.json";
/// The folder of results in that of a journal.
pub(super) const RESULTS_FOLDER: &str = "kept";
/// Where results lay that were closed with their document, before each had files of its own.
pub(super) const OLD_RESULTS_FILE: &str = "results";

/// When folders that were held are looked at again, after the look before.
const LOOKS_AGAIN: [Duration; 6] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// What a look at folders has found.
#[derive(Debug, Default)]
pub(super) struct LeftBehind {
    /// What programs that no longer live have left, newest first. The names are still to be given.
    pub(super) found: Vec<(Recoverable, SessionFolder)>,
    /// Folders that somebody holds, or held a moment ago.
    pub(super) held: Vec<PathBuf>,
}

/// Looks at all folders under `sessions`.
pub(super) fn find_left_behind(sessions: &Path) -> LeftBehind {
    match std::fs::read_dir(sessions) {
        Ok(entries) => look_at(entries.filter_map(|entry| Some(entry.ok()?.path()))),
        Err(_) => LeftBehind::default(),
    }
}

/// Looks at folders. Those without a journal are taken away once they are old enough that nobody can
/// be just making them.
pub(super) fn look_at(folders: impl IntoIterator<Item = PathBuf>) -> LeftBehind {
    let LeftBehind {
        mut found,
        mut held,
    } = LeftBehind::default();
    for path in folders {
        // Of those that were closed on purpose nobody speaks unasked.
        if path.join(CLOSED_FILE).exists() {
            continue;
        }
        let journal = path.join("journal");
        let changed_at = journal.metadata().and_then(|meta| meta.modified());
        let Ok(folder) = SessionFolder::lock(path.clone()) else {
            held.push(path);
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
                    thumbnail: Thumbnail::Unread,
                };
                found.push((recoverable, folder));
            }
            _ if is_old(&path) => folder.remove(),
            _ => {}
        }
    }
    found.sort_by_key(|(left, _)| std::cmp::Reverse(left.changed_at));
    LeftBehind { found, held }
}

fn is_old(path: &Path) -> bool {
    let age = path
        .metadata()
        .and_then(|meta| meta.modified())
        .map(|changed| changed.elapsed().unwrap_or_default());
    age.is_ok_and(|age| age > Duration::from_hours(1))
}

impl Editor {
    /// Offers what a look has found, and looks again at what was held.
    pub(super) fn take_left_behind(&mut self, looked: LeftBehind) {
        for (mut left, folder) in looked.found {
            self.last_recovery += 1;
            left.id = RecoveryId(self.last_recovery);
            self.left_behind.push((left, folder));
            self.changed = true;
        }
        if looked.held.is_empty() {
            return;
        }
        if let Some(pause) = LOOKS_AGAIN.get(self.looks) {
            self.looks += 1;
            let look: Task<LeftBehind> = Box::new(move || look_at(looked.held));
            // Without a thread there is no second look.
            _ = self.recovery.try_do_at(Some(Instant::now() + *pause), look);
        }
    }

    /// Takes in what looking again has found.
    pub(super) fn poll_recovery(&mut self) {
        while let Some(event) = self.recovery.poll() {
            if let TaskEvent::Done(looked) = event {
                self.take_left_behind(looked);
            }
        }
        while let Some(event) = self.thumbnails.poll() {
            self.changed = true;
            let (shown, picture) = match event {
                TaskEvent::Done((id, picture)) => (Some(id), picture),
                TaskEvent::Lost(_) => (None, None),
            };
            let asked = self.left_behind.iter_mut().map(|(left, _)| left);
            for left in asked.filter(|left| match shown {
                Some(id) => left.id == id,
                None => left.thumbnail == Thumbnail::Reading,
            }) {
                let picture = picture.clone().map(Arc::new);
                left.thumbnail = picture.map_or(Thumbnail::None, Thumbnail::Picture);
            }
        }
        self.read_thumbnail();
    }

    /// Reads the next journal of which no thumbnail is known. One at a time: a whole document is in
    /// memory meanwhile.
    fn read_thumbnail(&mut self) {
        if !self.thumbnails.has_room() {
            return;
        }
        let unread = self.left_behind.iter_mut();
        let unread = unread.filter(|(left, _)| left.thumbnail == Thumbnail::Unread);
        // The shortest first, so that none waits for a long one.
        let length = |folder: &SessionFolder| folder.journal().metadata().map_or(0, |it| it.len());
        let Some((left, folder)) = unread.min_by_key(|(_, folder)| length(folder)) else {
            return;
        };
        let (id, journal) = (left.id, folder.journal());
        left.thumbnail = Thumbnail::Reading;
        let read = move || (id, thumbnail_of(&journal));
        if self.thumbnails.try_do(Box::new(read)).is_err() {
            // Without a thread there is no picture.
            left.thumbnail = Thumbnail::None;
        }
    }
}

/// The picture at the end of a journal, made small.
pub(super) fn thumbnail_of(journal: &Path) -> Option<SheetTile> {
    let restored = journal::read(journal, DocumentId(0)).ok()??;
    let visible = restored.document.visible();
    SheetTile::of(visible, THUMBNAIL_PX, restored.notes.title).ok()
}
