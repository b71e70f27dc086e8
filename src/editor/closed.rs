//! Documents that were closed with something in them that is in no file: their folders stay for a
//! while, and they come back whole.
//!
//! Such a folder is that of any open document, with a note beside the journal that says that it was
//! closed on purpose.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::Editor;
use super::document_journal::retold;
use super::error::EditorError;
use super::journaling::{JournalEvent, notes_of};
use super::kept_results::{self, ResultFolder, Unwritten};
use super::losses::Losses;
use super::open_document::OpenDocument;
use super::preferences::Preferences;
use super::recovery::{CLOSED_FILE, RecoveryId, SessionFolder};
use crate::document::crash_journal::{self as journal, Moment};
use crate::geometry::Extent;
use crate::jobs::Task;

/// A document that was closed and can be opened again as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentlyClosed {
    /// Which one.
    pub id: RecoveryId,
    /// What it was called.
    pub title: String,
    /// The file it came from or was saved to.
    pub path: Option<PathBuf>,
    /// The canvas size.
    pub extent: Extent,
    /// When it was closed.
    pub closed_at: SystemTime,
    /// What it holds that is in no file.
    pub holds: Losses,
    pub(super) folder: PathBuf,
}

impl RecentlyClosed {
    pub(super) fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }
}

/// What lies beside the journal of a closed document, as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct ClosedNote {
    title: String,
    extent: Extent,
    #[serde(default)]
    path: Option<PathBuf>,
    #[serde(default)]
    holds: Losses,
}

/// What is to be written of a document that was closed.
#[derive(Debug)]
pub(super) struct Closing {
    folder: SessionFolder,
    /// The journal told anew; `None`: it holds everything.
    journal: Option<(Moment, Vec<Moment>)>,
    note: ClosedNote,
    /// What is not yet written of its results.
    results: Vec<Unwritten>,
}

/// How long closed documents stay, and how much they may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeping {
    most_age: Duration,
    most_bytes: u64,
}

impl Keeping {
    pub(super) fn of(preferences: &Preferences) -> Self {
        Self {
            most_age: Duration::from_hours(u64::from(preferences.keep_closed_days) * 24),
            most_bytes: u64::from(preferences.keep_closed_gib) << 30,
        }
    }

    fn any(self) -> bool {
        !self.most_age.is_zero() && self.most_bytes > 0
    }
}

impl Closing {
    /// `None` where no journal could be made of the document.
    fn of(mut open: OpenDocument, holds: Losses, results: Vec<Unwritten>) -> Option<Self> {
        let is_kept = open.is_kept_for_recovery();
        let folder = open.journal.take_folder()?;
        let settled = open.document.open_gesture().is_none();
        open.document.commit();
        let notes = notes_of(&open.document, &open.about);
        let journal = (!is_kept || !settled).then(|| retold(open.document.retell(), &notes));
        Some(Self {
            folder,
            journal,
            note: ClosedNote {
                title: open.about.title,
                extent: open.document.extent(),
                // JSON has no words for other paths, and it is only shown.
                path: open.about.path.filter(|path| path.to_str().is_some()),
                holds,
            },
            results,
        })
    }

    /// Does it, on the journal thread. The note comes last: without it the folder is that of a
    /// program which died, and is offered as such.
    pub(super) fn carry_out(self) -> std::io::Result<()> {
        let journal = self.folder.journal();
        if let Some((first, rest)) = &self.journal {
            let fresh = journal.with_extension("new");
            journal::begin(&fresh, first)?;
            if !rest.is_empty() {
                journal::append(&fresh, first, rest)?;
            }
            std::fs::rename(&fresh, &journal)?;
        }
        journal::sync(&journal)?;
        let folder = ResultFolder::of(self.folder.path());
        for result in &self.results {
            folder.keep(result)?;
        }
        let note = serde_json::to_vec(&self.note)?;
        kept_results::write(&self.folder.path().join(CLOSED_FILE), &note)
    }
}

/// The closed documents under `sessions`, the one closed last first. Those beyond what is kept are
/// taken away.
pub(super) fn list(sessions: &Path, keeping: Keeping) -> Vec<RecentlyClosed> {
    let entries = std::fs::read_dir(sessions).into_iter().flatten();
    let mut found: Vec<RecentlyClosed> = entries
        .filter_map(|entry| closed_at(entry.ok()?.path()))
        .collect();
    found.sort_by_key(|closed| std::cmp::Reverse(closed.closed_at));
    let mut bytes = 0_u64;
    found.retain(|closed| {
        bytes = bytes.saturating_add(bytes_of(&closed.folder));
        let age = closed.closed_at.elapsed().unwrap_or_default();
        let stays = age <= keeping.most_age && bytes <= keeping.most_bytes;
        if !stays && let Ok(folder) = SessionFolder::lock(closed.folder.clone()) {
            folder.remove();
        }
        stays
    });
    found
}

