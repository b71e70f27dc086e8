//! Selecting the subject, faces, hair and clothes: seen on a thread of its own, so that it never waits for an edit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::EditorError;
use super::{Editor, OpenDocument};
use crate::document::{DocumentId, EditLabel};
use crate::engine::Cancelled;
use crate::jobs::{SightError, TaskEvent, VisionFactory, see};
use crate::raster::{Mask, MaskKind, Picture, blank_mask};
use crate::select::{Combination, Part, Seen, combined, part};

/// A selection under way.
#[derive(Debug, Clone)]
pub(super) struct Selecting {
    document: DocumentId,
    part: Part,
    stop: Arc<AtomicBool>,
}

/// What was seen in a picture, so that looking again costs nothing.
#[derive(Debug, Clone)]
pub(super) struct SeenPicture {
    picture: Picture,
    seen: Arc<Seen>,
}

impl SeenPicture {
    /// What was seen, if that was of this very picture. Cheap: tiles are compared, not pixels.
    fn of(&self, picture: &Picture) -> Option<Arc<Seen>> {
        let is_same = self.picture.extent() == picture.extent()
            && self.picture.profile == picture.profile
            && picture
                .pixels
                .changed_tiles(&self.picture.pixels)
                .is_empty();
        is_same.then(|| Arc::clone(&self.seen))
    }
}

/// What the thread says.
pub(super) struct SightEvent {
    document: DocumentId,
    what: Part,
    how: Combination,
    picture: Picture,
    /// `None` where nothing was seen.
    seen: Option<Arc<Seen>>,
    mask: Result<Mask, SightError>,
}

impl OpenDocument {
    /// What was seen in what is visible now.
    pub(super) fn seen_now(&self) -> Option<Arc<Seen>> {
        self.seen.as_ref()?.of(self.document.visible())
    }
}

impl Editor {
    /// What is being selected in a document.
    pub fn selecting(&self, document: DocumentId) -> Option<Part> {
        let goes_on = |selecting: &&Selecting| {
            selecting.document == document && !selecting.stop.load(Ordering::Relaxed)
        };
        self.selecting.iter().rfind(goes_on).map(|s| s.part)
    }

    pub(super) fn select(&mut self, id: DocumentId, what: Part, how: Combination) {
        let Some(open) = self.document(id) else {
            return;
        };
        let picture = open.document.visible().clone();
        let known = open.seen_now();
        // What was asked for last counts.
        self.cancel_select(id);
        let stop = Arc::new(AtomicBool::new(false));
        let selecting = Selecting {
            document: id,
            part: what,
            stop: Arc::clone(&stop),
        };
        let vision = Arc::clone(&self.vision);
        let task = move || select_in(picture, known, &vision, &stop, (id, what, how));
        if self.sight.try_do(Box::new(task)).is_ok() {
            self.selecting.push(selecting);
        } else {
            self.notices.warn(Some(id), &EditorError::TooBusy);
        }
    }

    pub(super) fn cancel_select(&self, id: DocumentId) {
        for selecting in self.selecting.iter().filter(|s| s.document == id) {
            selecting.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Takes in what was seen.
    pub(super) fn poll_sight(&mut self) {
        while let Some(event) = self.sight.poll() {
            self.changed = true;
            match event {
                TaskEvent::Done(event) => {
                    // Tasks are done in the order in which they were asked for.
                    let of_it = |s: &Selecting| s.document == event.document;
                    if let Some(place) = self.selecting.iter().position(of_it) {
                        self.selecting.remove(place);
                    }
                    self.take_selection(event);
                }
                TaskEvent::Lost(_) => {
                    self.selecting.clear();
                    self.notices.error(None, &EditorError::TaskLost);
                }
            }
        }
    }

    fn take_selection(&mut self, event: SightEvent) {
        let id = event.document;
        let Some(open) = self.documents.iter_mut().find(|open| open.id() == id) else {
            return;
        };
        if let Some(seen) = event.seen {
            let picture = event.picture;
            open.seen = Some(SeenPicture { picture, seen });
        }
        match event.mask {
            Ok(mask) => self.selected(id, &mask, (event.what, event.how)),
            Err(error) if error.is_cancelled() => {}
            Err(error @ SightError::Select(_)) => self.notices.warn(Some(id), &error),
            Err(error) => self.notices.error(Some(id), &error),
        }
    }

    fn selected(&mut self, id: DocumentId, selection: &Mask, (what, how): (Part, Combination)) {
        let extent = self.document(id).map(OpenDocument::extent);
        // The canvas may have been cut while somebody looked.
        if let Some(now) = extent.filter(|extent| *extent != selection.extent()) {
            let made_for = selection.extent();
            let error = EditorError::CanvasChanged { made_for, now };
            self.notices.warn(Some(id), &error);
            return;
        }
        let blank = blank_mask(selection.extent());
        self.with_document(id, |open| {
            let is_new = how == Combination::Replace || *open.document.mask() == blank;
            if is_new {
                open.selected = Some(what);
            }
            open.stroke = None;
            open.document.edit(EditLabel::Select, |state| {
                state.mask = combined(&state.mask, selection, how);
                if is_new {
                    state.mask_kind = MaskKind::Matte;
                }
            });
        });
    }
}

/// On the thread: looks, where nobody has looked before, and selects.
fn select_in(
    picture: Picture,
    known: Option<Arc<Seen>>,
    vision: &VisionFactory,
    stop: &AtomicBool,
    (document, what, how): (DocumentId, Part, Combination),
) -> SightEvent {
    let is_stopped = || stop.load(Ordering::Relaxed);
    let look = || -> Result<Arc<Seen>, SightError> {
        if let Some(seen) = known {
            return Ok(seen);
        }
        let mut vision = vision()?;
        Ok(Arc::new(see(vision.as_mut(), &picture, &is_stopped)?))
    };
    let seen = look();
    let select = |seen: &Arc<Seen>| {
        if is_stopped() {
            return Err(Cancelled.into());
        }
        Ok(part(seen, what, None)?)
    };
    let mask = seen.as_ref().map_err(Clone::clone).and_then(select);
    SightEvent {
        document,
        what,
        how,
        seen: seen.ok(),
        picture,
        mask,
    }
}
