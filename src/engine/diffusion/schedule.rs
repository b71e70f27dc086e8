//! Noise levels: what a model was trained with ([`TrainedNoise`]) and what a run visits
//! ([`Schedule`]).
//!
//! Everything is in sigma space: a noisy latent is x = x₀ + σ·n, and the network reads the
//! scaled sample x / √(σ² + 1). In the ᾱ of the papers σ = √((1 − ᾱ) / ᾱ). Numbers are rounded to f32 where
//! diffusers does, so that its tables are met to the last digits.

use serde::Deserialize;

use crate::catalog::{ModelFiles, PredictionType};
use crate::engine::EngineError;
use crate::plan::ScheduleId;
use crate::text::Message;

const FILE: &str = "scheduler/scheduler_config.json";

/// ρ of Karras et al. 2022, equation 5: the value of the paper.
const KARRAS_RHO: f64 = 7.0;

/// How the variance of the noise grows over the timesteps of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BetaCurve {
    #[default]
    Linear,
    ScaledLinear,
    #[serde(rename = "squaredcos_cap_v2")]
    SquaredCosine,
}

/// How timesteps are chosen from those of training: [Lin et al. 2023](https://arxiv.org/abs/2305.08891),
/// table 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Spacing {
    Leading,
    Trailing,
    Linspace,
    /// Of the timesteps that a consistency model was distilled at
    /// ([Luo et al. 2023](https://arxiv.org/abs/2310.04378), section 4.3); not in configurations.
    #[serde(skip)]
    Consistency,
}

/// The level a run ends at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FinalSigma {
    #[default]
    Zero,
    SigmaMin,
}

/// `scheduler_config.json`. Keys that only mean something in pixel space (`clip_sample`,
/// `thresholding`) are left out on purpose, and so is the scheduler's class: the sampler is the
/// user's choice.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Config {
    num_train_timesteps: usize,
    beta_start: f64,
    beta_end: f64,
    beta_schedule: BetaCurve,
    trained_betas: Option<Vec<f32>>,
    prediction_type: PredictionType,
    timestep_spacing: Option<Spacing>,
    timestep_type: Option<String>,
    steps_offset: usize,
    set_alpha_to_one: bool,
    rescale_betas_zero_snr: bool,
    final_sigmas_type: FinalSigma,
    original_inference_steps: usize,
}

impl Default for Config {
    /// The defaults of diffusers.
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaCurve::Linear,
            trained_betas: None,
            prediction_type: PredictionType::Epsilon,
            timestep_spacing: None,
            timestep_type: None,
            steps_offset: 0,
            set_alpha_to_one: true,
            rescale_betas_zero_snr: false,
            final_sigmas_type: FinalSigma::Zero,
            original_inference_steps: 50,
        }
    }
}

/// The noise levels a model was trained with, and how its author would choose among them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrainedNoise {
    /// σ of each timestep of training, growing.
    sigmas: Vec<f32>,
    prediction: PredictionType,
    spacing: Option<Spacing>,
    steps_offset: usize,
    set_alpha_to_one: bool,
    final_sigma: FinalSigma,
    /// Timesteps a consistency model was distilled at.
    distilled_steps: usize,
}

/// One step of a run: from one noise level to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    /// Position in the whole schedule, counted from the most noise.
    pub(crate) index: usize,
    /// The timestep the network is conditioned on.
    pub(crate) timestep: f64,
    /// Level of the latent before the step.
    pub(crate) sigma: f64,
    /// Level the step aims at.
    pub(crate) target_sigma: f64,
    /// Level at which the next step reads the latent; 0 after the last. Only DDIM's differs from
    /// the target.
    pub(crate) next_sigma: f64,
}

/// The noise levels a run may visit, most noise first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule {
    /// All N steps; a run executes the last of them.
    pub(crate) steps: Vec<Step>,
    /// What pure noise is multiplied with to start at the first step (`init_noise_sigma`).
    pub(crate) noise_scale: f64,
}

impl Schedule {
    /// The same for samplers defined on the variance-preserving latent x / √(σ² + 1), where pure
    /// noise is unit noise.
    #[must_use]
    pub(crate) fn variance_preserving(mut self) -> Self {
        self.noise_scale = self.steps.first().map_or(1.0, |step| step.sigma.hypot(1.0));
        self
    }
}

