//! The magic wand and the smart brush: what they make of a mask takes longer than a frame, so it is made on a
//! thread of its own. It waits neither for edits nor for networks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::command::Command;
use super::error::EditorError;
use super::{Editor, OpenDocument};
use crate::document::{DocumentId, EditLabel};
use crate::geometry::Point;
use crate::jobs::{TaskEvent, TaskThread, Wake};
use crate::raster::{Mask, MaskKind, Picture, blank_mask};
use crate::select::{Combination, Refinement, Scribble, Scribbled, SelectError, Wand};

/// Tasks that may wait, nearly all of them stopped ones.
const MOST_TASKS: usize = 16;

/// The thread, what it does, and what the smart brush remembers.
pub(super) struct MaskTools {
    pub(super) lane: TaskThread<MaskEvent>,
    /// In the order in which it is done.
    under_way: VecDeque<Work>,
    /// Scribbles that wait for those before them, the first of which is under way.
    waiting: VecDeque<(DocumentId, Scribble)>,
    scribbling: Option<Scribbling>,
    pub(super) pointed: Option<Pointed>,
    /// What the wand is to be used with next, where it was used last.
    pub(super) wand_next: Option<(DocumentId, Wand)>,
    pub(super) refining: Option<Refining>,
}

/// A mask being refined.
pub(super) struct Refining {
    pub(super) document: DocumentId,
    /// The mask as it was.
    pub(super) before: Mask,
    pub(super) wanted: Refinement,
    /// What the mask shows.
    pub(super) shown: Refinement,
    /// It is kept as soon as it shows what is wanted.
    pub(super) is_ending: bool,
}

/// Something that the thread does.
pub(super) struct Work {
    document: DocumentId,
    stop: Arc<AtomicBool>,
    kind: WorkKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkKind {
    Wand,
    Scribble,
    Refine,
}

/// What the thread says.
pub(super) struct MaskEvent {
    pub(super) document: DocumentId,
    made: Made,
}

pub(super) enum Made {
    /// What the wand has found, where it was used, and whether in place of what it has found there before.
    Wand(
        Result<Option<Mask>, SelectError>,
        (Point, Combination),
        bool,
    ),
    Scribble(Box<Drawn>),
    Refined(Option<Mask>, Refinement),
}

/// Where the wand was used last.
pub(super) struct Pointed {
    pub(super) document: DocumentId,
    pub(super) at: Point,
    pub(super) how: Combination,
    /// The mask that it has left.
    pub(super) after: Mask,
    /// Which was another than before.
    pub(super) is_edit: bool,
}

/// What the last of some scribbles has made.
pub(super) struct Drawn {
    scribbling: Scribbling,
    /// The mask it was drawn on.
    before: Mask,
    mask: Result<Option<Mask>, SelectError>,
}

/// What was scribbled on a picture.
#[derive(Clone)]
struct Scribbling {
    document: DocumentId,
    picture: Picture,
    /// Made with the first scribble.
    prepared: Option<Scribbled>,
    /// Each with the mask that it has left, so that one that was undone no longer counts.
    scribbles: Vec<(Scribble, Option<Mask>)>,
}

impl MaskTools {
    pub(super) fn new(wake: Wake) -> Self {
        Self {
            lane: TaskThread::new("mask tools", MOST_TASKS, wake),
            under_way: VecDeque::new(),
            waiting: VecDeque::new(),
            scribbling: None,
            pointed: None,
            wand_next: None,
            refining: None,
        }
    }

    /// Hands a task over; false when too many wait.
    pub(super) fn start(
        &mut self,
        (document, kind): (DocumentId, WorkKind),
        make: impl FnOnce(&AtomicBool) -> Made + Send + 'static,
    ) -> bool {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let task = move || MaskEvent {
            document,
            made: make(&asked),
        };
        let is_taken = self.lane.try_do(Box::new(task)).is_ok();
        if is_taken {
            self.under_way.push_back(Work {
                document,
                stop,
                kind,
            });
        }
        is_taken
    }

    pub(super) fn stop(&self, is_meant: impl Fn(DocumentId, WorkKind) -> bool) {
        let meant = self.under_way.iter();
        for work in meant.filter(|work| is_meant(work.document, work.kind)) {
            work.stop.store(true, Ordering::Relaxed);
        }
    }

    /// True while something of that kind is made, also when it was stopped.
    pub(super) fn is_under_way(&self, kind: WorkKind) -> bool {
        self.under_way.iter().any(|work| work.kind == kind)
    }

