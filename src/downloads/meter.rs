//! [`Meter`]: how far, how fast, how long still.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Speed is that of the last seconds, so that it follows the line and does not jump.
const WINDOW: Duration = Duration::from_secs(5);
/// How often it is said.
const EVERY: Duration = Duration::from_millis(200);

/// How far a download is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Bytes that are there, those of earlier tries too.
    pub done: u64,
    /// Bytes in all; `None` where the server does not say.
    pub total: Option<u64>,
    /// Of the last seconds; 0 while nothing comes.
    pub bytes_per_second: f64,
}

impl Progress {
    /// Seconds that it takes still, at the present speed.
    pub fn seconds_left(&self) -> Option<f64> {
        let left = self.total?.saturating_sub(self.done) as f64;
        (self.bytes_per_second > 0.0).then(|| left / self.bytes_per_second)
    }

    /// 0…1; `None` where the whole is not known.
    pub fn share(&self) -> Option<f32> {
        let total = self.total.filter(|total| *total > 0)?;
        Some((self.done as f64 / total as f64).min(1.0) as f32)
    }
}

/// Counts the bytes of a download.
#[derive(Debug)]
pub(super) struct Meter {
    done: u64,
    total: Option<u64>,
    /// What came lately, and when.
    lately: VecDeque<(Instant, u64)>,
    said: Option<Instant>,
}

impl Meter {
    pub(super) fn new(total: Option<u64>) -> Self {
        Self {
            done: 0,
            total,
            lately: VecDeque::new(),
            said: None,
        }
    }

    /// Bytes that were there before.
    pub(super) fn found(&mut self, bytes: u64) {
        self.done += bytes;
    }

    /// Bytes that count no more: the file begins anew.
    pub(super) fn lost(&mut self, bytes: u64) {
        self.done = self.done.saturating_sub(bytes);
    }

    /// Bytes that came now. What to say, if it is time.
    pub(super) fn came(&mut self, bytes: u64, now: Instant) -> Option<Progress> {
        self.done += bytes;
        self.lately.push_back((now, bytes));
        while let Some((then, _)) = self.lately.front()
            && now.saturating_duration_since(*then) > WINDOW
        {
            self.lately.pop_front();
        }
        let is_time = self
            .said
            .is_none_or(|said| now.saturating_duration_since(said) >= EVERY);
        is_time.then(|| {
            self.said = Some(now);
            self.progress(now)
        })
    }

    pub(super) fn progress(&self, now: Instant) -> Progress {
        let first = self.lately.front().map(|(then, _)| *then);
        let seconds = first.map_or(0.0, |first| {
            now.saturating_duration_since(first).as_secs_f64()
        });
        // The first of them came before the time that is counted.
        let bytes: u64 = self.lately.iter().skip(1).map(|(_, bytes)| bytes).sum();
        Progress {
            done: self.done,
            total: self.total,
            bytes_per_second: if seconds > 0.05 {
                bytes as f64 / seconds
            } else {
                0.0
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_that_of_the_last_seconds() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let mut meter = Meter::new(Some(10_000));
        meter.found(1000);
        let mut last = Progress::default();
        for second in 0..=10 {
            // Fast at first, then a hundred bytes a second.
            let bytes = if second < 3 { 1000 } else { 100 };
            last = meter.came(bytes, at(second)).unwrap();
        }
        assert_eq!(last.done, 1000 + 3000 + 800);
        assert!((last.bytes_per_second - 100.0).abs() < 1e-9, "{last:?}");
        assert_eq!(last.seconds_left(), Some(52.0));
        assert_eq!(last.share(), Some(0.48));
        // Not said more often than anybody can read.
        assert_eq!(meter.came(1, at(10)), None);
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let mut meter = Meter::new(None);
        let progress = meter.came(5, Instant::now()).unwrap();
        assert_eq!((progress.share(), progress.seconds_left()), (None, None));
        meter.lost(7);
        assert_eq!(meter.progress(Instant::now()).done, 0);
    }
}
