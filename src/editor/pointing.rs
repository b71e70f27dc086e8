//! The magic wand in a document: what it finds becomes one edit of the mask, which other settings make anew.

use std::sync::atomic::Ordering;

use super::error::EditorError;
use super::mask_tools::{Made, Pointed, WorkKind, is_same};
use super::{Editor, OpenDocument};
use crate::document::{DocumentId, EditLabel};
use crate::geometry::Point;
use crate::raster::{Mask, MaskKind, blank_mask};
use crate::select::{Combination, Wand, combined, wand};

impl Pointed {
    /// True while nothing else was done in the document.
    fn is_last(&self, open: &OpenDocument) -> bool {
        let document = &open.document;
        self.document == open.id()
            && is_same(document.mask(), &self.after)
            && (!self.is_edit || document.undo_label() == Some(EditLabel::Wand))
    }
}

impl Editor {
    /// With other settings where it was used last, if nothing else was done since.
    pub(super) fn use_wand_again(&mut self, id: DocumentId, settings: Wand) {
        let is_wand = |of: DocumentId, kind: WorkKind| of == id && kind == WorkKind::Wand;
        if self.mask_tools.is_busy(is_wand) {
            // While somebody turns a number something is to be seen.
            self.mask_tools.wand_next = Some((id, settings));
            return;
        }
        let open = self.document(id);
        let pointed = self.mask_tools.pointed.as_ref();
        let pointed = pointed.filter(|pointed| open.is_some_and(|open| pointed.is_last(open)));
        if let Some(place) = pointed.map(|pointed| (pointed.at, pointed.how)) {
            self.use_wand(id, place, settings, true);
        }
    }

    /// Goes on with what was asked for meanwhile.
    pub(super) fn next_wand(&mut self) {
        if let Some((id, settings)) = self.mask_tools.wand_next.take() {
            self.use_wand_again(id, settings);
        }
    }

    pub(super) fn use_wand(
        &mut self,
        id: DocumentId,
        (at, how): (Point, Combination),
        settings: Wand,
        is_again: bool,
    ) {
        let Some(open) = self.document(id) else {
            return;
        };
        let picture = open.document.visible().clone();
        // What was pointed at last counts.
        self.mask_tools
            .stop(|of, kind| of == id && kind == WorkKind::Wand);
        let is_taken = self.mask_tools.start((id, WorkKind::Wand), move |stop| {
            let is_stopped = || stop.load(Ordering::Relaxed);
            let found = wand(&picture, at, settings, &is_stopped);
            Made::Wand(found, (at, how), is_again)
        });
        if !is_taken {
            self.notices.warn(Some(id), &EditorError::TooBusy);
        }
    }

    pub(super) fn take_wand(
        &mut self,
        id: DocumentId,
        selection: &Mask,
        (at, how): (Point, Combination),
        is_again: bool,
    ) {
        if !self.fits(id, selection) {
            return;
        }
        let last = self.mask_tools.pointed.take();
        let mut pointed = None;
        self.with_document(id, |open| {
            if is_again {
                match last {
                    Some(last) if last.is_last(open) => {
                        if last.is_edit {
                            open.document.undo();
                        }
                    }
                    // Something else was done meanwhile.
                    _ => return,
                }
            }
            let blank = blank_mask(selection.extent());
            let is_new = how == Combination::Replace || *open.document.mask() == blank;
            open.selected = open.selected.filter(|_| !is_new);
            open.stroke = None;
            let is_edit = open.document.edit(EditLabel::Wand, |state| {
                state.mask = combined(&state.mask, selection, how);
                if is_new {
                    state.mask_kind = MaskKind::Matte;
                }
            });
            pointed = Some(Pointed {
                document: id,
                at,
                how,
                after: open.document.mask().clone(),
                is_edit,
            });
        });
        self.mask_tools.pointed = pointed;
    }
}
