//! [`Runner`]: queue, engine thread and estimate together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::edit::{EditError, EditResult};
use super::estimate::Estimate;
use super::queue::{Queue, Removed};
use super::worker::{Assignment, Ending, EngineThread, Wake, WorkerEvent};
use super::{EngineFactory, JobId};
use crate::catalog::ModelRef;
use crate::engine::{EngineError, Stage};
use crate::plan::{EditRequest, PreviewPatch};

/// What has happened to a job. After `Started` comes at most one, and before the program's end
/// exactly one, of the other three; a job cancelled while it waits never starts.
#[derive(Debug)]
pub enum JobEvent {
    /// It was handed to the engine.
    Started,
    /// It gave a result.
    Finished(Box<EditResult>),
    /// It failed.
    Failed(EditError),
    /// It was stopped, or taken out of the queue.
    Cancelled,
}

/// Where the running job stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Which job.
    pub job: JobId,
    /// The last stage it told of.
    pub stage: Option<Stage>,
    /// When it was handed over.
    pub since: Instant,
    /// The newest preview.
    pub preview: Option<Arc<PreviewPatch>>,
    /// How many previews have come.
    pub preview_count: u64,
    estimate: Estimate,
    pace: Pace,
}

/// Runs whose share of decoding is alike: guidance doubles the cost of steps but not of decoding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pace {
    model: ModelRef,
    guided: bool,
}

/// Jobs for the engine: they wait here, on the caller's side, and are handed over one at a time.
#[derive(Debug)]
pub struct Runner {
    queue: Queue<Arc<EditRequest>>,
    thread: Result<EngineThread, String>,
    standing: Option<Standing>,
    decode_steps: HashMap<Pace, f64>,
    /// Ends that were known at once and not yet told.
    told: Vec<(JobId, JobEvent)>,
}

impl Runner {
    /// Starts the engine's thread.
    pub fn new(factory: EngineFactory, wake: Wake) -> Self {
        Self {
            queue: Queue::default(),
            thread: EngineThread::spawn(factory, wake).map_err(|error| error.to_string()),
            standing: None,
            decode_steps: HashMap::new(),
            told: Vec::new(),
        }
    }

    /// Adds a job at the end of the queue.
    pub fn add(&mut self, request: Arc<EditRequest>) -> JobId {
        self.queue.add(request)
    }

    /// Stops a job, waiting or running.
    pub fn cancel(&mut self, job: JobId) {
        if let Removed::Waiting(_) = self.queue.cancel(job) {
            self.told.push((job, JobEvent::Cancelled));
        }
    }

    /// Stops all jobs.
    pub fn cancel_all(&mut self) {
        let all: Vec<JobId> = self.queue.waiting().chain(self.queue.running()).collect();
        for job in all {
            self.cancel(job);
        }
    }

    /// Takes a waiting job out of the queue; a running one is left alone.
    pub fn remove_waiting(&mut self, job: JobId) {
        if self.queue.remove_waiting(job).is_some() {
            self.told.push((job, JobEvent::Cancelled));
        }
    }

    /// Moves a waiting job to place `to`; 0 is the next to run.
    pub fn move_waiting(&mut self, job: JobId, to: usize) {
        self.queue.move_waiting(job, to);
    }

    /// The jobs that wait, the next one first.
    pub fn waiting(&self) -> impl Iterator<Item = JobId> {
        self.queue.waiting()
    }

    /// Where the running job stands.
    pub fn standing(&self) -> Option<&Standing> {
        self.standing.as_ref()
    }

    /// Seconds the running job will still take, as seen at `now`.
    pub fn seconds_left(&self, now: Instant) -> Option<f64> {
        let standing = self.standing.as_ref()?;
        let decode_steps = self.decode_steps.get(&standing.pace).copied();
        standing.estimate.seconds_left(now, decode_steps)
    }

    /// Takes in what the engine has said and hands over the next job when it can. True in the
    /// second place when a stage or a preview has come.
    pub fn poll(&mut self) -> (Vec<(JobId, JobEvent)>, bool) {
        let mut events = std::mem::take(&mut self.told);
        let mut moved = false;
        while let Some((job, at, event)) =
            self.thread.as_ref().ok().and_then(EngineThread::next_event)
        {
            match event {
                WorkerEvent::Planned(passes) => {
                    if let Some(standing) = self.standing.as_mut().filter(|s| s.job == job) {
                        standing.estimate.plan(passes);
                    }
                }
                WorkerEvent::Stage(stage) => {
                    if let Some(standing) = self.standing.as_mut().filter(|s| s.job == job) {
                        standing.stage = Some(stage);
                        standing.estimate.note(stage, at);
                        moved = true;
                    }
                }
                WorkerEvent::Ended(ending) => events.extend(self.end(job, at, ending)),
            }
        }
        if let Ok(thread) = &self.thread
            && let Some((job, preview)) = thread.take_preview()
            && let Some(standing) = self.standing.as_mut().filter(|s| s.job == job)
        {
            standing.preview = Some(Arc::new(preview));
            standing.preview_count += 1;
            moved = true;
        }
        self.hand_over(&mut events);
        (events, moved)
    }

    fn end(&mut self, job: JobId, at: Instant, ending: Ending) -> Option<(JobId, JobEvent)> {
        self.queue.end(job)?;
        if let Some(standing) = self.standing.take()
            && matches!(ending, Ending::Finished(_))
            && let Some(steps) = standing.estimate.decode_steps(at)
        {
            self.decode_steps.insert(standing.pace, steps);
        }
        let event = match ending {
            Ending::Finished(result) => JobEvent::Finished(result),
            Ending::Failed(error) => JobEvent::Failed(error),
            Ending::Cancelled => JobEvent::Cancelled,
        };
        Some((job, event))
    }

    fn hand_over(&mut self, events: &mut Vec<(JobId, JobEvent)>) {
        while let Some((id, request, cancel)) = self.queue.start_next() {
            let pace = Pace {
                model: request.model.clone(),
                guided: request.settings.guidance.is_on(),
            };
            let why = match &mut self.thread {
                Ok(thread) => match thread.assign(Assignment {
                    id,
                    request,
                    cancel,
                }) {
                    Ok(()) => {
                        events.push((id, JobEvent::Started));
                        self.standing = Some(Standing {
                            job: id,
                            stage: None,
                            since: Instant::now(),
                            preview: None,
                            preview_count: 0,
                            estimate: Estimate::default(),
                            pace,
                        });
                        return;
                    }
                    Err(_) => "the engine's thread does not answer".to_owned(),
                },
                Err(why) => why.clone(),
            };
            self.queue.end(id);
            let error = EngineError::Internal { why };
            events.push((id, JobEvent::Failed(EditError::Engine(error))));
        }
    }
}
