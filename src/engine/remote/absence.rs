//! [`through_absences`]: a run whose server goes away is asked again of it when it is back.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::attended::HEED;
use super::http::Http;
use crate::engine::server_error::{Fault, ServerError};
use crate::engine::{Cancelled, EngineError, EngineOutput, Progress, Stage};

/// So often a job is lost, or its server missed in a row, until it is no accident any more: a server may well die of
/// the job.
const MOST_SETBACKS: u32 = 10;
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
    let (mut lost, mut missed) = (0, 0);
    loop {
        let began = Instant::now();
        let Attempt { outcome, is_there } = attempt(progress);
        let error = match outcome {
            Err(EngineError::Server(error)) if error.fault.is_passing() => error,
            ended => return ended,
        };
        let error = if is_there {
            http.fault(Fault::Gone)
        } else {
            lost += 1;
            error
        };
        // A long job over a bad line is another matter than a server that dies of it.
        let is_missed_again = is_there && began.elapsed() < http.pace.absence;
        missed = if is_missed_again { missed + 1 } else { 0 };
        if lost.max(missed) == MOST_SETBACKS || (!is_there && progress.may_be_handed_on()) {
            return Err(error.into());
        }
        wait(http, question, error, progress)?;
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
