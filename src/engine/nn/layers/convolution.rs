//! Convolutions.

use candle_core::{DType, Tensor};

use super::super::cpu::{channels_last, is_on_cpu, picture, with_numbers, with_values};
use super::super::weights::{Loader, Weight};
use super::{BatchNorm, LayerInput, PostOps};
use crate::engine::kernels::{ConvGeometry, Epilogue, PackedWeights, conv2d, shift_pictures};
use crate::engine::{EngineError, Operation, OperationKind, Progress};

/// The shape of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvShape {
    /// Channels in.
    pub(crate) inputs: usize,
    /// Channels out.
    pub(crate) outputs: usize,
    /// Side of the square kernel.
    pub(crate) kernel: usize,
    /// Stride.
    pub(crate) stride: usize,
    /// Pixels of the input from one tap of the kernel to the next.
    pub(crate) dilation: usize,
    /// Zero padding above and left of the picture.
    pub(crate) padding_before: usize,
    /// Zero padding below and right of it.
    pub(crate) padding_after: usize,
}

impl ConvShape {
    /// 3×3, keeps the size.
    pub(crate) const fn same3(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            kernel: 3,
            stride: 1,
            dilation: 1,
            padding_before: 1,
            padding_after: 1,
        }
    }

    /// 1×1: each pixel by itself.
    pub(crate) const fn pointwise(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            kernel: 1,
            stride: 1,
            dilation: 1,
            padding_before: 0,
            padding_after: 0,
        }
    }
}

/// A convolution.
#[derive(Debug)]
pub(crate) struct Conv2d {
    /// `(outputs, inputs, kernel, kernel)`.
    weight: Weight,
    bias: Tensor,
    shape: ConvShape,
    /// Whether results may be bf16.
    bf16_activations: bool,
}

/// What is fused with a convolution.
#[derive(Debug, Clone, Copy, Default)]
struct ConvOptions<'a> {
    /// Rows and columns of a nearest-neighbour upsampling before it.
    upsampled_to: Option<(usize, usize)>,
    /// `(1, outputs)`, or `(batch, outputs)`: added to every pixel of all pictures, or of each.
    shift: Option<&'a Tensor>,
    /// The result may be bf16 on AMX.
    bf16_output: bool,
    post: PostOps<'a>,
}

impl Conv2d {
    /// The convolution of that shape, with a bias.
    pub(crate) fn load(mut from: Loader<'_>, shape: ConvShape) -> Result<Self, EngineError> {
        let bias = from.tensor("bias", &[shape.outputs])?;
        Self::load_with(from, shape, bias, None)
    }

    /// A convolution without a bias, stored as `c`, and the batch normalization after it, stored as `bn`, in one.
    pub(crate) fn load_normalized(
        mut from: Loader<'_>,
        shape: ConvShape,
        eps: f64,
    ) -> Result<Self, EngineError> {
        let BatchNorm { scale, shift } = BatchNorm::load(from.scope("bn"), shape.outputs, eps)?;
        let from = from.scope("c");
        let bias = from.computed(shift)?;
        Self::load_with(from, shape, bias, Some(&scale))
    }

    /// The same without a bias.
    pub(crate) fn load_unbiased(from: Loader<'_>, shape: ConvShape) -> Result<Self, EngineError> {
        let bias = from.zeros(shape.outputs)?;
        Self::load_with(from, shape, bias, None)
    }

    fn load_with(
        mut from: Loader<'_>,
        shape: ConvShape,
        bias: Tensor,
        scale: Option<&[f32]>,
    ) -> Result<Self, EngineError> {
        let ConvShape {
            inputs,
            outputs,
            kernel,
            ..
        } = shape;
        let taps = kernel * kernel;
        let in_file = [outputs, inputs, kernel, kernel];
        let weight = from.weight("weight", &[&in_file], |target, rows| {
            PackedWeights::pack_rows(target, [outputs, taps, inputs], |outputs, to| {
                let in_file: Vec<usize> = outputs.collect();
                rows.read(&in_file, to);
                let Some(scale) = scale else { return };
                for (output, to) in in_file.iter().zip(to.chunks_exact_mut(inputs * taps)) {
                    let scale = scale.get(*output).copied().unwrap_or(1.0);
                    for number in to {
                        *number *= scale;
                    }
                }
            })
        })?;
        let weight = match (weight, scale) {
            (Weight::Tensor(weight), Some(scale)) => {
                let scale = Tensor::new(scale, weight.device())?.to_dtype(weight.dtype())?;
                Weight::Tensor(weight.broadcast_mul(&scale.reshape((outputs, 1, 1, 1))?)?)
            }
            (weight, _) => weight,
        };
        Ok(Self {
            weight,
            bias,
            shape,
            bf16_activations: from.bf16_activations(),
        })
    }

    /// The convolved picture.
    pub(crate) fn forward(
        &self,
        x: impl Into<LayerInput>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        self.run(x.into(), ConvOptions::default(), progress)
    }

