//! [`through_absences`]: a run whose server goes away is asked again of it when it is back.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::attended::HEED;
use super::http::Http;
use crate::engine::server_error::{Fault, ServerError};
use crate::engine::{Cancelled, EngineError, EngineOutput, Progress, Stage};
use crate::raster::RgbF32;

/// So often a job is lost at the same stage, or its server missed in a row, until it is no accident any more: a server
/// may well die of the job, and then it does where it did before. One that dies by itself does so anywhere.
const MOST_SETBACKS: usize = 10;
/// So often a job is lost in all.
const MOST_LOST: usize = 40;
/// The longest pause between two looks whether it is back.
const PAUSE: Duration = Duration::from_secs(1);

/// What one attempt at a run came to.
pub(super) struct Attempt {
    pub(super) outcome: Result<EngineOutput, EngineError>,
    /// The server was given the job, and may be at it or have done it.
    pub(super) is_there: bool,
}

/// Attempts a run until it ends, as long as what ends an attempt is that the server is away, and it comes back in
/// time. What was not taken up, or is forgotten there, goes to another engine at once where one may do it.
/// `question`: a path that such a server answers at no cost.
pub(super) fn through_absences(
    http: &Http,
    question: &str,
    progress: &mut dyn Progress,
    mut attempt: impl FnMut(&mut dyn Progress) -> Attempt,
) -> Result<EngineOutput, EngineError> {
    http.note_heard();
    let (mut lost, mut missed) = (Vec::new(), 0);
    let mut noted = Noted {
        progress,
        stage: Stage::Loading,
    };
    loop {
        let began = Instant::now();
        let Attempt { outcome, is_there } = attempt(&mut noted);
        let error = match outcome {
            Err(EngineError::Server(error)) if error.fault.is_passing() => error,
            ended => return ended,
        };
        let error = if is_there {
            http.fault(Fault::Gone)
        } else {
            lost.push(noted.stage);
            error
        };
        // A long job over a bad line is another matter than a server that dies of it.
        let is_missed_again = is_there && began.elapsed() < http.pace.absence;
        missed = if is_missed_again { missed + 1 } else { 0 };
        let lost_here = lost.iter().filter(|stage| **stage == noted.stage).count();
        let is_no_accident = lost_here.max(missed) >= MOST_SETBACKS || lost.len() >= MOST_LOST;
        if is_no_accident || (!is_there && noted.may_be_handed_on()) {
            return Err(error.into());
        }
        wait(http, question, error, noted.progress)?;
    }
}

/// Notes the last stage that a run told of.
struct Noted<'a> {
    progress: &'a mut dyn Progress,
    stage: Stage,
}

impl Progress for Noted<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        self.progress.checkpoint()
    }

    fn stage(&mut self, stage: Stage) {
        self.stage = stage;
        self.progress.stage(stage);
    }

    fn wants_preview(&self) -> bool {
        self.progress.wants_preview()
    }

    fn preview(&mut self, preview: RgbF32) {
        self.progress.preview(preview);
    }

    fn may_be_handed_on(&self) -> bool {
        self.progress.may_be_handed_on()
    }
}

/// Waits until the server answers again; `error` where that takes too long.
fn wait(
    http: &Http,
    question: &str,
    error: ServerError,
    progress: &mut dyn Progress,
) -> Result<(), EngineError> {
    progress.stage(Stage::Away);
    let mut pause = HEED;
    loop {
        doze(pause, progress)?;
        // Whatever it says, it is there.
        match http.get_json_within::<Json>(question, http.pace.answer) {
            Err(again) if again.fault.is_passing() => {}
            _ => return Ok(()),
        }
        if http.silence() >= http.pace.absence {
            return Err(error.into());
        }
        pause = (pause * 2).min(PAUSE);
    }
}

/// Sleeps, unless it is cancelled.
fn doze(mut time: Duration, progress: &mut dyn Progress) -> Result<(), Cancelled> {
    while !time.is_zero() {
        progress.checkpoint()?;
        let part = time.min(HEED);
        std::thread::sleep(part);
        time -= part;
    }
    progress.checkpoint()
}
