//! [`Estimate`]: how long a run will still take, from its own steps.

use std::time::{Duration, Instant};

use crate::engine::Stage;

/// What is measured of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Estimate {
    encoding_since: Option<Instant>,
    encode_seconds: Option<f64>,
    step_seconds: Vec<f64>,
    last_step_at: Option<Instant>,
    decoding_since: Option<Instant>,
    steps_left: u32,
}

impl Estimate {
    /// Decoding takes about this many times as long as encoding: the decoders of these models have
    /// one more block per level. Used only until a decode has been measured.
    const DECODE_PER_ENCODE: f64 = 1.7;

    /// Takes in that the run reached a stage.
    pub(super) fn note(&mut self, stage: Stage, at: Instant) {
        match stage {
            Stage::Loading | Stage::EncodingText => {}
            Stage::EncodingPicture => self.encoding_since = Some(at),
            Stage::Step { done, of } => {
                self.steps_left = of.saturating_sub(done);
                match self.last_step_at {
                    None => {
                        let began = self.encoding_since;
                        self.encode_seconds = began.map(|began| seconds_between(began, at));
                    }
                    Some(last) => self.step_seconds.push(seconds_between(last, at)),
                }
                self.last_step_at = Some(at);
            }
            Stage::Decoding => {
                self.steps_left = 0;
                self.decoding_since = Some(at);
            }
        }
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
        if let Some(since) = self.decoding_since {
            return Some((decode - seconds_between(since, now)).max(0.0));
        }
        let into_step = self.last_step_at.map_or(0.0, |at| seconds_between(at, now));
        let steps = (f64::from(self.steps_left) * step - into_step.min(step)).max(0.0);
        Some(steps + decode)
    }

    /// What decoding and all after it took, in steps, once the run has ended.
    pub(super) fn decode_steps(&self, end: Instant) -> Option<f64> {
        let decode = seconds_between(self.decoding_since?, end);
        let step = self.typical_step()?;
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
}
