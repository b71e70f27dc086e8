//! Keeping journals: after each command, what has changed is handed to the journal thread. A
//! document has at most one record under way; what changes meanwhile goes into the next, which the
//! end of that record sets off. So nothing waits longer than a write takes, and a slow disk merges
//! records instead of piling them up.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Editor;
use super::error::EditorError;
use super::open_document::{AboutDocument, OpenDocument};
use super::recovery::SessionFolder;
use crate::document::journal::{self, Moment, Notes};
use crate::document::{DocumentId, Move};
use crate::jobs::{Task, TaskEvent};
use crate::plan::EditSettings;
use crate::raster::FileOrigin;

/// How long a record inside a stroke keeps the next one waiting: a stroke is written a few times a
/// second, not once a frame.
const STROKE_PAUSE: Duration = Duration::from_millis(200);
/// A journal is begun afresh once it is this large and several times its beginning.
const FRESH_FROM_BYTES: u64 = 64 << 20;
const FRESH_FROM_RATIO: u64 = 4;

/// What the journal thread says.
#[derive(Debug)]
pub(super) enum JournalEvent {
    /// A record of a document was written, or not; and how long its journal is.
    Written(DocumentId, std::io::Result<u64>),
    /// The folder of a closed document is gone.
    Removed,
}

/// How far a document's journal has come.
#[derive(Debug)]
pub(super) struct DocumentJournal {
    folder: Option<SessionFolder>,
    path: PathBuf,
    /// What the journal holds or will hold when the record under way is written.
    written: Option<Moment>,
    revisions: (u64, u64),
    under_way: bool,
    bytes: u64,
    begun_bytes: u64,
    /// The revisions at which writing failed: it is tried again with the next change, not at once,
    /// lest a full disk keep us busy.
    failed_at: Option<(u64, u64)>,
}

impl DocumentJournal {
    /// Of a document that is in no journal yet; `None`: none can be kept.
    pub(super) fn fresh(folder: Option<SessionFolder>) -> Self {
        Self {
            path: folder
                .as_ref()
                .map_or_else(PathBuf::new, SessionFolder::journal),
            folder,
            written: None,
            revisions: (0, 0),
            under_way: false,
            bytes: 0,
            begun_bytes: 0,
            failed_at: None,
        }
    }

    /// Of a document that was restored from its journal and goes on in it.
    pub(super) fn going_on(folder: SessionFolder, whole_bytes: u64, moment: Moment) -> Self {
        Self {
            written: Some(moment),
            bytes: whole_bytes,
            begun_bytes: whole_bytes,
            ..Self::fresh(Some(folder))
        }
    }

    /// Gives the folder away, to be removed.
    pub(super) fn take_folder(&mut self) -> Option<SessionFolder> {
        self.folder.take()
    }
}

/// The part of [`AboutDocument`] that journals carry as opaque bytes.
#[derive(Serialize, Deserialize)]
struct Kept {
    settings: EditSettings,
    seed_locked: bool,
    origin: FileOrigin,
}

/// How a document stands, to be written.
pub(super) fn moment_of(open: &OpenDocument) -> Moment {
    let about = &open.about;
    let kept = Kept {
        settings: about.settings.clone(),
        seed_locked: about.seed_locked,
        origin: about.origin.clone(),
    };
    Moment {
        state: open.document.state().clone(),
        by: open.document.last_move(),
        notes: Notes {
            title: about.title.clone(),
            path: about
                .path
                .as_ref()
                .map(|path| path.clone().into_os_string()),
            is_unsaved: open.document.is_unsaved(),
            // Plain values of ours always serialise.
            settings: postcard::to_stdvec(&kept).unwrap_or_default(),
        },
    }
}

/// What a journal's notes say of a document.
pub(super) fn about_of(notes: &Notes) -> Option<AboutDocument> {
    let kept: Kept = postcard::from_bytes(&notes.settings).ok()?;
    Some(AboutDocument {
        title: notes.title.clone(),
        path: notes.path.clone().map(PathBuf::from),
        origin: kept.origin,
        settings: kept.settings,
        seed_locked: kept.seed_locked,
    })
}

impl OpenDocument {
    /// True when all of it lies in its journal, on the disk.
    pub fn is_kept_for_recovery(&self) -> bool {
        let revisions = (self.document.revisions().any, self.about_revision);
        let journal = &self.journal;
        journal.written.is_some() && !journal.under_way && journal.revisions == revisions
    }
}

impl Editor {
    /// Hands over what journals do not hold yet.
    pub(super) fn write_journals(&mut self) {
        for open in &mut self.documents {
            let revisions = (open.document.revisions().any, open.about_revision);
            let journal = &open.journal;
            let is_new = match &journal.written {
                Some(_) => journal.revisions != revisions,
                None => journal.failed_at != Some(revisions),
            };
            if journal.folder.is_none() || journal.under_way || !is_new {
                continue;
            }
            let now = moment_of(open);
            let task = task(open, now.clone());
            if self.journals.try_do(task).is_ok() {
                let journal = &mut open.journal;
                journal.written = Some(now);
                journal.revisions = revisions;
                journal.under_way = true;
                journal.failed_at = None;
            }
        }
        while let Some(folder) = self.folders_to_remove.pop() {
            let path = folder.path().to_path_buf();
            let remove: Task<JournalEvent> = Box::new(move || {
                folder.remove();
                JournalEvent::Removed
            });
            if self.journals.try_do(remove).is_err() {
                // The task went with the folder's lock; what is left is taken away by path.
                SessionFolder::remove_at(&path);
                break;
            }
        }
    }

    /// Takes in what the journal thread has written.
    pub(super) fn poll_journals(&mut self) {
        while let Some(event) = self.journals.poll() {
            match event {
                TaskEvent::Done(JournalEvent::Removed) => {}
                TaskEvent::Done(JournalEvent::Written(id, result)) => {
                    self.journal_written(id, result);
                }
                TaskEvent::Lost(_) => {
                    for open in &mut self.documents {
                        open.journal.under_way = false;
                        open.journal.written = None;
                    }
                    self.notices.error(None, &EditorError::TaskLost);
                }
            }
        }
    }

    fn journal_written(&mut self, id: DocumentId, result: std::io::Result<u64>) {
        let Some(open) = self.documents.iter_mut().find(|open| open.id() == id) else {
            return;
        };
        let journal = &mut open.journal;
        journal.under_way = false;
        match result {
            Ok(bytes) => {
                if journal.begun_bytes == 0 {
                    journal.begun_bytes = bytes;
                }
                journal.bytes = bytes;
                if bytes > FRESH_FROM_BYTES && bytes / FRESH_FROM_RATIO > journal.begun_bytes {
                    journal.written = None;
                    journal.begun_bytes = 0;
                }
            }
            Err(error) => {
                // What the file holds is not sure any more, so the next record begins it afresh.
                journal.written = None;
                journal.begun_bytes = 0;
                journal.failed_at = Some(journal.revisions);
                let why = error.to_string();
                self.notices.error(Some(id), &EditorError::Journal { why });
            }
        }
    }
}

fn task(open: &OpenDocument, now: Moment) -> Task<JournalEvent> {
    let id = open.id();
    let path = open.journal.path.clone();
    match open.journal.written.clone() {
        None => Box::new(move || JournalEvent::Written(id, journal::begin(&path, &now))),
        Some(before) => {
            let pause = matches!(now.by, Some(Move::Changed(_)));
            Box::new(move || {
                let written = journal::append(&path, &before, &now);
                if pause {
                    std::thread::sleep(STROKE_PAUSE);
                }
                JournalEvent::Written(id, written)
            })
        }
    }
}
