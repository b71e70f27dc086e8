//! Runs on scripted servers.

#![expect(
    clippy::disallowed_types,
    reason = "what a scripted server was asked is shared by its connections"
)]

mod comfy;
mod comfy_runs;
mod hanging;
mod loras;
mod returning;
mod scripted;
mod sdapi;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Pace, RemoteEngine};
use crate::catalog::{Access, ServerKind};
use crate::engine::{Cancelled, Engine as _, EngineError, EngineOutput, Fault, Progress, Stage};
use crate::plan::EngineInput;
use crate::raster::RgbF32;
use scripted::Scripted;

const PACE: Pace = Pace {
    connect: Duration::from_millis(500),
    answer: Duration::from_millis(700),
    absence: Duration::from_millis(900),
    returns: Duration::ZERO,
    look: Duration::from_millis(20),
};

/// Notes what it is told; stops a run at its first step where it is asked to.
#[derive(Default)]
struct Watch {
    stages: Vec<Stage>,
    previews: usize,
    stops_at_step: bool,
    /// The same once it waits behind others.
    stops_queued: bool,
    /// The same once its server does not answer.
    stops_away: bool,
    /// Another engine may do it.
    may_be_handed_on: bool,
    /// Stops a run once that is so.
    stops_when: Option<Arc<AtomicBool>>,
}

impl Progress for Watch {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        let at_step = matches!(self.stages.last(), Some(Stage::Step { .. }));
        let is_queued = matches!(self.stages.last(), Some(Stage::Queued { .. }));
        let is_so = |flag: &Arc<AtomicBool>| flag.load(Ordering::SeqCst);
        if self.stops_at_step && at_step
            || self.stops_queued && is_queued
            || self.stops_away && self.stages.last() == Some(&Stage::Away)
            || self.stops_when.as_ref().is_some_and(is_so)
        {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    fn stage(&mut self, stage: Stage) {
        self.stages.push(stage);
    }

    fn wants_preview(&self) -> bool {
        true
    }

    fn preview(&mut self, _: RgbF32) {
        self.previews += 1;
    }

    fn may_be_handed_on(&self) -> bool {
        self.may_be_handed_on
    }
}

fn run(
    server: &Scripted,
    kind: ServerKind,
    input: &EngineInput,
    watch: &mut Watch,
) -> Result<EngineOutput, EngineError> {
    RemoteEngine::new(&server.server(kind), &Access::default(), PACE).run(input, watch)
}

/// Waits until that is so.
#[track_caller]
fn until(is_so: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < give_up, "it never was");
        std::thread::sleep(PACE.look);
    }
}

fn fault_of(result: Result<EngineOutput, EngineError>) -> Fault {
    match result {
        Err(EngineError::Server(error)) => {
            assert_eq!(error.server, "there");
            error.fault
        }
        other => panic!("{:?}", other.map(|output| output.report)),
    }
}
