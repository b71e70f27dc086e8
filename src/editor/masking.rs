//! The mask as a whole.

use super::Editor;
use crate::document::{DocumentId, EditLabel};
use crate::geometry::Rect;
use crate::raster::Tiled;

impl Editor {
    pub(super) fn invert_mask(&mut self, id: DocumentId) {
        self.edit(id, EditLabel::InvertMask, |state| {
            let whole = Rect::of(state.extent());
            state.mask.update(whole, |_, old| 255 - old);
        });
    }

    pub(super) fn clear_mask(&mut self, id: DocumentId) {
        self.edit(id, EditLabel::ClearMask, |state| {
            state.mask = Tiled::filled(state.extent(), 0);
        });
    }
}
