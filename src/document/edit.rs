//! How a [`Document`] changes: one edit at once, or a gesture of many small changes.

use serde::{Deserialize, Serialize};

use super::history::Numbered;
use super::label::EditLabel;
use super::state::{LayerId, State};
use super::{Document, Gesture};
use crate::raster::Mask;

/// How a document came to its present state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Move {
    /// A change inside a gesture that is still open.
    Changed(EditLabel),
    /// An edit.
    Did(EditLabel),
    /// A gesture that was given up, or changed nothing.
    GaveUp,
    /// Undo.
    Undid,
    /// Redo.
    Redid,
}

impl Document {
    /// Changes the document in one undoable edit. An edit that changes nothing leaves no entry.
    /// An open gesture is committed first. True when something changed.
    pub fn edit(&mut self, label: EditLabel, change: impl FnOnce(&mut State)) -> bool {
        self.begin(label);
        let last_move = self.last_move;
        self.change(change);
        let changed = self.commit();
        if !changed {
            self.last_move = last_move;
        }
        changed
    }

    /// Begins a gesture: all changes until [`commit`](Self::commit) are one edit.
    /// An open gesture is committed first.
    pub fn begin(&mut self, label: EditLabel) {
        self.commit();
        self.gesture = Some(Gesture {
            label,
            before: self.now.clone(),
            changed: false,
        });
    }

    /// Changes the document inside a gesture; without one nothing happens.
    pub fn change(&mut self, change: impl FnOnce(&mut State)) {
        let Some(gesture) = &mut self.gesture else {
            return;
        };
        gesture.changed = true;
        self.last_move = Some(Move::Changed(gesture.label));
        let mask = self.now.state.mask.clone();
        change(&mut self.now.state);
        self.note_change(&mask);
    }

    /// Ends the gesture. True when it changed something and so became an entry of the history.
    pub fn commit(&mut self) -> bool {
        let Some(gesture) = self.gesture.take() else {
            return false;
        };
        if gesture.before.state == self.now.state {
            // Back to the very same memory, so that nothing looks changed to anyone.
            self.now = gesture.before;
            self.last_move = Some(Move::GaveUp);
            return false;
        }
        self.last_move = Some(Move::Did(gesture.label));
        self.last_serial += 1;
        self.now.serial = self.last_serial;
        self.history
            .push(gesture.label, gesture.before, &self.now.state);
        self.revisions.any += 1;
        true
    }

    /// Ends the gesture as if it had never begun. True when there was one.
    pub fn abort(&mut self) -> bool {
        let Some(gesture) = self.gesture.take() else {
            return false;
        };
        self.last_move = Some(Move::GaveUp);
        self.replace(gesture.before);
        true
    }

    /// Takes the last edit back (after committing an open gesture). True when there was one.
    pub fn undo(&mut self) -> bool {
        self.commit();
        let Some(before) = self.history.undo(&self.now) else {
            return false;
        };
        self.last_move = Some(Move::Undid);
        self.replace(before);
        true
    }

    /// Brings back what was undone last. True when there was something.
    pub fn redo(&mut self) -> bool {
        self.commit();
        let Some(after) = self.history.redo(&self.now) else {
            return false;
        };
        self.last_move = Some(Move::Redid);
        self.replace(after);
        true
    }

    /// A name for a layer to come.
    pub fn new_layer_id(&mut self) -> LayerId {
        let id = LayerId(self.next_layer);
        self.next_layer += 1;
        id
    }

    /// What names the present state, for [`mark_saved`](Self::mark_saved).
    pub fn serial(&self) -> u64 {
        self.now.serial
    }

    /// Notes that the state of that serial is safe in a file.
    pub fn mark_saved(&mut self, serial: u64) {
        self.saved_serial = serial;
        self.revisions.any += 1;
    }

    /// What led to the present state; `None` for a fresh document.
    pub fn last_move(&self) -> Option<Move> {
        self.last_move
    }

    /// Goes to `state` the way a journal says it was reached, so that the history is rebuilt too.
    /// Where the history does not lead there, the state counts and becomes an edit.
    pub(super) fn follow(&mut self, by: Option<Move>, state: State) {
        match by {
            Some(Move::Changed(label)) => {
                if self.open_gesture() != Some(label) {
                    self.begin(label);
                }
                self.change(|now| *now = state);
                return;
            }
            Some(Move::Did(label)) if self.open_gesture() == Some(label) => {
                self.change(|now| now.clone_from(&state));
                self.commit();
            }
            Some(Move::GaveUp) => _ = self.abort(),
            Some(Move::Undid) => _ = self.undo(),
            Some(Move::Redid) => _ = self.redo(),
            Some(Move::Did(_)) | None => {}
        }
        if self.now.state != state {
            let label = match by {
                Some(Move::Did(label)) => label,
                _ => self.undo_label().unwrap_or(EditLabel::Paint),
            };
            self.edit(label, |now| *now = state);
        }
    }

    fn replace(&mut self, by: Numbered) {
        let mask = std::mem::replace(&mut self.now, by).state.mask;
        self.note_change(&mask);
    }

    fn note_change(&mut self, mask_before: &Mask) {
        let mask = &self.now.state.mask;
        if !mask.changed_tiles(mask_before).is_empty() || mask.extent() != mask_before.extent() {
            self.revisions.mask += 1;
        }
        let newest = self
            .now
            .state
            .layers
            .iter()
            .map(|layer| layer.id.0 + 1)
            .max();
        self.next_layer = self.next_layer.max(newest.unwrap_or(1));
        if self.visible.refresh(&self.now.state) {
            self.revisions.visible += 1;
        }
        self.revisions.any += 1;
    }
}
