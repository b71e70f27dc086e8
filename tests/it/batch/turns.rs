//! One engine for edits and a batch: whose turn it is.

use crossbeam_channel::{Receiver, Sender, bounded};
use overpaint::engine::{Cancelled, EngineOutput, Stage};
use overpaint::jobs::EngineTurns;
use overpaint::plan::{EditRequest, EngineInput, prepare};
use overpaint::raster::MaskKind;

use super::*;

const LOOK: Duration = Duration::from_millis(2);

/// Says what it runs, and runs until it may end.
struct Gated {
    runs: Sender<String>,
    may_end: Arc<AtomicBool>,
}

impl Engine for Gated {
    fn run(
        &mut self,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        self.runs.send(input.prompt.clone()).unwrap();
        assert!(input.prompt != "panic", "as it was asked");
        while !self.may_end.load(Ordering::Relaxed) {
            progress.checkpoint()?;
            std::thread::sleep(LOOK);
        }
        Err(EngineError::OutOfMemory)
    }
}

/// Says that it waits, and can be stopped.
struct Told {
    stop: Arc<AtomicBool>,
    waits: Sender<Stage>,
}

impl Progress for Told {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if self.stop.load(Ordering::Relaxed) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }
    fn stage(&mut self, stage: Stage) {
        self.waits.send(stage).unwrap();
    }
    fn wants_preview(&self) -> bool {
        false
    }
    fn preview(&mut self, _: RgbF32) {}
}

/// More than a test says.
const MOST_SAID: usize = 64;

struct Room {
    turns: EngineTurns,
    made: Arc<AtomicUsize>,
    runs: Receiver<String>,
    may_end: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    waits: (Sender<Stage>, Receiver<Stage>),
}

fn turns() -> Room {
    let (said, runs) = bounded(MOST_SAID);
    let (made, may_end) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let (count, may) = (Arc::clone(&made), Arc::clone(&may_end));
    let turns = EngineTurns::new(Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let (runs, may_end) = (said.clone(), Arc::clone(&may));
        Ok(Box::new(Gated { runs, may_end }) as Box<dyn Engine>)
    }));
    Room {
        turns,
        made,
        runs,
        may_end,
        stop: Arc::default(),
        waits: bounded(MOST_SAID),
    }
}

impl Room {
    /// Runs that as one of its users does, on another thread.
    fn run(&self, users: &EngineFactory, prompt: &str) -> std::thread::JoinHandle<EngineError> {
        let card = open(&ModelRef::BuiltIn).unwrap();
        let request = EditRequest {
            model: card.reference,
            traits: card.traits,
            source: picture(Extent::new(64, 64), 0),
            painted: None,
            mask_kind: MaskKind::Strength,
            settings: EditSettings {
                prompt: prompt.to_owned(),
                ..EditSettings::default()
            },
        };
        let input = prepare(&request).unwrap().input;
        let mut told = Told {
            stop: Arc::clone(&self.stop),
            waits: self.waits.0.clone(),
        };
        let users = EngineFactory::clone(users);
        let thread = std::thread::Builder::new().name("a user of the engine".to_owned());
        let run = move || users().unwrap().run(&input, &mut told).unwrap_err();
        thread.spawn(run).unwrap()
    }
}

#[test]
fn edits_go_before_the_next_picture_on_the_one_engine() {
    let room = turns();
    let (edits, batches) = (room.turns.of_edits(), room.turns.of_batches());
    let first = room.run(&batches, "first");
    assert_eq!(room.runs.recv().unwrap(), "first");
    let edits = [(); 2].map(|()| room.run(&edits, "edit"));
    for _ in 0..2 {
        assert_eq!(room.waits.1.recv().unwrap(), Stage::Queued { ahead: 1 });
    }
    assert!(room.turns.is_wanted());
    let second = room.run(&batches, "second");
    room.may_end.store(true, Ordering::Relaxed);
    for run in edits.into_iter().chain([first, second]) {
        assert_eq!(run.join().unwrap(), EngineError::OutOfMemory);
    }
    let order: Vec<String> = room.runs.try_iter().collect();
    assert_eq!(order, ["edit", "edit", "second"]);
    assert_eq!(room.made.load(Ordering::Relaxed), 1);
    assert!(!room.turns.is_wanted());
}

#[test]
fn whoever_waits_can_be_stopped_and_a_panic_makes_the_engine_anew() {
    let room = turns();
    let (edits, batches) = (room.turns.of_edits(), room.turns.of_batches());
    let first = room.run(&batches, "first");
    room.runs.recv().unwrap();
    let waiting = room.run(&edits, "edit");
    room.waits.1.recv().unwrap();
    room.stop.store(true, Ordering::Relaxed);
    for run in [first, waiting] {
        assert_eq!(run.join().unwrap(), EngineError::Cancelled);
    }
    room.stop.store(false, Ordering::Relaxed);
    room.may_end.store(true, Ordering::Relaxed);
    let why = room.run(&edits, "panic").join().unwrap();
    assert!(matches!(why, EngineError::Panicked { .. }), "{why:?}");
    let after = room.run(&batches, "after").join().unwrap();
    assert_eq!(after, EngineError::OutOfMemory);
    let order: Vec<String> = room.runs.try_iter().collect();
    assert_eq!(order, ["panic", "after"], "the edit that waited never ran");
    assert_eq!(room.made.load(Ordering::Relaxed), 2);
}