    /// True while something of that kind is made that somebody waits for.
    pub(super) fn is_busy(&self, is_meant: impl Fn(DocumentId, WorkKind) -> bool) -> bool {
        let mut works = self.under_way.iter();
        works.any(|work| is_meant(work.document, work.kind) && !work.stop.load(Ordering::Relaxed))
    }
}

/// True where two planes are the same memory; cheap.
pub(super) fn is_same(a: &Mask, b: &Mask) -> bool {
    a.extent() == b.extent() && a.changed_tiles(b).is_empty()
}

impl Scribbling {
    /// What counts of it when a scribble is drawn on that picture with that mask.
    fn going_on(self, document: DocumentId, picture: &Picture, mask: &Mask) -> Self {
        let is_same_picture = self.document == document
            && self.picture.extent() == picture.extent()
            && self.picture.profile == picture.profile
            && picture
                .pixels
                .changed_tiles(&self.picture.pixels)
                .is_empty();
        if !is_same_picture {
            return Self::new(document, picture);
        }
        let mut scribbles = self.scribbles;
        let is_last = |(_, after): &(Scribble, Option<Mask>)| {
            after.as_ref().is_some_and(|after| is_same(after, mask))
        };
        let kept = scribbles.iter().rposition(is_last).map_or(0, |at| at + 1);
        scribbles.truncate(kept);
        Self { scribbles, ..self }
    }

    fn new(document: DocumentId, picture: &Picture) -> Self {
        Self {
            document,
            picture: picture.clone(),
            prepared: None,
            scribbles: Vec::new(),
        }
    }

    /// On the thread: draws one scribble more.
    fn draw(mut self, scribble: Scribble, before: Mask, stop: &AtomicBool) -> Drawn {
        let is_stopped = || stop.load(Ordering::Relaxed);
        self.scribbles.push((scribble, None));
        let prepared = match self.prepared.clone() {
            Some(prepared) => Ok(prepared),
            None => Scribbled::new(&self.picture),
        };
        let mask = prepared.and_then(|prepared| {
            self.prepared = Some(prepared.clone());
            let scribbles = self.scribbles.iter().map(|(scribble, _)| scribble.clone());
            let scribbles: Vec<Scribble> = scribbles.collect();
            prepared.mask(&self.picture, &before, &scribbles, &is_stopped)
        });
        Drawn {
            scribbling: self,
            before,
            mask,
        }
    }
}

impl Editor {
    /// Does what a tool of the mask asks for; other commands are for others.
    pub(super) fn use_mask_tool(&mut self, command: Command) {
        match command {
            Command::DrawShape {
                document,
                shape,
                how,
                opacity,
            } => self.draw_shape(document, &shape, (how, opacity)),
            Command::UseWand {
                document,
                at,
                wand,
                how,
            } => self.use_wand(document, (at, how), wand, false),
            Command::UseWandAgain { document, wand } => self.use_wand_again(document, wand),
            Command::Scribble { document, scribble } => self.scribble(document, scribble),
            Command::Refine {
                document,
                refinement,
            } => self.refine(document, refinement),
            Command::EndRefining { document, keep } => self.end_refining(Some(document), keep),
            _ => {}
        }
    }

    /// Stops everything that is being selected in a document.
    pub(super) fn cancel_selecting(&mut self, id: DocumentId) {
        self.cancel_select(id);
        self.cancel_mask_tools(id);
    }

    /// True while the wand or the smart brush makes a mask, or one is refined.
    pub fn is_making_mask(&self, document: DocumentId) -> bool {
        let tools = &self.mask_tools;
        let refining = tools.refining.as_ref();
        let refining = refining.filter(|refining| refining.document == document);
        tools.is_busy(|id, _| id == document)
            || self.scribbles(document).next().is_some()
            || refining.is_some_and(|refining| refining.wanted != refining.shown)
    }

    /// The scribbles of the smart brush that the mask does not follow yet.
    pub fn scribbles(&self, document: DocumentId) -> impl Iterator<Item = &Scribble> {
        let waiting = self.mask_tools.waiting.iter();
        waiting
            .filter(move |(id, _)| *id == document)
            .map(|(_, scribble)| scribble)
    }

    fn scribble(&mut self, id: DocumentId, scribble: Scribble) {
        if self.document(id).is_none() || scribble.line.is_empty() {
            return;
        }
        self.mask_tools.waiting.push_back((id, scribble));
        if self.mask_tools.waiting.len() == 1 {
            self.start_scribble();
        }
    }