fn closed_at(folder: PathBuf) -> Option<RecentlyClosed> {
    let path = folder.join(CLOSED_FILE);
    let note: ClosedNote = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
    Some(RecentlyClosed {
        id: RecoveryId(0),
        title: note.title,
        path: note.path,
        extent: note.extent,
        closed_at: path.metadata().and_then(|meta| meta.modified()).ok()?,
        holds: note.holds,
        folder,
    })
}

fn bytes_of(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten();
    let own: u64 = files
        .filter_map(|file| file.ok()?.metadata().ok())
        .map(|meta| meta.len())
        .sum();
    own + kept_results::bytes_in(folder)
}

impl Editor {
    /// What was closed and can be opened again, the last one first.
    pub fn recently_closed(&self) -> &[RecentlyClosed] {
        &self.closed
    }

    /// Days for which a closed document stays; `None`: none does.
    pub fn keeps_closed_days(&self) -> Option<u32> {
        let keeps = Keeping::of(&self.preferences).any();
        keeps.then_some(self.preferences.keep_closed_days)
    }

    pub(super) fn take_closed(&mut self, mut found: Vec<RecentlyClosed>) {
        for closed in &mut found {
            let known = self.closed.iter().find(|old| old.folder == closed.folder);
            closed.id = known.map_or_else(
                || {
                    self.last_recovery += 1;
                    RecoveryId(self.last_recovery)
                },
                |known| known.id,
            );
        }
        self.closed = found;
    }

    /// Lets go of a document that was closed. Its folder stays where anything in it is in no file.
    pub(super) fn let_go(&mut self, mut open: OpenDocument) {
        let holds = self.holdings(&open);
        let id = open.id();
        let results = self.let_results_go(id);
        if holds.any() && Keeping::of(&self.preferences).any() {
            self.closing.extend(Closing::of(open, holds, results));
        } else {
            self.folders_to_remove.extend(open.journal.take_folder());
        }
    }

    /// Hands over what is to be written of closed documents.
    pub(super) fn write_closed(&mut self) {
        while self.journals.has_room()
            && let Some(closing) = self.closing.pop()
        {
            let keep: Task<JournalEvent> =
                Box::new(move || JournalEvent::Closed(closing.carry_out()));
            if self.journals.try_do(keep).is_err() {
                // The folder went with the task; what its journal holds is offered at the next start.
                self.notices.error(None, &EditorError::TaskLost);
            }
        }
    }

    /// Takes in that a closed document was written.
    pub(super) fn closed(&mut self, result: std::io::Result<()>) {
        if let Err(error) = result {
            let why = error.to_string();
            self.notices.error(None, &EditorError::Journal { why });
        }
        self.list_closed();
    }

    /// Takes a closed document off the list.
    pub(super) fn take_off_closed(&mut self, id: RecoveryId) -> Option<RecentlyClosed> {
        let place = self.closed.iter().position(|closed| closed.id == id)?;
        Some(self.closed.remove(place))
    }

    pub(super) fn sessions(&self) -> PathBuf {
        self.data_dir.join("sessions")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_and_largest_go_first() {
        let sessions = tempfile::tempdir().unwrap();
        let days_ago = |days: u64| SystemTime::now() - Duration::from_hours(days * 24);
        for (name, days) in [("new", 0), ("older", 3), ("large", 5), ("old", 31)] {
            let folder = sessions.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            let bytes = if name == "large" { 3000 } else { 1000 };
            std::fs::write(folder.join("journal"), vec![0; bytes]).unwrap();
            let note = ClosedNote {
                title: name.to_owned(),
                extent: Extent::new(3, 2),
                path: None,
                holds: Losses::default(),
            };
            let path = folder.join(CLOSED_FILE);
            std::fs::write(&path, serde_json::to_vec(&note).unwrap()).unwrap();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(days_ago(days)).unwrap();
        }
        let titles = |most_bytes| {
            let most_age = Duration::from_hours(30 * 24);
            let keeping = Keeping {
                most_age,
                most_bytes,
            };
            let found = list(sessions.path(), keeping);
            let titles: Vec<String> = found.into_iter().map(|closed| closed.title).collect();
            (titles, std::fs::read_dir(sessions.path()).unwrap().count())
        };
        let kept = |titles: &[&str]| titles.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        assert_eq!(titles(1 << 30), (kept(&["new", "older", "large"]), 3));
        assert_eq!(titles(4000), (kept(&["new", "older"]), 2));
        // One that somebody holds is not touched.
        let held = SessionFolder::lock(sessions.path().join("older")).unwrap();
        assert_eq!(titles(1200), (kept(&["new"]), 2));
        drop(held);
        assert_eq!(titles(1200), (kept(&["new"]), 1));
    }
}
