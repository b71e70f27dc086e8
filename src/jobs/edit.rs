//! One edit from request to patch, on the thread at hand.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::provenance::Provenance;
use crate::catalog::ModelRef;
use crate::completion;
use crate::engine::{Cancelled, Engine, EngineError, Progress, RunReport, Stage, Unwatched};
use crate::geometry::Extent;
use crate::plan::{
    EditRequest, Layout, Pass, PlanError, Prepared, PreviewPatch, SecondPass, prepare_watched,
};
use crate::raster::{Patch, Pixmap, RgbF32, Tiled, draw_patch};
use crate::text::{Explain, Message, error_speaks};

/// How an edit talks while it runs: [`Progress`], with previews already in their place.
pub trait EditProgress {
    /// Called often; an error ends the edit.
    fn checkpoint(&mut self) -> Result<(), Cancelled>;
    /// The edit is laid out and about to run.
    fn planned(&mut self, layout: &Layout, later_passes: &[Pass]);
    /// Where the run stands.
    fn stage(&mut self, stage: Stage);
    /// True when a preview would be looked at.
    fn wants_preview(&self) -> bool;
    /// What the result will look like.
    fn preview(&mut self, preview: PreviewPatch);
    /// As [`Progress::may_be_handed_on`].
    fn may_be_handed_on(&self) -> bool {
        false
    }
}

impl EditProgress for Unwatched {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        Ok(())
    }

    fn planned(&mut self, _: &Layout, _: &[Pass]) {}

    fn stage(&mut self, _: Stage) {}

    fn wants_preview(&self) -> bool {
        false
    }

    fn preview(&mut self, _: PreviewPatch) {}
}

/// What an edit gives.
#[derive(Debug, Clone, PartialEq)]
pub struct EditResult {
    /// The model that made it: the request's, or that of another engine which ran it.
    pub model: ModelRef,
    /// To be laid over the picture.
    pub patch: Patch,
    /// How it lies there.
    pub layout: Layout,
    /// Whether details that the model could not see were kept.
    pub details: KeptDetails,
    /// What the engine says of its run.
    pub report: RunReport,
    /// Passes whose result this is, of how many: fewer where the edit was stopped, or something
    /// failed, after the first one.
    pub passes: (u32, u32),
    /// What a recipe says that gives this very result again: what was asked for, or as much of it
    /// as was done.
    pub second_pass: SecondPass,
    /// What each of those passes took.
    pub runs: Vec<PassRun>,
    /// Why there were fewer passes than planned.
    pub ended_early_by: Option<EditError>,
    /// Wall-clock seconds from request to patch, without those in which it was queued.
    pub total_seconds: f64,
    /// Of the pass that is being noted.
    queued_seconds: f64,
    /// What it was computed from; `None` where nobody has looked.
    pub provenance: Option<Provenance>,
}

impl EditResult {
    /// All that is known of it but the patch's pixels.
    pub(super) fn without_pixels(&self) -> Self {
        let extent = Extent::new(1, 1);
        Self {
            patch: Patch {
                rect: self.patch.rect,
                pixels: Pixmap::Rgba8(Tiled::filled(extent, [0; 4])),
            },
            ..self.clone()
        }
    }
}

/// One pass that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct PassRun {
    /// The picture the model worked on.
    pub layout: Layout,
    /// What it was shown at once, in work pixels.
    pub shown: Extent,
    /// Pictures encoded for it, unless they were known; without those of the round trip.
    pub encodes: u32,
    /// Whether details were kept.
    pub is_detailed: bool,
    /// What the engine says of it.
    pub report: RunReport,
    /// Seconds in which it waited for its engine, behind others or because that was away.
    pub queued_seconds: f64,
    /// Wall-clock seconds with planning and placing, without those in which it was queued.
    pub seconds: f64,
}

