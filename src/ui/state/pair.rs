//! [`Pair`]: two results that are being compared.

use crate::document::Document;
use crate::editor::{CandidateId, Editor, OpenDocument};
use crate::raster::Picture;

/// Two results that are compared in place of the canvas.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// At the left.
    pub left: CandidateId,
    /// At the right.
    pub right: CandidateId,
    /// Where the line between them stands, as a share of the picture; `None`: they lie side by side.
    pub wipe: Option<f32>,
    /// What both lie over, and of which revision of the document.
    under: Option<(u64, Picture)>,
}

impl Pair {
    /// Side by side.
    pub(crate) fn new((left, right): (CandidateId, CandidateId)) -> Self {
        Self {
            left,
            right,
            wipe: None,
            under: None,
        }
    }

    /// What both lie over: the picture as it is without them.
    pub(crate) fn under(&mut self, editor: &Editor, open: &OpenDocument) -> &Picture {
        let document = open.document();
        let now = document.revisions().visible;
        let known = self.under.take().filter(|(revision, _)| *revision == now);
        let picture = |(_, picture)| picture;
        let under = known.map_or_else(|| self.without_them(editor, document), picture);
        &self.under.insert((now, under)).1
    }

    fn without_them(&self, editor: &Editor, document: &Document) -> Picture {
        let both = [self.left, self.right];
        let layers = both.map(|id| editor.candidate(id).and_then(|it| it.accepted_as));
        let is_one = |id| layers.contains(&Some(id));
        if !document.layers().iter().any(|layer| is_one(layer.id)) {
            return document.visible().clone();
        }
        let mut state = document.state().clone();
        state.layers.retain(|layer| !is_one(layer.id));
        state.visible()
    }
}
