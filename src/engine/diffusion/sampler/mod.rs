//! How a step is taken from one noise level to the next. One file a sampler, named as its paper.
//!
//! Samplers work in sigma space (see [`schedule`](super::schedule)), keep nothing between steps
//! and draw no noise themselves: history and noise are handed in. So one trait carries single-step,
//! multistep, ancestral and stochastic samplers, and the loop may correct the history where the latent
//! mask begins to inpaint a pixel.

mod ddim;
mod dpmpp_2m;
mod euler;
mod euler_a;
mod lcm;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

use candle_core::Tensor;

use super::schedule::{Schedule, Step, TrainedNoise};
use crate::engine::EngineError;
use crate::plan::{SamplerId, ScheduleId};

/// All a sampler may look at in one step.
#[derive(Debug)]
pub(crate) struct StepInput<'a> {
    /// From which level to which.
    pub(crate) step: &'a Step,
    /// The noisy latent, at level `step.sigma`.
    pub(crate) sample: &'a Tensor,
    /// The clean latent the network predicts, after guidance and mask.
    pub(crate) clean: &'a Tensor,
    /// Predictions of the steps before, latest first; at most [`Sampler::history_len`] entries, none
    /// in the first executed step.
    pub(crate) history: &'a [PastPrediction],
    /// Fresh unit noise, where [`Sampler::needs_noise`].
    pub(crate) noise: Option<&'a Tensor>,
}

/// A prediction of an earlier step.
#[derive(Debug, Clone)]
pub(crate) struct PastPrediction {
    /// Its noise level.
    pub(crate) sigma: f64,
    /// The clean latent predicted there.
    pub(crate) clean: Tensor,
}

/// What a step gives.
#[derive(Debug)]
pub(crate) struct Stepped {
    /// The latent at level `step.next_sigma`.
    pub(crate) next: Tensor,
    /// The clean latent as this sampler sees it, for previews and as the next step's past.
    pub(crate) clean: Tensor,
}

/// A rule for steps from one noise level to the next.
pub(crate) trait Sampler: Debug {
    /// The levels it visits in a schedule of `count` steps.
    fn schedule(
        &self,
        trained: &TrainedNoise,
        id: ScheduleId,
        count: usize,
    ) -> Result<Schedule, EngineError> {
        trained.schedule(id, count)
    }

    /// How many earlier predictions a multistep sampler uses.
    fn history_len(&self) -> usize {
        0
    }

    /// True where it adds fresh noise in this step.
    fn needs_noise(&self, _step: &Step) -> bool {
        false
    }

    /// Takes one step.
    fn step(&self, input: &StepInput<'_>) -> Result<Stepped, EngineError>;
}

/// The sampler of that id.
pub(crate) fn sampler(id: SamplerId) -> &'static dyn Sampler {
    match id {
        SamplerId::Euler => &euler::Euler,
        SamplerId::EulerA => &euler_a::EulerAncestral,
        SamplerId::Dpmpp2m => &dpmpp_2m::Dpmpp2m,
        SamplerId::Ddim => &ddim::Ddim,
        SamplerId::Lcm => &lcm::Lcm,
    }
}

/// a·x + b·y.
fn combine(a: f64, x: &Tensor, b: f64, y: &Tensor) -> Result<Tensor, EngineError> {
    Ok((x.affine(a, 0.0)? + y.affine(b, 0.0)?)?)
}

/// The point at level `target` on the straight line through `sample` (at `sigma`) and `clean`
/// (at 0): x₀ + σ_target · (x − x₀) / σ.
fn along_line(input: &StepInput<'_>, target: f64) -> Result<Tensor, EngineError> {
    let ratio = target / input.step.sigma;
    combine(ratio, input.sample, 1.0 - ratio, input.clean)
}