/// Whether details that the model could not see were kept, and what the result was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptDetails {
    /// Not asked for, or nothing to keep.
    #[default]
    Off,
    /// Compared with the original's round trip through the autoencoder.
    ByRoundTrip,
    /// Compared with the original itself, because the engine gave no round trip: what the
    /// autoencoder changes counts as changed.
    ByPicture,
}

/// Why an edit gave no patch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EditError {
    /// It could not be planned.
    Plan(PlanError),
    /// The engine failed or was cancelled.
    Engine(EngineError),
}

impl EditError {
    /// True when it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        *self == Self::Engine(EngineError::Cancelled)
    }

    /// True where another engine may well do what this one could not.
    pub fn may_be_mended_elsewhere(&self) -> bool {
        matches!(self, Self::Engine(error) if error.may_be_mended_elsewhere())
    }

    /// True where its engine is to be left alone for a while.
    pub(super) fn wants_rest(&self) -> bool {
        matches!(self, Self::Engine(EngineError::Server(error)) if error.fault.is_of_server())
    }
}

impl From<PlanError> for EditError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Cancelled => Self::Engine(EngineError::Cancelled),
            error => Self::Plan(error),
        }
    }
}

impl From<EngineError> for EditError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<Cancelled> for EditError {
    fn from(_: Cancelled) -> Self {
        Self::Engine(EngineError::Cancelled)
    }
}

impl Explain for EditError {
    fn message(&self) -> Message {
        match self {
            Self::Plan(error) => error.message(),
            Self::Engine(error) => error.message(),
        }
    }
}

error_speaks!(EditError);

/// Plans the request, runs it on `engine`, pass by pass, and places the result. What ends a later
/// pass early leaves the result of the passes before.
pub fn run_edit(
    engine: &mut dyn Engine,
    request: &EditRequest,
    progress: &mut dyn EditProgress,
) -> Result<EditResult, EditError> {
    let started = Instant::now();
    progress.checkpoint()?;
    let mut watch = |_| progress.checkpoint().map_err(|_| completion::Cancelled);
    let prepared = prepare_watched(request, &mut watch)?;
    progress.checkpoint()?;
    progress.planned(&prepared.layout, &prepared.later_passes);
    let later = &prepared.later_passes;
    let first = prepared.layout;
    let steps_of_later: u32 = later.iter().map(|pass| pass.layout.executed_steps).sum();
    let steps_of_all = first.executed_steps + steps_of_later;
    let of = 1 + later.len() as u32;
    let mut steps_before = 0;
    let mut result = run_pass(engine, &prepared, (steps_before, steps_of_all), progress)?;
    result.passes = (1, of);
    result.second_pass = request.settings.second_pass;
    let mut clock = started;
    let encodes = 1 + u32::from(request.traits.sees_mask());
    note_run(&mut result, (first.work, encodes), &mut clock);
    steps_before += first.executed_steps;
    for pass in later {
        let steps = (steps_before, steps_of_all);
        match next_pass(
            engine,
            (&prepared, pass),
            request,
            &result.patch,
            steps,
            progress,
        ) {
            Ok(ran) => {
                let runs = std::mem::take(&mut result.runs);
                let all = result.report.and(ran.report.clone());
                result = EditResult {
                    passes: (result.passes.0 + 1, of),
                    second_pass: result.second_pass,
                    runs,
                    ..ran
                };
                let shown = pass.shown(&request.traits);
                note_run(&mut result, (shown, encodes), &mut clock);
                result.report = all;
                steps_before += pass.layout.executed_steps;
            }
            Err(error) => {
                result.second_pass = match result.passes.0 {
                    1 => SecondPass::Off,
                    _ => SecondPass::Factor(result.layout.scale / first.scale),
                };
                result.ended_early_by = Some(error);
                break;
            }
        }
    }
    let queued: f64 = result.runs.iter().map(|run| run.queued_seconds).sum();
    result.total_seconds = started.elapsed().as_secs_f64() - queued;
    Ok(result)
}

