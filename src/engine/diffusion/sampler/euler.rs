//! Euler's method on the probability flow, [Karras et al. 2022](https://arxiv.org/abs/2206.00364),
//! algorithm 2 without churn.

use super::{Sampler, StepInput, Stepped, along_line};
use crate::engine::EngineError;

/// See the module.
#[derive(Debug)]
pub(super) struct Euler;

impl Sampler for Euler {
    fn step(&self, input: &StepInput<'_>) -> Result<Stepped, EngineError> {
        Ok(Stepped {
            next: along_line(input, input.step.target_sigma)?,
            clean: input.clean.clone(),
        })
    }
}
