//! Selecting what is clicked on. Each click is one undoable edit. What was said of a thing is kept with the mask that
//! came of it, so that undoing takes back what was said too, and another mask begins with another thing.

use std::path::Path;

use super::Editor;
use super::error::EditorError;
use super::said::Said;
use crate::document::{DocumentId, EditLabel};
use crate::jobs::{ClickLane, ClickRequest, SightError, TaskEvent};
use crate::raster::{Mask, MaskKind};
use crate::select::Clicks;

/// The lane, and whose click is under way.
#[derive(Debug)]
pub(super) struct Clicking {
    lane: ClickLane,
    under_way: Option<UnderWay>,
    last: u64,
}

/// A click that is being answered.
#[derive(Debug)]
struct UnderWay {
    number: u64,
    document: DocumentId,
    /// All that was said of the thing.
    clicks: Clicks,
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
        let under_way = self.clicking.under_way.as_ref();
        under_way.is_some_and(|click| click.document == document)
    }

    /// What was said of the thing that is selected by clicks in a document, or is being looked for.
    pub fn clicks(&self, document: DocumentId) -> Option<&Clicks> {
        let under_way = self.clicking.under_way.as_ref();
        if let Some(click) = under_way.filter(|click| click.document == document) {
            return Some(&click.clicks);
        }
        let open = self.document(document)?;
        open.said.of(open.document.mask())
    }

    pub(super) fn forget_clicks(&mut self, id: DocumentId) {
        self.with_document(id, |open| open.said = Said::default());
    }

    pub(super) fn click(&mut self, id: DocumentId, clicks: Clicks) {
        let weights = self.found.segmenter.clone();
        let (Some(open), Some(weights)) = (self.document(id), weights) else {
            return;
        };
        if let Err(error) = clicks.check(open.extent()) {
            return self.notices.warn(Some(id), &error);
        }
        let request = ClickRequest {
            weights,
            picture: open.document.visible().clone(),
            clicks: clicks.clone(),
        };
        self.clicking.last += 1;
        let number = self.clicking.last;
        if self.clicking.lane.click(number, request).is_ok() {
            self.clicking.under_way = Some(UnderWay {
                number,
                document: id,
                clicks,
            });
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
            let answered = &mut self.clicking.under_way;
            if let Some(click) = answered.take_if(|click| click.number == number) {
                self.clicked(click, mask);
            }
        }
    }

    fn clicked(&mut self, click: UnderWay, mask: Result<Mask, SightError>) {
        let UnderWay {
            document: id,
            clicks,
            ..
        } = click;
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
            // Where the mask is what it was, there was no edit.
            open.said.note(open.document.mask().clone(), clicks);
        });
    }
}
