//! One edit from request to patch, on the thread at hand.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::engine::{Cancelled, Engine, EngineError, Progress, RunReport, Stage};
use crate::plan::{EditRequest, Layout, PlanError, Prepared, PreviewPatch, prepare};
use crate::raster::{Patch, RgbF32};
use crate::text::{Explain, Message, error_speaks};

/// How an edit talks while it runs: [`Progress`], with previews already in their place.
pub trait EditProgress {
    /// Called often; an error ends the edit.
    fn checkpoint(&mut self) -> Result<(), Cancelled>;
    /// The edit is laid out and about to run.
    fn planned(&mut self, layout: &Layout);
    /// Where the run stands.
    fn stage(&mut self, stage: Stage);
    /// True when a preview would be looked at.
    fn wants_preview(&self) -> bool;
    /// What the result will look like.
    fn preview(&mut self, preview: PreviewPatch);
}

/// The progress of an edit that nobody watches and nobody stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unwatched;

impl EditProgress for Unwatched {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        Ok(())
    }

    fn planned(&mut self, _: &Layout) {}

    fn stage(&mut self, _: Stage) {}

    fn wants_preview(&self) -> bool {
        false
    }

    fn preview(&mut self, _: PreviewPatch) {}
}

/// What an edit gives.
#[derive(Debug, Clone, PartialEq)]
pub struct EditResult {
    /// To be laid over the picture.
    pub patch: Patch,
    /// How it lies there.
    pub layout: Layout,
    /// Whether details that the model could not see were kept.
    pub details: KeptDetails,
    /// What the engine says of its run.
    pub report: RunReport,
    /// Wall-clock seconds from request to patch.
    pub total_seconds: f64,
}

/// Whether details that the model could not see were kept, and what the result was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptDetails {
    /// Not asked for, or nothing to keep.
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
}

impl From<PlanError> for EditError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
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

/// Plans the request, runs it on `engine` and places the result.
pub fn run_edit(
    engine: &mut dyn Engine,
    request: &EditRequest,
    progress: &mut dyn EditProgress,
) -> Result<EditResult, EditError> {
    let started = Instant::now();
    progress.checkpoint()?;
    let prepared = prepare(request)?;
    progress.checkpoint()?;
    progress.planned(&prepared.layout);
    let mut placing = Placing {
        prepared: &prepared,
        progress,
    };
    let output = engine.run(&prepared.input, &mut placing)?;
    progress.checkpoint()?;
    let patch = prepared.finish(&output.image, output.round_trip.as_ref())?;
    let details = match (prepared.input.wants_round_trip, &output.round_trip) {
        (false, _) => KeptDetails::Off,
        (true, Some(_)) => KeptDetails::ByRoundTrip,
        (true, None) => KeptDetails::ByPicture,
    };
    Ok(EditResult {
        details,
        patch,
        layout: prepared.layout,
        report: output.report,
        total_seconds: started.elapsed().as_secs_f64(),
    })
}

/// Passes an engine's progress on, with previews put in their place.
struct Placing<'a> {
    prepared: &'a Prepared,
    progress: &'a mut dyn EditProgress,
}

impl Progress for Placing<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        self.progress.checkpoint()
    }

    fn stage(&mut self, stage: Stage) {
        self.progress.stage(stage);
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
}