impl TrainedNoise {
    /// Reads `scheduler/scheduler_config.json`.
    pub(crate) fn load(files: &ModelFiles) -> Result<Self, EngineError> {
        let refused = |why: String| EngineError::ModelFile {
            path: files.path(FILE),
            why: why.into(),
        };
        let config: Config = serde_json::from_slice(&files.read(FILE)?)
            .map_err(|error| refused(error.to_string()))?;
        Self::from_config(&config).map_err(refused)
    }

    fn from_config(config: &Config) -> Result<Self, String> {
        let sigmas = training_sigmas(config)?;
        if config.steps_offset >= sigmas.len() {
            return Err(format!("steps_offset is {}", config.steps_offset));
        }
        if config.timestep_type.as_deref() == Some("continuous") {
            return Err("timestep_type “continuous” is not known".to_owned());
        }
        Ok(Self {
            sigmas,
            prediction: config.prediction_type,
            spacing: config.timestep_spacing,
            steps_offset: config.steps_offset,
            set_alpha_to_one: config.set_alpha_to_one,
            final_sigma: config.final_sigmas_type,
            distilled_steps: config.original_inference_steps,
        })
    }

    #[cfg(test)]
    pub(crate) fn from_json(config: serde_json::Value) -> Result<Self, String> {
        let config: Config = serde_json::from_value(config).map_err(|error| error.to_string())?;
        Self::from_config(&config)
    }

    /// What the model output means.
    pub(crate) fn prediction(&self) -> PredictionType {
        self.prediction
    }

    /// How its author spaces timesteps; `usual` where the configuration does not say.
    pub(crate) fn spacing_or(&self, usual: Spacing) -> Spacing {
        self.spacing.unwrap_or(usual)
    }

    /// σ of the least noise.
    pub(crate) fn sigma_min(&self) -> f64 {
        self.sigmas.first().copied().unwrap_or_default().into()
    }

    /// σ of the most noise.
    pub(crate) fn sigma_max(&self) -> f64 {
        self.sigmas.last().copied().unwrap_or_default().into()
    }

    /// The level DDIM ends at: 0, or the least noise of training (`set_alpha_to_one`).
    pub(crate) fn ddim_final_sigma(&self) -> f64 {
        if self.set_alpha_to_one {
            0.0
        } else {
            self.sigma_min()
        }
    }

    /// Timesteps of training.
    pub(crate) fn len(&self) -> usize {
        self.sigmas.len()
    }

    /// σ at a timestep, between two of training by linear interpolation.
    pub(crate) fn sigma_at(&self, timestep: f64) -> f64 {
        let below = (timestep.max(0.0) as usize).min(self.sigmas.len().saturating_sub(1));
        let low = self.sigmas.get(below).copied().map_or(0.0, f64::from);
        let high = self.sigmas.get(below + 1).copied().map_or(low, f64::from);
        let share = (timestep - below as f64).clamp(0.0, 1.0);
        f64::from((low + (high - low) * share) as f32)
    }

    /// The timestep of a σ, between two of training by linear interpolation of ln σ.
    fn timestep_at(&self, sigma: f64) -> f64 {
        let log = |sigma: f64| sigma.max(1e-10).ln();
        let last_pair = self.sigmas.len().saturating_sub(2);
        let reached = self
            .sigmas
            .partition_point(|&known| f64::from(known) <= sigma);
        let below = reached.saturating_sub(1).min(last_pair);
        let low = self.sigmas.get(below).map_or(0.0, |&s| log(f64::from(s)));
        let high = self
            .sigmas
            .get(below + 1)
            .map_or(low, |&s| log(f64::from(s)));
        if high <= low {
            return below as f64;
        }
        let share = ((log(sigma) - low) / (high - low)).clamp(0.0, 1.0);
        f64::from((below as f64 + share) as f32)
    }

