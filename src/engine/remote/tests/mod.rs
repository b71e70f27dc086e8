//! Runs on scripted servers.

#![expect(
    clippy::disallowed_types,
    reason = "what a scripted server was asked is shared by its connections"
)]

mod comfy;
mod scripted;
mod sdapi;

use std::time::Duration;

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
    look: Duration::from_millis(20),
};

/// Notes what it is told; stops a run at its first step where it is asked to.
#[derive(Default)]
struct Watch {
    stages: Vec<Stage>,
    previews: usize,
    stops_at_step: bool,
}

impl Progress for Watch {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        let at_step = matches!(self.stages.last(), Some(Stage::Step { .. }));
        if self.stops_at_step && at_step {
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
}

fn run(
    server: &Scripted,
    kind: ServerKind,
    input: &EngineInput,
    watch: &mut Watch,
) -> Result<EngineOutput, EngineError> {
    RemoteEngine::new(&server.server(kind), &Access::default(), PACE).run(input, watch)
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
