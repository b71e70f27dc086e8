//! Multistep consistency sampling, [Luo et al. 2023](https://arxiv.org/abs/2310.04378), algorithm 3: each step
//! goes to the clean latent, and fresh noise brings it to the next level. The levels are taken from the few
//! that the model was distilled at.

use super::{Sampler, StepInput, Stepped, combine};
use crate::engine::EngineError;
use crate::engine::diffusion::schedule::{Schedule, Spacing, Step, TrainedNoise};
use crate::plan::ScheduleId;

/// Timesteps are multiplied by this in the boundary condition (`timestep_scaling`).
const TIMESTEP_SCALING: f64 = 10.0;
/// σ of the data in the boundary condition.
const SIGMA_DATA: f64 = 0.5;

/// See the module.
#[derive(Debug)]
pub(super) struct Lcm;

impl Sampler for Lcm {
    fn schedule(
        &self,
        trained: &TrainedNoise,
        id: ScheduleId,
        count: usize,
    ) -> Result<Schedule, EngineError> {
        let schedule = match id {
            ScheduleId::Model => {
                trained.check_count(count)?;
                trained.at_timesteps(&trained.timesteps(Spacing::Consistency, count, true))
            }
            // Not from the paper: its step on levels chosen otherwise.
            ScheduleId::Karras => trained.schedule(id, count)?,
        };
        Ok(schedule.variance_preserving())
    }

    fn needs_noise(&self, step: &Step) -> bool {
        step.next_sigma > 0.0
    }

    fn step(&self, input: &StepInput<'_>) -> Result<Stepped, EngineError> {
        let step = input.step;
        // The boundary condition: at the least noise the latent itself, else the network's prediction.
        let scaled = step.timestep * TIMESTEP_SCALING;
        let norm = scaled.hypot(SIGMA_DATA);
        let skip = (SIGMA_DATA / norm).powi(2) / step.sigma.hypot(1.0);
        let clean = combine(scaled / norm, input.clean, skip, input.sample)?;
        Ok(Stepped {
            next: match input.noise {
                Some(noise) => combine(1.0, &clean, step.next_sigma, noise)?,
                None => clean.clone(),
            },
            clean,
        })
    }
}
