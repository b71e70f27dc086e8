//! Normalisations.

use std::sync::Arc;

use candle_core::{D, DType, Tensor};

use super::super::cpu::{channels_last, is_here, isa, with_numbers, with_values};
use super::super::weights::Loader;
use super::source::{AsRead, Source};
use crate::engine::EngineError;
use crate::engine::kernels::{self, Isa};

/// Group normalisation ([Wu & He 2018](https://arxiv.org/abs/1803.08494)).
#[derive(Debug)]
pub(crate) struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: usize,
    eps: f64,
    /// Whether it is left to what reads the picture.
    as_read: bool,
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
            as_read: normalises_as_it_reads(&from),
        })
    }

    /// The normalised picture.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Source, EngineError> {
        self.run(x, false)
    }

    /// The normalised picture through SiLU.
    pub(crate) fn forward_silu(&self, x: &Tensor) -> Result<Source, EngineError> {
        self.run(x, true)
    }

    fn run(&self, x: &Tensor, silu: bool) -> Result<Source, EngineError> {
        if !is_here(x) {
            return Ok((&self.composed(&x.contiguous()?, silu)?).into());
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
        let measured = with_numbers([&weight, &bias], |[weight, bias]| {
            let norm = kernels::GroupNorm {
                groups: self.groups,
                eps: self.eps,
                weight,
                bias,
                silu,
            };
            with_values(&channels_last(x)?, |x| Ok(norm.measure(isa(), batch, x)))
        })?;
        let source = Source::new(x.clone(), AsRead::Groups(Arc::new(measured)));
        source.unless(self.as_read)
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

/// True where it is left to the layers that read what is normalised.
fn normalises_as_it_reads(from: &Loader<'_>) -> bool {
    from.packs_for().is_some_and(Isa::has_amx)
}

/// Layer normalisation over the last axis ([Ba et al. 2016](https://arxiv.org/abs/1607.06450)).
#[derive(Debug)]
pub(crate) struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
    /// Whether it is left to what reads the tokens.
    as_read: bool,
}

impl LayerNorm {
    /// For tokens of that width.
    pub(crate) fn load(mut from: Loader<'_>, width: usize, eps: f64) -> Result<Self, EngineError> {
        Ok(Self {
            weight: from.tensor("weight", &[width])?,
            bias: from.tensor("bias", &[width])?,
            eps,
            as_read: normalises_as_it_reads(&from),
        })
    }

    /// The normalised tokens.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Source, EngineError> {
        let weight = self.weight.to_dtype(x.dtype())?;
        let bias = self.bias.to_dtype(x.dtype())?;
        let eps = self.eps as f32;
        let x = x.contiguous()?;
        if !is_here(&x) || x.dims().last() != weight.dims().first() {
            return Ok((&candle_nn::ops::layer_norm(&x, &weight, &bias, eps)?).into());
        }
        let source = Source::new(x, AsRead::Row { weight, bias, eps });
        source.unless(self.as_read)
    }
}

#[cfg(test)]
mod tests;
