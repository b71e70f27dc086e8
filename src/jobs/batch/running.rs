//! The third stage: an engine, and what needs none. Each engine does it on a thread of its own.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use super::reading::row_of;
use super::selecting::{Masked, with_doubt};
use super::{Batch, BatchWatcher, Clock, EngineFactory, Going, Settled, broke_down, guarded};
use crate::backdrop::{Placed, Placing, put_behind};
use crate::bulk::{Job, JobTask, Model, ReportRow, Source, State, Work};
use crate::completion;
use crate::engine::{Cancelled, Engine, Stage};
use crate::geometry::Extent;
use crate::jobs::{EditError, EditProgress, EditResult, EngineId, JobId, run_edit};
use crate::plan::{
    EditRequest, EditSettings, EraseRequest, Layout, Pass, PlanError, PreviewPatch, Put, erase,
};
use crate::raster::{FileOrigin, Mask, MaskKind, Patch, Picture, draw_patch, inverted};
use crate::select::Part;
use crate::text::{Explain as _, Message};

/// What goes to the writer.
pub(super) enum Made {
    /// A result.
    Result(Box<MadeResult>),
    /// Nothing more comes of that picture.
    Settled(Settled),
}

/// A result that is not written yet.
pub(super) struct MadeResult {
    pub(super) index: usize,
    pub(super) job: Job,
    /// Which engine of the batch made it.
    pub(super) lane: usize,
    pub(super) picture: Picture,
    pub(super) origin: FileOrigin,
    pub(super) engine: String,
    pub(super) seconds: f64,
    pub(super) row: ReportRow,
}

/// The picture's place is in the list; kept beside the row for the writer.
impl MadeResult {
    pub(super) fn source<'a>(&self, batch: &Batch<'a>) -> Option<&'a Source> {
        batch.sources.get(self.index)
    }
}

/// One result that an engine is to make.
pub(super) struct Order {
    pub(super) id: JobId,
    pub(super) picture: Arc<Masked>,
    pub(super) job: Job,
    /// Another engine may do it.
    pub(super) may_be_handed_on: bool,
}

/// What became of it: what is worth knowing, or why it was not made.
pub(super) struct Report {
    pub(super) lane: usize,
    pub(super) id: JobId,
    /// `None`: this engine works no more, because it is stopped or nobody writes.
    pub(super) outcome: Option<Result<Vec<Message>, Failure>>,
}

/// Why an engine did not make a result.
pub(super) struct Failure {
    pub(super) why: Message,
    /// Another engine may well make it.
    pub(super) may_be_mended: bool,
    /// This engine is to be left alone for a while.
    pub(super) wants_rest: bool,
}

impl Failure {
    fn of_error(error: &EditError) -> Self {
        Self {
            why: error.message(),
            may_be_mended: error.may_be_mended_elsewhere(),
            wants_rest: error.wants_rest(),
        }
    }
}

/// What is wrong with the picture, whoever works on it.
impl From<Message> for Failure {
    fn from(why: Message) -> Self {
        Self {
            why,
            may_be_mended: false,
            wants_rest: false,
        }
    }
}

/// A row of a result of that picture.
pub(super) fn row(batch: &Batch<'_>, picture: &Masked, job: &Job, state: State) -> ReportRow {
    let source = batch.sources.get(picture.opened.index);
    let mut row = source.map_or_else(
        || ReportRow::of(String::new(), state, String::new()),
        |source| row_of(source, job, state),
    );
    if let Some(doubt) = &picture.opened.doubt {
        with_doubt(&mut row, doubt);
    }
    row
}

/// One engine's part of the work.
pub(super) struct Running<'a> {
    batch: &'a Batch<'a>,
    lane: usize,
    model: Option<&'a Model>,
    factory: &'a EngineFactory,
    /// Made for the first picture that needs it, then kept with its model.
    engine: Option<Box<dyn Engine>>,
    /// What its reports have told already.
    said: Vec<Message>,
    going: Going<'a>,
    /// Of the order at hand.
    may_be_handed_on: bool,
}

