//! The denoising loop: predict, blend by the latent mask, step, preview.

use candle_core::Tensor;

use super::latent_mask::{LatentMask, blend, combine};
use super::noise::NoiseSource;
use super::previews::Previews;
use super::sampler::{PastPrediction, Sampler, StepInput};
use super::schedule::Step;
use crate::catalog::PredictionType;
use crate::engine::nn::tensors::noise_tensor;
use crate::engine::{EngineError, Progress, Stage};

/// The network with its prompts and guidance, or a toy in tests.
pub(crate) trait Predictor {
    /// The model output for the scaled sample x / √(σ² + 1), (1, c, h, w).
    fn predict(
        &mut self,
        scaled: &Tensor,
        timestep: f64,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError>;
}

/// One run through the executed steps.
#[derive(Debug)]
pub(crate) struct Denoising<'a> {
    /// How a step is taken.
    pub(crate) sampler: &'a dyn Sampler,
    /// The steps to execute.
    pub(crate) steps: &'a [Step],
    /// What the model output means: noise, velocity or the clean latent.
    pub(crate) prediction: PredictionType,
    /// The initial noisy latent, at the level of the first step.
    pub(crate) initial_sample: Tensor,
    /// The run's first noise, (1, c, h, w).
    pub(crate) noise: &'a Tensor,
    /// Where further noise comes from.
    pub(crate) source: NoiseSource,
    /// `None`: every pixel is inpainted at full strength.
    pub(crate) latent_mask: Option<LatentMask>,
    /// What makes previews.
    pub(crate) previews: Previews<'a>,
}

/// What the loop gives.
#[derive(Debug)]
pub(crate) struct Denoised {
    /// The clean latent.
    pub(crate) latent: Tensor,
    /// Steps in which the network ran; fewer than given where everything was preserved at first.
    pub(crate) executed: u32,
    /// See [`Previews::outcome`].
    pub(crate) previews: (u32, Option<EngineError>),
}

/// The clean latent (x₀) that `model_output` stands for, at level `sigma`.
/// x₀ = x − σ·ε, or x/(σ²+1) − v·σ/√(σ²+1) (Salimans & Ho 2022, appendix D, for x in sigma space).
pub(crate) fn clean_from(
    prediction: PredictionType,
    sample: &Tensor,
    model_output: &Tensor,
    sigma: f64,
) -> Result<Tensor, EngineError> {
    let norm = sigma.hypot(1.0);
    Ok(match prediction {
        PredictionType::Epsilon => (sample - model_output.affine(sigma, 0.0)?)?,
        PredictionType::VPrediction => {
            (sample.affine(norm.powi(-2), 0.0)? - model_output.affine(sigma / norm, 0.0)?)?
        }
        PredictionType::Sample => model_output.clone(),
    })
}

/// `clean` with noise to level `sigma`.
pub(crate) fn noised(clean: &Tensor, noise: &Tensor, sigma: f64) -> Result<Tensor, EngineError> {
    Ok((clean + noise.affine(sigma, 0.0)?)?)
}

/// Runs all steps. Reports each step; asks for a preview after each where one is wanted.
pub(crate) fn denoise(
    mut run: Denoising<'_>,
    predictor: &mut dyn Predictor,
    progress: &mut dyn Progress,
) -> Result<Denoised, EngineError> {
    let of = run.steps.len();
    let none: Vec<bool> = match &run.latent_mask {
        Some(latent_mask) => vec![false; latent_mask.strength.len()],
        None => Vec::new(),
    };
    let mut preserved_before = none.clone();
    let mut history: Vec<PastPrediction> = Vec::new();
    let mut sample = run.initial_sample.clone();
    let mut executed = 0;
    for (done, step) in run.steps.iter().enumerate() {
        progress.checkpoint()?;
        progress.stage(stage(done, of));
        let preserved = run.latent_mask.as_ref().map_or_else(
            || none.clone(),
            |latent_mask| latent_mask.preserved_at(done, of),
        );
        let before = std::mem::replace(&mut preserved_before, preserved.clone());
        if !preserved.is_empty() && preserved.iter().all(|&preserved| preserved) {
            // Whatever the network predicts would be blended away.
            continue;
        }
        if let Some(latent_mask) = &run.latent_mask {
            // Pixels inpainted from now on begin from the same latent as those still preserved.
            let renewed = combine(&before, &preserved, |before, now| before || now);
            sample = blend(
                &renewed,
                || noised(&latent_mask.init_latent, run.noise, step.sigma),
                sample,
            )?;
        }
        let scaled = sample.affine(1.0 / step.sigma.hypot(1.0), 0.0)?;
        let model_output = predictor.predict(&scaled, step.timestep, progress)?;
        let mut clean = clean_from(run.prediction, &sample, &model_output, step.sigma)?;
        if let Some(latent_mask) = &run.latent_mask {
            clean = blend(&preserved, || Ok(latent_mask.init_latent.clone()), clean)?;
            // A pixel inpainted from now on has no history; its current prediction, kept as such, makes a
            // multistep sampler first order there.
            let released = combine(&before, &preserved, |before, now| before && !now);
            for entry in &mut history {
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
            history: &history,
            noise: fresh.as_ref(),
        })?;
        executed += 1;
        if progress.wants_preview()
            && let Some(preview) = run.previews.picture(done + 1, &stepped.clean, progress)?
        {
            progress.preview(preview);
        }
        history.insert(
            0,
            PastPrediction {
                sigma: step.sigma,
                clean: stepped.clean,
            },
        );
        history.truncate(run.sampler.history_len());
        sample = stepped.next;
    }
    progress.stage(stage(of, of));
    if let Some(latent_mask) = run.latent_mask {
        sample = blend(&preserved_before, || Ok(latent_mask.init_latent), sample)?;
    }
    Ok(Denoised {
        latent: sample,
        executed,
        previews: run.previews.outcome(),
    })
}

fn stage(done: usize, of: usize) -> Stage {
    Stage::Step {
        done: done as u32,
        of: of as u32,
    }
}

#[cfg(test)]
mod tests;
