//! [`LayerInput`]: the input of a layer, with a normalization that is fused into its GEMM's prologue.

use std::sync::Arc;

use candle_core::Tensor;

use super::super::cpu::{self, channels_last, isa, picture, tokens_of, with_numbers, with_values};
use crate::engine::EngineError;
use crate::engine::kernels::{DtypeVec, GemmInput, GroupNormStats, LayerNorm, Norm};

/// A tensor, or its normalization, which is computed while the layer reads it: on AMX, whose driver gathers
/// its input anyway, the normalized tensor is never in memory as a whole.
#[derive(Debug, Clone)]
pub(crate) struct LayerInput {
    tensor: Tensor,
    norm: FusedNorm,
}

#[derive(Debug, Clone)]
pub(crate) enum FusedNorm {
    None,
    /// Of a picture or of its tokens.
    Group(Arc<GroupNormStats>),
    /// Of tokens.
    Layer {
        weight: Tensor,
        bias: Tensor,
        eps: f32,
    },
}

impl From<&Tensor> for LayerInput {
    fn from(tensor: &Tensor) -> Self {
        Self::new(tensor.clone(), FusedNorm::None)
    }
}

impl From<&Self> for LayerInput {
    fn from(input: &Self) -> Self {
        input.clone()
    }
}

impl LayerInput {
    pub(crate) fn new(tensor: Tensor, norm: FusedNorm) -> Self {
        Self { tensor, norm }
    }

    /// The tensor before the normalization; its shape is that of the input.
    pub(crate) fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// The tokens `(batch, height × width, channels)` of a picture.
    pub(crate) fn tokens(&self) -> Result<Self, EngineError> {
        Ok(Self::new(tokens_of(&self.tensor)?, self.norm.clone()))
    }

    /// As it is where the norm is to be `fused`, otherwise materialized.
    pub(crate) fn fused_if(self, fused: bool) -> Result<Self, EngineError> {
        Ok(if fused {
            self
        } else {
            (&self.materialized()?).into()
        })
    }

    /// The normalized tensor as a whole.
    pub(crate) fn materialized(self) -> Result<Tensor, EngineError> {
        if matches!(self.norm, FusedNorm::None) {
            return Ok(self.tensor);
        }
        let is_picture = self.tensor.rank() == 4;
        let numbers = if is_picture {
            channels_last(&self.tensor)?
        } else {
            self.tensor.contiguous()?
        };
        let materialized = self.lend(&numbers, |input| {
            let norm = input.norm;
            Ok(norm.map(|norm| norm.apply(isa(), input.values)))
        })?;
        let materialized = DtypeVec::F32(materialized.unwrap_or_default());
        if let (true, Ok(shape)) = (is_picture, numbers.dims4()) {
            return picture(materialized, shape, &numbers);
        }
        cpu::tensor(materialized, numbers.shape(), &numbers)
    }

    /// Lends `numbers`, the tensor in the layout kernels read, with its prologue.
    pub(crate) fn lend<T>(
        &self,
        numbers: &Tensor,
        work: impl FnOnce(&GemmInput<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        with_values(numbers, |values| match &self.norm {
            FusedNorm::None => work(&GemmInput { values, norm: None }),
            FusedNorm::Group(stats) => {
                let norm = Some(Norm::Group(stats));
                work(&GemmInput { values, norm })
            }
            FusedNorm::Layer { weight, bias, eps } => {
                with_numbers([weight, bias], |[weight, bias]| {
                    let norm = Some(Norm::Layer(LayerNorm {
                        weight,
                        bias,
                        eps: *eps,
                    }));
                    work(&GemmInput { values, norm })
                })
            }
        })
    }
}
