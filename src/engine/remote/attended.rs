//! [`attended`]: a run on a thread of its own, so that nobody who cancels it or leaves waits for a server that
//! does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::engine::{Cancelled, EngineError, EngineOutput, Progress, Stage};
use crate::raster::RgbF32;

/// Between two looks whether a run is cancelled.
pub(super) const HEED: Duration = Duration::from_millis(20);
/// A cancelled run has that long to tell its server so; then it does it alone.
const GRACE: Duration = Duration::from_millis(100);
/// Stages and previews that may wait; a run waits for its listener beyond that, and leaves previews out.
const MOST_SAID: usize = 64;

type Outcome = Result<EngineOutput, EngineError>;

/// What a run says.
enum Said {
    Stage(Stage),
    Preview(RgbF32),
    Ended(Box<Outcome>),
}

/// A cancelled run that still tells its server so. It ends by the time limits of what it asks.
#[derive(Debug)]
pub(super) struct Leaving(JoinHandle<()>);

impl Leaving {
    /// Waits until it has done so: what it says might otherwise hit the next run.
    pub(super) fn wait(&self, progress: &mut dyn Progress) -> Result<(), Cancelled> {
        while !self.0.is_finished() {
            progress.checkpoint()?;
            std::thread::sleep(HEED);
        }
        Ok(())
    }
}

/// Does `work` on a thread of its own and passes on what it says. Where it is cancelled, `cut` has to end
/// whatever `work` waits for; a thread that has not ended a moment later comes back beside the outcome.
pub(super) fn attended(
    work: impl FnOnce(&mut dyn Progress) -> Outcome + Send + 'static,
    cut: impl FnOnce(),
    progress: &mut dyn Progress,
) -> (Outcome, Option<Leaving>) {
    let (say, told) = sync_channel(MOST_SAID);
    let mut line = Line {
        say,
        is_cancelled: Arc::default(),
        wants_preview: Arc::default(),
        may_be_handed_on: progress.may_be_handed_on(),
    };
    let (is_cancelled, wants_preview) = (
        Arc::clone(&line.is_cancelled),
        Arc::clone(&line.wants_preview),
    );
    let run = move || {
        let outcome = work(&mut line);
        // After a cancel nobody listens any more.
        line.say.send(Said::Ended(Box::new(outcome))).ok();
    };
    let thread = std::thread::Builder::new().name("remote run".to_owned());
    let thread = match thread.spawn(run) {
        Ok(thread) => thread,
        Err(error) => {
            let why = error.to_string();
            return (Err(EngineError::Internal { why }), None);
        }
    };
    let outcome = passed_on(&told, &wants_preview, progress);
    if matches!(outcome, Some(Err(EngineError::Cancelled))) {
        is_cancelled.store(true, Ordering::Relaxed);
        cut();
        let until = Instant::now() + GRACE;
        while !thread.is_finished() && Instant::now() < until {
            // It may be about to say something more.
            told.recv_timeout(HEED / 4).ok();
        }
        let leaving = (!thread.is_finished()).then_some(Leaving(thread));
        return (Err(EngineError::Cancelled), leaving);
    }
    match (thread.join(), outcome) {
        (Ok(()), Some(outcome)) => (outcome, None),
        (Ok(()), None) => (Err(EngineError::Cancelled), None),
        // As if it had happened on the thread at hand.
        (Err(panic), _) => std::panic::resume_unwind(panic),
    }
}

/// Passes on what a run says until it ends or is cancelled; `None` where it broke down.
fn passed_on(
    told: &Receiver<Said>,
    wants_preview: &AtomicBool,
    progress: &mut dyn Progress,
) -> Option<Outcome> {
    loop {
        if progress.checkpoint().is_err() {
            return Some(Err(EngineError::Cancelled));
        }
        wants_preview.store(progress.wants_preview(), Ordering::Relaxed);
        match told.recv_timeout(HEED) {
            Ok(Said::Stage(stage)) => progress.stage(stage),
            Ok(Said::Preview(picture)) => progress.preview(picture),
            Ok(Said::Ended(outcome)) => return Some(*outcome),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// The run's way to whoever attends it.
struct Line {
    say: SyncSender<Said>,
    is_cancelled: Arc<AtomicBool>,
    wants_preview: Arc<AtomicBool>,
    may_be_handed_on: bool,
}

impl Progress for Line {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if self.is_cancelled.load(Ordering::Relaxed) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    fn stage(&mut self, stage: Stage) {
        self.say.send(Said::Stage(stage)).ok();
    }

    fn wants_preview(&self) -> bool {
        self.wants_preview.load(Ordering::Relaxed)
    }

    fn preview(&mut self, preview: RgbF32) {
        self.say.try_send(Said::Preview(preview)).ok();
    }

    fn may_be_handed_on(&self) -> bool {
        self.may_be_handed_on
    }
}
