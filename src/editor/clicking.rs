//! Selecting what is clicked on. Each click is one undoable edit; what earlier clicks said of the same thing is
//! the window's to remember, and comes with each.

use std::path::Path;

use super::Editor;
use super::error::EditorError;
use crate::document::{DocumentId, EditLabel};
use crate::jobs::{ClickLane, ClickRequest, SightError, TaskEvent};
use crate::raster::{Mask, MaskKind};
use crate::select::Clicks;

/// The lane, and whose click is under way.
#[derive(Debug)]
pub(super) struct Clicking {
    lane: ClickLane,
    under_way: Option<(u64, DocumentId)>,
    last: u64,
}

impl Clicking {
    pub(super) fn new(lane: ClickLane) -> Self {
        Self {
            lane,
            under_way: None,
            last: 0,
        }
    }
}

impl Editor {
    /// The file of the networks that select by clicks, if it is here.
    pub fn segmenter(&self) -> Option<&Path> {
        self.found.segmenter.as_deref()
    }

    /// True while what was clicked on in a document is being looked for.
    pub fn is_clicking(&self, document: DocumentId) -> bool {
        let under_way = self.clicking.under_way;
        under_way.is_some_and(|(_, of)| of == document)
    }

    pub(super) fn click(&mut self, id: DocumentId, clicks: Clicks) {
        let weights = self.found.segmenter.clone();
        let (Some(open), Some(weights)) = (self.document(id), weights) else {
            return;
        };
        let request = ClickRequest {
            weights,
            picture: open.document.visible().clone(),
            clicks,
        };
        self.clicking.last += 1;
        let number = self.clicking.last;
        if self.clicking.lane.click(number, request).is_ok() {
            self.clicking.under_way = Some((number, id));
        } else {
            self.notices.warn(Some(id), &EditorError::TooBusy);
        }
    }

    pub(super) fn cancel_clicking(&mut self, id: DocumentId) {
        if self.is_clicking(id) {
            self.clicking.lane.stop();
            self.clicking.under_way = None;
        }
    }

    pub(super) fn poll_clicks(&mut self) {
        while let Some(event) = self.clicking.lane.poll() {
            self.changed = true;
            let (number, mask) = match event {
                TaskEvent::Done(done) => done,
                TaskEvent::Lost(_) => {
                    self.clicking.under_way = None;
                    self.notices.error(None, &EditorError::TaskLost);
                    continue;
                }
            };
            // Only the last click counts.
            let of = self.clicking.under_way.take_if(|(of, _)| *of == number);
            if let Some((_, id)) = of {
                self.clicked(id, mask);
            }
        }
    }

    fn clicked(&mut self, id: DocumentId, mask: Result<Mask, SightError>) {
        let mask = match mask {
            Ok(mask) => mask,
            Err(error) if error.is_cancelled() => return,
            Err(error @ SightError::Select(_)) => return self.notices.warn(Some(id), &error),
            Err(error) => return self.notices.error(Some(id), &error),
        };
        let Some(now) = self.document(id).map(super::OpenDocument::extent) else {
            return;
        };
        // The canvas may have been cut meanwhile.
        if now != mask.extent() {
            let made_for = mask.extent();
            let error = EditorError::CanvasChanged { made_for, now };
            return self.notices.warn(Some(id), &error);
        }
        self.with_document(id, |open| {
            open.selected = None;
            open.stroke = None;
            open.document.edit(EditLabel::Select, |state| {
                state.mask = mask;
                state.mask_kind = MaskKind::Matte;
            });
        });
    }
}
