//! The journal of a document: every change, appended to a file as it happens, so that a program
//! that dies loses nothing older than what it was just doing.
//!
//! The first two records say what the document is and how it stood; every further one holds what
//! leads from one [`Moment`] to the next, whatever did it: a stroke, an undo, an accepted result.
//! [`restore`] reads as far as records are whole and gives exactly the last moment that was
//! written, with the history that the moments tell of.
//!
//! What is written lies with the operating system at once and so outlives the program; only
//! [`sync`] makes it outlive the machine's power. They are apart because a disk may take seconds for
//! the second. Both are for threads beside the user; moments are cheap to make and to send.

mod diff;
mod frame;
#[cfg(test)]
pub(super) mod tests;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::edit::{Move, Step};
use super::state::State;
use super::{Document, DocumentId};
use crate::geometry::Extent;
use diff::{Diff, LayerMasks, More};
use frame::{Effort, Frames, MAGIC, frame};

/// Everything about a document that would be missed, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// Picture, mask and layers.
    pub state: State,
    /// What led to it; `None` where only the notes have changed.
    pub by: Option<Move>,
    /// The rest.
    pub notes: Notes,
}

impl Moment {
    /// The moment after a step; the notes are as they are now.
    pub fn after(step: Step, notes: &Notes) -> Self {
        Self {
            state: step.state,
            by: Some(step.by),
            notes: Notes {
                is_unsaved: step.is_unsaved,
                ..notes.clone()
            },
        }
    }
}

/// What belongs to a document beside its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// What it is called.
    pub title: String,
    /// The file it came from or was saved to.
    pub path: Option<OsString>,
    /// Something in it is not in that file.
    pub is_unsaved: bool,
    /// Settings, in the words of whoever keeps them; not read here.
    pub settings: Vec<u8>,
}

/// What is said of a document in a list, without reading all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What it was called.
    pub title: String,
    /// The file it came from.
    pub path: Option<OsString>,
    /// The canvas size.
    pub extent: Extent,
}

