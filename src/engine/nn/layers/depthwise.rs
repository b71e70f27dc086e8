//! Depthwise convolutions.

use candle_core::Tensor;

use super::super::cpu::{channels_last, is_on_cpu, isa, picture, with_numbers};
use super::super::weights::Loader;
use super::{BatchNorm, ConvShape};
use crate::engine::kernels::{ConvGeometry, DepthwiseFilter, DtypeVec, depthwise};
use crate::engine::{EngineError, Progress};

/// A convolution of each channel by itself, with a bias. On the processor only, where the small networks that
/// have such layers run.
#[derive(Debug)]
pub(crate) struct DepthwiseConv {
    /// `(taps, channels)`.
    weight: Tensor,
    bias: Tensor,
    shape: ConvShape,
}

impl DepthwiseConv {
    /// The convolution of that shape, whose inputs are its outputs.
    pub(crate) fn load(mut from: Loader<'_>, shape: ConvShape) -> Result<Self, EngineError> {
        let ConvShape {
            outputs, kernel, ..
        } = shape;
        let weight = from.tensor("weight", &[outputs, 1, kernel, kernel])?;
        Ok(Self {
            weight: weight
                .reshape((outputs, kernel * kernel))?
                .t()?
                .contiguous()?,
            bias: from.tensor("bias", &[outputs])?,
            shape,
        })
    }

    /// A convolution without a bias, stored as `c`, and the batch normalization after it, stored as `bn`, in one.
    pub(crate) fn load_normalized(
        mut from: Loader<'_>,
        shape: ConvShape,
        eps: f64,
    ) -> Result<Self, EngineError> {
        let ConvShape {
            outputs, kernel, ..
        } = shape;
        let BatchNorm { scale, shift } = BatchNorm::load(from.scope("bn"), outputs, eps)?;
        let mut from = from.scope("c");
        let weight = from.tensor("weight", &[outputs, 1, kernel, kernel])?;
        let weight = weight.reshape((outputs, kernel * kernel))?.t()?;
        Ok(Self {
            weight: weight.broadcast_mul(&from.computed(scale)?)?.contiguous()?,
            bias: from.computed(shift)?,
            shape,
        })
    }

    /// The convolved picture.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        self.run(x, false, progress)
    }

    /// The convolved picture through GELU.
    pub(crate) fn forward_gelu(
        &self,
        x: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        self.run(x, true, progress)
    }

    fn run(
        &self,
        x: &Tensor,
        gelu: bool,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        progress.checkpoint()?;
        let (batch, channels, height, width) = x.dims4()?;
        if channels != self.shape.outputs || !is_on_cpu(x) {
            return Err(EngineError::Internal {
                why: format!(
                    "{:?} into a depthwise convolution of {}",
                    x.dims(),
                    self.shape.outputs
                ),
            });
        }
        let geometry = ConvGeometry {
            batch,
            height,
            width,
            upsampled_to: None,
            kernel: self.shape.kernel,
            stride: self.shape.stride,
            dilation: self.shape.dilation,
            padding_before: self.shape.padding_before,
            padding_after: self.shape.padding_after,
        };
        let (rows, columns) = geometry.output_size();
        let numbers = channels_last(x)?;
        let convolved = with_numbers(
            [&self.weight, &self.bias, &numbers],
            |[weights, bias, numbers]| {
                let filter = DepthwiseFilter {
                    weights,
                    bias,
                    gelu,
                };
                Ok(depthwise(isa(), &geometry, &filter, numbers))
            },
        )?;
        picture(
            DtypeVec::F32(convolved),
            (batch, rows, columns, channels),
            x,
        )
    }
}
