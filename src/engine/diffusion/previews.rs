//! [`Previews`]: what makes pictures of a run's unfinished latents, and [`Pace`]: after which steps the dearer of two
//! ways is worth it.

use std::path::PathBuf;

use candle_core::Tensor;

use super::latent_preview::LatentPreview;
use super::vae::Vae;
use crate::engine::nn::tensors::tensor_picture;
use crate::engine::{EngineError, Progress};
use crate::raster::RgbF32;

/// Share of a run's time that decoded previews may take.
const SHARE: f64 = 0.05;
/// A tiny decoder takes so many times the seconds that the other networks take for as many FLOPs: 0.5 s for its 141
/// GFLOP at 512², beside 1.9 s for the 803 of a step (`benches/peers/README.md`, “Few steps”).
const SLOWNESS: f64 = 1.5;

/// The tiny autoencoder beside a model's own, for previews alone.
#[derive(Debug, Default)]
pub(super) enum PreviewDecoder {
    /// Nobody has asked for a preview yet.
    #[default]
    NotLookedFor,
    /// There is none, or it cannot be used.
    None,
    /// This one, and where it lies.
    Loaded(Box<Vae>, PathBuf),
}

/// After which steps of a run a preview is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Equal parts of the run; a decoded preview is due at the end of each.
    parts: u64,
    steps: u64,
    /// The result itself comes as soon as a preview of the last step would.
    skips_last: bool,
}

/// What a run asks for, in FLOPs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RunFlops {
    /// Of everything but previews.
    pub(crate) run: f64,
    /// Of decoding one preview.
    pub(crate) preview: f64,
}

impl Pace {
    /// For a run of so many steps. `is_own`: the decoder is the one that decodes the result.
    pub(crate) fn new(steps: usize, flops: RunFlops, is_own: bool) -> Self {
        let affordable = SHARE * flops.run / (SLOWNESS * flops.preview);
        let steps = steps as u64;
        Self {
            parts: (affordable as u64)
                .saturating_add(u64::from(is_own))
                .min(steps),
            steps,
            skips_last: is_own,
        }
    }

    /// Whether one is due when so many steps are done; 1 after the first.
    fn is_due(self, done: usize) -> bool {
        let done = done as u64;
        let ended = |done: u64| done * self.parts / self.steps.max(1);
        done > 0 && ended(done) > ended(done - 1) && !(self.skips_last && done == self.steps)
    }
}

/// What makes the previews of a run.
#[derive(Debug, Default)]
pub(crate) struct Previews<'a> {
    /// A rough picture, a pixel for each of the latent; costs next to nothing.
    linear: Option<&'a LatentPreview>,
    /// A tiny autoencoder's own picture, at the work size.
    decoder: Option<(&'a Vae, Pace)>,
    decoded: u32,
    failed: Option<EngineError>,
}

impl<'a> Previews<'a> {
    /// Pictures by the map, and by the decoder as often as its pace allows.
    pub(crate) fn new(linear: Option<&'a LatentPreview>, decoder: Option<(&'a Vae, Pace)>) -> Self {
        Self {
            linear,
            decoder,
            ..Self::default()
        }
    }

    /// The picture of a clean latent (1, c, h, w), sRGB of 0…1, when so many steps are done; `None` where none is
    /// due. A decoder that fails is not asked again.
    pub(crate) fn picture(
        &mut self,
        done: usize,
        clean: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Option<RgbF32>, EngineError> {
        if let (Some((decoder, pace)), None) = (self.decoder, &self.failed) {
            if pace.is_due(done) {
                let decoded = decoder.decode(clean, progress);
                match decoded.and_then(|picture| tensor_picture(&picture)) {
                    Ok(picture) => {
                        self.decoded += 1;
                        return Ok(Some(picture));
                    }
                    Err(EngineError::Cancelled) => return Err(EngineError::Cancelled),
                    Err(error) => self.failed = Some(error),
                }
            } else if self.decoded > 0 {
                // A rough picture after a sharp one would flicker.
                return Ok(None);
            }
        }
        self.linear.map(|map| map.picture(clean)).transpose()
    }

    /// How many pictures the decoder has made, and why it makes no more.
    pub(crate) fn outcome(self) -> (u32, Option<EngineError>) {
        (self.decoded, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(steps: usize, run: f64, is_own: bool) -> Vec<usize> {
        let flops = RunFlops { run, preview: 1.0 };
        let pace = Pace::new(steps, flops, is_own);
        (0..=steps).filter(|done| pace.is_due(*done)).collect()
    }

    #[test]
    fn previews_take_a_twentieth_of_the_run_and_are_spread_evenly() {
        // What one costs counts half as much again.
        assert_eq!(due(12, 150.0, false), [3, 5, 8, 10, 12]);
        assert_eq!(due(12, 1e6, false).len(), 12);
        assert_eq!(due(4, 29.9, false), [0; 0]);
        assert_eq!(due(4, 30.0, false), [4]);
        // The result itself is decoded after the last step.
        assert_eq!(due(4, 30.0, true), [2]);
        assert_eq!(due(4, 1e6, true), [1, 2, 3]);
        assert_eq!(due(4, 20.0, true), [0; 0]);
        assert_eq!(due(0, 1e6, false), [0; 0]);
        for steps in 1..40 {
            for run in [0.0, 31.0, 200.0, 1e3, f64::INFINITY] {
                for is_own in [false, true] {
                    let count = due(steps, run, is_own).len();
                    let most = (SHARE * run / SLOWNESS) as usize;
                    assert!(count <= most.min(steps), "{steps} {run} {is_own}");
                }
            }
        }
    }
}