    /// The convolved picture, and what is done with it then.
    pub(crate) fn forward_then<'a>(
        &self,
        x: impl Into<LayerInput>,
        post: impl Into<PostOps<'a>>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let options = ConvOptions {
            post: post.into(),
            ..ConvOptions::default()
        };
        self.run(x.into(), options, progress)
    }

    /// The convolved pictures, with `shift` added to every pixel: `(1, outputs)`, or a row for each picture.
    /// On AMX they are bf16, for a normalization alone to read.
    pub(crate) fn forward_for_norm(
        &self,
        x: impl Into<LayerInput>,
        shift: Option<&Tensor>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let options = ConvOptions {
            shift,
            bf16_output: true,
            ..ConvOptions::default()
        };
        self.run(x.into(), options, progress)
    }

    /// The picture upsampled to that many rows and columns (nearest neighbour), convolved.
    pub(crate) fn forward_upsampled(
        &self,
        x: impl Into<LayerInput>,
        (height, width): (usize, usize),
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let options = ConvOptions {
            upsampled_to: Some((height, width)),
            ..ConvOptions::default()
        };
        self.run(x.into(), options, progress)
    }

    fn run(
        &self,
        x: LayerInput,
        options: ConvOptions<'_>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        progress.checkpoint()?;
        match &self.weight {
            Weight::Packed(weights) => self.forward_kernels(weights, &x, options, progress),
            Weight::Tensor(weight) => {
                self.forward_candle(weight, &x.materialized()?, options, progress)
            }
        }
    }

    /// By our kernels.
    fn forward_kernels(
        &self,
        weights: &PackedWeights,
        input: &LayerInput,
        options: ConvOptions<'_>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let (x, post) = (input.tensor(), options.post);
        let (batch, inputs, height, width) = x.dims4()?;
        let geometry = ConvGeometry {
            batch,
            height,
            width,
            upsampled_to: options.upsampled_to,
            kernel: self.shape.kernel,
            stride: self.shape.stride,
            dilation: self.shape.dilation,
            padding_before: self.shape.padding_before,
            padding_after: self.shape.padding_after,
        };
        let (rows, columns) = geometry.output_size();
        let outputs = weights.outputs();
        let fits = |residual: &Tensor| {
            residual.dims() == [batch, outputs, rows, columns] && is_on_cpu(residual)
        };
        if inputs != weights.inputs() || !is_on_cpu(x) || !post.residual.is_none_or(fits) {
            return Err(EngineError::Internal {
                why: format!("{:?} into a convolution of {}", x.dims(), weights.inputs()),
            });
        }
        // One shift for all is a bias; one for each picture is added afterwards.
        let (bias, shifts) = match options.shift {
            Some(shift) if shift.dim(0)? == 1 => {
                (shift.flatten_all()?.broadcast_add(&self.bias)?, None)
            }
            shift => (self.bias.clone(), shift),
        };
        if shifts.is_some_and(|shifts| shifts.dims() != [batch, outputs]) {
            return Err(EngineError::Internal {
                why: format!("shifts for other pictures than {:?}", x.dims()),
            });
        }
        let numbers = channels_last(x)?;
        let residual = match post.residual {
            Some(residual) => channels_last(residual)?,
            None => Tensor::zeros(0, DType::F32, x.device())?,
        };
        progress.operation(Some(Operation {
            kind: OperationKind::Convolution(self.shape.kernel),
            m: batch * rows * columns,
            n: outputs,
            k: inputs * self.shape.kernel * self.shape.kernel,
        }));
        let mut output = with_numbers([&bias], |[bias]| {
            with_values(&residual, |residual| {
                let epilogue = Epilogue {
                    bias: Some(bias),
                    residual: post.residual.is_some().then_some(residual),
                    geglu: false,
                    gelu: post.is_gelu(),
                    bf16_output: post.may_be_bf16()
                        && (options.bf16_output || self.bf16_activations),
                };
                input.lend(&numbers, |input| {
                    Ok(conv2d(&geometry, weights, input, &epilogue, progress)?)
                })
            })
        })?;
        post.finish(&mut output, outputs);
        if let Some(shifts) = shifts {
            let shifts = shifts.contiguous()?;
            with_numbers([&shifts], |[shifts]| {
                shift_pictures(&mut output, shifts, outputs);
                Ok(())
            })?;
        }
        progress.operation(None);
        picture(output, (batch, rows, columns, outputs), x)
    }

    /// By candle's operators.
    fn forward_candle(
        &self,
        weight: &Tensor,
        x: &Tensor,
        options: ConvOptions<'_>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let mut x = x.contiguous()?;
        if let Some((height, width)) = options.upsampled_to {
            x = x.upsample_nearest2d(height, width)?;
            progress.checkpoint()?;
        }
        let (before, after) = (self.shape.padding_before, self.shape.padding_after);
        let more = after.saturating_sub(before);
        if more > 0 {
            x = x.pad_with_zeros(2, 0, more)?.pad_with_zeros(3, 0, more)?;
        }
        let mut bias = self.bias.to_dtype(x.dtype())?.unsqueeze(0)?;
        if let Some(shift) = options.shift {
            bias = shift.broadcast_add(&bias)?;
        }
        let weight = weight.to_dtype(x.dtype())?;
        let y = x
            .conv2d(&weight, before, self.shape.stride, self.shape.dilation, 1)?
            .broadcast_add(&bias.unsqueeze(2)?.unsqueeze(3)?)?;
        options.post.by_candle(y)
    }
}
