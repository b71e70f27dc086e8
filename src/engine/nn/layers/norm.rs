//! Normalisations.

use std::sync::Arc;

use candle_core::{D, DType, Tensor};

use super::super::cpu::{channels_last, is_on_cpu, isa, with_numbers, with_values};
use super::super::weights::Loader;
use super::input::{FusedNorm, LayerInput};
use crate::engine::EngineError;
use crate::engine::kernels::{self, Isa};

/// Group normalisation ([Wu & He 2018](https://arxiv.org/abs/1803.08494)).
#[derive(Debug)]
pub(crate) struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: usize,
    eps: f64,
    /// Whether it is fused into the layer that reads the picture.
    fused: bool,
}

impl GroupNorm {
    /// `channels` must be a multiple of `groups`.
    pub(crate) fn load(
        mut from: Loader<'_>,
        channels: usize,
        groups: usize,
        eps: f64,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            weight: from.tensor("weight", &[channels])?,
            bias: from.tensor("bias", &[channels])?,
            groups,
            eps,
            fused: fuses_norms(&from),
        })
    }

    /// The normalised picture.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<LayerInput, EngineError> {
        self.run(x, false)
    }

    /// The normalised picture through SiLU.
    pub(crate) fn forward_silu(&self, x: &Tensor) -> Result<LayerInput, EngineError> {
        self.run(x, true)
    }

    fn run(&self, x: &Tensor, silu: bool) -> Result<LayerInput, EngineError> {
        if !is_on_cpu(x) {
            return Ok((&self.forward_candle(&x.contiguous()?, silu)?).into());
        }
        let (batch, channels, _, _) = x.dims4()?;
        if self.weight.dims() != [channels] || !channels.is_multiple_of(self.groups.max(1)) {
            return Err(EngineError::Internal {
                why: format!(
                    "a group norm of {channels} channels in {} groups",
                    self.groups
                ),
            });
        }
        let weight = self.weight.to_dtype(DType::F32)?;
        let bias = self.bias.to_dtype(DType::F32)?;
        let stats = with_numbers([&weight, &bias], |[weight, bias]| {
            let norm = kernels::GroupNorm {
                groups: self.groups,
                eps: self.eps,
                weight,
                bias,
                silu,
            };
            with_values(&channels_last(x)?, |x| Ok(norm.stats(isa(), batch, x)))
        })?;
        let input = LayerInput::new(x.clone(), FusedNorm::Group(Arc::new(stats)));
        input.fused_if(self.fused)
    }

    /// By candle's operators.
    fn forward_candle(&self, x: &Tensor, silu: bool) -> Result<Tensor, EngineError> {
        let (batch, channels, height, width) = x.dims4()?;
        let grouped = x
            .reshape((batch, self.groups, channels / self.groups * height * width))?
            .to_dtype(DType::F32)?;
        let centred = grouped.broadcast_sub(&grouped.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normal = centred
            .broadcast_div(&(variance + self.eps)?.sqrt()?)?
            .reshape(x.shape())?
            .to_dtype(x.dtype())?;
        let weight = self.weight.to_dtype(x.dtype())?.reshape((1, (), 1, 1))?;
        let bias = self.bias.to_dtype(x.dtype())?.reshape((1, (), 1, 1))?;
        let y = normal.broadcast_mul(&weight)?.broadcast_add(&bias)?;
        Ok(if silu { y.silu()? } else { y })
    }
}

/// A batch normalization ([Ioffe & Szegedy 2015](https://arxiv.org/abs/1502.03167)) as it was trained: a scale and
/// a shift of each channel, which are folded into the convolution before it.
#[derive(Debug)]
pub(crate) struct BatchNorm {
    /// One a channel.
    pub(super) scale: Vec<f32>,
    /// One a channel, added after the scale.
    pub(super) shift: Vec<f32>,
}

impl BatchNorm {
    /// Of that many channels; `eps` is added to the variance.
    pub(crate) fn load(
        mut from: Loader<'_>,
        channels: usize,
        eps: f64,
    ) -> Result<Self, EngineError> {
        let mut numbers = |name: &str| -> Result<Vec<f32>, EngineError> {
            Ok(from
                .tensor(name, &[channels])?
                .to_dtype(DType::F32)?
                .to_vec1()?)
        };
        let (weight, bias) = (numbers("weight")?, numbers("bias")?);
        let (mean, variance) = (numbers("running_mean")?, numbers("running_var")?);
        let scale: Vec<f32> = weight
            .iter()
            .zip(variance)
            .map(|(weight, variance)| {
                (f64::from(*weight) / (f64::from(variance.max(0.0)) + eps).sqrt()) as f32
            })
            .collect();
        let moved = scale.iter().zip(mean).map(|(scale, mean)| scale * mean);
        Ok(Self {
            shift: bias
                .iter()
                .zip(moved)
                .map(|(bias, moved)| bias - moved)
                .collect(),
            scale,
        })
    }
}

/// True where norms are fused into the GEMMs of the layers that read them.
fn fuses_norms(from: &Loader<'_>) -> bool {
    from.kernel_isa().is_some_and(Isa::has_amx)
}

/// Layer normalisation over the last axis ([Ba et al. 2016](https://arxiv.org/abs/1607.06450)).
#[derive(Debug)]
pub(crate) struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
    /// Whether it is fused into the layer that reads the tokens.
    fused: bool,
}

impl LayerNorm {
    /// For tokens of that width.
    pub(crate) fn load(mut from: Loader<'_>, width: usize, eps: f64) -> Result<Self, EngineError> {
        Ok(Self {
            weight: from.tensor("weight", &[width])?,
            bias: from.tensor("bias", &[width])?,
            eps,
            fused: fuses_norms(&from),
        })
    }

    /// The normalised tokens.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<LayerInput, EngineError> {
        let weight = self.weight.to_dtype(x.dtype())?;
        let bias = self.bias.to_dtype(x.dtype())?;
        let eps = self.eps as f32;
        let x = x.contiguous()?;
        if !is_on_cpu(&x) || x.dims().last() != weight.dims().first() {
            return Ok((&candle_nn::ops::layer_norm(&x, &weight, &bias, eps)?).into());
        }
        let input = LayerInput::new(x, FusedNorm::Layer { weight, bias, eps });
        input.fused_if(self.fused)
    }
}

#[cfg(test)]
mod tests;
