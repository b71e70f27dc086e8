//! The third stage: the engine, and what needs none.

use std::collections::BTreeSet;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use super::reading::row_of;
use super::selecting::{Masked, with_doubt};
use super::{
    Batch, BatchWatcher, Clock, EngineFactory, Opened, Settled, Step, broke_down, guarded,
};
use crate::backdrop::{Placed, Placing, put_behind};
use crate::bulk::{Job, JobTask, Source, State, Work};
use crate::catalog::{holds_cjk, in_english};
use crate::completion;
use crate::engine::{Cancelled, Engine, Stage};
use crate::geometry::Extent;
use crate::jobs::{EditProgress, run_edit};
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
    pub(super) picture: Picture,
    pub(super) origin: FileOrigin,
    pub(super) engine: String,
    pub(super) seconds: f64,
    pub(super) row: crate::bulk::ReportRow,
}

/// Runs every job; seconds of work.
pub(super) fn run_all(
    batch: &Batch<'_>,
    engine: &EngineFactory,
    is_stopped: &dyn Fn() -> bool,
    pictures: &Receiver<Step<Masked>>,
    next: &Sender<Made>,
) -> f64 {
    let mut clock = Clock::default();
    let mut running = Running {
        batch,
        factory: engine,
        engine: None,
        is_stopped,
        said: BTreeSet::new(),
    };
    for step in pictures {
        let is_sent = match step {
            Step::Settled(settled) => next.send(Made::Settled(settled)).is_ok(),
            Step::Open(masked) => running.picture(*masked, &mut clock, next).is_some(),
        };
        if !is_sent || is_stopped() {
            break;
        }
    }
    clock.0
}

struct Running<'a> {
    batch: &'a Batch<'a>,
    factory: &'a EngineFactory,
    /// Made for the first picture that needs it, then kept with its model.
    engine: Option<Box<dyn Engine>>,
    is_stopped: &'a dyn Fn() -> bool,
    /// Prompts of which something was said.
    said: BTreeSet<String>,
}

impl Running<'_> {
    /// `None` where it was stopped, or nobody writes any more.
    fn picture(&mut self, masked: Masked, clock: &mut Clock, next: &Sender<Made>) -> Option<()> {
        let Masked { mut opened, mask } = masked;
        let source = self.batch.sources.get(opened.index)?;
        if let Some(watcher) = self.batch.watcher {
            watcher.begins(opened.index);
        }
        for job in std::mem::take(&mut opened.jobs) {
            let began = Instant::now();
            let mut notes = Vec::new();
            let picture = (&opened.loaded.picture, mask.as_ref());
            let made = clock.time(|| self.guarded_run(picture, &job, &mut notes));
            opened.notes.extend(notes);
            let mut row = row_of(source, &job, State::Done);
            if let Some(doubt) = &opened.doubt {
                with_doubt(&mut row, doubt);
            }
            match made {
                Ok((picture, engine)) => {
                    let seconds = began.elapsed().as_secs_f64();
                    row.seconds = Some((seconds * 1000.0).round() / 1000.0);
                    let result = MadeResult {
                        index: opened.index,
                        job,
                        picture,
                        origin: opened.loaded.origin.clone(),
                        engine,
                        seconds,
                        row,
                    };
                    next.send(Made::Result(Box::new(result))).ok()?;
                }
                Err(_) if (self.is_stopped)() => return None,
                Err(why) => {
                    row.state = Some(State::Failed);
                    row.message = (self.batch.say)(&why);
                    opened.rows.push(row);
                }
            }
        }
        let Opened {
            index,
            rows,
            review,
            notes,
            ..
        } = opened;
        next.send(Made::Settled(Settled {
            index,
            rows,
            review,
            notes,
        }))
        .ok()
    }

    /// Runs a job so that a panic fails its picture alone. The engine is made anew after one.
    fn guarded_run(
        &mut self,
        picture: (&Picture, Option<&Mask>),
        job: &Job,
        notes: &mut Vec<Message>,
    ) -> Result<(Picture, String), Message> {
        guarded(|| self.run(picture, job, notes)).unwrap_or_else(|why| {
            let broken = self.engine.take();
            // Its destructor may trip over what the panic left behind.
            guarded(|| drop(broken)).ok();
            Err(broke_down(why))
        })
    }

    /// The edited picture, and what computed it.
    fn run(
        &mut self,
        (picture, mask): (&Picture, Option<&Mask>),
        job: &Job,
        notes: &mut Vec<Message>,
    ) -> Result<(Picture, String), Message> {
        let (patch, computed_by) = match &job.task {
            JobTask::Edit(settings) => self.edit((picture, mask), settings, notes)?,
            JobTask::Erase(settings) => {
                let request = EraseRequest {
                    source: picture.clone(),
                    painted: mask.cloned().ok_or(Message::new("bulk-selection-empty"))?,
                    settings: *settings,
                };
                let mut checkpoint = |_| {
                    if (self.is_stopped)() {
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
        (picture, mask): (&Picture, Option<&Mask>),
        settings: &EditSettings,
        notes: &mut Vec<Message>,
    ) -> Result<(Patch, String), Message> {
        let work = self.batch.work;
        let model = work
            .model
            .as_ref()
            .ok_or(Message::new("bulk-recipe-one-action"))?;
        if model.reads_english {
            self.say_english(&settings.prompt, notes);
        }
        // As `edit --select` makes it.
        let mask_kind = match work.part() {
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
                let made = (self.factory)().map_err(|error| error.message())?;
                absent.insert(made)
            }
        };
        let mut progress = Watched(self.is_stopped, self.batch.watcher, picture.extent());
        let result = run_edit(engine.as_mut(), &request, &mut progress);
        let result = result.map_err(|error| error.message())?;
        // A result of fewer passes than asked for would be journaled as the whole one.
        if let Some(error) = result.ended_early_by {
            return Err(error.message());
        }
        if !result.report.unknown_words.is_empty() {
            let words = result.report.unknown_words.join(", ");
            notes.push(Message::new("cli-unknown-words").with("words", words));
        }
        Ok((result.patch, result.report.device))
    }

    /// What `edit` says of a prompt that the model's text encoder cannot read; once for each prompt.
    fn say_english(&mut self, prompt: &str, notes: &mut Vec<Message>) {
        if !holds_cjk(prompt) || !self.said.insert(prompt.to_owned()) {
            return;
        }
        let english = in_english(prompt);
        notes.push(Message::new("cli-reads-english").with("english", english.text));
        if !english.unknown.is_empty() {
            let words = english.unknown.join("、");
            notes.push(Message::new("cli-no-english").with("words", words));
        }
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
struct Watched<'a>(&'a dyn Fn() -> bool, Option<&'a dyn BatchWatcher>, Extent);

impl EditProgress for Watched<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if (self.0)() { Err(Cancelled) } else { Ok(()) }
    }

    fn planned(&mut self, _: &Layout, _: &[Pass]) {}

    fn stage(&mut self, stage: Stage) {
        if let Some(watcher) = self.1 {
            watcher.stage(stage);
        }
    }

    fn wants_preview(&self) -> bool {
        self.1.is_some_and(BatchWatcher::wants_preview)
    }

    fn preview(&mut self, preview: PreviewPatch) {
        if let Some(watcher) = self.1 {
            watcher.preview(preview, self.2);
        }
    }
}

/// The picture's place is in the list; kept beside the row for the writer.
impl MadeResult {
    pub(super) fn source<'a>(&self, batch: &Batch<'a>) -> Option<&'a Source> {
        batch.sources.get(self.index)
    }
}
