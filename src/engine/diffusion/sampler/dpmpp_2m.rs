//! DPM-Solver++ (2M), [Lu et al. 2022](https://arxiv.org/abs/2211.01095), algorithm 2: second
//! order by the prediction of the step before. First order in the first executed step, which has no
//! history, and in the last, which goes to 0.

use super::{Sampler, StepInput, Stepped, combine};
use crate::engine::EngineError;
use crate::engine::diffusion::schedule::{Schedule, TrainedNoise};
use crate::plan::ScheduleId;

/// See the module.
#[derive(Debug)]
pub(super) struct Dpmpp2m;

impl Sampler for Dpmpp2m {
    fn schedule(
        &self,
        trained: &TrainedNoise,
        id: ScheduleId,
        count: usize,
    ) -> Result<Schedule, EngineError> {
        Ok(trained.schedule(id, count)?.variance_preserving())
    }

    fn history_len(&self) -> usize {
        1
    }

    fn step(&self, input: &StepInput<'_>) -> Result<Stepped, EngineError> {
        let clean = input.clean;
        let (from, to) = (input.step.sigma, input.step.target_sigma);
        let next = if to > 0.0 {
            // λ = −ln σ; h and the ratio r of the last step's h to it are those of the paper.
            let h = (from / to).ln();
            let extrapolated = match input.history.first() {
                Some(past) => {
                    let ratio = (past.sigma / from).ln() / h;
                    let weight = 0.5 / ratio;
                    combine(1.0 + weight, clean, -weight, &past.clean)?
                }
                None => clean.clone(),
            };
            combine(to / from, input.sample, -(-h).exp_m1(), &extrapolated)?
        } else {
            clean.clone()
        };
        Ok(Stepped {
            next,
            clean: clean.clone(),
        })
    }
}
