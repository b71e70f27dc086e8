//! [`Estimate`]: how long a run will still take, from its own steps.

use std::time::{Duration, Instant};

use crate::engine::Stage;

/// What a pass takes beside the others of its run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PassCost {
    /// Its executed steps.
    pub(super) steps: u32,
    /// What one of them takes, in steps of the first pass; the picture is encoded and decoded for it
    /// at the same rate.
    pub(super) per_step: f64,
}

/// What is measured of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Estimate {
    /// Empty: one pass.
    passes: Vec<PassCost>,
    encoding_since: Option<Instant>,
    encode_seconds: Option<f64>,
    /// In seconds of a step of the first pass.
    step_seconds: Vec<f64>,
    last_step_at: Option<Instant>,
    decoding_since: Option<Instant>,
    done: u32,
    of: u32,
}

impl Estimate {
    /// Decoding takes about this many times as long as encoding: the decoders of these models have
    /// one more block per level. Used only until a decode has been measured.
    const DECODE_PER_ENCODE: f64 = 1.7;

    /// Takes in which passes the run has.
    pub(super) fn plan(&mut self, passes: Vec<PassCost>) {
        self.passes = passes;
    }

    /// Takes in that the run reached a stage.
    pub(super) fn note(&mut self, stage: Stage, at: Instant) {
        match stage {
            Stage::Queued { .. } | Stage::Loading | Stage::EncodingText => {}
            Stage::Away => {
                self.encoding_since = None;
                self.decoding_since = None;
                self.last_step_at = None;
            }
            Stage::EncodingPicture => {
                self.encoding_since = Some(at);
                self.decoding_since = None;
                self.last_step_at = None;
            }
            Stage::Step { done, of } => {
                match self.last_step_at {
                    None => {
                        let began = self
                            .encoding_since
                            .filter(|_| self.encode_seconds.is_none());
                        let encode = began.map(|began| seconds_between(began, at));
                        self.encode_seconds = self.encode_seconds.or(encode);
                    }
                    Some(last) => {
                        let (_, cost) = self.pass_of(done.saturating_sub(1));
                        self.step_seconds.push(seconds_between(last, at) / cost);
                    }
                }
                (self.done, self.of) = (done, of);
                self.last_step_at = Some(at);
            }
            Stage::Decoding => self.decoding_since = Some(at),
        }
    }

    /// Which pass a step belongs to, counted from 0 over all of them, and what it takes.
    fn pass_of(&self, step: u32) -> (usize, f64) {
        let mut end = 0;
        for (i, pass) in self.passes.iter().enumerate() {
            end += pass.steps;
            if step < end {
                return (i, pass.per_step);
            }
        }
        let last = self.passes.last().map_or(1.0, |pass| pass.per_step);
        (self.passes.len().saturating_sub(1), last)
    }

    /// Seconds until the end as seen at `now`; `None` before a step is finished.
    /// `decode_steps` is what decoding and all after it took in earlier runs, in steps.
    pub(super) fn seconds_left(&self, now: Instant, decode_steps: Option<f64>) -> Option<f64> {
        let step = self.typical_step()?;
        let decode = match (decode_steps, self.encode_seconds) {
            (Some(steps), _) => steps * step,
            (None, Some(encode)) => encode * Self::DECODE_PER_ENCODE,
            (None, None) => step,
        };
        let encode = self
            .encode_seconds
            .unwrap_or(decode / Self::DECODE_PER_ENCODE);
        // At the end of a pass the next step is the first one of the next pass.
        let next = if self.last_step_at.is_some() {
            self.done.saturating_sub(1)
        } else {
            self.done
        };
        let (current, cost) = self.pass_of(next);
        let later = self.passes.get(current + 1..).unwrap_or_default();
        let later: f64 = later
            .iter()
            .map(|pass| pass.per_step * (encode + decode + f64::from(pass.steps) * step))
            .sum();
        if let Some(since) = self.decoding_since {
            return Some((decode * cost - seconds_between(since, now)).max(0.0) + later);
        }
        let end: u32 = match self.passes.get(..=current) {
            Some(passes) => passes.iter().map(|pass| pass.steps).sum(),
            None => self.of,
        };
        let into_step = self.last_step_at.map_or(0.0, |at| seconds_between(at, now));
        let step = step * cost;
        let steps =
            (f64::from(end.saturating_sub(self.done)) * step - into_step.min(step)).max(0.0);
        Some(steps + decode * cost + later)
    }

