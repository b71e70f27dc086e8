//! Refining the mask: while numbers are turned the mask itself follows, as one gesture of the document that is
//! kept or given up in the end. Whatever else is done to the mask meanwhile keeps what is seen.

use std::sync::atomic::Ordering;

use super::Editor;
use super::error::EditorError;
use super::mask_tools::{Made, Refining, WorkKind};
use crate::document::{DocumentId, EditLabel};
use crate::plan::RegionBounds;
use crate::raster::Mask;
use crate::select::{Refinement, refined};

impl Editor {
    /// How the mask of a document is being refined.
    pub fn refining(&self, document: DocumentId) -> Option<Refinement> {
        let refining = self.mask_tools.refining.as_ref()?;
        let is_under_way =
            refining.document == document && !refining.is_ending && self.is_refining_open(document);
        is_under_way.then_some(refining.wanted)
    }

    fn is_refining_open(&self, document: DocumentId) -> bool {
        let open = self.document(document);
        open.is_some_and(|open| open.document.open_gesture() == Some(EditLabel::Refine))
    }

    /// Begins to refine a mask, or goes on with other numbers.
    pub(super) fn refine(&mut self, id: DocumentId, wanted: Refinement) {
        if self.refining(id).is_none() {
            self.end_refining(None, true);
            let Some(open) = self.documents.iter_mut().find(|open| open.id() == id) else {
                return;
            };
            if open.region() == RegionBounds::Everything {
                self.notices.warn(Some(id), &EditorError::NothingToRefine);
                return;
            }
            open.stroke = None;
            open.document.begin(EditLabel::Refine);
            self.mask_tools.refining = Some(Refining {
                document: id,
                before: open.document.mask().clone(),
                wanted: Refinement::default(),
                shown: Refinement::default(),
                is_ending: false,
            });
        }
        if let Some(refining) = &mut self.mask_tools.refining {
            refining.wanted = wanted;
        }
        self.follow_refining();
    }

    /// Keeps the refined mask, as soon as it is made, or gives it up; `None`: that of any document.
    pub(super) fn end_refining(&mut self, id: Option<DocumentId>, keep: bool) {
        let Some(refining) = &mut self.mask_tools.refining else {
            return;
        };
        if id.is_some_and(|id| id != refining.document) {
            return;
        }
        let document = refining.document;
        if keep && refining.wanted != refining.shown && id.is_some() {
            refining.is_ending = true;
            return;
        }
        self.mask_tools.refining = None;
        self.mask_tools.stop(|_, kind| kind == WorkKind::Refine);
        if self.is_refining_open(document) {
            self.with_document(document, |open| {
                _ = if keep {
                    open.document.commit()
                } else {
                    open.document.abort()
                };
            });
        }
    }

    /// Has the mask made that is wanted, unless one is being made.
    fn follow_refining(&mut self) {
        let Some(refining) = &self.mask_tools.refining else {
            return;
        };
        let (id, wanted) = (refining.document, refining.wanted);
        if wanted == refining.shown {
            if refining.is_ending {
                self.end_refining(Some(id), true);
            }
            return;
        }
        if self.mask_tools.is_under_way(WorkKind::Refine) {
            // What is being made is no longer wanted; the next begins when it has stopped.
            self.mask_tools.stop(|_, kind| kind == WorkKind::Refine);
            return;
        }
        let mask = refining.before.clone();
        let is_taken = self.mask_tools.start((id, WorkKind::Refine), move |stop| {
            let is_stopped = || stop.load(Ordering::Relaxed);
            Made::Refined(refined(&mask, &wanted, &is_stopped), wanted)
        });
        if !is_taken {
            self.notices.warn(Some(id), &EditorError::TooBusy);
        }
    }

    pub(super) fn take_refined(&mut self, id: DocumentId, mask: Option<Mask>, made: Refinement) {
        let is_open = self.is_refining_open(id);
        let Some(refining) = &mut self.mask_tools.refining else {
            return;
        };
        if refining.document != id {
            return;
        }
        if !is_open {
            // Something else was done to the mask, which has kept what was seen.
            self.mask_tools.refining = None;
            return;
        }
        if let Some(mask) = mask {
            refining.shown = made;
            self.with_document(id, |open| open.document.change(|state| state.mask = mask));
        }
        self.follow_refining();
    }
}
