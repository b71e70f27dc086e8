//! The third stage: the engine, and what needs none.

use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use super::reading::row_of;
use super::selecting::{Masked, with_doubt};
use super::{Batch, Clock, Opened, Settled, Step};
use crate::backdrop::{Placed, Placing, put_behind};
use crate::bulk::{Job, JobTask, Source, State, Work};
use crate::completion;
use crate::engine::{Cancelled, Engine, Stage};
use crate::jobs::{EditProgress, run_edit};
use crate::plan::{
    EditRequest, EditSettings, EraseRequest, Layout, Pass, PlanError, PreviewPatch, Put, erase,
};
use crate::raster::{FileOrigin, Mask, MaskKind, Picture, draw_patch, inverted};
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
    engine: &mut dyn Engine,
    is_stopped: &dyn Fn() -> bool,
    pictures: &Receiver<Step<Masked>>,
    next: &Sender<Made>,
) -> f64 {
    let mut clock = Clock::default();
    for step in pictures {
        let is_sent = match step {
            Step::Settled(settled) => next.send(Made::Settled(settled)).is_ok(),
            Step::Open(masked) => {
                run_picture(batch, engine, is_stopped, *masked, &mut clock, next).is_some()
            }
        };
        if !is_sent || is_stopped() {
            break;
        }
    }
    clock.0
}

/// `None` where it was stopped, or nobody writes any more.
fn run_picture(
    batch: &Batch<'_>,
    engine: &mut dyn Engine,
    is_stopped: &dyn Fn() -> bool,
    masked: Masked,
    clock: &mut Clock,
    next: &Sender<Made>,
) -> Option<()> {
    let Masked { mut opened, mask } = masked;
    let source = batch.sources.get(opened.index)?;
    for job in std::mem::take(&mut opened.jobs) {
        let began = Instant::now();
        let mut notes = Vec::new();
        let picture = &opened.loaded.picture;
        let made = clock.time(|| {
            run(
                batch.work,
                engine,
                is_stopped,
                (picture, mask.as_ref()),
                &job,
                &mut notes,
            )
        });
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
            Err(_) if is_stopped() => return None,
            Err(why) => {
                row.state = Some(State::Failed);
                row.message = (batch.say)(&why);
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

/// The edited picture, and what computed it.
fn run(
    work: &Work,
    engine: &mut dyn Engine,
    is_stopped: &dyn Fn() -> bool,
    (picture, mask): (&Picture, Option<&Mask>),
    job: &Job,
    notes: &mut Vec<Message>,
) -> Result<(Picture, String), Message> {
    let (patch, computed_by) = match &job.task {
        JobTask::Edit(settings) => {
            edit(work, engine, is_stopped, (picture, mask), settings, notes)?
        }
        JobTask::Erase(settings) => {
            let request = EraseRequest {
                source: picture.clone(),
                painted: mask.cloned().ok_or(Message::new("bulk-selection-empty"))?,
                settings: *settings,
            };
            let mut checkpoint = |_| {
                if is_stopped() {
                    Err(completion::Cancelled)
                } else {
                    Ok(())
                }
            };
            let patch = erase(&request, &mut checkpoint).map_err(|error| error.message())?;
            (patch, "erase".to_owned())
        }
        JobTask::Background(put) => {
            let made = background(work, picture, mask, put)?;
            return Ok((made, "background".to_owned()));
        }
    };
    let mut edited = picture.clone();
    draw_patch(&mut edited.pixels, &patch, 255);
    Ok((edited, computed_by))
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

fn edit(
    work: &Work,
    engine: &mut dyn Engine,
    is_stopped: &dyn Fn() -> bool,
    (picture, mask): (&Picture, Option<&Mask>),
    settings: &EditSettings,
    notes: &mut Vec<Message>,
) -> Result<(crate::raster::Patch, String), Message> {
    let model = work
        .model
        .as_ref()
        .ok_or(Message::new("bulk-recipe-one-action"))?;
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
    let result = run_edit(engine, &request, &mut Stoppable(is_stopped));
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

/// Has nothing to show, and can be stopped.
struct Stoppable<'a>(&'a dyn Fn() -> bool);

impl EditProgress for Stoppable<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if (self.0)() { Err(Cancelled) } else { Ok(()) }
    }

    fn planned(&mut self, _: &Layout, _: &[Pass]) {}

    fn stage(&mut self, _: Stage) {}

    fn wants_preview(&self) -> bool {
        false
    }

    fn preview(&mut self, _: PreviewPatch) {}
}

/// The picture's place is in the list; kept beside the row for the writer.
impl MadeResult {
    pub(super) fn source<'a>(&self, batch: &Batch<'a>) -> Option<&'a Source> {
        batch.sources.get(self.index)
    }
}