    /// Begins with the scribble that waits first.
    fn start_scribble(&mut self) {
        let Some((id, scribble)) = self.mask_tools.waiting.front().cloned() else {
            return;
        };
        // A stroke under way ends before.
        self.with_document(id, |open| {
            open.stroke = None;
            open.document.commit();
        });
        let Some(open) = self.document(id) else {
            self.next_scribble();
            return;
        };
        let (picture, mask) = (
            open.document.visible().clone(),
            open.document.mask().clone(),
        );
        let known = self.mask_tools.scribbling.take();
        let scribbling = match known {
            Some(known) => known.going_on(id, &picture, &mask),
            None => Scribbling::new(id, &picture),
        };
        self.mask_tools.scribbling = Some(scribbling.clone());
        let is_taken = self
            .mask_tools
            .start((id, WorkKind::Scribble), move |stop| {
                Made::Scribble(Box::new(scribbling.draw(scribble, mask, stop)))
            });
        if !is_taken {
            self.notices.warn(Some(id), &EditorError::TooBusy);
            self.mask_tools.waiting.clear();
        }
    }

    fn next_scribble(&mut self) {
        self.mask_tools.waiting.pop_front();
        self.start_scribble();
    }

    /// Stops what the tools make for a document, and forgets what waits.
    fn cancel_mask_tools(&mut self, id: DocumentId) {
        let tools = &mut self.mask_tools;
        tools.stop(|of, kind| of == id && kind != WorkKind::Refine);
        // The one under way is taken out when the thread says that it has stopped.
        let mut is_first = true;
        tools
            .waiting
            .retain(|(of, _)| std::mem::take(&mut is_first) || *of != id);
    }

    /// Takes in what was made.
    pub(super) fn poll_mask_tools(&mut self) {
        while let Some(event) = self.mask_tools.lane.poll() {
            self.changed = true;
            match event {
                TaskEvent::Done(event) => {
                    // Tasks are done in the order in which they were asked for.
                    let work = self.mask_tools.under_way.pop_front();
                    let is_wanted = work.is_some_and(|work| !work.stop.load(Ordering::Relaxed));
                    self.take_made(event, is_wanted);
                }
                TaskEvent::Lost(_) => {
                    self.mask_tools.under_way.clear();
                    self.mask_tools.waiting.clear();
                    self.end_refining(None, false);
                    self.notices.error(None, &EditorError::TaskLost);
                }
            }
        }
    }

    fn take_made(&mut self, event: MaskEvent, is_wanted: bool) {
        let id = event.document;
        match event.made {
            Made::Wand(made, place, is_again) => {
                match made {
                    Ok(Some(found)) if is_wanted => self.take_wand(id, &found, place, is_again),
                    Ok(_) => {}
                    Err(error) => self.notices.warn(Some(id), &error),
                }
                self.next_wand();
            }
            Made::Scribble(drawn) => {
                if is_wanted {
                    self.take_drawn(id, *drawn);
                }
                self.next_scribble();
            }
            Made::Refined(mask, refinement) => self.take_refined(id, mask, refinement),
        }
    }

    fn take_drawn(&mut self, id: DocumentId, drawn: Drawn) {
        let Drawn {
            mut scribbling,
            before,
            mask,
        } = drawn;
        let mask = match mask {
            Ok(Some(mask)) if self.fits(id, &mask) => mask,
            Ok(_) => return,
            Err(error) => {
                self.notices.warn(Some(id), &error);
                return;
            }
        };
        self.with_document(id, |open| {
            let is_new = *open.document.mask() == blank_mask(mask.extent());
            open.selected = open.selected.filter(|_| !is_new);
            open.stroke = None;
            open.document.edit(EditLabel::SmartBrush, |state| {
                state.mask = changed_like(&state.mask, &before, &mask);
                if is_new {
                    state.mask_kind = MaskKind::Matte;
                }
            });
            if let Some((_, after)) = scribbling.scribbles.last_mut() {
                *after = Some(open.document.mask().clone());
            }
        });
        self.mask_tools.scribbling = Some(scribbling);
    }

    /// True where a mask fits the canvas, which may have been cut meanwhile; else that is said.
    pub(super) fn fits(&mut self, id: DocumentId, mask: &Mask) -> bool {
        let now = self.document(id).map(OpenDocument::extent);
        let made_for = mask.extent();
        match now {
            Some(now) if now != made_for => {
                let error = EditorError::CanvasChanged { made_for, now };
                self.notices.warn(Some(id), &error);
                false
            }
            other => other.is_some(),
        }
    }
}

/// The mask with what has changed from one mask to another: it may have been painted on meanwhile.
fn changed_like(mask: &Mask, before: &Mask, after: &Mask) -> Mask {
    if is_same(mask, before) {
        return after.clone();
    }
    let mut result = mask.clone();
    for index in after.changed_tiles(before) {
        let rect = after.tile_rect(index);
        let pairs = before.crop(rect).into_iter().zip(after.crop(rect));
        let mut pairs = pairs.collect::<Vec<_>>().into_iter();
        result.update(rect, |_, old| match pairs.next() {
            Some((before, after)) if before != after => after,
            _ => old,
        });
    }
    result
}
