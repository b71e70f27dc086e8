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

/// One thing that happened to a document, and how it stood then.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What happened.
    pub by: Move,
    /// How things stood afterwards.
    pub state: State,
    /// Something in that was not in a file.
    pub is_unsaved: bool,
}

/// A document told anew: see [`Document::retell`].
#[derive(Debug, Clone, PartialEq)]
pub struct Retold {
    /// The oldest state that undo reaches.
    pub first: State,
    /// Something in that is not in a file.
    pub is_first_unsaved: bool,
    /// What leads from there to the present.
    pub steps: Vec<Step>,
}

impl Document {
    /// Changes the document in one undoable edit. An edit that changes nothing leaves no entry.
    /// An open gesture is committed first. True when something changed.
    pub fn edit(&mut self, label: EditLabel, change: impl FnOnce(&mut State)) -> bool {
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
            changed: false,
            is_told: false,
        });
    }

    /// Changes the document inside a gesture; without one nothing happens.
    pub fn change(&mut self, change: impl FnOnce(&mut State)) {
        let Some(gesture) = &mut self.gesture else {
            return;
        };
        gesture.changed = true;
        let label = gesture.label;
        let mask = self.now.state.mask.clone();
        change(&mut self.now.state);
        self.note_change(&mask);
        self.tell(Move::Changed(label));
    }

    /// Ends the gesture. True when it changed something and so became an entry of the history.
    pub fn commit(&mut self) -> bool {
        let Some(gesture) = self.gesture.take() else {
            return false;
        };
        if gesture.before.state == self.now.state {
            // Back to the very same memory, so that nothing looks changed to anyone.
            self.now = gesture.before;
            self.tell_given_up(gesture.is_told);
            return false;
        }
        self.last_serial += 1;
        self.now.serial = self.last_serial;
        self.history
            .push(gesture.label, gesture.before, &self.now.state);
        self.revisions.any += 1;
        self.tell(Move::Did(gesture.label));
        true
    }

    /// Ends the gesture as if it had never begun. True when there was one.
    pub fn abort(&mut self) -> bool {
        let Some(gesture) = self.gesture.take() else {
            return false;
        };
        self.replace(gesture.before);
        self.tell_given_up(gesture.is_told);
        true
    }

    /// Takes the last edit back (after committing an open gesture). True when there was one.
    pub fn undo(&mut self) -> bool {
        self.commit();
        let Some(before) = self.history.undo(&self.now) else {
            return false;
        };
        self.replace(before);
        self.tell(Move::Undid);
        true
    }

    /// Brings back what was undone last. True when there was something.
    pub fn redo(&mut self) -> bool {
        self.commit();
        let Some(after) = self.history.redo(&self.now) else {
            return false;
        };
        self.replace(after);
        self.tell(Move::Redid);
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

    /// What has happened since this was asked last, in order. What a gesture went through on its way
    /// is one step, and none once it has ended. Ask after every command, lest steps pile up.
    pub fn take_steps(&mut self) -> Vec<Step> {
        if let Some(gesture) = &mut self.gesture {
            gesture.is_told |= gesture.changed;
        }
        std::mem::take(&mut self.steps)
    }

    /// How the present came about, with everything that can be undone and redone.
    pub fn retell(&self) -> Retold {
        let settled = self.gesture.as_ref().map_or(&self.now, |open| &open.before);
        let step = |by, at: &Numbered| Step {
            by,
            state: at.state.clone(),
            is_unsaved: at.serial != self.saved_serial,
        };
        let states = self.history.states(settled);
        let first = states.first().map_or(settled, |(_, before, _)| *before);
        let mut steps: Vec<Step> = states
            .iter()
            .map(|(label, _, after)| step(Move::Did(*label), after))
            .collect();
        let undone = self.history.redo_labels().count();
        let takes_back = states.iter().rev().take(undone);
        steps.extend(takes_back.map(|(_, before, _)| step(Move::Undid, before)));
        let open = self.gesture.as_ref().filter(|open| open.changed);
        steps.extend(open.map(|open| Step {
            is_unsaved: true,
            ..step(Move::Changed(open.label), &self.now)
        }));
        Retold {
            first: first.state.clone(),
            is_first_unsaved: first.serial != self.saved_serial,
            steps,
        }
    }

    fn tell(&mut self, by: Move) {
        let is_of_gesture = matches!(by, Move::Changed(_) | Move::Did(_));
        if is_of_gesture {
            self.forget_way();
        }
        self.steps.push(Step {
            by,
            state: self.now.state.clone(),
            is_unsaved: self.is_unsaved(),
        });
    }

    /// Tells of the end of a gesture that left nothing behind, if anybody knows that it began.
    fn tell_given_up(&mut self, is_told: bool) {
        self.forget_way();
        if is_told {
            self.tell(Move::GaveUp);
        }
    }

    /// Takes out how far the present gesture had come.
    fn forget_way(&mut self) {
        let is_way = |step: &mut Step| matches!(step.by, Move::Changed(_));
        self.steps.pop_if(is_way);
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
