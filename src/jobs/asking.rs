//! [`AskLane`]: questions to servers, each on a thread of its own, so that one that does not answer holds up
//! neither the window nor the others.

use crossbeam_channel::{Receiver, Sender, bounded};

use super::tasks::{Task, TooBusy};
use super::worker::{Wake, guarded};

/// Questions asked at the same time; more are refused.
const AT_ONCE: usize = 16;

/// What came of a question: its answer, or that its thread broke down.
pub type Answered<E> = Result<E, String>;

/// Questions to servers. Dropping it waits for none: they have a time limit, and nobody hears their answers.
pub struct AskLane<E> {
    wake: Wake,
    say: Sender<(String, Answered<E>)>,
    told: Receiver<(String, Answered<E>)>,
    under_way: usize,
}

impl<E> std::fmt::Debug for AskLane<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AskLane")
            .field("under_way", &self.under_way)
            .finish_non_exhaustive()
    }
}

impl<E: Send + 'static> AskLane<E> {
    /// Without questions.
    pub fn new(wake: Wake) -> Self {
        // Room for every answer: no thread waits for its listener.
        let (say, told) = bounded(AT_ONCE);
        Self {
            wake,
            say,
            told,
            under_way: 0,
        }
    }

    /// Asks something of somebody of that name.
    pub fn ask(&mut self, name: &str, question: Task<E>) -> Result<(), TooBusy> {
        if self.under_way >= AT_ONCE {
            return Err(TooBusy);
        }
        let (say, wake, name) = (self.say.clone(), Wake::clone(&self.wake), name.to_owned());
        let thread = std::thread::Builder::new().name("question".to_owned());
        let asked = thread.spawn(move || {
            let answer = guarded(question);
            // Nobody listens any more when the program ends.
            say.send((name, answer)).ok();
            wake();
        });
        asked.map_err(|_| TooBusy)?;
        self.under_way += 1;
        Ok(())
    }

    /// The next answer, if there is one, with the name that was asked.
    pub fn poll(&mut self) -> Option<(String, Answered<E>)> {
        let told = self.told.try_recv().ok()?;
        self.under_way = self.under_way.saturating_sub(1);
        Some(told)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn nobody_waits_for_one_that_does_not_answer() {
        let mut lane = AskLane::new(Arc::new(|| {}));
        let (hold, held) = bounded::<()>(1);
        let silent = Box::new(move || {
            held.recv().ok();
            0
        });
        assert!(lane.ask("silent", silent).is_ok());
        assert!(
            lane.ask("broken", Box::new(|| panic!("as a parser might")))
                .is_ok()
        );
        assert!(lane.ask("quick", Box::new(|| 7)).is_ok());
        let give_up = Instant::now() + Duration::from_secs(20);
        let mut told = Vec::new();
        while told.len() < 2 {
            told.extend(lane.poll());
            assert!(Instant::now() < give_up, "{told:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        told.sort_by(|a, b| a.0.cmp(&b.0));
        let broken = Err("as a parser might".to_owned());
        assert_eq!(
            told,
            [("broken".to_owned(), broken), ("quick".to_owned(), Ok(7))]
        );
        // The silent one counts until it has spoken.
        for _ in 1..AT_ONCE {
            assert!(lane.ask("more", Box::new(|| 0)).is_ok());
        }
        assert_eq!(lane.ask("too many", Box::new(|| 0)), Err(TooBusy));
        let began = Instant::now();
        drop(lane);
        assert!(began.elapsed() < Duration::from_secs(10));
        drop(hold);
    }
}
