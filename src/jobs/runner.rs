//! [`Runner`]: the queue, a lane for each engine, and the estimate together.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::JobId;
use super::edit::{EditError, EditResult};
use super::engines::{EngineId, Engines, Home};
use super::lane::{Ended, Lane, Pace, Standing};
use super::queue::{GivenBack, Queue, Removed, Taken};
use super::worker::{Assignment, Ending, Wake};
use crate::engine::EngineError;
use crate::plan::EditRequest;

/// What has happened to a job. After `Started` comes, before the program's end, exactly one of the others;
/// after `GivenBack` the job waits again and `Started` may come again. A job cancelled while it waits never
/// starts.
#[derive(Debug)]
pub enum JobEvent {
    /// It was handed to an engine.
    Started,
    /// Its engine could not do it, and it waits for another one.
    GivenBack(EditError),
    /// It gave a result.
    Finished(Box<EditResult>),
    /// It failed.
    Failed(EditError),
    /// It was stopped, or taken out of the queue.
    Cancelled,
}

/// What is to be done, and where else it may be done.
#[derive(Debug, Clone)]
struct Work {
    request: Arc<EditRequest>,
    others: Arc<[Home]>,
}

impl Work {
    /// The request as that engine runs it.
    fn on(&self, engine: &EngineId) -> Arc<EditRequest> {
        if EngineId::of(&self.request.model) == *engine {
            return Arc::clone(&self.request);
        }
        let home = self.others.iter().find(|home| home.engine() == *engine);
        match home {
            Some(home) => Arc::new(home.request(&self.request)),
            None => Arc::clone(&self.request),
        }
    }

    /// Where it may run, the best one first; each once.
    fn engines(&self) -> Vec<EngineId> {
        let mut engines = vec![EngineId::of(&self.request.model)];
        for engine in self.others.iter().map(Home::engine) {
            if !engines.contains(&engine) {
                engines.push(engine);
            }
        }
        engines
    }
}

/// Jobs for the engines: they wait here, on the caller's side. Each engine has a lane of its own, made when its
/// first job comes; a lane that is free pulls the next job that it may run. A job whose engine fails goes to
/// another that may run it, and that engine is asked less until it answers again.
pub struct Runner {
    queue: Queue<Work, EngineId>,
    engines: Engines,
    wake: Wake,
    lanes: BTreeMap<EngineId, Lane>,
    decode_steps: HashMap<Pace, f64>,
    /// Ends that were known at once and not yet told.
    told: Vec<(JobId, JobEvent)>,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("queue", &self.queue)
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

impl Runner {
    /// Without lanes yet; `engines` makes what runs in them.
    pub fn new(engines: Engines, wake: Wake) -> Self {
        Self {
            queue: Queue::default(),
            engines,
            wake,
            lanes: BTreeMap::new(),
            decode_steps: HashMap::new(),
            told: Vec::new(),
        }
    }

