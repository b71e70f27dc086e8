//! The layers networks are made of: thin holders of weights with one entry point for each thing the
//! networks do. What computes behind an entry point can be exchanged without touching a network.
//!
//! Pictures are `(batch, channels, height, width)`, token lists `(batch, tokens, width)`.

use candle_core::{D, DType, Tensor};

use super::kernels::{ConvGeometry, GroupNormOp, conv2d, with_numbers};
use super::weights::Loader;
use crate::engine::{EngineError, Progress};

/// A fully connected layer on the last axis.
#[derive(Debug)]
pub(crate) struct Linear {
    /// `(outputs, inputs)`.
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// With a bias. A 1×1 convolution is the same thing on a list of pixels, so its weight is
    /// taken too.
    pub(crate) fn load(
        mut from: Loader<'_>,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, EngineError> {
        let bias = from.tensor("bias", &[outputs])?;
        let mut layer = Self::load_unbiased(from, inputs, outputs)?;
        layer.bias = Some(bias);
        Ok(layer)
    }

    /// Without a bias.
    pub(crate) fn load_unbiased(
        mut from: Loader<'_>,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, EngineError> {
        let shapes: [&[usize]; 2] = [&[outputs, inputs], &[outputs, inputs, 1, 1]];
        Ok(Self {
            weight: from.tensor_of_shapes("weight", &shapes)?,
            bias: None,
        })
    }

    /// x · Wᵀ + b.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        self.forward_rows(x, 0, self.weight.dim(0)?)
    }

    /// Only the outputs `start .. start + len`.
    fn forward_rows(&self, x: &Tensor, start: usize, len: usize) -> Result<Tensor, EngineError> {
        let weight = self.weight.narrow(0, start, len)?.to_dtype(x.dtype())?;
        let inputs = weight.dim(1)?;
        // One product of two matrices instead of one a batch member.
        let rows = x.contiguous()?.reshape(((), inputs))?;
        let mut y = rows.matmul(&weight.t()?)?;
        if let Some(bias) = &self.bias {
            let bias = bias.narrow(0, start, len)?.to_dtype(x.dtype())?;
            y = y.broadcast_add(&bias)?;
        }
        let mut shape = x.dims().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = len;
        }
        Ok(y.reshape(shape)?)
    }
}

/// A linear layer whose first half of outputs is gated by the GELU of the second half
/// ([Shazeer 2020](https://arxiv.org/abs/2002.05202)); GELU in its exact form, as in diffusers.
#[derive(Debug)]
pub(crate) struct GeGlu {
    projection: Linear,
    outputs: usize,
}

impl GeGlu {
    /// Its weight has 2 × `outputs` rows.
    pub(crate) fn load(
        from: Loader<'_>,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            projection: Linear::load(from, inputs, 2 * outputs)?,
            outputs,
        })
    }

    /// a · gelu(b).
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        // Two products give two contiguous halves; cutting one result would copy both.
        let value = self.projection.forward_rows(x, 0, self.outputs)?;
        let gate = self
            .projection
            .forward_rows(x, self.outputs, self.outputs)?;
        Ok((value * gate.gelu_erf()?)?)
    }
}

/// What a convolution looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvShape {
    /// Channels in.
    pub(crate) inputs: usize,
    /// Channels out.
    pub(crate) outputs: usize,
    /// Side of the square kernel.
    pub(crate) kernel: usize,
    /// Pixels from one place of the kernel to the next.
    pub(crate) stride: usize,
    /// Zeros around the picture.
    pub(crate) padding: usize,
}

impl ConvShape {
    /// 3×3, keeps the size.
    pub(crate) const fn same3(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            kernel: 3,
            stride: 1,
            padding: 1,
        }
    }

    /// 1×1: each pixel by itself.
    pub(crate) const fn pointwise(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            kernel: 1,
            stride: 1,
            padding: 0,
        }
    }
}

/// A convolution with a bias.
#[derive(Debug)]
pub(crate) struct Conv2d {
    /// `(outputs, inputs, kernel, kernel)`.
    weight: Tensor,
    bias: Tensor,
    stride: usize,
    padding: usize,
}