    /// What decoding and all after it took, in steps, once the run has ended.
    pub(super) fn decode_steps(&self, end: Instant) -> Option<f64> {
        let decode = seconds_between(self.decoding_since?, end);
        let (_, cost) = self.pass_of(self.done.saturating_sub(1));
        let step = self.typical_step()? * cost;
        (step > 0.0).then(|| decode / step)
    }

    /// The median: a step in which the machine was busy elsewhere does not count.
    fn typical_step(&self) -> Option<f64> {
        let mut sorted = self.step_seconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }
}

fn seconds_between(from: Instant, to: Instant) -> f64 {
    to.checked_duration_since(from)
        .unwrap_or(Duration::ZERO)
        .as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run with uneven steps, a slow first one and one hiccup; from the fourth step on every
    /// estimate is within 25 % of what really remained.
    #[test]
    fn estimates_are_close_from_the_fourth_step_on() {
        let start = Instant::now();
        let step_ms: Vec<u64> = (0..20)
            .map(|i| if i == 0 { 900 } else { 200 + (i * 37) % 40 })
            .collect();
        let decode_ms = 620;
        let total = 500 + step_ms.iter().sum::<u64>() + decode_ms;
        for known_decode in [None, Some(2.8)] {
            let mut estimate = Estimate::default();
            let mut now_ms = 130;
            let at = |ms: u64| start + Duration::from_millis(ms);
            estimate.note(Stage::EncodingPicture, at(now_ms));
            now_ms = 500;
            estimate.note(Stage::Step { done: 0, of: 20 }, at(now_ms));
            assert_eq!(estimate.seconds_left(at(now_ms), known_decode), None);
            for (i, ms) in step_ms.iter().enumerate() {
                now_ms += ms;
                let done = i as u32 + 1;
                estimate.note(Stage::Step { done, of: 20 }, at(now_ms));
                let left = (total - now_ms) as f64 / 1000.0;
                if done >= 4 {
                    let said = estimate.seconds_left(at(now_ms), known_decode).unwrap();
                    assert!(
                        (said - left).abs() <= 0.25 * left,
                        "step {done}: {said} of {left}"
                    );
                    // Half a step later, half a step less.
                    let later = estimate
                        .seconds_left(at(now_ms + 100), known_decode)
                        .unwrap();
                    assert!(later <= said);
                }
            }
            estimate.note(Stage::Decoding, at(now_ms));
            let measured = estimate.decode_steps(at(now_ms + decode_ms)).unwrap();
            assert!((measured - 2.8).abs() < 0.3, "{measured}");
        }
    }

    /// Two passes, of which the second takes four times as much a step.
    #[test]
    fn later_passes_are_counted_from_the_beginning() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut estimate = Estimate::default();
        estimate.plan(vec![
            PassCost {
                steps: 10,
                per_step: 1.0,
            },
            PassCost {
                steps: 6,
                per_step: 4.0,
            },
        ]);
        let (encode, step, decode) = (100, 200, 170);
        let total = encode + 10 * step + decode + 4 * (encode + 6 * step + decode);
        let mut now = 0;
        let check = |estimate: &Estimate, now: u64| {
            let left = (total - now) as f64 / 1000.0;
            let said = estimate.seconds_left(at(now), None).unwrap();
            assert!(
                (said - left).abs() <= 0.05 * left + 0.01,
                "{said} of {left} at {now}"
            );
        };
        for (first, steps, cost) in [(0, 10, 1), (10, 6, 4)] {
            estimate.note(Stage::EncodingPicture, at(now));
            now += encode * cost;
            estimate.note(
                Stage::Step {
                    done: first,
                    of: 16,
                },
                at(now),
            );
            for done in first + 1..=first + steps {
                now += step * cost;
                estimate.note(Stage::Step { done, of: 16 }, at(now));
                check(&estimate, now);
            }
            estimate.note(Stage::Decoding, at(now));
            check(&estimate, now);
            now += decode * cost;
        }
        assert_eq!(now, total);
        let decode_steps = estimate.decode_steps(at(now)).unwrap();
        assert!((decode_steps - 0.85).abs() < 0.01, "{decode_steps}");
    }
}
