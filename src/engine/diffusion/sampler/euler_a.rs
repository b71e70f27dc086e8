//! Euler with ancestral noise: a step goes down farther than asked, and fresh noise brings it back
//! up, so that the variance stays right ([Song et al. 2020](https://arxiv.org/abs/2011.13456),
//! ancestral sampling of the variance-exploding process; full amount, η = 1).

use super::{Sampler, StepInput, Stepped, along_line, combine};
use crate::engine::EngineError;
use crate::engine::diffusion::schedule::Step;

/// See the module.
#[derive(Debug)]
pub(super) struct EulerAncestral;

/// σ_down and σ_up with σ_down² + σ_up² = σ_target².
fn down_and_up(step: &Step) -> (f64, f64) {
    let (from, to) = (step.sigma.powi(2), step.target_sigma.powi(2));
    let up = (to * (from - to) / from).max(0.0).min(to);
    ((to - up).sqrt(), up.sqrt())
}

impl Sampler for EulerAncestral {
    fn needs_noise(&self, step: &Step) -> bool {
        step.target_sigma > 0.0
    }

    fn step(&self, input: &StepInput<'_>) -> Result<Stepped, EngineError> {
        let (down, up) = down_and_up(input.step);
        let next = along_line(input, down)?;
        Ok(Stepped {
            next: match input.noise {
                Some(noise) => combine(1.0, &next, up, noise)?,
                None => next,
            },
            clean: input.clean.clone(),
        })
    }
}
