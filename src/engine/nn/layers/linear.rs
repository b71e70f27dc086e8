//! Fully connected layers.

use candle_core::{DType, Tensor};

use super::super::cpu::{is_on_cpu, tensor, with_numbers, with_values};
use super::super::weights::{Loader, Weight};
use super::{LayerInput, PostOps};
use crate::engine::kernels::{Epilogue, PackedWeights, can_fuse_geglu, geglu_row_order, linear};
use crate::engine::{EngineError, Operation, OperationKind, Progress};

/// A fully connected layer on the last axis.
#[derive(Debug)]
pub(crate) struct Linear {
    /// `(outputs, inputs)`.
    weight: Weight,
    bias: Option<Tensor>,
    /// Whether results may be bf16.
    bf16_activations: bool,
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

    /// A transposed convolution whose kernel is as large as its stride, `side` × `side`: of every pixel it makes a
    /// square of them. The outputs are those pixels, row after row, each with its channels.
    pub(crate) fn load_enlarging(
        mut from: Loader<'_>,
        inputs: usize,
        outputs: usize,
        side: usize,
    ) -> Result<Self, EngineError> {
        let taps = side * side;
        let in_file: [&[usize]; 1] = [&[inputs, outputs, side, side]];
        let weight = from.weight("weight", &in_file, |target, rows| {
            let numbers = rows.all();
            PackedWeights::pack(target, [taps * outputs, 1, inputs], |row, _, input| {
                let (tap, output) = (row / outputs, row % outputs);
                numbers[(input * outputs + output) * taps + tap]
            })
        })?;
        let weight = match weight {
            Weight::Tensor(weight) => {
                let rows = weight.permute((2, 3, 1, 0))?;
                Weight::Tensor(rows.reshape((taps * outputs, inputs))?)
            }
            packed @ Weight::Packed(_) => packed,
        };
        let bias = from.tensor("bias", &[outputs])?;
        Ok(Self {
            weight,
            bias: Some(bias.repeat(taps)?),
            bf16_activations: from.bf16_activations(),
        })
    }

    /// Without a bias.
    pub(crate) fn load_unbiased(
        from: Loader<'_>,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, EngineError> {
        Self::load_ordered(from, inputs, outputs, |_, output| output)
    }

    /// Where it is packed, row `order(isa, n)` of the file comes as row n.
    fn load_ordered(
        mut from: Loader<'_>,
        inputs: usize,
        outputs: usize,
        order: impl Fn(crate::engine::kernels::Isa, usize) -> usize + Sync,
    ) -> Result<Self, EngineError> {
        let shapes: [&[usize]; 2] = [&[outputs, inputs], &[outputs, inputs, 1, 1]];
        let weight = from.weight("weight", &shapes, |target, rows| {
            let isa = target.isa;
            PackedWeights::pack_rows(target, [outputs, 1, inputs], |outputs, to| {
                let in_file: Vec<usize> = outputs.map(|output| order(isa, output)).collect();
                rows.read(&in_file, to);
            })
        })?;
        Ok(Self {
            weight,
            bias: None,
            bf16_activations: from.bf16_activations(),
        })
    }

    /// x · Wᵀ + b.
    pub(crate) fn forward(
        &self,
        x: impl Into<LayerInput>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        self.forward_then(x, PostOps::default(), progress)
    }

