//! [`EngineTurns`]: one engine that edits and a batch use in turns, so that its model is in memory once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::EngineFactory;
use super::worker::guarded;
use crate::engine::{Cancelled, Engine, EngineError, EngineOutput, Progress, Stage};
use crate::plan::EngineInput;

/// So often whoever waits for the engine looks whether to go on waiting.
const LOOK: Duration = Duration::from_millis(10);
/// So long after an edit a batch leaves the engine to the one that was queued behind it.
const NEXT_EDIT: Duration = Duration::from_millis(200);

/// What lies there while nobody runs the engine.
#[derive(Default)]
struct Kept {
    /// `None` where it is still to be made.
    engine: Option<Box<dyn Engine>>,
    /// When an edit has put it back, where it was one.
    edited: Option<Instant>,
}

/// One engine for several threads. Edits go first: a batch takes it between two runs only where no edit waits.
#[derive(Clone)]
pub struct EngineTurns {
    factory: EngineFactory,
    /// The engine lies here while nobody runs it.
    put: Sender<Kept>,
    take: Receiver<Kept>,
    /// Edits that wait for it.
    edits: Arc<AtomicUsize>,
}

impl std::fmt::Debug for EngineTurns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineTurns")
            .field("edits", &self.edits)
            .finish_non_exhaustive()
    }
}

impl EngineTurns {
    /// `factory` makes the engine when it is needed first, on the thread that needs it, and again after a panic.
    pub fn new(factory: EngineFactory) -> Self {
        let (put, take) = bounded(1);
        // There is room for one, and nothing lies there yet.
        _ = put.try_send(Kept::default());
        Self {
            factory,
            put,
            take,
            edits: Arc::default(),
        }
    }

    /// What edits run on.
    pub fn of_edits(&self) -> EngineFactory {
        self.users(true)
    }

    /// What batches run on.
    pub fn of_batches(&self) -> EngineFactory {
        self.users(false)
    }

    /// True while an edit waits for the engine.
    pub fn is_wanted(&self) -> bool {
        self.edits.load(Ordering::Relaxed) > 0
    }

    fn users(&self, edits: bool) -> EngineFactory {
        let turns = self.clone();
        Arc::new(move || {
            let turns = turns.clone();
            Ok(Box::new(Turn { turns, edits }) as Box<dyn Engine>)
        })
    }
}

/// Runs on the engine when it is its turn.
struct Turn {
    turns: EngineTurns,
    edits: bool,
}

impl Turn {
    /// The engine, as soon as it is this one's turn. That one waits is said once.
    fn wait(&self, progress: &mut dyn Progress) -> Result<Lent<'_>, Cancelled> {
        let _waiting = self.edits.then(|| Waiting::begin(&self.turns.edits));
        let mut is_told = false;
        loop {
            progress.checkpoint()?;
            if let Some(lent) = self.lent() {
                return Ok(lent);
            }
            if !is_told {
                is_told = true;
                progress.stage(Stage::Queued { ahead: 1 });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The engine, where it is free and nobody comes first.
    fn lent(&self) -> Option<Lent<'_>> {
        let turns = &self.turns;
        if !self.edits && turns.is_wanted() {
            return None;
        }
        let kept = turns.take.try_recv().ok()?;
        let edited = kept.edited;
        // Where it is not kept it goes back by being dropped.
        let lent = Lent { turn: self, kept };
        let is_early = edited.is_some_and(|at| at.elapsed() < NEXT_EDIT);
        (self.edits || !is_early).then_some(lent)
    }
}

impl Engine for Turn {
    fn run(
        &mut self,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        let mut lent = self.wait(progress)?;
        let ran = guarded(|| {
            let engine = match &mut lent.kept.engine {
                Some(engine) => engine,
                none => none.insert((self.turns.factory)()?),
            };
            let ran = engine.run(input, progress);
            lent.kept.edited = self.edits.then(Instant::now);
            ran
        });
        ran.unwrap_or_else(|why| {
            let broken = lent.kept.engine.take();
            // Its destructor may trip over what the panic left behind.
            guarded(|| drop(broken)).ok();
            Err(EngineError::Panicked { why })
        })
    }
}

/// The engine while somebody has it. It goes back at the end, whatever the end is.
struct Lent<'a> {
    turn: &'a Turn,
    kept: Kept,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // Nobody else puts one there, so there is room.
        _ = self.turn.turns.put.try_send(std::mem::take(&mut self.kept));
    }
}

/// An edit that waits; it counts as long as this lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