impl<'a> Running<'a> {
    /// Without an engine yet.
    pub(super) fn new(
        batch: &'a Batch<'a>,
        (lane, factory): (usize, &'a EngineFactory),
        going: Going<'a>,
    ) -> Self {
        Self {
            batch,
            lane,
            model: batch.work.models().nth(lane),
            factory,
            engine: None,
            said: Vec::new(),
            going,
            may_be_handed_on: false,
        }
    }

    /// Makes what is ordered until nothing more is, it is stopped, or nobody writes any more; seconds of work.
    pub(super) fn run(
        mut self,
        orders: &Receiver<Order>,
        next: &Sender<Made>,
        reports: &Sender<Report>,
    ) -> f64 {
        let mut clock = Clock::default();
        for order in orders {
            let id = order.id;
            self.may_be_handed_on = order.may_be_handed_on;
            let mut notes = Vec::new();
            let made = clock.time(|| self.made(order, &mut notes));
            let outcome = match made {
                Ok(result) => {
                    let is_sent = next.send(Made::Result(Box::new(result))).is_ok();
                    is_sent.then_some(Ok(notes))
                }
                Err(_) if self.going.is_stopped() => None,
                Err(failure) => Some(Err(failure)),
            };
            let (lane, is_last) = (self.lane, outcome.is_none());
            let report = Report { lane, id, outcome };
            if reports.send(report).is_err() || is_last {
                break;
            }
        }
        clock.0
    }

    fn made(&mut self, order: Order, notes: &mut Vec<Message>) -> Result<MadeResult, Failure> {
        let Order { picture, job, .. } = order;
        let began = Instant::now();
        let opened = &picture.opened;
        let shown = (&opened.loaded.picture, picture.mask.as_ref());
        let (made, engine) = self.guarded_run(opened.index, shown, &job, notes)?;
        let seconds = began.elapsed().as_secs_f64();
        let mut row = row(self.batch, &picture, &job, State::Done);
        row.seconds = Some((seconds * 1000.0).round() / 1000.0);
        row.engine.clone_from(&engine);
        Ok(MadeResult {
            index: opened.index,
            job,
            lane: self.lane,
            picture: made,
            origin: opened.loaded.origin.clone(),
            engine,
            seconds,
            row,
        })
    }

    /// Runs a job so that a panic fails its result alone. The engine is made anew after one, or where its server
    /// did not answer.
    fn guarded_run(
        &mut self,
        index: usize,
        picture: (&Picture, Option<&Mask>),
        job: &Job,
        notes: &mut Vec<Message>,
    ) -> Result<(Picture, String), Failure> {
        let ran = guarded(|| self.run_job(index, picture, job, notes)).unwrap_or_else(|why| {
            let broken = self.engine.take();
            // Its destructor may trip over what the panic left behind.
            guarded(|| drop(broken)).ok();
            Err(Failure {
                may_be_mended: true,
                ..broke_down(why).into()
            })
        });
        if ran.as_ref().is_err_and(|failure| failure.wants_rest) {
            self.engine = None;
        }
        ran
    }

    /// The edited picture, and what computed it.
    fn run_job(
        &mut self,
        index: usize,
        (picture, mask): (&Picture, Option<&Mask>),
        job: &Job,
        notes: &mut Vec<Message>,
    ) -> Result<(Picture, String), Failure> {
        let (patch, computed_by) = match &job.task {
            JobTask::Edit(settings) => self.edit(index, (picture, mask), settings, notes)?,
            JobTask::Erase(settings) => {
                let request = EraseRequest {
                    source: picture.clone(),
                    painted: mask.cloned().ok_or(Message::new("bulk-selection-empty"))?,
                    settings: *settings,
                };
                let mut checkpoint = |_| {
                    if self.going.is_stopped() {
                        Err(completion::Cancelled)
                    } else {
                        Ok(())
                    }
                };
                let patch = erase(&request, &mut checkpoint).map_err(|error| error.message())?;
                (patch, "erase".to_owned())
            }
            JobTask::Background(put) => {
                let made = background(self.batch.work, picture, mask, put)?;
                return Ok((made, "background".to_owned()));
            }
        };
        let mut edited = picture.clone();
        draw_patch(&mut edited.pixels, &patch, 255);
        Ok((edited, computed_by))
    }

    fn edit(
        &mut self,
        index: usize,
        (picture, mask): (&Picture, Option<&Mask>),
        settings: &EditSettings,
        notes: &mut Vec<Message>,
    ) -> Result<(Patch, String), Failure> {
        let model = self
            .model
            .ok_or_else(|| Message::new("bulk-recipe-one-action"))?;
        // As `edit --select` makes it.
        let mask_kind = match self.batch.work.part() {
            Some(_) => MaskKind::Matte,
            None => MaskKind::Strength,
        };
        let request = EditRequest {
            model: model.reference.clone(),
            traits: model.traits.clone(),
            source: picture.clone(),
            painted: mask.cloned(),
            mask_kind,
            settings: settings.for_kind(mask_kind),
        };
        let engine = match &mut self.engine {
            Some(engine) => engine,
            absent => {
                let made = (self.factory)();
                let made = made.map_err(|error| Failure::of_error(&error.into()))?;
                absent.insert(made)
            }
        };
        let (result, was_held) = loop {
            let mut progress = Watched {
                going: self.going,
                is_here: EngineId::of(&model.reference) == EngineId::local(),
                gave_way: false,
                was_held: false,
                index,
                extent: picture.extent(),
                may_be_handed_on: self.may_be_handed_on,
            };
            let result = run_edit(engine.as_mut(), &request, &mut progress);
            // Begun anew as soon as it goes on, to the same bytes.
            if !progress.gave_way || self.going.is_stopped() {
                break (result, progress.was_held);
            }
        };
        // What it took while it was held tells nothing.
        if let Some(watcher) = self.going.watcher.filter(|_| !was_held || result.is_err()) {
            let ended = result.as_ref().map(EditResult::without_pixels);
            watcher.ran(ended.map_err(|error| (EngineId::of(&model.reference), error.clone())));
        }
        let result = result.map_err(|error| Failure::of_error(&error))?;
        // A result of fewer passes than asked for would be journaled as the whole one.
        if let Some(error) = result.ended_early_by {
            return Err(Failure::of_error(&error));
        }
        if !result.report.unknown_words.is_empty() {
            let words = result.report.unknown_words.join(", ");
            notes.push(Message::new("cli-unknown-words").with("words", words));
        }
        for note in result.report.notes {
            if !self.said.contains(&note) {
                self.said.push(note.clone());
                notes.push(note);
            }
        }
        Ok((result.patch, result.report.device))
    }
}

/// The picture with something else behind what is masked.
fn background(
    work: &Work,
    picture: &Picture,
    mask: Option<&Mask>,
    put: &Put,
) -> Result<Picture, Message> {
    let mask = mask.ok_or(Message::new("bulk-selection-empty"))?;
    let placed = work.behind.as_ref().map(|behind| Placed {
        picture: behind.picture.clone(),
        placing: Placing::Cover,
        at: (0.5, 0.5),
    });
    let behind = put.backdrop(picture.extent(), placed);
    let behind = behind.ok_or_else(|| PlanError::Put(put.to_string()).message())?;
    let turned = (work.part() == Some(Part::Background)).then(|| inverted(mask));
    let subject = turned.as_ref().unwrap_or(mask);
    put_behind(picture, subject, &behind).map_err(|error| error.message())
}

/// Can be stopped, and shows what it does to whoever watches.
struct Watched<'a> {
    going: Going<'a>,
    /// It runs on this machine's engine.
    is_here: bool,
    /// It was given up for somebody who waits for that engine.
    gave_way: bool,
    was_held: bool,
    index: usize,
    extent: Extent,
    may_be_handed_on: bool,
}

impl EditProgress for Watched<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        self.was_held |= self.going.watcher.is_some_and(BatchWatcher::is_held);
        self.gave_way = self.gave_way || self.is_here && self.going.gives_way();
        if self.gave_way || self.going.is_stopped() {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    fn planned(&mut self, _: &Layout, _: &[Pass]) {}

    fn stage(&mut self, stage: Stage) {
        if let Some(watcher) = self.going.watcher {
            watcher.stage(self.index, stage);
        }
    }

    fn wants_preview(&self) -> bool {
        self.going.watcher.is_some_and(BatchWatcher::wants_preview)
    }

    fn preview(&mut self, preview: PreviewPatch) {
        if let Some(watcher) = self.going.watcher {
            watcher.preview(self.index, preview, self.extent);
        }
    }

    fn may_be_handed_on(&self) -> bool {
        self.may_be_handed_on
    }
}
