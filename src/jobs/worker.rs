//! [`EngineThread`]: the thread on which an engine lives.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::edit::{EditError, EditProgress, EditResult, run_edit};
use super::estimate::PassCost;
use super::provenance::Provenance;
use super::queue::CancelFlag;
use super::{EngineFactory, JobId};
use crate::engine::{Cancelled, Engine, EngineError, Stage};
use crate::plan::{EditRequest, Layout, Pass, PreviewPatch};

/// Called, on any thread, when there is something to take in.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A job for the engine.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    /// Which job.
    pub(super) id: JobId,
    /// What is to be done.
    pub(super) request: Arc<EditRequest>,
    /// Stops it.
    pub(super) cancel: CancelFlag,
    /// Another engine may do it.
    pub(super) may_be_handed_on: bool,
}

/// What a job says of itself.
#[derive(Debug)]
pub(super) enum WorkerEvent {
    /// It has these passes. May be left out likewise.
    Planned(Vec<PassCost>),
    /// It stands here. May be left out when nobody listens for a long time.
    Stage(Stage),
    /// It has ended; said exactly once.
    Ended(Ending),
}

/// How a job ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// It gave a result.
    Finished(Box<EditResult>),
    /// It failed.
    Failed(EditError),
    /// It stopped because it was asked to.
    Cancelled,
}

/// An event with its job and the moment it happened.
pub(super) type Told = (JobId, Instant, WorkerEvent);

/// The engine's thread. Dropping it stops the running job and waits for the thread's end.
pub(super) struct EngineThread {
    assign: Option<Sender<Assignment>>,
    events: Option<Receiver<Told>>,
    previews: Receiver<(JobId, PreviewPatch)>,
    current: CancelFlag,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for EngineThread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineThread").finish_non_exhaustive()
    }
}

impl EngineThread {
    /// Starts the thread of the engine of that name. The engine itself is made when the first job comes.
    pub(super) fn spawn(name: &str, factory: EngineFactory, wake: Wake) -> std::io::Result<Self> {
        let (assign, assignments) = bounded(1);
        let (events, told) = bounded(64);
        let (previews, shown) = bounded(1);
        let line = Line {
            events,
            previews,
            wake,
        };
        let thread = std::thread::Builder::new()
            .name(format!("engine {name}"))
            .spawn(move || serve(&assignments, &factory, &line))?;
        Ok(Self {
            assign: Some(assign),
            events: Some(told),
            previews: shown,
            current: CancelFlag::default(),
            thread: Some(thread),
        })
    }

    /// Hands a job over; call it only when the one before has ended. Gives the job back when the
    /// thread does not take it.
    pub(super) fn assign(&mut self, assignment: Assignment) -> Result<(), Assignment> {
        self.current = assignment.cancel.clone();
        match &self.assign {
            Some(assign) => assign
                .try_send(assignment)
                .map_err(crossbeam_channel::TrySendError::into_inner),
            None => Err(assignment),
        }
    }

    /// Asks the running job to stop, without waiting.
    pub(super) fn stop(&self) {
        self.current.set();
    }

    /// The next event, if there is one.
    pub(super) fn next_event(&self) -> Option<Told> {
        self.events.as_ref()?.try_recv().ok()
    }

    /// The newest preview, if there is one that was not taken yet.
    pub(super) fn take_preview(&self) -> Option<(JobId, PreviewPatch)> {
        self.previews.try_recv().ok()
    }
}

impl Drop for EngineThread {
    fn drop(&mut self) {
        self.current.set();
        self.assign = None;
        // Without a listener a send fails at once, so the thread cannot hang in one.
        self.events = None;
        if let Some(thread) = self.thread.take() {
            // The thread catches panics of the engine; one of its own has nobody left to hear it.
            _ = thread.join();
        }
    }
}

/// The thread's way back.
struct Line {
    events: Sender<Told>,
    previews: Sender<(JobId, PreviewPatch)>,
    wake: Wake,
}

