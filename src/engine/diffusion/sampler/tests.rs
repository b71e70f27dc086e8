use candle_core::{DType, Device};

use super::*;
use crate::catalog::{ModelFiles, PredictionType};
use crate::engine::Progress;
use crate::engine::diffusion::denoise::{Denoising, Predictor, denoise, noised};
use crate::engine::diffusion::noise::NoiseSource;
use crate::engine::diffusion::testing::{NoProgress, find, golden, relative_error};
use crate::engine::diffusion::weights::Precision;

/// The formula of `toy` in `tests/golden/runs.py`.
fn toy(scaled: &Tensor, timestep: f64) -> Tensor {
    let bent = scaled.affine(0.8, 0.2).unwrap().tanh().unwrap();
    bent.affine((timestep / 700.0).cos(), 0.1).unwrap()
}

struct Toy;

impl Predictor for Toy {
    fn predict(
        &mut self,
        scaled: &Tensor,
        timestep: f64,
        _: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        Ok(toy(scaled, timestep))
    }
}
