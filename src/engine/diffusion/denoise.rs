//! The loop from noise to a clean latent: predict, hold, step, show.
//!
//! **Holding.** Every latent pixel has a share s of the strength. At executed step i of k it is
//! free if s ≥ (k − i) / k, else it is held: the network sees the original with the run's first
//! noise there, and its prediction there is replaced by the original. So a pixel of share s takes
//! part in the last s·k steps only, from the very latent that a run of that lower strength would
//! start from. With shares of 0 and 1 this is the usual blend of the known latent into the
//! prediction. Pixels that are never free end as the original, exactly.

use candle_core::Tensor;

use super::latent_preview::LatentPreview;
use super::noise::NoiseSource;
use super::sampler::{Past, Sampler, StepInput};
use super::schedule::Step;
use crate::catalog::PredictionType;
use crate::engine::nn::tensors::{choose, noise_tensor};
use crate::engine::{EngineError, Progress, Stage};

/// The network with its prompts and guidance, or a toy in tests.
pub(crate) trait Predictor {
    /// The network's answer for x / √(σ² + 1), (1, c, h, w).
    fn predict(
        &mut self,
        scaled: &Tensor,
        timestep: f64,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError>;
}

/// What stays, for how long.
#[derive(Debug)]
pub(crate) struct LatentMask {
    /// The clean latent of what is held, (1, c, h, w).
    pub(crate) init_latent: Tensor,
    /// Share of the strength of each latent pixel, 0…1, row-major.
    pub(crate) strength: Vec<f32>,
}

/// One run through the executed steps.
#[derive(Debug)]
pub(crate) struct Denoising<'a> {
    /// The rule of the steps.
    pub(crate) sampler: &'a dyn Sampler,
    /// The steps to execute.
    pub(crate) steps: &'a [Step],
    /// How the network's answer is to be read.
    pub(crate) prediction: PredictionType,
    /// The latent to begin with, at the level of the first step.
    pub(crate) first: Tensor,
    /// The run's first noise, (1, c, h, w).
    pub(crate) noise: &'a Tensor,
    /// Where further noise comes from.
    pub(crate) source: NoiseSource,
    /// What stays; `None`: nothing.
    pub(crate) latent_mask: Option<LatentMask>,
    /// What makes previews.
    pub(crate) preview: Option<&'a LatentPreview>,
}

/// What the loop gives.
#[derive(Debug)]
pub(crate) struct Denoised {
    /// The clean latent.
    pub(crate) latent: Tensor,
    /// Steps in which the network was asked; fewer than given where everything was held at first.
    pub(crate) executed: u32,
}

/// The clean latent that `answer` of the network stands for, at level `sigma`.
/// x₀ = x − σ·ε, or x/(σ²+1) − v·σ/√(σ²+1) (Salimans & Ho 2022, appendix D, for x in sigma space).
pub(crate) fn clean_from(
    prediction: PredictionType,
    sample: &Tensor,
    answer: &Tensor,
    sigma: f64,
) -> Result<Tensor, EngineError> {
    let norm = sigma.hypot(1.0);
    Ok(match prediction {
        PredictionType::Epsilon => (sample - answer.affine(sigma, 0.0)?)?,
        PredictionType::VPrediction => {
            (sample.affine(norm.powi(-2), 0.0)? - answer.affine(sigma / norm, 0.0)?)?
        }
        PredictionType::Sample => answer.clone(),
    })
}

/// `clean` with noise to level `sigma`.
pub(crate) fn noised(clean: &Tensor, noise: &Tensor, sigma: f64) -> Result<Tensor, EngineError> {
    Ok((clean + noise.affine(sigma, 0.0)?)?)
}

impl LatentMask {
    /// Which pixels are held at step `done` of `of`.
    fn held_at(&self, done: usize, of: usize) -> Vec<bool> {
        let remaining = (of - done) as f64;
        // A hair below, so that 0.6 of 20 are 12 steps although 0.6 is not a binary number.
        let is_free = |share: f32| f64::from(share) * of as f64 + 1e-4 >= remaining;
        self.strength.iter().map(|&share| !is_free(share)).collect()
    }
}

