//! [`DocumentJournal`]: what of one document is written, what waits to be, and when it is begun
//! afresh. A state machine without threads; `journaling` moves it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::recovery::SessionFolder;
use crate::document::crash_journal::{self as journal, Moment, Notes};
use crate::document::{Document, Move, Retold};

/// How long a record inside a stroke keeps the next one waiting: a stroke is written some 25 times
/// a second, not once for every position of the pointer.
const STROKE_PAUSE: Duration = Duration::from_millis(40);
/// How long one wait for the disk keeps the next one waiting.
const SYNC_PAUSE: Duration = Duration::from_millis(500);
/// Moments that may wait for a thread that does not write; beyond that the newest become one.
const MOST_PENDING: usize = 256;
/// A journal is begun afresh once it is this large and several times its beginning.
const FRESH_FROM_BYTES: u64 = 64 << 20;
const FRESH_FROM_RATIO: u64 = 4;

/// Counts of changes: of the document, and of what belongs to it.
pub(super) type Revisions = (u64, u64);

/// How far a document's journal has come.
#[derive(Debug)]
pub(super) struct DocumentJournal {
    folder: Option<SessionFolder>,
    path: PathBuf,
    /// The last moment that was handed over; `None`: the journal is still to be begun.
    written: Option<Moment>,
    /// What has happened since, in order.
    pending: Vec<Moment>,
    /// How far the document was looked at.
    seen: Revisions,
    is_under_way: bool,
    handed_over_at: Option<Instant>,
    bytes: u64,
    begun_bytes: u64,
    fresh: Fresh,
    sync: Sync,
    /// The revisions at which writing failed: it is tried again with the next change, not at once,
    /// lest a full disk keep us busy.
    failed_at: Option<Revisions>,
}

/// How far a second journal has come that is to take the place of one grown too large. Until it
/// lies on the disk both are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fresh {
    /// There is none.
    No,
    /// It is to be begun.
    Wanted,
    /// It holds everything, but may be lost with the machine's power.
    Begun,
    /// It lies on the disk and can take the place.
    Synced,
}

/// What is known of the disk.
#[derive(Debug, Default)]
struct Sync {
    is_due: bool,
    is_under_way: bool,
    asked_at: Option<Instant>,
}

/// What the journal thread is to do.
#[derive(Debug)]
pub(super) struct Writing {
    path: PathBuf,
    fresh_path: PathBuf,
    /// Moments to append, and the one before them.
    after: Option<(Moment, Vec<Moment>)>,
    /// They are to be appended to the fresh journal too.
    is_doubled: bool,
    /// What the fresh journal is to begin with.
    begins: Option<(Moment, Vec<Moment>)>,
    /// The fresh journal takes the place.
    takes_place: bool,
}

/// What the journal thread has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    bytes: u64,
    /// How large the fresh journal was in the beginning.
    begun_bytes: Option<u64>,
    took_place: bool,
}

/// What the disk is to be asked for.
#[derive(Debug)]
pub(super) struct Syncing {
    paths: Vec<PathBuf>,
    /// The fresh journal is among them.
    is_fresh: bool,
}

