//! [`Lane`]: one engine with its thread, the job it runs, and its rest.

use std::sync::Arc;
use std::time::Instant;

use super::engines::EngineId;
use super::estimate::Estimate;
use super::rest::Rest;
use super::worker::{Assignment, Ending, EngineThread, Told, Wake, WorkerEvent};
use super::{EngineFactory, JobId};
use crate::catalog::ModelRef;
use crate::engine::Stage;
use crate::plan::{EditRequest, PreviewPatch};

/// Where a running job stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Which job.
    pub job: JobId,
    /// Where it runs.
    pub engine: EngineId,
    /// The last stage it told of.
    pub stage: Option<Stage>,
    /// When it was handed over.
    pub since: Instant,
    /// The newest preview.
    pub preview: Option<Arc<PreviewPatch>>,
    /// How many previews have come.
    pub preview_count: u64,
    pub(super) estimate: Estimate,
    pub(super) pace: Pace,
}

/// Runs whose share of decoding is alike: guidance doubles the cost of steps but not of decoding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Pace {
    model: ModelRef,
    guided: bool,
}

impl Pace {
    fn of(request: &EditRequest) -> Self {
        Self {
            model: request.model.clone(),
            guided: request.settings.guidance.is_on(),
        }
    }
}

/// An engine that runs one job at a time. Dropping it stops that job and waits for the thread's end.
#[derive(Debug)]
pub(super) struct Lane {
    thread: EngineThread,
    pub(super) standing: Option<Standing>,
    pub(super) rest: Rest,
}

/// A job that ended on its lane, when and how.
pub(super) type Ended = (JobId, Instant, Ending);

impl Lane {
    /// Starts the thread of that engine.
    pub(super) fn start(
        engine: &EngineId,
        factory: EngineFactory,
        wake: Wake,
    ) -> std::io::Result<Self> {
        Ok(Self {
            thread: EngineThread::spawn(engine.name(), factory, wake)?,
            standing: None,
            rest: Rest::default(),
        })
    }

    /// Hands a job over; false where the thread does not answer.
    pub(super) fn begin(&mut self, engine: EngineId, assignment: Assignment) -> bool {
        let standing = Standing {
            job: assignment.id,
            engine,
            stage: None,
            since: Instant::now(),
            preview: None,
            preview_count: 0,
            estimate: Estimate::default(),
            pace: Pace::of(&assignment.request),
        };
        let is_taken = self.thread.assign(assignment).is_ok();
        if is_taken {
            self.standing = Some(standing);
        }
        is_taken
    }

    /// Takes in what the thread has said; the job that has ended, and whether there is something to show.
    pub(super) fn poll(&mut self) -> (Option<Ended>, bool) {
        let mut moved = false;
        while let Some((job, at, event)) = self.thread.next_event() {
            if let WorkerEvent::Ended(ending) = event {
                return (Some((job, at, ending)), moved);
            }
            moved |= self.note((job, at, event));
        }
        if let Some((job, preview)) = self.thread.take_preview()
            && let Some(standing) = self.standing_of(job)
        {
            standing.preview = Some(Arc::new(preview));
            standing.preview_count += 1;
            moved = true;
        }
        (None, moved)
    }

    fn note(&mut self, (job, at, event): Told) -> bool {
        let Some(standing) = self.standing_of(job) else {
            return false;
        };
        match event {
            WorkerEvent::Planned(passes) => {
                standing.estimate.plan(passes);
                false
            }
            WorkerEvent::Stage(stage) => {
                standing.stage = Some(stage);
                standing.estimate.note(stage, at);
                true
            }
            WorkerEvent::Ended(_) => false,
        }
    }

    fn standing_of(&mut self, job: JobId) -> Option<&mut Standing> {
        self.standing
            .as_mut()
            .filter(|standing| standing.job == job)
    }

    /// Asks the running job to stop, without waiting.
    pub(super) fn stop(&self) {
        self.thread.stop();
    }
}