/// Notes what the pass just done took, since `clock`.
fn note_run(result: &mut EditResult, (shown, encodes): (Extent, u32), clock: &mut Instant) {
    let now = Instant::now();
    result.runs.push(PassRun {
        layout: result.layout,
        shown,
        encodes,
        is_detailed: result.details != KeptDetails::Off,
        report: result.report.clone(),
        seconds: (now - *clock).as_secs_f64() - result.queued_seconds,
        queued_seconds: std::mem::take(&mut result.queued_seconds),
    });
    *clock = now;
}

/// A pass of an edit that goes on from the result so far, which is `patch`.
fn next_pass(
    engine: &mut dyn Engine,
    (before, pass): (&Prepared, &Pass),
    request: &EditRequest,
    patch: &Patch,
    steps: (u32, u32),
    progress: &mut dyn EditProgress,
) -> Result<EditResult, EditError> {
    let mut so_far = request.source.clone();
    draw_patch(&mut so_far.pixels, patch, 255);
    let prepared = before.next_pass(pass, &request.traits, &so_far)?;
    drop(so_far);
    run_pass(engine, &prepared, steps, progress)
}

/// One pass, which follows that many of all steps.
fn run_pass(
    engine: &mut dyn Engine,
    prepared: &Prepared,
    (steps_before, steps_of_all): (u32, u32),
    progress: &mut dyn EditProgress,
) -> Result<EditResult, EditError> {
    let mut placing = Placing {
        prepared,
        progress,
        steps_before,
        steps_of_all,
        began: Instant::now(),
        is_away: false,
        queued_since: None,
        queued: Duration::ZERO,
    };
    let output = engine.run(&prepared.input, &mut placing)?;
    let queued = placing.queued;
    progress.checkpoint()?;
    let patch = prepared.finish(&output.image, output.round_trip.as_ref())?;
    let details = match (prepared.input.wants_round_trip, &output.round_trip) {
        (false, _) => KeptDetails::Off,
        (true, Some(_)) => KeptDetails::ByRoundTrip,
        (true, None) => KeptDetails::ByPicture,
    };
    Ok(EditResult {
        model: prepared.input.model.clone(),
        details,
        patch,
        layout: prepared.layout,
        report: output.report,
        passes: (1, 1),
        second_pass: SecondPass::Off,
        runs: Vec::new(),
        ended_early_by: None,
        total_seconds: 0.0,
        queued_seconds: queued.as_secs_f64(),
        provenance: None,
    })
}

/// Passes an engine's progress on, with previews put in their place and steps counted over all
/// passes.
struct Placing<'a> {
    prepared: &'a Prepared,
    progress: &'a mut dyn EditProgress,
    steps_before: u32,
    steps_of_all: u32,
    began: Instant,
    is_away: bool,
    queued_since: Option<Instant>,
    queued: Duration,
}

impl Progress for Placing<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        self.progress.checkpoint()
    }

    fn stage(&mut self, stage: Stage) {
        if let Some(since) = self.queued_since.take() {
            self.queued += since.elapsed();
        }
        if let Stage::Queued { .. } = stage {
            self.queued_since = Some(Instant::now());
        }
        // What was done before its server went away tells nothing of how long it takes, and may be done again.
        if self.is_away {
            self.queued = self.began.elapsed();
        }
        self.is_away = stage == Stage::Away;
        self.progress.stage(match stage {
            Stage::Step { done, .. } => Stage::Step {
                done: self.steps_before + done,
                of: self.steps_of_all,
            },
            stage => stage,
        });
    }

    fn wants_preview(&self) -> bool {
        self.progress.wants_preview()
    }

    fn preview(&mut self, preview: RgbF32) {
        // A preview that cannot be placed is only a preview lost; the result has its own check.
        if let Ok(placed) = self.prepared.preview(&preview) {
            self.progress.preview(placed);
        }
    }

    fn may_be_handed_on(&self) -> bool {
        self.progress.may_be_handed_on()
    }
}
