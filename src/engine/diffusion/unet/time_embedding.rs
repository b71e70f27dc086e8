//! The time embedding of the U-Net.

use candle_core::{DType, Device, Tensor};

use super::config::UnetConfig;
use crate::engine::nn::layers::Linear;
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// Sines and cosines of the timestep ([Vaswani et al. 2017](https://arxiv.org/abs/1706.03762),
/// section 3.5), through two linear layers.
#[derive(Debug)]
pub(super) struct TimeEmbedding {
    width: usize,
    cosine_first: bool,
    freq_shift: f64,
    linear1: Linear,
    linear2: Linear,
}

impl TimeEmbedding {
    pub(super) fn load(from: &mut Loader<'_>, config: &UnetConfig) -> Result<Self, EngineError> {
        let width = config.first_channels();
        let inner = config.time_width;
        let mut from = from.scope("time_embedding").in_f32();
        Ok(Self {
            width,
            cosine_first: config.cosine_first,
            freq_shift: config.freq_shift,
            linear1: Linear::load(from.scope("linear_1"), width, inner)?,
            linear2: Linear::load(from.scope("linear_2"), inner, inner)?,
        })
    }

    /// Of each timestep, `(timesteps, time width)`, after the SiLU that every residual block begins
    /// with.
    pub(super) fn forward(
        &self,
        timesteps: &[f64],
        device: &Device,
        compute: DType,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let waves: Vec<f32> = timesteps
            .iter()
            .flat_map(|&time| waves(time, self.width, self.cosine_first, self.freq_shift))
            .collect();
        let shape = (timesteps.len(), self.width);
        let waves = Tensor::from_vec(waves, shape, device)?.to_dtype(compute)?;
        let inner = self.linear1.forward(&waves, progress)?.silu()?;
        Ok(self.linear2.forward(&inner, progress)?.silu()?)
    }
}

/// sin and cos of timestep · 10000^(−i / (half − shift)), i < half = width / 2; an odd width ends
/// with 0. In f32 whatever the network computes in: in f16 the product loses the phase.
fn waves(timestep: f64, width: usize, cosine_first: bool, freq_shift: f64) -> Vec<f32> {
    let half = width / 2;
    let angles = (0..half).map(|i| {
        let exponent = -(10_000f32.ln()) * i as f32 / (half as f64 - freq_shift) as f32;
        timestep as f32 * exponent.exp()
    });
    let (sines, cosines): (Vec<f32>, Vec<f32>) = angles.map(f32::sin_cos).unzip();
    let mut waves = if cosine_first {
        [cosines, sines].concat()
    } else {
        [sines, cosines].concat()
    };
    waves.resize(width, 0.0);
    waves
}
