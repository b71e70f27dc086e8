//! What layers read.

use std::sync::Arc;

use candle_core::Tensor;

use super::super::cpu::{self, channels_last, isa, picture, tokens_of, with_numbers, with_values};
use crate::engine::EngineError;
use crate::engine::kernels::{DtypeVec, GemmInput, GroupNormStats, LayerNorm, Norm};

/// A tensor, or what a normalisation makes of one while it is read: where products are of tiles, which
/// bring what they read into an order of their own, it is never there as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    tensor: Tensor,
    as_read: AsRead,
}

#[derive(Debug, Clone)]
pub(crate) enum AsRead {
    Plain,
    /// A picture or the tokens of one.
    Groups(Arc<GroupNormStats>),
    /// Tokens.
    Row {
        weight: Tensor,
        bias: Tensor,
        eps: f32,
    },
}

impl From<&Tensor> for Source {
    fn from(tensor: &Tensor) -> Self {
        Self::new(tensor.clone(), AsRead::Plain)
    }
}

impl From<&Self> for Source {
    fn from(source: &Self) -> Self {
        source.clone()
    }
}

impl Source {
    pub(crate) fn new(tensor: Tensor, as_read: AsRead) -> Self {
        Self { tensor, as_read }
    }

    /// The tensor, of which only the shape is known to be that of what is read.
    pub(crate) fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// The tokens `(batch, height × width, channels)` of a picture.
    pub(crate) fn tokens(&self) -> Result<Self, EngineError> {
        Ok(Self::new(tokens_of(&self.tensor)?, self.as_read.clone()))
    }

    /// As it is where `as_read`, otherwise made.
    pub(crate) fn unless(self, as_read: bool) -> Result<Self, EngineError> {
        Ok(if as_read {
            self
        } else {
            (&self.materialized()?).into()
        })
    }

    /// What is read, as a whole.
    pub(crate) fn materialized(self) -> Result<Tensor, EngineError> {
        if matches!(self.as_read, AsRead::Plain) {
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

    /// Lends `numbers`, the tensor's in the order kernels read them, and what is made of them.
    pub(crate) fn lend<T>(
        &self,
        numbers: &Tensor,
        work: impl FnOnce(&GemmInput<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        with_values(numbers, |values| match &self.as_read {
            AsRead::Plain => work(&GemmInput { values, norm: None }),
            AsRead::Groups(measured) => {
                let norm = Some(Norm::Group(measured));
                work(&GemmInput { values, norm })
            }
            AsRead::Row { weight, bias, eps } => with_numbers([weight, bias], |[weight, bias]| {
                let norm = Some(Norm::Layer(LayerNorm {
                    weight,
                    bias,
                    eps: *eps,
                }));
                work(&GemmInput { values, norm })
            }),
        })
    }
}
