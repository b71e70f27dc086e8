//! Normalisations.

use candle_core::{D, DType, Tensor};

use super::super::cpu::{channels_last, instructions, is_here, picture, with_numbers};
use super::super::weights::Loader;
use crate::engine::EngineError;
use crate::engine::kernels;

/// Group normalisation ([Wu & He 2018](https://arxiv.org/abs/1803.08494)).
#[derive(Debug)]
pub(crate) struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: usize,
    eps: f64,
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
        })
    }

    /// The normalised picture.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        self.run(x, false)
    }

    /// The normalised picture through SiLU.
    pub(crate) fn forward_silu(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        self.run(x, true)
    }

    fn run(&self, x: &Tensor, silu: bool) -> Result<Tensor, EngineError> {
        if !is_here(x) {
            return self.composed(&x.contiguous()?, silu);
        }
        let (batch, channels, height, width) = x.dims4()?;
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
        let output = with_numbers([&channels_last(x)?, &weight, &bias], |[x, weight, bias]| {
            let norm = kernels::GroupNorm {
                groups: self.groups,
                eps: self.eps,
                weight,
                bias,
                silu,
            };
            Ok(kernels::group_norm(instructions(), &norm, batch, x))
        })?;
        picture(output, (batch, height, width, channels), x)
    }

    /// Out of candle's own operators.
    fn composed(&self, x: &Tensor, silu: bool) -> Result<Tensor, EngineError> {
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

/// Layer normalisation over the last axis ([Ba et al. 2016](https://arxiv.org/abs/1607.06450)).
#[derive(Debug)]
pub(crate) struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    /// For tokens of that width.
    pub(crate) fn load(mut from: Loader<'_>, width: usize, eps: f64) -> Result<Self, EngineError> {
        Ok(Self {
            weight: from.tensor("weight", &[width])?,
            bias: from.tensor("bias", &[width])?,
            eps,
        })
    }

    /// The normalised tokens.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        let weight = self.weight.to_dtype(x.dtype())?;
        let bias = self.bias.to_dtype(x.dtype())?;
        let eps = self.eps as f32;
        let x = x.contiguous()?;
        if !is_here(&x) || x.dims().last() != weight.dims().first() {
            return Ok(candle_nn::ops::layer_norm(&x, &weight, &bias, eps)?);
        }
        let output = with_numbers([&x, &weight, &bias], |[x, weight, bias]| {
            Ok(kernels::layer_norm(instructions(), weight, bias, eps, x))
        })?;
        Ok(Tensor::from_vec(output, x.shape(), x.device())?)
    }
}

#[cfg(test)]
mod tests;
