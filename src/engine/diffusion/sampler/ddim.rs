//! DDIM with η = 0, [Song et al. 2020](https://arxiv.org/abs/2010.02502), equation 12.
//!
//! In sigma space its step is Euler's; what makes it DDIM is its own choice of levels. It looks ᾱ
//! up at whole timesteps, aims a fixed number of timesteps down, which need not be where the next
//! step starts, and ends at the first ᾱ of training where `set_alpha_to_one` is false. Because it
//! is defined on the variance-preserving latent, such a mismatch keeps √ᾱ·x, not x.

use super::{Sampler, StepInput, Stepped, along_line};
use crate::engine::EngineError;
use crate::engine::diffusion::schedule::{Schedule, Spacing, Step, TrainedNoise};
use crate::plan::ScheduleId;

/// See the module.
#[derive(Debug)]
pub(super) struct Ddim;

impl Sampler for Ddim {
    fn schedule(
        &self,
        trained: &TrainedNoise,
        id: ScheduleId,
        count: usize,
    ) -> Result<Schedule, EngineError> {
        if id == ScheduleId::Karras {
            // Not from the paper: its step on levels chosen otherwise.
            return Ok(trained.schedule(id, count)?.variance_preserving());
        }
        trained.check_count(count)?;
        let spacing = trained.spacing_or(Spacing::Leading);
        let timesteps = trained.timesteps(spacing, count, true);
        let stride = (trained.len() / count) as f64;
        let steps: Vec<Step> = timesteps
            .iter()
            .enumerate()
            .map(|(index, &timestep)| Step {
                index,
                timestep,
                sigma: trained.sigma_at(timestep),
                target_sigma: if timestep >= stride {
                    trained.sigma_at(timestep - stride)
                } else {
                    trained.ddim_final_sigma()
                },
                next_sigma: timesteps
                    .get(index + 1)
                    .map_or(0.0, |&next| trained.sigma_at(next)),
            })
            .collect();
        let schedule = Schedule {
            steps,
            noise_scale: 1.0,
        };
        Ok(schedule.variance_preserving())
    }

    fn step(&self, input: &StepInput<'_>) -> Result<Stepped, EngineError> {
        let step = input.step;
        let reached = along_line(input, step.target_sigma)?;
        let read_as = step.next_sigma.hypot(1.0) / step.target_sigma.hypot(1.0);
        Ok(Stepped {
            next: reached.affine(read_as, 0.0)?,
            clean: input.clean.clone(),
        })
    }
}