    /// Adds a job at the end of the queue. The engine of the request's own model runs it, or, where it is busy
    /// or fails, one of `others` with its own model.
    pub fn add(&mut self, request: Arc<EditRequest>, others: Vec<Home>) -> JobId {
        let work = Work {
            request,
            others: others.into(),
        };
        let engines = work.engines();
        self.queue.add(work, engines)
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

    /// Where the running jobs stand, one for each engine at most.
    pub fn standings(&self) -> impl Iterator<Item = &Standing> {
        self.lanes
            .values()
            .filter_map(|lane| lane.standing.as_ref())
    }

    /// Seconds that a running job will still take, as seen at `now`.
    pub fn seconds_left(&self, job: JobId, now: Instant) -> Option<f64> {
        let standing = self.standings().find(|standing| standing.job == job)?;
        let decode_steps = self.decode_steps.get(&standing.pace).copied();
        standing.estimate.seconds_left(now, decode_steps)
    }

    /// Takes in what the engines have said and hands over the next jobs where it can. True in the
    /// second place when a stage or a preview has come.
    pub fn poll(&mut self) -> (Vec<(JobId, JobEvent)>, bool) {
        let mut events = std::mem::take(&mut self.told);
        let mut moved = false;
        let mut ended = Vec::new();
        for (engine, lane) in &mut self.lanes {
            let (end, has_moved) = lane.poll();
            moved |= has_moved;
            ended.extend(end.map(|end| (engine.clone(), end)));
        }
        for (engine, end) in ended {
            events.extend(self.end(&engine, end));
        }
        self.hand_over(&mut events);
        (events, moved)
    }

    fn end(&mut self, engine: &EngineId, (job, at, ending): Ended) -> Option<(JobId, JobEvent)> {
        let lane = self.lanes.get_mut(engine)?;
        let standing = lane.standing.take_if(|standing| standing.job == job);
        let event = match ending {
            Ending::Failed(error) if error.may_be_mended_elsewhere() => {
                if error.wants_rest() {
                    lane.rest.begin(at);
                } else {
                    lane.rest.end();
                }
                return self.give_back(job, engine, error);
            }
            Ending::Finished(result) => {
                lane.rest.end();
                if let Some(standing) = standing
                    && let Some(steps) = standing.estimate.decode_steps(at)
                {
                    self.decode_steps.insert(standing.pace, steps);
                }
                JobEvent::Finished(result)
            }
            Ending::Failed(error) => JobEvent::Failed(error),
            Ending::Cancelled => JobEvent::Cancelled,
        };
        self.queue.end(job, engine)?;
        Some((job, event))
    }

    /// Gives a job that its engine could not do to the others.
    fn give_back(
        &mut self,
        job: JobId,
        engine: &EngineId,
        error: EditError,
    ) -> Option<(JobId, JobEvent)> {
        let event = match self.queue.give_back(job, engine)? {
            GivenBack::Waits => JobEvent::GivenBack(error),
            GivenBack::NoneLeft(_) => JobEvent::Failed(error),
            GivenBack::Stopped(_) => JobEvent::Cancelled,
        };
        Some((job, event))
    }

    fn hand_over(&mut self, events: &mut Vec<(JobId, JobEvent)>) {
        while let Some(taken) = self.take_next() {
            let (id, engine) = (taken.id, taken.lane.clone());
            match self.begin(taken) {
                Ok(()) => events.push((id, JobEvent::Started)),
                Err(why) => {
                    let error = EngineError::Internal { why };
                    events.extend(self.give_back(id, &engine, EditError::Engine(error)));
                }
            }
        }
    }

    fn take_next(&mut self) -> Option<Taken<Work, EngineId>> {
        let (now, lanes) = (Instant::now(), &self.lanes);
        let rests = |engine: &EngineId| lanes.get(engine).is_some_and(|lane| lane.rest.holds(now));
        let taken = self
            .queue
            .take_next(|engine, is_only| is_only || !rests(engine));
        if taken.is_some() || self.queue.running().next().is_some() {
            return taken;
        }
        // Nothing runs whose end would make us look again.
        self.queue.take_next(|_, _| true)
    }

    fn begin(&mut self, taken: Taken<Work, EngineId>) -> Result<(), String> {
        let engine = taken.lane;
        if !self.lanes.contains_key(&engine) {
            let factory = (self.engines)(&engine);
            let lane = Lane::start(&engine, factory, Wake::clone(&self.wake));
            let lane = lane.map_err(|error| error.to_string())?;
            self.lanes.insert(engine.clone(), lane);
        }
        let assignment = Assignment {
            id: taken.id,
            request: taken.work.on(&engine),
            cancel: taken.cancel,
            may_be_handed_on: !taken.is_only,
        };
        let lane = self.lanes.get_mut(&engine);
        if lane.is_some_and(|lane| lane.begin(engine.clone(), assignment)) {
            return Ok(());
        }
        // The next job gets a thread of its own.
        self.lanes.remove(&engine);
        Err("the engine's thread does not answer".to_owned())
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // All at once; each lane waits for its thread then.
        self.lanes.values().for_each(Lane::stop);
    }
}