impl Conv2d {
    /// The convolution of that shape.
    pub(crate) fn load(mut from: Loader<'_>, shape: ConvShape) -> Result<Self, EngineError> {
        let weight_shape = [shape.outputs, shape.inputs, shape.kernel, shape.kernel];
        Ok(Self {
            weight: from.tensor("weight", &weight_shape)?,
            bias: from.tensor("bias", &[shape.outputs])?,
            stride: shape.stride,
            padding: shape.padding,
        })
    }

    /// The convolved picture.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        self.convolved(x, &self.bias.to_dtype(x.dtype())?, progress)
    }

    /// The convolved picture with `shift`, `(1, outputs)`, added to every pixel.
    pub(crate) fn forward_shifted(
        &self,
        x: &Tensor,
        shift: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let bias = self.bias.to_dtype(x.dtype())?;
        self.convolved(x, &shift.flatten_all()?.broadcast_add(&bias)?, progress)
    }

    fn convolved(
        &self,
        x: &Tensor,
        bias: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        progress.checkpoint()?;
        let weight = self.weight.to_dtype(x.dtype())?;
        if x.device().is_cpu() && x.dtype() == DType::F32 {
            return self.on_the_cpu(x, &weight, bias, progress);
        }
        let y = x
            .contiguous()?
            .conv2d(&weight, self.padding, self.stride, 1, 1)?;
        Ok(y.broadcast_add(&bias.reshape((1, (), 1, 1))?)?)
    }

    fn on_the_cpu(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let (batch, inputs, height, width) = x.dims4()?;
        let (outputs, weight_inputs, kernel, _) = weight.dims4()?;
        if inputs != weight_inputs {
            return Err(EngineError::Internal {
                why: format!("{inputs} channels into a convolution of {weight_inputs}"),
            });
        }
        let geometry = ConvGeometry {
            batch,
            inputs,
            outputs,
            height,
            width,
            kernel,
            stride: self.stride,
            padding: self.padding,
        };
        let (rows, columns) = geometry.output_size();
        let y = with_numbers([x, weight, bias], |[x, weight, bias]| {
            Ok(conv2d(&geometry, x, weight, bias, progress)?)
        })?;
        Ok(Tensor::from_vec(
            y,
            (batch, outputs, rows, columns),
            x.device(),
        )?)
    }
}

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
        let x = x.contiguous()?;
        if x.device().is_cpu() && x.dtype() == DType::F32 {
            let weight = self.weight.to_dtype(DType::F32)?;
            let bias = self.bias.to_dtype(DType::F32)?;
            let op = GroupNormOp {
                groups: self.groups,
                eps: self.eps,
                silu,
            };
            return Ok(x.apply_op3_no_bwd(&weight, &bias, &op)?);
        }
        self.composed(&x, silu)
    }

    /// Out of candle's own operators, for the other devices.
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
        Ok(candle_nn::ops::layer_norm(
            &x.contiguous()?,
            &weight,
            &bias,
            eps,
        )?)
    }
}

/// A row of numbers for each of a number of ids.
#[derive(Debug)]
pub(crate) struct Embedding {
    rows: Tensor,
}

impl Embedding {
    /// `count` rows of `width` numbers.
    pub(crate) fn load(
        mut from: Loader<'_>,
        count: usize,
        width: usize,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            rows: from.tensor("weight", &[count, width])?,
        })
    }

    /// All rows, in `dtype`.
    pub(crate) fn all(&self, dtype: DType) -> Result<Tensor, EngineError> {
        Ok(self.rows.to_dtype(dtype)?)
    }

    /// The rows of these ids, in `dtype`. Ids must be below the number of rows.
    pub(crate) fn look_up(&self, ids: &[u32], dtype: DType) -> Result<Tensor, EngineError> {
        let ids = Tensor::new(ids, self.rows.device())?;
        Ok(self.rows.index_select(&ids, 0)?.to_dtype(dtype)?)
    }
}

/// What text encoders bend their numbers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// x · sigmoid(1.702 x), OpenAI's approximation.
    QuickGelu,
    /// x · Φ(x), exact ([Hendrycks & Gimpel 2016](https://arxiv.org/abs/1606.08415)).
    Gelu,
}

impl Activation {
    /// Of each number.
    pub(crate) fn forward(self, x: &Tensor) -> Result<Tensor, EngineError> {
        Ok(match self {
            Self::QuickGelu => (x * candle_nn::ops::sigmoid(&(x * 1.702)?)?)?,
            Self::Gelu => x.gelu_erf()?,
        })
    }
}

#[cfg(test)]
mod tests;