/// A document as its journal tells it.
#[derive(Debug)]
pub struct Restored {
    /// With its history, as far as the journal reaches back.
    pub document: Document,
    /// The rest.
    pub notes: Notes,
    /// Bytes of the journal that were whole; what lay behind them has been cut off.
    pub whole_bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
enum Record {
    About(About),
    Snapshot(State, Notes),
    Change(Option<Move>, Diff, Option<Notes>),
    /// A change of what the first version did not know of too.
    ChangeOfMore(Option<Move>, Diff, More, Option<Notes>),
    /// What the snapshot before it leaves out.
    MoreOfSnapshot(More),
    /// A change of the masks of layers too.
    ChangeOfLayers(Option<Move>, Diff, Option<More>, LayerMasks, Option<Notes>),
    /// The masks of the snapshot's layers.
    MasksOfSnapshot(LayerMasks),
}

/// A change as a record.
fn change(by: Option<Move>, before: &State, after: &State, notes: Option<Notes>) -> Record {
    let diff = Diff::between(before, after);
    let more = More::between(before, after);
    match (LayerMasks::between(before, after), more) {
        (Some(masks), more) => Record::ChangeOfLayers(by, diff, more, masks, notes),
        (None, Some(more)) => Record::ChangeOfMore(by, diff, more, notes),
        (None, None) => Record::Change(by, diff, notes),
    }
}

/// Begins a journal at `path` with how things stood first; replaces what is there. Returns its
/// length in bytes.
pub fn begin(path: &Path, first: &Moment) -> std::io::Result<u64> {
    let about = Record::About(About {
        title: first.notes.title.clone(),
        path: first.notes.path.clone(),
        extent: first.state.extent(),
    });
    let snapshot = Record::Snapshot(first.state.clone(), first.notes.clone());
    let mut bytes = MAGIC.to_vec();
    bytes.append(&mut frame(&about, Effort::Small)?);
    // A whole photograph: what deflating it takes would keep the first strokes waiting.
    bytes.append(&mut frame(&snapshot, Effort::Fast)?);
    let plain = State::new(first.state.base.clone());
    if let Some(more) = More::between(&plain, &first.state) {
        bytes.append(&mut frame(&Record::MoreOfSnapshot(more), Effort::Small)?);
    }
    if let Some(masks) = LayerMasks::between(&plain, &first.state) {
        bytes.append(&mut frame(&Record::MasksOfSnapshot(masks), Effort::Small)?);
    }
    std::fs::write(path, &bytes)?;
    Ok(bytes.len() as u64)
}

/// Appends what leads from `before`, which the journal already holds, through all of `moments`, in
/// one write. Returns the journal's length in bytes. On an error the journal is as it was before,
/// as far as the disk lets it.
pub fn append(path: &Path, before: &Moment, moments: &[Moment]) -> std::io::Result<u64> {
    let mut bytes = Vec::new();
    let mut before = before;
    for after in moments {
        let notes = (before.notes != after.notes).then(|| after.notes.clone());
        let record = change(after.by, &before.state, &after.state, notes);
        bytes.append(&mut frame(&record, Effort::Small)?);
        before = after;
    }
    let mut file = OpenOptions::new().append(true).open(path)?;
    let length = file.metadata()?.len();
    if let Err(error) = file.write_all(&bytes) {
        // Half a record would hide everything that is appended behind it.
        file.set_len(length)?;
        return Err(error);
    }
    Ok(length + bytes.len() as u64)
}

/// Waits until the disk has all of a journal, and its name.
pub fn sync(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().append(true).open(path)?.sync_data()?;
    match path.parent() {
        // It is the folder that holds the names.
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// What a journal is about; `None` when it is none, or too damaged to tell.
pub fn about(path: &Path) -> Option<About> {
    // The first record is small: a name, a path, a size.
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(1 << 16).read_to_end(&mut bytes).ok()?;
    match Frames::of(&bytes)?.next()? {
        (Record::About(about), _) => Some(about),
        _ => None,
    }
}

/// Builds the document a journal tells of, and cuts off what is not whole at its end, so that it
/// can go on from there. `Ok(None)` when not even the beginning is whole.
pub fn restore(path: &Path, id: DocumentId) -> std::io::Result<Option<Restored>> {
    let bytes = std::fs::read(path)?;
    let Some(restored) = replay(&bytes, id) else {
        return Ok(None);
    };
    if restored.whole_bytes < bytes.len() as u64 {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(restored.whole_bytes)?;
        file.sync_data()?;
    }
    Ok(Some(restored))
}

/// Builds the document a journal tells of and leaves the file as it is; `Ok(None)` as with [`restore`].
pub fn read(path: &Path, id: DocumentId) -> std::io::Result<Option<Restored>> {
    Ok(replay(&std::fs::read(path)?, id))
}

/// The document that the whole records at the beginning of `bytes` tell of.
fn replay(bytes: &[u8], id: DocumentId) -> Option<Restored> {
    let mut frames = Frames::of(bytes)?;
    let (Record::About(_), _) = frames.next()? else {
        return None;
    };
    let (Record::Snapshot(state, mut notes), mut whole) = frames.next()? else {
        return None;
    };
    let mut next = frames.next();
    let mut state = state;
    loop {
        match next {
            Some((Record::MoreOfSnapshot(more), end)) => {
                state = more.apply(&state, state.clone())?;
                whole = end;
            }
            Some((Record::MasksOfSnapshot(masks), end)) => {
                state = masks.apply(state);
                whole = end;
            }
            _ => break,
        }
        next = frames.next();
    }
    let mut document = Document::from_state(id, state, Document::UNDO_BUDGET_BYTES);
    note_saved(&mut document, &notes);
    while let Some((record, end)) = next {
        let before = document.state();
        // Cannot fail with a whole record, since each was made from the one before.
        let (by, diff, more, masks, new_notes) = match record {
            Record::Change(by, diff, notes) => (by, diff, None, None, notes),
            Record::ChangeOfMore(by, diff, more, notes) => (by, diff, Some(more), None, notes),
            Record::ChangeOfLayers(by, diff, more, masks, notes) => {
                (by, diff, more, Some(masks), notes)
            }
            Record::About(_)
            | Record::Snapshot(..)
            | Record::MoreOfSnapshot(_)
            | Record::MasksOfSnapshot(_) => break,
        };
        let state = diff.apply(before).and_then(|state| match more {
            Some(more) => more.apply(before, state),
            None => Some(state),
        });
        let Some(state) = state else {
            break;
        };
        let state = match masks {
            Some(masks) => masks.apply(state),
            None => state,
        };
        document.follow(by, state);
        notes = new_notes.unwrap_or(notes);
        note_saved(&mut document, &notes);
        // The journal knows them.
        document.take_steps();
        whole = end;
        next = frames.next();
    }
    // A stroke that was under way is kept as far as it came. That it has ended is a step which the
    // journal is still to be told of.
    document.commit();
    note_saved(&mut document, &notes);
    Some(Restored {
        document,
        notes,
        whole_bytes: whole as u64,
    })
}

fn note_saved(document: &mut Document, notes: &Notes) {
    if document.is_unsaved() == notes.is_unsaved {
        return;
    }
    let serial = document.serial();
    document.mark_saved(if notes.is_unsaved { u64::MAX } else { serial });
}