    /// `count` timesteps, most noise first, by the formulas of `set_timesteps` in diffusers.
    /// `whole` rounds those of `Linspace`, as schedulers do that look ᾱ up in a table.
    pub(crate) fn timesteps(&self, spacing: Spacing, count: usize, whole: bool) -> Vec<f64> {
        let total = self.sigmas.len();
        let last = (total - 1) as f64;
        let spread = |i: usize| match count {
            0 | 1 => 0.0,
            _ => last * (count - 1 - i) as f64 / (count - 1) as f64,
        };
        (0..count)
            .map(|i| match spacing {
                Spacing::Leading => ((count - 1 - i) * (total / count) + self.steps_offset) as f64,
                Spacing::Trailing => {
                    (total as f64 - i as f64 * (total as f64 / count as f64)).round_ties_even()
                        - 1.0
                }
                Spacing::Consistency => {
                    // With more steps than were distilled, as many are.
                    let origins = self.distilled_steps.clamp(count, total);
                    let from_last = i * origins / count;
                    ((origins - from_last) * (total / origins)) as f64 - 1.0
                }
                Spacing::Linspace if whole => spread(i).round_ties_even(),
                Spacing::Linspace => f64::from(spread(i) as f32),
            })
            // With as many steps as timesteps, an offset would point past the end.
            .map(|timestep| timestep.clamp(0.0, last))
            .collect()
    }

    /// The schedule that visits those timesteps and ends at 0, for samplers of the variance-preserving
    /// latent.
    pub(crate) fn at_timesteps(&self, timesteps: &[f64]) -> Schedule {
        let levels: Vec<(f64, f64)> = timesteps
            .iter()
            .map(|&timestep| (timestep, self.sigma_at(timestep)))
            .collect();
        Schedule {
            noise_scale: levels.first().map_or(0.0, |(_, sigma)| *sigma),
            steps: steps(&levels, 0.0),
        }
    }

    /// Fails where there are more steps than timesteps of training.
    pub(crate) fn check_count(&self, count: usize) -> Result<(), EngineError> {
        if count <= self.len() {
            return Ok(());
        }
        Err(EngineError::Unsupported {
            what: Message::new("engine-what-noise-levels")
                .with("levels", self.len())
                .with("steps", count),
        })
    }

    /// The schedule of samplers that work on noise levels: those of the model's own spacing, or
    /// those of Karras et al. 2022, equation 5, between the model's least and most noise. Ends at
    /// 0, or at the least noise where the model's configuration says so.
    pub(crate) fn schedule(&self, id: ScheduleId, count: usize) -> Result<Schedule, EngineError> {
        self.check_count(count)?;
        // The usual spacing of diffusers' schedulers of this kind.
        let spacing = self.spacing_or(Spacing::Linspace);
        let levels: Vec<(f64, f64)> = match id {
            ScheduleId::Model => self
                .timesteps(spacing, count, false)
                .into_iter()
                .map(|timestep| (timestep, self.sigma_at(timestep)))
                .collect(),
            ScheduleId::Karras => karras_sigmas(self.sigma_min(), self.sigma_max(), count)
                .map(|sigma| (self.timestep_at(sigma), f64::from(sigma as f32)))
                .collect(),
        };
        let last = match self.final_sigma {
            FinalSigma::Zero => 0.0,
            FinalSigma::SigmaMin => self.sigma_min(),
        };
        let first = levels.first().map_or(0.0, |(_, sigma)| *sigma);
        Ok(Schedule {
            steps: steps(&levels, last),
            noise_scale: match spacing {
                Spacing::Linspace | Spacing::Trailing | Spacing::Consistency => first,
                Spacing::Leading => first.hypot(1.0),
            },
        })
    }
}

/// Steps from each timestep's level to the next one's, and to `last`.
fn steps(levels: &[(f64, f64)], last: f64) -> Vec<Step> {
    let following = levels.iter().skip(1).map(|(_, sigma)| *sigma);
    levels
        .iter()
        .zip(following.chain([last]))
        .enumerate()
        .map(|(index, (&(timestep, sigma), next_sigma))| Step {
            index,
            timestep,
            sigma,
            target_sigma: next_sigma,
            next_sigma,
        })
        .collect()
}

