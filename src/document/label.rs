//! [`EditLabel`]: what an entry of the history did.

use serde::{Deserialize, Serialize};

use crate::text::{Explain, Message};

/// What one undoable edit did; shown beside undo and redo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EditLabel {
    /// A stroke of the brush.
    Paint,
    /// A stroke of the eraser.
    Erase,
    /// A rectangle of the mask.
    FillRectangle,
    /// A lasso of the mask.
    FillLasso,
    /// The mask turned inside out.
    InvertMask,
    /// The mask emptied.
    ClearMask,
    /// The mask read from a file.
    LoadMask,
    /// A result laid over the picture.
    AddLayer,
    /// A layer shown or hidden.
    ShowLayer,
    /// A layer made more or less transparent.
    LayerOpacity,
    /// A layer given a name.
    RenameLayer,
    /// A layer moved up or down.
    MoveLayer,
    /// A layer taken away.
    DeleteLayer,
    /// The canvas cut to a part of it.
    CropCanvas,
    /// A part of the picture selected.
    Select,
    /// Something of the picture covered by its surroundings.
    EraseFromPicture,
    /// What a mask's values mean changed.
    MaskKind,
    /// Something else put behind the subject, or nothing.
    Background,
    /// The mask that made a layer brought back.
    LayerMask,
    /// A layer put above itself once more.
    DuplicateLayer,
}

impl Explain for EditLabel {
    fn message(&self) -> Message {
        Message::new(match self {
            Self::Paint => "editor-edit-paint",
            Self::Erase => "editor-edit-erase",
            Self::FillRectangle => "editor-edit-rectangle",
            Self::FillLasso => "editor-edit-lasso",
            Self::InvertMask => "editor-edit-invert-mask",
            Self::ClearMask => "editor-edit-clear-mask",
            Self::LoadMask => "editor-edit-load-mask",
            Self::AddLayer => "editor-edit-add-layer",
            Self::ShowLayer => "editor-edit-show-layer",
            Self::LayerOpacity => "editor-edit-layer-opacity",
            Self::RenameLayer => "editor-edit-rename-layer",
            Self::MoveLayer => "editor-edit-move-layer",
            Self::DeleteLayer => "editor-edit-delete-layer",
            Self::CropCanvas => "editor-edit-crop-canvas",
            Self::Select => "editor-edit-select",
            Self::EraseFromPicture => "editor-edit-erase-from-picture",
            Self::MaskKind => "editor-edit-mask-kind",
            Self::Background => "editor-edit-background",
            Self::LayerMask => "editor-edit-layer-mask",
            Self::DuplicateLayer => "editor-edit-duplicate-layer",
        })
    }
}
