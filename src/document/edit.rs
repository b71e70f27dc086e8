//! How a [`Document`] changes: one edit at once, or a gesture of many small changes.

use super::history::Numbered;
use super::label::EditLabel;
use super::state::{LayerId, State};
use super::{Document, Gesture};
use crate::raster::Mask;

impl Document {
    /// Changes the document in one undoable edit. An edit that changes nothing leaves no entry.
    /// An open gesture is committed first. True when something changed.
    pub fn edit(&mut self, label: EditLabel, change: impl FnOnce(&mut State)) -> bool {
        self.commit();
        self.begin(label);
        self.change(change);
        self.commit()
    }

    /// Begins a gesture: all changes until [`commit`](Self::commit) are one edit.
    /// An open gesture is committed first.
    pub fn begin(&mut self, label: EditLabel) {
        self.commit();
        self.gesture = Some(Gesture {
            label,
            before: self.now.clone(),
        });
    }

    /// Changes the document inside a gesture; without one nothing happens.
    pub fn change(&mut self, change: impl FnOnce(&mut State)) {
        if self.gesture.is_none() {
            return;
        }
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
            return false;
        }
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
        self.replace(gesture.before);
        true
    }

    /// Takes the last edit back (after committing an open gesture). True when there was one.
    pub fn undo(&mut self) -> bool {
        self.commit();
        match self.history.undo(self.now.clone()) {
            Ok(before) => {
                self.replace(before);
                true
            }
            Err(_) => false,
        }
    }

    /// Brings back what was undone last. True when there was something.
    pub fn redo(&mut self) -> bool {
        self.commit();
        match self.history.redo(self.now.clone()) {
            Ok(after) => {
                self.replace(after);
                true
            }
            Err(_) => false,
        }
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

    fn replace(&mut self, by: Numbered) {
        let mask = std::mem::replace(&mut self.now, by).state.mask;
        self.note_change(&mask);
    }

    fn note_change(&mut self, mask_before: &Mask) {
        let mask = &self.now.state.mask;
        if !mask.changed_tiles(mask_before).is_empty() || mask.extent() != mask_before.extent() {
            self.revisions.mask += 1;
        }
        if self.visible.refresh(&self.now.state) {
            self.revisions.visible += 1;
        }
        self.revisions.any += 1;
    }
}
