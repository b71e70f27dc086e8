//! [`Leaving`]: what is being saved to be closed.

use crate::document::DocumentId;

/// What is being saved, and what comes after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct Leaving {
    pub(in crate::ui) end: LeavingEnd,
    /// Each is saved once: one that stays unsaved could not be, and nothing is closed.
    pub(in crate::ui) tried: Vec<DocumentId>,
}

/// What comes after saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum LeavingEnd {
    /// This document, and no other, was saved and is closed.
    Close(DocumentId),
    /// Everything was saved and the program ends.
    Quit,
    /// Everything was saved, and that is all.
    Nothing,
}

impl Leaving {
    /// Closes one document.
    pub(in crate::ui) fn document(document: DocumentId) -> Self {
        Self::to(LeavingEnd::Close(document))
    }

    /// Ends the program.
    pub(in crate::ui) fn program() -> Self {
        Self::to(LeavingEnd::Quit)
    }

    /// Saves everything and goes on.
    pub(in crate::ui) fn nothing() -> Self {
        Self::to(LeavingEnd::Nothing)
    }

    fn to(end: LeavingEnd) -> Self {
        Self {
            end,
            tried: Vec::new(),
        }
    }
}
