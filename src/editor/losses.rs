//! [`Losses`]: what closing a document would really lose.

use super::Editor;
use super::open_document::OpenDocument;
use serde::{Deserialize, Serialize};

use crate::document::DocumentId;
use crate::plan::{MaskMode, RegionBounds};

/// What of a document is in no file and would be lost by closing it. Settings are not counted:
/// nobody would miss them. Layers and mask count until the document was saved as it stands, since
/// then the user has chosen a file that cannot hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Losses {
    /// The picture itself looks otherwise, with no layer to show for it.
    pub picture: bool,
    /// Layers.
    pub layers: usize,
    /// Something is painted.
    pub mask: bool,
    /// Results that are no layer.
    pub results: usize,
}

impl Losses {
    /// True when there is anything to lose.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

impl OpenDocument {
    /// What of it no flat file holds, whether it was saved or not; results are not looked at.
    fn holds(&self) -> Losses {
        let layers = self.document.layers().len();
        Losses {
            // With layers the comparison would read pixels, and they say it already.
            picture: layers == 0 && self.in_file.as_ref() != Some(self.document.visible()),
            layers,
            mask: self.region.bounds(MaskMode::Changes) != RegionBounds::Everything,
            results: 0,
        }
    }
}

impl Editor {
    /// What closing a document would lose; nothing of one that is not open.
    pub fn losses(&self, id: DocumentId) -> Losses {
        let Some(open) = self.document(id) else {
            return Losses::default();
        };
        let results = self.unused_results(open);
        if open.document.is_unsaved() {
            Losses {
                results,
                ..open.holds()
            }
        } else {
            Losses {
                results,
                ..Losses::default()
            }
        }
    }

    /// What of a document no flat file holds, whether it was saved or not.
    pub(super) fn holdings(&self, open: &OpenDocument) -> Losses {
        Losses {
            results: self.unused_results(open),
            ..open.holds()
        }
    }

    /// True when saving a document would put something into its file that is not in it.
    pub fn needs_saving(&self, open: &OpenDocument) -> bool {
        open.document.is_unsaved() || open.in_project.is_some() && self.unused_results(open) > 0
    }

    fn unused_results(&self, open: &OpenDocument) -> usize {
        let is_layer = |layer| open.document.layer(layer).is_some();
        let results = self.candidates(open.id());
        results
            .filter(|candidate| !candidate.accepted_as.is_some_and(is_layer))
            .filter(|candidate| {
                !open
                    .in_project
                    .as_ref()
                    .is_some_and(|it| it.has_result(candidate.id))
            })
            .count()
    }

    /// True while closing any document would lose something.
    pub fn has_unsaved_work(&self) -> bool {
        let mut all = self.documents.iter();
        all.any(|open| self.losses(open.id()).any())
    }
}
