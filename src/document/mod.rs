//! What the user would miss if it were lost: a [`Document`] is the opened picture, untouched, the
//! patch layers above it, and the painted mask, with undo and redo over all of it.
//!
//! Called by `editor`, which alone changes documents. Never knows how a result is made: no plan, no
//! jobs, no engine, no window; a layer's recipe and the journal's settings are opaque here.

pub mod crash_journal;
mod edit;
mod history;
mod label;
mod state;
#[cfg(test)]
mod tests;
mod visible;

pub use edit::{Move, Retold, Step};
pub use label::EditLabel;
pub use state::{Layer, LayerId, State};

use serde::{Deserialize, Serialize};

use crate::geometry::Extent;
use crate::raster::{Mask, MaskKind, Picture};
use history::{History, Numbered};
use visible::Visible;

/// Names a document; never used twice in the program's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DocumentId(pub u64);

/// Counts changes, so that whoever draws can see at once whether anything is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Revisions {
    /// Of the mask.
    pub mask: u64,
    /// Of what is visible: base and layers.
    pub visible: u64,
    /// Of anything, names of layers and undo included.
    pub any: u64,
}

/// An edit under way, such as a drag of the brush.
#[derive(Debug)]
struct Gesture {
    label: EditLabel,
    before: Numbered,
    changed: bool,
    /// A step inside it was taken by whoever keeps the journal.
    is_told: bool,
}

/// A picture being edited.
#[derive(Debug)]
pub struct Document {
    id: DocumentId,
    now: Numbered,
    saved_serial: u64,
    last_serial: u64,
    visible: Visible,
    history: History,
    gesture: Option<Gesture>,
    revisions: Revisions,
    next_layer: u64,
    /// What has happened and was not taken yet.
    steps: Vec<Step>,
}

impl Document {
    /// Memory that undo may hold beyond what is in use.
    pub const UNDO_BUDGET_BYTES: usize = 512 << 20;

    /// A freshly opened picture.
    pub fn new(id: DocumentId, base: Picture) -> Self {
        Self::from_state(id, State::new(base), Self::UNDO_BUDGET_BYTES)
    }

    /// A document that stands as `state` says, with nothing to undo.
    pub fn from_state(id: DocumentId, state: State, undo_budget_bytes: usize) -> Self {
        let visible = Visible::of(&state);
        Self::begun(id, state, visible, undo_budget_bytes)
    }

    /// The same of a state that is known to look like `visible`, which is not drawn again.
    pub fn shown_as(
        id: DocumentId,
        state: State,
        visible: Picture,
        undo_budget_bytes: usize,
    ) -> Self {
        let visible = Visible::known(&state, visible);
        Self::begun(id, state, visible, undo_budget_bytes)
    }

    fn begun(id: DocumentId, state: State, visible: Visible, undo_budget_bytes: usize) -> Self {
        let next_layer = state.layers.iter().map(|l| l.id.0 + 1).max().unwrap_or(1);
        Self {
            id,
            visible,
            now: Numbered { state, serial: 0 },
            saved_serial: 0,
            last_serial: 0,
            history: History::new(undo_budget_bytes),
            gesture: None,
            revisions: Revisions::default(),
            next_layer,
            steps: Vec::new(),
        }
    }

    /// Its name in commands, jobs and candidates.
    pub fn id(&self) -> DocumentId {
        self.id
    }

    /// All that undo covers, as it stands.
    pub fn state(&self) -> &State {
        &self.now.state
    }

    /// The canvas size.
    pub fn extent(&self) -> Extent {
        self.now.state.extent()
    }

    /// The opened picture, without any layer.
    pub fn base(&self) -> &Picture {
        &self.now.state.base
    }

    /// Base and visible layers together: what is shown, saved and given to a model.
    pub fn visible(&self) -> &Picture {
        self.visible.picture()
    }

    /// What is painted.
    pub fn mask(&self) -> &Mask {
        &self.now.state.mask
    }

    /// What the mask's values mean.
    pub fn mask_kind(&self) -> MaskKind {
        self.now.state.mask_kind
    }

    /// The layers from the lowest to the topmost.
    pub fn layers(&self) -> &[Layer] {
        &self.now.state.layers
    }

    /// The layer of that name.
    pub fn layer(&self, id: LayerId) -> Option<&Layer> {
        self.layers().iter().find(|layer| layer.id == id)
    }

    /// How often what has changed.
    pub fn revisions(&self) -> Revisions {
        self.revisions
    }

    /// True when something differs from what was last opened or saved.
    pub fn is_unsaved(&self) -> bool {
        let in_gesture = self.gesture.as_ref().is_some_and(|gesture| gesture.changed);
        in_gesture || self.now.serial != self.saved_serial
    }

    /// What undo would take back.
    pub fn undo_label(&self) -> Option<EditLabel> {
        let last = self.history.undo_labels().next_back();
        self.open_gesture().or(last)
    }

    /// What redo would bring back.
    pub fn redo_label(&self) -> Option<EditLabel> {
        self.history.redo_labels().next_back()
    }

    /// All that undo could take back, oldest first.
    pub fn undo_labels(&self) -> impl DoubleEndedIterator<Item = EditLabel> {
        self.history.undo_labels()
    }

    /// All that redo could bring back, the next one last.
    pub fn redo_labels(&self) -> impl DoubleEndedIterator<Item = EditLabel> {
        self.history.redo_labels()
    }

    /// Memory that undo and redo hold beyond what is in use.
    pub fn undo_bytes(&self) -> usize {
        self.history.bytes()
    }

    /// What is under way between [`begin`](Self::begin) and its end.
    pub fn open_gesture(&self) -> Option<EditLabel> {
        self.gesture.as_ref().map(|gesture| gesture.label)
    }
}