/// Runs all steps. Reports each step; asks for a preview after each where one is wanted.
pub(crate) fn denoise(
    run: Denoising<'_>,
    predictor: &mut dyn Predictor,
    progress: &mut dyn Progress,
) -> Result<Denoised, EngineError> {
    let of = run.steps.len();
    let nobody: Vec<bool> = match &run.latent_mask {
        Some(latent_mask) => vec![false; latent_mask.strength.len()],
        None => Vec::new(),
    };
    let mut held_before = nobody.clone();
    let mut past: Vec<Past> = Vec::new();
    let mut sample = run.first.clone();
    let mut executed = 0;
    for (done, step) in run.steps.iter().enumerate() {
        progress.checkpoint()?;
        progress.stage(stage(done, of));
        let held = run.latent_mask.as_ref().map_or_else(
            || nobody.clone(),
            |latent_mask| latent_mask.held_at(done, of),
        );
        let before = std::mem::replace(&mut held_before, held.clone());
        if !held.is_empty() && held.iter().all(|&held| held) {
            // Whatever the network says, nothing would come of it.
            continue;
        }
        if let Some(latent_mask) = &run.latent_mask {
            // Pixels released now begin from the same latent as those still held.
            let renewed: Vec<bool> = before.iter().zip(&held).map(|(a, b)| *a || *b).collect();
            sample = blend(
                &renewed,
                || noised(&latent_mask.init_latent, run.noise, step.sigma),
                sample,
            )?;
        }
        let scaled = sample.affine(1.0 / step.sigma.hypot(1.0), 0.0)?;
        let answer = predictor.predict(&scaled, step.timestep, progress)?;
        let mut clean = clean_from(run.prediction, &sample, &answer, step.sigma)?;
        if let Some(latent_mask) = &run.latent_mask {
            clean = blend(&held, || Ok(latent_mask.init_latent.clone()), clean)?;
            // A released pixel has no past; what it predicts now, kept as its past, bends nothing.
            let released: Vec<bool> = before.iter().zip(&held).map(|(a, b)| *a && !*b).collect();
            for entry in &mut past {
                entry.clean = blend(&released, || Ok(clean.clone()), entry.clean.clone())?;
            }
        }
        let fresh = if run.sampler.needs_noise(step) {
            let numbers = run.source.step(step.index, sample.elem_count());
            Some(noise_tensor(numbers, sample.dims4()?, sample.device())?)
        } else {
            None
        };
        let stepped = run.sampler.step(&StepInput {
            step,
            sample: &sample,
            clean: &clean,
            past: &past,
            noise: fresh.as_ref(),
        })?;
        executed += 1;
        if let Some(preview) = run.preview
            && progress.wants_preview()
        {
            progress.preview(preview.picture(&stepped.clean)?);
        }
        past.insert(
            0,
            Past {
                sigma: step.sigma,
                clean: stepped.clean,
            },
        );
        past.truncate(run.sampler.memory());
        sample = stepped.next;
    }
    progress.stage(stage(of, of));
    if let Some(latent_mask) = run.latent_mask {
        sample = blend(&held_before, || Ok(latent_mask.init_latent), sample)?;
    }
    Ok(Denoised {
        latent: sample,
        executed,
    })
}

/// `replacement` where `plane` says so, else `latent`; untouched where it says so nowhere.
fn blend(
    plane: &[bool],
    replacement: impl FnOnce() -> Result<Tensor, EngineError>,
    latent: Tensor,
) -> Result<Tensor, EngineError> {
    if plane.iter().any(|&replaced| replaced) {
        choose(plane, &replacement()?, &latent)
    } else {
        Ok(latent)
    }
}

fn stage(done: usize, of: usize) -> Stage {
    Stage::Step {
        done: done as u32,
        of: of as u32,
    }
}

#[cfg(test)]
mod tests;
