//! [`through_absences`]: a run whose server goes away is asked again of it when it is back.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::attended::HEED;
use super::http::Http;
use crate::engine::server_error::{Fault, ServerError};
use crate::engine::{Cancelled, EngineError, EngineOutput, Progress, Stage};

/// So many setbacks in a row are no accident any more, once they have gone on for [`Pace::returns`]: a server may well
/// die of the job.
///
/// [`Pace::returns`]: super::Pace::returns
const MOST_SETBACKS: u32 = 10;
/// So many cost no pause.
const FREE_SETBACKS: u32 = 3;
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
    let (mut lost, mut missed) = (Row::default(), Row::default());
    loop {
        let began = Instant::now();
        let Attempt { outcome, is_there } = attempt(progress);
        let error = match outcome {
            Err(EngineError::Server(error)) if error.fault.is_passing() => error,
            ended => return ended,
        };
        let is_away = !matches!(error.fault, Fault::PicturesGone);
        let error = if is_there {
            http.fault(Fault::Gone)
        } else {
            lost.add();
            error
        };
        // A long job over a bad line is another matter than a server that dies of it.
        if is_there && began.elapsed() < http.pace.absence {
            missed.add();
        } else {
            missed = Row::default();
        }
        // A server that is there all the while is given no more time.
        let enough = is_away.then_some(http.pace.returns);
        let is_no_accident = lost.is_no_accident(enough) || missed.is_no_accident(enough);
        if is_no_accident || (!is_there && progress.may_be_handed_on()) {
            return Err(error.into());
        }
        // At the usual pace a second more each time.
        let costly = (lost.count + missed.count).saturating_sub(FREE_SETBACKS);
        let pause = http.pace.look * 5 * costly.min(MOST_SETBACKS);
        let pause = if is_away { pause.max(HEED) } else { HEED };
        wait(http, question, (error, pause), progress)?;
    }
}

/// Setbacks in a row.
#[derive(Default)]
struct Row {
    count: u32,
    began: Option<Instant>,
}

impl Row {
    fn add(&mut self) {
        self.count += 1;
        self.began.get_or_insert_with(Instant::now);
    }

    /// True where it is long enough, and has gone on for that time.
    fn is_no_accident(&self, time: Option<Duration>) -> bool {
        let lasted = self.began.map_or(Duration::ZERO, |began| began.elapsed());
        self.count >= MOST_SETBACKS && lasted >= time.unwrap_or_default()
    }
}

/// Waits until the server answers again, for `pause` at least; `error` where that takes too long.
fn wait(
    http: &Http,
    question: &str,
    (error, mut pause): (ServerError, Duration),
    progress: &mut dyn Progress,
) -> Result<(), EngineError> {
    progress.stage(Stage::Away);
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
