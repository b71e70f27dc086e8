//! [`Queue`]: which jobs wait, which one runs. A state machine without threads.

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
struct Job<T> {
    id: JobId,
    work: T,
    cancel: CancelFlag,
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

/// Jobs in the order they will run, and the one that runs. Each job leaves it exactly once: by
/// [`end`](Self::end), or by being removed while it waits.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: VecDeque<Job<T>>,
    running: Option<Job<T>>,
    last_id: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            running: None,
            last_id: 0,
        }
    }
}

impl<T: Clone> Queue<T> {
    /// Adds work at the end.
    pub(super) fn add(&mut self, work: T) -> JobId {
        self.last_id += 1;
        let id = JobId(self.last_id);
        self.waiting.push_back(Job {
            id,
            work,
            cancel: CancelFlag::default(),
        });
        id
    }

    /// The next job to hand over; `None` while one runs or when none waits. It runs from now on.
    pub(super) fn start_next(&mut self) -> Option<(JobId, T, CancelFlag)> {
        if self.running.is_some() {
            return None;
        }
        let job = self.waiting.pop_front()?;
        let handed_over = (job.id, job.work.clone(), job.cancel.clone());
        self.running = Some(job);
        Some(handed_over)
    }

    /// Takes the running job out because it has ended. `None` when that job does not run: then
    /// whoever says so is late or mistaken, and nothing is done.
    pub(super) fn end(&mut self, id: JobId) -> Option<T> {
        let ended = self.running.take_if(|job| job.id == id)?;
        Some(ended.work)
    }

    /// Stops a job, waiting or running.
    pub(super) fn cancel(&mut self, id: JobId) -> Removed<T> {
        if let Some(job) = self.running.as_ref().filter(|job| job.id == id) {
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

    /// The job that runs.
    pub(super) fn running(&self) -> Option<JobId> {
        self.running.as_ref().map(|job| job.id)
    }

    /// True when the running job has been asked to stop.
    #[cfg(test)]
    pub(super) fn is_stopping(&self) -> bool {
        self.running.as_ref().is_some_and(|job| job.cancel.is_set())
    }

    /// The jobs that wait, the next one first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = JobId> {
        self.waiting.iter().map(|job| job.id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Act {
        Add,
        Start,
        End(u64),
        Cancel(u64),
        Remove(u64),
        Move(u64, usize),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let id = 1..12u64;
        let act = prop_oneof![
            3 => Just(Act::Add),
            3 => Just(Act::Start),
            3 => id.clone().prop_map(Act::End),
            1 => id.clone().prop_map(Act::Cancel),
            1 => id.clone().prop_map(Act::Remove),
            1 => (id, 0..6usize).prop_map(|(id, to)| Act::Move(id, to)),
        ];
        prop::collection::vec(act, 0..80)
    }

    proptest! {
        /// However calls are ordered, and however late or wrong a worker's words are: every job
        /// ends exactly once, one at most runs, and none is lost.
        #[test]
        fn every_job_ends_exactly_once(acts in acts()) {
            let mut queue = Queue::default();
            let mut ends: BTreeMap<u64, u32> = BTreeMap::new();
            let mut added = 0;
            for act in acts {
                let ended = match act {
                    Act::Add => { added += 1; queue.add(added); None }
                    Act::Start => {
                        let running = queue.running();
                        prop_assert!(!(queue.start_next().is_some() && running.is_some()));
                        None
                    }
                    Act::End(id) => queue.end(JobId(id)),
                    Act::Cancel(id) => match queue.cancel(JobId(id)) {
                        Removed::Waiting(work) => Some(work),
                        Removed::Asked => { prop_assert!(queue.is_stopping()); None }
                        Removed::Unknown => None,
                    },
                    Act::Remove(id) => queue.remove_waiting(JobId(id)),
                    Act::Move(id, to) => { queue.move_waiting(JobId(id), to); None }
                };
                if let Some(work) = ended { *ends.entry(work).or_default() += 1; }
                let inside = queue.waiting().count() + usize::from(queue.running().is_some());
                prop_assert_eq!(inside + ends.len(), added as usize, "none is lost or doubled");
            }
            while let Some((id, _, _)) = { let running = queue.running(); if let Some(id) = running { let work = queue.end(id); *ends.entry(work.unwrap()).or_default() += 1; } queue.start_next() } {
                prop_assert_eq!(queue.running(), Some(id));
            }
            prop_assert_eq!(ends.len() as u64, added);
            prop_assert!(ends.values().all(|count| *count == 1));
        }
    }

    #[test]
    fn moving_changes_who_runs_next() {
        let mut queue = Queue::default();
        let [a, b, c] = ["a", "b", "c"].map(|name| queue.add(name));
        assert!(queue.move_waiting(c, 0));
        assert_eq!(queue.waiting().collect::<Vec<_>>(), [c, a, b]);
        assert_eq!(queue.start_next().map(|(id, _, _)| id), Some(c));
        assert!(queue.start_next().is_none(), "one at a time");
        assert!(!queue.move_waiting(c, 1), "it runs");
        assert!(queue.move_waiting(a, 99));
        assert_eq!(queue.waiting().collect::<Vec<_>>(), [b, a]);
    }
}
