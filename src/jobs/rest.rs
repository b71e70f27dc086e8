//! [`Rest`]: an engine that did not answer is asked less and less, until it answers again.

use std::time::{Duration, Instant};

/// The first rest.
const FIRST: Duration = Duration::from_secs(1);
/// Each is twice as long as the one before, this many times: the longest is about a minute.
const MOST_DOUBLINGS: u32 = 6;

/// How long an engine is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rest {
    until: Option<Instant>,
    /// Times in a row that it did not answer.
    failures: u32,
}

impl Rest {
    /// It did not answer.
    pub(super) fn begin(&mut self, now: Instant) {
        self.until = Some(now + FIRST * (1 << self.failures.min(MOST_DOUBLINGS)));
        self.failures = self.failures.saturating_add(1);
    }

    /// It has answered.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    /// True while it is to be left alone.
    pub(super) fn holds(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_to_about_a_minute_and_end_with_an_answer() {
        let now = Instant::now();
        let mut rest = Rest::default();
        assert!(!rest.holds(now));
        for seconds in [1, 2, 4, 8, 16, 32, 64, 64, 64] {
            rest.begin(now);
            assert!(rest.holds(now + Duration::from_millis(1000 * seconds - 1)));
            assert!(!rest.holds(now + Duration::from_secs(seconds)));
        }
        rest.end();
        assert!(!rest.holds(now));
        rest.begin(now);
        assert!(!rest.holds(now + FIRST), "from the beginning");
    }
}