/// Karras et al. 2022, equation 5, without the final 0.
fn karras_sigmas(min: f64, max: f64, count: usize) -> impl Iterator<Item = f64> {
    let (from, to) = (max.powf(1.0 / KARRAS_RHO), min.powf(1.0 / KARRAS_RHO));
    (0..count).map(move |i| {
        let share = if count > 1 {
            i as f64 / (count - 1) as f64
        } else {
            0.0
        };
        (from + share * (to - from)).powf(KARRAS_RHO)
    })
}

/// σ of each timestep of training.
fn training_sigmas(config: &Config) -> Result<Vec<f32>, String> {
    let betas = betas(config)?;
    if let Some(beta) = betas.iter().find(|beta| !(0.0..1.0).contains(*beta)) {
        return Err(format!("a beta is {beta}, not from 0 to 1"));
    }
    let mut product = 1.0;
    // PyTorch multiplies in f64 and keeps f32.
    let mut alpha_bars: Vec<f32> = betas
        .iter()
        .map(|beta| {
            product *= f64::from(1.0 - beta);
            product as f32
        })
        .collect();
    if config.rescale_betas_zero_snr {
        rescale_to_zero_snr(&mut alpha_bars);
    }
    let sigmas: Vec<f32> = alpha_bars
        .iter()
        .map(|alpha_bar| ((1.0 - alpha_bar) / alpha_bar).sqrt())
        .collect();
    let growing = sigmas.windows(2).all(|pair| pair[0] < pair[1]);
    let usable = sigmas.iter().all(|sigma| sigma.is_finite() && *sigma > 0.0);
    if growing && usable {
        Ok(sigmas)
    } else {
        Err("its betas do not give growing noise".to_owned())
    }
}

fn betas(config: &Config) -> Result<Vec<f32>, String> {
    if let Some(betas) = &config.trained_betas {
        if !(2..=100_000).contains(&betas.len()) {
            return Err(format!("it has {} trained_betas", betas.len()));
        }
        return Ok(betas.clone());
    }
    let count = config.num_train_timesteps;
    if !(2..=100_000).contains(&count) {
        return Err(format!("num_train_timesteps is {count}"));
    }
    let (start, end) = (config.beta_start, config.beta_end);
    Ok(match config.beta_schedule {
        BetaCurve::Linear => linspace(start as f32, end as f32, count).collect(),
        BetaCurve::ScaledLinear => linspace(start.sqrt() as f32, end.sqrt() as f32, count)
            .map(|root| root * root)
            .collect(),
        // Nichol & Dhariwal 2021, equation 17, cut at 0.999.
        BetaCurve::SquaredCosine => {
            let alpha_bar = |t: f64| {
                ((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2)
                    .cos()
                    .powi(2)
            };
            let at = |i: usize| alpha_bar(i as f64 / count as f64);
            (0..count)
                .map(|i| (1.0 - at(i + 1) / at(i)).min(0.999) as f32)
                .collect()
        }
    })
}

/// `torch.linspace`: from both ends towards the middle, in f32.
fn linspace(start: f32, end: f32, count: usize) -> impl Iterator<Item = f32> {
    let step = (end - start) / (count - 1) as f32;
    (0..count).map(move |i| {
        if i < count / 2 {
            start + step * i as f32
        } else {
            end - step * (count - 1 - i) as f32
        }
    })
}

/// [Lin et al. 2023](https://arxiv.org/abs/2305.08891), algorithm 1: shifts and scales √ᾱ so that
/// the last timestep is (all but) pure noise and the first stays.
fn rescale_to_zero_snr(alpha_bars: &mut [f32]) {
    let (Some(first), Some(last)) = (alpha_bars.first(), alpha_bars.last()) else {
        return;
    };
    let (first, last) = (f64::from(*first).sqrt(), f64::from(*last).sqrt());
    for alpha_bar in &mut *alpha_bars {
        let root = (f64::from(*alpha_bar).sqrt() - last) * first / (first - last);
        *alpha_bar = (root * root) as f32;
    }
    // 0 would be an infinite σ; diffusers takes the smallest subnormal of f16 too.
    if let Some(last) = alpha_bars.last_mut() {
        *last = 2.0_f32.powi(-24);
    }
}

#[cfg(test)]
mod tests;
