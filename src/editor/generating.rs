//! From settings to jobs: single runs and comparisons of strengths.

use std::sync::Arc;

use super::candidates::CandidateId;
use crate::catalog::ModelRef;
use crate::document::DocumentId;
use crate::jobs::{JobId, Stage};
use crate::plan::{EditSettings, Layout, PreviewPatch, Strength};
use crate::text::Message;

/// Names a comparison; never used twice in the program's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComparisonId(pub u64);

/// A run that was asked for, from then until its end; ended ones are kept for a while.
#[derive(Debug, Clone)]
pub struct Run {
    /// The job.
    pub job: JobId,
    /// The document it is for.
    pub document: DocumentId,
    /// The comparison it belongs to.
    pub comparison: Option<ComparisonId>,
    /// The model that runs.
    pub model: ModelRef,
    /// The settings it runs with, its seed among them.
    pub settings: Arc<EditSettings>,
    /// How it lies in its picture.
    pub layout: Layout,
    /// Where it stands.
    pub state: RunState,
}

/// Where a run stands.
#[derive(Debug, Clone)]
pub enum RunState {
    /// In the queue.
    Waiting,
    /// On the engine.
    Running(RunProgress),
    /// It gave a result.
    Finished(CandidateId),
    /// It failed, and why.
    Failed(Message),
    /// It was stopped.
    Cancelled,
}

/// How far a running job is.
#[derive(Debug, Clone, Default)]
pub struct RunProgress {
    /// `None` until the engine has said something.
    pub stage: Option<Stage>,
    /// Since it began.
    pub seconds_gone: f64,
    /// Until its end; `None` until steps have been measured.
    pub seconds_left: Option<f64>,
    /// What it will be like, newest.
    pub preview: Option<Arc<PreviewPatch>>,
    /// How many previews have come.
    pub preview_count: u64,
}

/// The same seed and settings at several strengths.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Which one.
    pub id: ComparisonId,
    /// The document it is for.
    pub document: DocumentId,
    /// The settings that all share; the strength in them means nothing.
    pub settings: Arc<EditSettings>,
    /// The strengths in rising order, with their jobs.
    pub entries: Vec<(Strength, JobId)>,
}
