//! [`Queue`]: which jobs wait, which run, on which lanes. A state machine without threads.
//!
//! Jobs are pulled: a lane that is free takes the first waiting job that it may run, so that a slow one
//! takes fewer. A lane that could not do its job gives it back, for the other lanes that may run it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::JobId;

/// Asks a running job to stop; read at each of its checkpoints.
#[derive(Debug, Clone, Default)]
pub(super) struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Asks to stop.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once it was asked to stop.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Job<T, L> {
    id: JobId,
    work: T,
    cancel: CancelFlag,
    /// Those that may run it and have not failed at it, the best one first.
    lanes: Vec<L>,
}

/// A job that was taken, by which lane.
#[derive(Debug)]
pub(super) struct Taken<T, L> {
    pub(super) id: JobId,
    pub(super) work: T,
    pub(super) cancel: CancelFlag,
    pub(super) lane: L,
    /// No other lane may run it.
    pub(super) is_only: bool,
}

/// What became of a job that was to be stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Removed<T> {
    /// It was waiting; this was its end.
    Waiting(T),
    /// It runs and has been asked to stop; its end is still to come.
    Asked,
    /// It has ended before, or never was.
    Unknown,
}

/// What became of a job that was given back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum GivenBack<T> {
    /// It waits for another lane, before all others.
    Waits,
    /// No lane is left; this was its end.
    NoneLeft(T),
    /// It had been asked to stop; this was its end.
    Stopped(T),
}

/// Jobs in the order they will run, and those that run, one at most on each lane. Each job leaves it exactly
/// once: by [`end`](Self::end), by being given back where no lane is left, or by being removed while it waits.
#[derive(Debug)]
pub(super) struct Queue<T, L> {
    waiting: VecDeque<Job<T, L>>,
    running: Vec<(L, Job<T, L>)>,
    last_id: u64,
}

impl<T, L> Default for Queue<T, L> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            running: Vec::new(),
            last_id: 0,
        }
    }
}

impl<T: Clone, L: Clone + PartialEq> Queue<T, L> {
    /// Adds work at the end, for any of those lanes, the best one first.
    pub(super) fn add(&mut self, work: T, lanes: Vec<L>) -> JobId {
        self.last_id += 1;
        let id = JobId(self.last_id);
        self.waiting.push_back(Job {
            id,
            work,
            cancel: CancelFlag::default(),
            lanes,
        });
        id
    }

    /// The next job that a free lane takes; `None` when there is none. It runs there from now on.
    /// `is_willing` is asked of free lanes, and told whether the job has that lane only.
    pub(super) fn take_next(
        &mut self,
        is_willing: impl Fn(&L, bool) -> bool,
    ) -> Option<Taken<T, L>> {
        let found = self.waiting.iter().enumerate().find_map(|(place, job)| {
            let is_only = job.lanes.len() == 1;
            let mut lanes = job.lanes.iter();
            let lane =
                lanes.find(|lane| self.on_lane(lane).is_none() && is_willing(lane, is_only))?;
            Some((place, lane.clone()))
        });
        let (place, lane) = found?;
        let job = self.waiting.remove(place)?;
        let taken = Taken {
            id: job.id,
            work: job.work.clone(),
            cancel: job.cancel.clone(),
            lane: lane.clone(),
            is_only: job.lanes.len() == 1,
        };
        self.running.push((lane, job));
        Some(taken)
    }

    /// Takes a running job out because it has ended. `None` when that job does not run on that lane: then
    /// whoever says so is late or mistaken, and nothing is done.
    pub(super) fn end(&mut self, id: JobId, lane: &L) -> Option<T> {
        self.release(id, lane).map(|job| job.work)
    }

    /// Takes a running job from a lane that could not do it. `None` as for [`end`](Self::end).
    pub(super) fn give_back(&mut self, id: JobId, lane: &L) -> Option<GivenBack<T>> {
        let mut job = self.release(id, lane)?;
        job.lanes.retain(|other| other != lane);
        if job.cancel.is_set() {
            return Some(GivenBack::Stopped(job.work));
        }
        if job.lanes.is_empty() {
            return Some(GivenBack::NoneLeft(job.work));
        }
        self.waiting.push_front(job);
        Some(GivenBack::Waits)
    }

    fn release(&mut self, id: JobId, lane: &L) -> Option<Job<T, L>> {
        let mut running = self.running.iter();
        let place = running.position(|(on, job)| on == lane && job.id == id)?;
        Some(self.running.swap_remove(place).1)
    }

    /// Stops a job, waiting or running.
    pub(super) fn cancel(&mut self, id: JobId) -> Removed<T> {
        if let Some((_, job)) = self.running.iter().find(|(_, job)| job.id == id) {
            job.cancel.set();
            return Removed::Asked;
        }
        self.remove_waiting(id)
            .map_or(Removed::Unknown, Removed::Waiting)
    }

    /// Takes a waiting job out.
    pub(super) fn remove_waiting(&mut self, id: JobId) -> Option<T> {
        let place = self.waiting.iter().position(|job| job.id == id)?;
        self.waiting.remove(place).map(|job| job.work)
    }

    /// Moves a waiting job to place `to` (0 is the next to run; beyond the end is the end). True
    /// when it was waiting.
    pub(super) fn move_waiting(&mut self, id: JobId, to: usize) -> bool {
        let Some(place) = self.waiting.iter().position(|job| job.id == id) else {
            return false;
        };
        if let Some(job) = self.waiting.remove(place) {
            self.waiting.insert(to.min(self.waiting.len()), job);
        }
        true
    }

    /// The jobs that run.
    pub(super) fn running(&self) -> impl Iterator<Item = JobId> {
        self.running.iter().map(|(_, job)| job.id)
    }

    /// The job that runs on a lane.
    pub(super) fn on_lane(&self, lane: &L) -> Option<JobId> {
        let mut running = self.running.iter();
        running.find(|(on, _)| on == lane).map(|(_, job)| job.id)
    }

    /// What a waiting job is.
    pub(super) fn work_of(&self, id: JobId) -> Option<&T> {
        let job = self.waiting.iter().find(|job| job.id == id);
        job.map(|job| &job.work)
    }

    /// The jobs that wait, the next one first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = JobId> {
        self.waiting.iter().map(|job| job.id)
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