    /// x · Wᵀ + b, and what is done with it then.
    pub(crate) fn forward_then<'a>(
        &self,
        x: impl Into<LayerInput>,
        post: impl Into<PostOps<'a>>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let (x, post) = (x.into(), post.into());
        match &self.weight {
            Weight::Packed(weights) => self.forward_kernels(weights, &x, (post, false), progress),
            Weight::Tensor(weight) => {
                let y = self.forward_candle(weight, &x.materialized()?, 0, weight.dim(0)?)?;
                post.by_candle(y)
            }
        }
    }

    /// By our kernels; `geglu`: see [`Epilogue::geglu`].
    fn forward_kernels(
        &self,
        weights: &PackedWeights,
        input: &LayerInput,
        (post, geglu): (PostOps<'_>, bool),
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let (x, residual) = (input.tensor(), post.residual);
        let width = weights.outputs() / if geglu { 2 } else { 1 };
        let mut shape = x.dims().to_vec();
        let inputs = shape.pop().unwrap_or_default();
        shape.push(width);
        let fits = inputs == weights.inputs()
            && is_on_cpu(x)
            && residual.is_none_or(|residual| residual.dims() == shape && is_on_cpu(residual));
        if !fits {
            return Err(EngineError::Internal {
                why: format!("{:?} into a linear layer of {}", x.dims(), weights.inputs()),
            });
        }
        let x = x.contiguous()?;
        let nothing = Tensor::zeros(0, DType::F32, x.device())?;
        let bias = self.bias.as_ref().unwrap_or(&nothing);
        let added_numbers = residual.unwrap_or(&nothing).contiguous()?;
        progress.operation(Some(Operation {
            kind: OperationKind::Linear,
            m: x.elem_count() / inputs.max(1),
            n: weights.outputs(),
            k: inputs,
        }));
        let mut output = with_numbers([bias], |[bias]| {
            with_values(&added_numbers, |onto| {
                let epilogue = Epilogue {
                    bias: self.bias.is_some().then_some(bias),
                    residual: residual.is_some().then_some(onto),
                    geglu,
                    gelu: post.is_gelu(),
                    // The next GEMM of the feed-forward network rounds it.
                    bf16_output: post.may_be_bf16() && (geglu || self.bf16_activations),
                };
                input.lend(&x, |input| Ok(linear(weights, input, &epilogue, progress)?))
            })
        })?;
        post.finish(&mut output, width);
        progress.operation(None);
        tensor(output, shape, &x)
    }

    /// By candle's operators: only the outputs `start .. start + len`.
    fn forward_candle(
        &self,
        weight: &Tensor,
        x: &Tensor,
        start: usize,
        len: usize,
    ) -> Result<Tensor, EngineError> {
        let weight = weight.narrow(0, start, len)?.to_dtype(x.dtype())?;
        let inputs = weight.dim(1)?;
        // One GEMM instead of one a batch member.
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
    /// Whether GEGLU is in the GEMM's epilogue.
    fused: bool,
}

impl GeGlu {
    /// Its weight has 2 × `outputs` rows.
    pub(crate) fn load(
        mut from: Loader<'_>,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, EngineError> {
        let isa = from
            .kernel_isa()
            .filter(|isa| can_fuse_geglu(*isa, outputs));
        let Some(isa) = isa else {
            return Ok(Self {
                projection: Linear::load(from, inputs, 2 * outputs)?,
                outputs,
                fused: false,
            });
        };
        let order = |output| geglu_row_order(isa, outputs, output);
        let bias = from.tensor("bias", &[2 * outputs])?;
        let rows: Vec<u32> = (0..2 * outputs)
            .map(|output| order(output) as u32)
            .collect();
        let rows = Tensor::new(rows, bias.device())?;
        let mut projection =
            Linear::load_ordered(from, inputs, 2 * outputs, |_, output| order(output))?;
        projection.bias = Some(bias.index_select(&rows, 0)?);
        Ok(Self {
            projection,
            outputs,
            fused: true,
        })
    }

    /// a · gelu(b), for a GEMM alone to read.
    pub(crate) fn forward(
        &self,
        x: impl Into<LayerInput>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let x = x.into();
        match &self.projection.weight {
            Weight::Packed(weights) if self.fused => {
                let post = PostOps::default();
                self.projection
                    .forward_kernels(weights, &x, (post, true), progress)
            }
            Weight::Packed(_) => {
                let both = self.projection.forward(x, progress)?;
                let axis = both.rank() - 1;
                let value = both.narrow(axis, 0, self.outputs)?;
                let gate = both.narrow(axis, self.outputs, self.outputs)?;
                Ok((value * gate.contiguous()?.gelu_erf()?)?)
            }
            Weight::Tensor(weight) => {
                let x = x.materialized()?;
                // Two GEMMs give two contiguous halves; splitting one result would copy both.
                let half = |start| {
                    self.projection
                        .forward_candle(weight, &x, start, self.outputs)
                };
                Ok((half(0)? * half(self.outputs)?.gelu_erf()?)?)
            }
        }
    }
}

#[cfg(test)]
mod tests;