fn serve(assignments: &Receiver<Assignment>, factory: &EngineFactory, line: &Line) {
    let mut engine: Option<Box<dyn Engine>> = None;
    for assignment in assignments {
        let ending = run_guarded(&mut engine, factory, &assignment, line);
        let told = (assignment.id, Instant::now(), WorkerEvent::Ended(ending));
        if line.events.send(told).is_err() {
            return;
        }
        (line.wake)();
    }
}

/// Runs a job so that a panic of the engine ends the job and not the program. After a panic, or where its
/// server did not answer, the engine is thrown away and made anew for the next job.
#[expect(
    clippy::disallowed_methods,
    reason = "the one lawful place: an engine panic must not take the painting along"
)]
fn run_guarded(
    engine: &mut Option<Box<dyn Engine>>,
    factory: &EngineFactory,
    assignment: &Assignment,
    line: &Line,
) -> Ending {
    // Unwind safety: whatever the panic left half done lies in the engine, which is dropped.
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| -> Result<_, EditError> {
        let engine = match engine {
            Some(engine) => engine,
            None => engine.insert(factory()?),
        };
        let mut progress = Reporter { assignment, line };
        let mut result = run_edit(engine.as_mut(), &assignment.request, &mut progress)?;
        // Where the weights cannot be looked at any more the result is none the worse.
        result.provenance = Provenance::of(&assignment.request)
            .map(|made_from| Provenance {
                device: result.report.device.clone(),
                ..made_from
            })
            .ok();
        Ok(result)
    }));
    match outcome {
        Ok(Ok(result)) => Ending::Finished(Box::new(result)),
        Ok(Err(error)) if error.is_cancelled() => Ending::Cancelled,
        Ok(Err(error)) => {
            if error.wants_rest() {
                // Its address or key may be another the next time.
                *engine = None;
            }
            Ending::Failed(error)
        }
        Err(panic) => {
            let broken = engine.take();
            // Its destructor may trip over what the panic left behind.
            _ = std::panic::catch_unwind(AssertUnwindSafe(|| drop(broken)));
            let why = words_of(panic.as_ref());
            Ending::Failed(EditError::Engine(EngineError::Panicked { why }))
        }
    }
}

/// Does something that may panic, as a decoder or a network may; what it said where it did. What it has
/// worked on is to be thrown away then.
#[expect(
    clippy::disallowed_methods,
    reason = "one picture that breaks something must not end its batch"
)]
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| words_of(panic.as_ref()))
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
        .to_owned()
}

struct Reporter<'a> {
    assignment: &'a Assignment,
    line: &'a Line,
}

impl EditProgress for Reporter<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if self.assignment.cancel.is_set() {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    fn planned(&mut self, layout: &Layout, later_passes: &[Pass]) {
        let first = PassCost {
            steps: layout.executed_steps,
            per_step: 1.0,
        };
        let later = later_passes.iter().map(|pass| PassCost {
            steps: pass.layout.executed_steps,
            per_step: pass.cost_per_step(layout),
        });
        let passes = std::iter::once(first).chain(later).collect();
        self.tell(WorkerEvent::Planned(passes));
    }

    fn stage(&mut self, stage: Stage) {
        self.tell(WorkerEvent::Stage(stage));
    }

    fn wants_preview(&self) -> bool {
        self.line.previews.is_empty()
    }

    fn preview(&mut self, preview: PreviewPatch) {
        _ = self.line.previews.try_send((self.assignment.id, preview));
        (self.line.wake)();
    }

    fn may_be_handed_on(&self) -> bool {
        self.assignment.may_be_handed_on
    }
}

impl Reporter<'_> {
    fn tell(&self, event: WorkerEvent) {
        let told = (self.assignment.id, Instant::now(), event);
        // A full line means that nobody listens just now. The next stage says more than this one,
        // and the sampler must not wait.
        _ = self.line.events.try_send(told);
        (self.line.wake)();
    }
}