impl DocumentJournal {
    /// Of a document that is in no journal yet; `None`: none can be kept.
    pub(super) fn fresh(folder: Option<SessionFolder>) -> Self {
        let path = folder
            .as_ref()
            .map_or_else(PathBuf::new, SessionFolder::journal);
        Self {
            folder,
            path,
            written: None,
            pending: Vec::new(),
            seen: (0, 0),
            is_under_way: false,
            handed_over_at: None,
            bytes: 0,
            begun_bytes: 0,
            fresh: Fresh::No,
            sync: Sync::default(),
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

    /// Where the folder lies.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(SessionFolder::path)
    }

    /// Gives the folder away, to be removed.
    pub(super) fn take_folder(&mut self) -> Option<SessionFolder> {
        self.folder.take()
    }

    /// True when everything up to those revisions has been written.
    pub(super) fn holds(&self, revisions: Revisions) -> bool {
        self.written.is_some()
            && !self.is_under_way
            && self.pending.is_empty()
            && self.seen == revisions
    }

    /// Takes in what has happened to a document.
    pub(super) fn note(
        &mut self,
        document: &mut Document,
        revisions: Revisions,
        notes: impl FnOnce(&Document) -> Notes,
    ) {
        let steps = document.take_steps();
        if steps.is_empty() && self.seen == revisions {
            return;
        }
        self.seen = revisions;
        // A journal that is still to be begun begins with all of it.
        if self.folder.is_none() || self.written.is_none() {
            return;
        }
        let notes = notes(document);
        for step in steps {
            self.add(Moment::after(step, &notes));
        }
        let last = self.pending.last().or(self.written.as_ref());
        if last.is_some_and(|last| last.notes != notes) {
            let state = document.state().clone();
            let by = None;
            self.add(Moment { state, by, notes });
        }
    }

    fn add(&mut self, moment: Moment) {
        match (self.pending.last_mut(), moment.by) {
            (Some(last), None) => {
                last.notes = moment.notes;
                return;
            }
            // Only the end of a gesture matters, and how far one has come that goes on.
            (Some(last), Some(Move::Changed(_) | Move::Did(_) | Move::GaveUp))
                if matches!(last.by, Some(Move::Changed(_))) =>
            {
                self.pending.pop();
            }
            _ => {}
        }
        self.pending.push(moment);
        if self.pending.len() > MOST_PENDING
            && let Some(newest) = self.pending.pop()
            && let Some(last) = self.pending.last_mut()
        {
            let by = newest.by.filter(|by| matches!(by, Move::Did(_)));
            *last = Moment { by, ..newest };
        }
    }

    /// What is to be written now, and not before when.
    pub(super) fn next_writing(
        &mut self,
        document: &Document,
        notes: impl FnOnce(&Document) -> Notes,
    ) -> Option<(Option<Instant>, Writing)> {
        if self.folder.is_none() || self.is_under_way {
            return None;
        }
        let begins_now = self.written.is_none();
        let is_idle =
            self.pending.is_empty() && !matches!(self.fresh, Fresh::Wanted | Fresh::Synced);
        if begins_now && self.failed_at == Some(self.seen) || !begins_now && is_idle {
            return None;
        }
        let begins = (begins_now || self.fresh == Fresh::Wanted)
            .then(|| retold(document.retell(), &notes(document)));
        let moments = std::mem::take(&mut self.pending);
        let is_within_stroke = match moments.as_slice() {
            [only] => begins.is_none() && matches!(only.by, Some(Move::Changed(_))),
            _ => false,
        };
        let not_before = self
            .handed_over_at
            .filter(|_| is_within_stroke)
            .map(|at| at + STROKE_PAUSE);
        let newest = match &begins {
            Some((first, rest)) => Some(rest.last().unwrap_or(first)),
            None => moments.last(),
        };
        let newest = newest.cloned();
        let before = match newest {
            Some(newest) => self.written.replace(newest),
            None => self.written.clone(),
        };
        self.is_under_way = true;
        self.handed_over_at = Some(Instant::now());
        let writing = Writing {
            path: self.path.clone(),
            fresh_path: self.fresh_path(),
            after: before.map(|before| (before, moments)),
            is_doubled: matches!(self.fresh, Fresh::Begun | Fresh::Synced),
            begins,
            takes_place: begins_now || self.fresh == Fresh::Synced,
        };
        Some((not_before, writing))
    }

    /// Takes in how a writing ended.
    pub(super) fn written(&mut self, result: &std::io::Result<Written>) {
        self.is_under_way = false;
        let Ok(written) = result else {
            self.begin_again();
            self.failed_at = Some(self.seen);
            return;
        };
        self.failed_at = None;
        self.bytes = written.bytes;
        self.begun_bytes = written.begun_bytes.unwrap_or(self.begun_bytes);
        if written.took_place {
            self.fresh = Fresh::No;
        } else if written.begun_bytes.is_some() {
            self.fresh = Fresh::Begun;
        } else if self.fresh == Fresh::No
            && self.bytes > FRESH_FROM_BYTES
            && self.bytes / FRESH_FROM_RATIO > self.begun_bytes
        {
            self.fresh = Fresh::Wanted;
        }
        self.sync.is_due = true;
    }

    /// What the file holds is not sure any more: the next record begins it afresh.
    pub(super) fn begin_again(&mut self) {
        self.is_under_way = false;
        self.written = None;
        self.pending.clear();
        self.begun_bytes = 0;
        self.fresh = Fresh::No;
    }

    /// What the disk is to be asked for now, and not before when.
    pub(super) fn next_syncing(&mut self) -> Option<(Option<Instant>, Syncing)> {
        if self.folder.is_none() || self.sync.is_under_way || !self.sync.is_due {
            return None;
        }
        let not_before = self.sync.asked_at.map(|at| at + SYNC_PAUSE);
        self.sync = Sync {
            is_due: false,
            is_under_way: true,
            asked_at: Some(not_before.map_or_else(Instant::now, |at| at.max(Instant::now()))),
        };
        let is_fresh = self.fresh == Fresh::Begun;
        let mut paths = vec![self.path.clone()];
        paths.extend(is_fresh.then(|| self.fresh_path()));
        Some((not_before, Syncing { paths, is_fresh }))
    }

    /// Takes in that the disk has answered.
    pub(super) fn synced(&mut self, is_fresh: bool) {
        self.sync.is_under_way = false;
        if is_fresh && self.fresh == Fresh::Begun {
            self.fresh = Fresh::Synced;
        }
    }

    /// Takes in that nothing is known of the disk. It is asked again after the next writing.
    pub(super) fn sync_lost(&mut self) {
        self.sync.is_under_way = false;
    }

    fn fresh_path(&self) -> PathBuf {
        self.path.with_extension("new")
    }
}

/// The moments of a document told anew.
pub(super) fn retold(retold: Retold, notes: &Notes) -> (Moment, Vec<Moment>) {
    let first = Moment {
        state: retold.first,
        by: None,
        notes: Notes {
            is_unsaved: retold.is_first_unsaved,
            ..notes.clone()
        },
    };
    let steps = retold.steps.into_iter();
    let rest = steps.map(|step| Moment::after(step, notes)).collect();
    (first, rest)
}

impl Writing {
    /// Does it, on the journal thread.
    pub(super) fn carry_out(self) -> std::io::Result<Written> {
        if let Some((before, moments)) = &self.after
            && !moments.is_empty()
        {
            journal::append(&self.path, before, moments)?;
            if self.is_doubled {
                journal::append(&self.fresh_path, before, moments)?;
            }
        }
        let mut begun_bytes = None;
        if let Some((first, rest)) = &self.begins {
            let mut bytes = journal::begin(&self.fresh_path, first)?;
            if !rest.is_empty() {
                bytes = journal::append(&self.fresh_path, first, rest)?;
            }
            begun_bytes = Some(bytes);
        }
        if self.takes_place {
            std::fs::rename(&self.fresh_path, &self.path)?;
        }
        Ok(Written {
            bytes: std::fs::metadata(&self.path)?.len(),
            begun_bytes,
            took_place: self.takes_place,
        })
    }
}

impl Syncing {
    /// Does it, on a thread that may wait. True when the fresh journal was among it.
    pub(super) fn carry_out(self) -> (bool, std::io::Result<()>) {
        let synced = self.paths.iter().try_for_each(|path| journal::sync(path));
        (self.is_fresh, synced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{DocumentId, EditLabel};
    use crate::geometry::{Extent, Rect};
    use crate::raster::{Picture, Pixmap, Profile, Tiled};

    fn document() -> Document {
        let pixels = Pixmap::Rgba8(Tiled::filled(Extent::new(300, 270), [9, 8, 7, 255]));
        let profile = Profile::Srgb;
        Document::new(DocumentId(1), Picture { pixels, profile })
    }

    fn notes(document: &Document) -> Notes {
        Notes {
            title: "cat".to_owned(),
            path: None,
            is_unsaved: document.is_unsaved(),
            settings: Vec::new(),
        }
    }

    fn edit(document: &mut Document, value: u8) {
        document.edit(EditLabel::Paint, |state| {
            state.mask.update(Rect::new(3, 3, 9, 9), |_, _| value);
        });
    }

    /// Notes what has happened and lets the thread do what it is asked for.
    fn write(journal: &mut DocumentJournal, document: &mut Document) -> Option<Written> {
        let revisions = (document.revisions().any, 0);
        journal.note(document, revisions, notes);
        let (_, writing) = journal.next_writing(document, notes)?;
        let written = writing.carry_out().unwrap();
        journal.written(&Ok(written));
        Some(written)
    }

    fn kept(sessions: &Path) -> (DocumentJournal, PathBuf) {
        let folder = SessionFolder::create(sessions, 1).unwrap();
        let path = folder.journal();
        (DocumentJournal::fresh(Some(folder)), path)
    }

    fn labels(document: &Document) -> (usize, usize) {
        let undo = document.undo_labels().count();
        (undo, document.redo_labels().count())
    }

    fn assert_restores(path: &Path, document: &Document) {
        let copy = path.with_extension("copy");
        std::fs::copy(path, &copy).unwrap();
        let restored = journal::restore(&copy, DocumentId(2)).unwrap().unwrap();
        assert!(restored.document.state() == document.state());
        assert_eq!(labels(&restored.document), labels(document));
    }

    #[test]
    fn a_journal_grown_large_is_told_anew_and_replaced_once_the_disk_has_it() {
        let sessions = tempfile::tempdir().unwrap();
        let (mut journal, path) = kept(sessions.path());
        let mut document = document();
        for value in 1..5 {
            edit(&mut document, value);
            write(&mut journal, &mut document).unwrap();
        }
        document.undo();
        write(&mut journal, &mut document).unwrap();
        assert_eq!(write(&mut journal, &mut document), None, "nothing is new");
        let large = Written {
            bytes: FRESH_FROM_BYTES + 1,
            begun_bytes: None,
            took_place: false,
        };
        journal.written(&Ok(large));
        let begun = write(&mut journal, &mut document).unwrap();
        assert!(begun.begun_bytes.is_some() && !begun.took_place);
        assert_restores(&path.with_extension("new"), &document);
        // Both are kept until the disk has the second.
        edit(&mut document, 77);
        assert!(!write(&mut journal, &mut document).unwrap().took_place);
        assert_restores(&path, &document);
        assert_restores(&path.with_extension("new"), &document);
        let (_, syncing) = journal.next_syncing().unwrap();
        let (is_fresh, synced) = syncing.carry_out();
        assert!(is_fresh && synced.is_ok());
        journal.synced(is_fresh);
        assert!(write(&mut journal, &mut document).unwrap().took_place);
        assert!(!path.with_extension("new").exists());
        assert_restores(&path, &document);
        edit(&mut document, 78);
        write(&mut journal, &mut document).unwrap();
        assert_restores(&path, &document);
    }

    #[test]
    fn steps_that_nobody_writes_do_not_pile_up_and_the_state_is_right() {
        let sessions = tempfile::tempdir().unwrap();
        let (mut journal, path) = kept(sessions.path());
        let mut document = document();
        write(&mut journal, &mut document).unwrap();
        for turn in 0..2 * MOST_PENDING {
            edit(&mut document, (turn % 250) as u8 + 1);
            let revisions = (document.revisions().any, 0);
            journal.note(&mut document, revisions, notes);
            assert!(journal.pending.len() <= MOST_PENDING);
        }
        write(&mut journal, &mut document).unwrap();
        let restored = journal::restore(&path, DocumentId(2)).unwrap().unwrap();
        assert!(restored.document.state() == document.state());
        assert_eq!(labels(&restored.document).0, MOST_PENDING);
    }
}
