//! Keeping journals: after each command, every step that a document has taken is handed to the
//! journal thread, which writes it at once. A document has at most one writing under way; what
//! happens meanwhile goes into the next, which the end of that one sets off. So nothing waits longer
//! than a write takes, and no step is lost between two others.
//!
//! What is written outlives the program. That it also outlives the machine's power is asked of the
//! disk by another thread, which may wait as long as the disk likes and keeps no record waiting.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Editor;
use super::document_journal::Written;
use super::error::EditorError;
use super::open_document::{AboutDocument, OpenDocument};
use super::recovery::SessionFolder;
use crate::document::journal::{Moment, Notes};
use crate::document::{Document, DocumentId};
use crate::jobs::{Task, TaskEvent};
use crate::plan::EditSettings;
use crate::raster::FileOrigin;
use crate::raster::file::Carried;

/// What the journal thread says.
#[derive(Debug)]
pub(super) enum JournalEvent {
    /// The steps of a document were written, or not.
    Written(DocumentId, std::io::Result<Written>),
    /// The folder of a closed document is gone.
    Removed,
}

/// What the thread says that waits for the disk: of which document, whether its fresh journal was
/// among it, and how it went.
pub(super) type SyncEvent = (DocumentId, (bool, std::io::Result<()>));

/// The part of [`AboutDocument`] that journals carry as opaque bytes.
#[derive(Serialize, Deserialize)]
struct Kept {
    settings: EditSettings,
    seed_locked: bool,
    origin: FileOrigin,
}

/// The notes of a document that stands so.
fn notes_of(document: &Document, about: &AboutDocument) -> Notes {
    let kept = Kept {
        settings: about.settings.clone(),
        seed_locked: about.seed_locked,
        origin: about.origin.clone(),
    };
    Notes {
        title: about.title.clone(),
        path: about
            .path
            .as_ref()
            .map(|path| path.clone().into_os_string()),
        is_unsaved: document.is_unsaved(),
        // Plain values of ours always serialise.
        settings: postcard::to_stdvec(&kept).unwrap_or_default(),
    }
}

/// How a restored document stands, which its journal knows.
pub(super) fn moment_of(open: &OpenDocument) -> Moment {
    Moment {
        state: open.document.state().clone(),
        by: None,
        notes: notes_of(&open.document, &open.about),
    }
}

/// What a journal's notes say of a document.
pub(super) fn about_of(notes: &Notes) -> Option<AboutDocument> {
    let kept = kept_in(&notes.settings)?;
    Some(AboutDocument {
        title: notes.title.clone(),
        path: notes.path.clone().map(PathBuf::from),
        origin: kept.origin,
        settings: kept.settings,
        seed_locked: kept.seed_locked,
    })
}

/// Journals from before files' further data was carried end before it; as if there were none, they
/// are whole.
fn kept_in(bytes: &[u8]) -> Option<Kept> {
    postcard::from_bytes(bytes).ok().or_else(|| {
        let rest = postcard::to_stdvec(&Carried::default()).ok()?;
        postcard::from_bytes(&[bytes, &rest].concat()).ok()
    })
}

impl OpenDocument {
    /// True when its journal holds all of it: if the program were killed now, nothing would be lost.
    pub fn is_kept_for_recovery(&self) -> bool {
        self.journal.holds(self.revisions())
    }

    fn revisions(&self) -> (u64, u64) {
        (self.document.revisions().any, self.about_revision)
    }
}

impl Editor {
    /// Hands over what journals do not hold yet.
    pub(super) fn write_journals(&mut self) {
        for open in &mut self.documents {
            let revisions = open.revisions();
            let (id, about, journal) = (open.document.id(), &open.about, &mut open.journal);
            let notes = |document: &Document| notes_of(document, about);
            journal.note(&mut open.document, revisions, notes);
            if self.journals.has_room()
                && let Some((not_before, writing)) = journal.next_writing(&open.document, notes)
            {
                let task: Task<JournalEvent> =
                    Box::new(move || JournalEvent::Written(id, writing.carry_out()));
                if self.journals.try_do_at(not_before, task).is_err() {
                    journal.begin_again();
                }
            }
            if self.syncs.has_room()
                && let Some((not_before, syncing)) = journal.next_syncing()
            {
                let task: Task<SyncEvent> = Box::new(move || (id, syncing.carry_out()));
                if self.syncs.try_do_at(not_before, task).is_err() {
                    journal.sync_lost();
                }
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

    /// Takes in what the journal thread has written and what the disk has.
    pub(super) fn poll_journals(&mut self) {
        while let Some(event) = self.journals.poll() {
            match event {
                TaskEvent::Done(JournalEvent::Removed) => {}
                TaskEvent::Done(JournalEvent::Written(id, result)) => {
                    self.with_document(id, |open| open.journal.written(&result));
                    self.say_journal_failed(id, result.err());
                }
                TaskEvent::Lost(_) => {
                    for open in &mut self.documents {
                        open.journal.begin_again();
                    }
                    self.notices.error(None, &EditorError::TaskLost);
                }
            }
        }
        while let Some(event) = self.syncs.poll() {
            match event {
                TaskEvent::Done((id, (is_fresh, result))) => {
                    self.with_document(id, |open| match &result {
                        Ok(()) => open.journal.synced(is_fresh),
                        Err(_) => open.journal.sync_lost(),
                    });
                    self.say_journal_failed(id, result.err());
                }
                TaskEvent::Lost(_) => {
                    for open in &mut self.documents {
                        open.journal.sync_lost();
                    }
                }
            }
        }
    }

    fn say_journal_failed(&mut self, id: DocumentId, error: Option<std::io::Error>) {
        if let Some(error) = error
            && self.document(id).is_some()
        {
            let why = error.to_string();
            self.notices.error(Some(id), &EditorError::Journal { why });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::raster::FileFormat;
    use crate::raster::file::ColourLayout;

    /// As `FileOrigin` and `Kept` were in version 0.1.
    #[derive(Serialize)]
    struct OldKept {
        settings: EditSettings,
        seed_locked: bool,
        format: FileFormat,
        layout: ColourLayout,
        exif: Option<Arc<Vec<u8>>>,
        texts: Vec<(String, String)>,
    }

    #[test]
    fn older_journals_restore_and_damaged_ones_do_not() {
        let old = OldKept {
            settings: EditSettings::default(),
            seed_locked: true,
            format: FileFormat::Tiff,
            layout: ColourLayout::GreyAlpha,
            exif: Some(Arc::new(vec![1, 2, 3])),
            texts: vec![("Title".to_owned(), "貓".to_owned())],
        };
        let bytes = postcard::to_stdvec(&old).unwrap();
        let kept = kept_in(&bytes).unwrap();
        assert!(kept.seed_locked);
        assert_eq!(kept.settings, old.settings);
        let wanted = FileOrigin {
            format: FileFormat::Tiff,
            layout: ColourLayout::GreyAlpha,
            exif: old.exif.clone(),
            texts: old.texts.clone(),
            carried: Carried::default(),
        };
        assert_eq!(kept.origin, wanted);
        assert!(kept_in(&bytes[..bytes.len() / 2]).is_none());

        let mut new = kept;
        new.origin.carried.comments.push(b"words".to_vec());
        let bytes = postcard::to_stdvec(&new).unwrap();
        assert_eq!(kept_in(&bytes).unwrap().origin, new.origin);
    }
}
