//! [`PostOps`]: what a layer does with its results while they are at hand.

use candle_core::Tensor;

use crate::engine::EngineError;
use crate::engine::kernels::{DtypeVec, Rectifier, rectify};

/// What a layer does with its results while they are at hand, in this order; nothing by default.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PostOps<'a> {
    /// Added to the result; of its shape.
    pub(super) residual: Option<&'a Tensor>,
    pub(super) activation: Option<Fused>,
}

/// An activation function that a layer computes with its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fused {
    /// What is below 0 becomes 0. Such a result is f32.
    Relu,
    /// x · Φ(x), exact.
    Gelu,
}

impl<'a> PostOps<'a> {
    /// Adds the results to `residual`, which has their shape.
    pub(crate) fn onto(residual: &'a Tensor) -> Self {
        Self {
            residual: Some(residual),
            activation: None,
        }
    }

    /// The same, and then that function.
    pub(crate) fn then(self, activation: Fused) -> Self {
        Self {
            activation: Some(activation),
            ..self
        }
    }

    pub(super) fn is_gelu(self) -> bool {
        self.activation == Some(Fused::Gelu)
    }

    /// Whether the result may be bf16.
    pub(super) fn may_be_bf16(self) -> bool {
        self.activation != Some(Fused::Relu)
    }

    /// What no epilogue of our kernels does, done with their result, so many outputs a pixel or token.
    pub(super) fn finish(self, output: &mut DtypeVec, outputs: usize) {
        if let (Some(Fused::Relu), DtypeVec::F32(numbers)) = (self.activation, output) {
            rectify(numbers, outputs, Rectifier::Zero);
        }
    }

    /// All of it by candle's operators.
    pub(super) fn by_candle(self, y: Tensor) -> Result<Tensor, EngineError> {
        let y = match self.residual {
            Some(residual) => (residual + y)?,
            None => y,
        };
        Ok(match self.activation {
            Some(Fused::Relu) => y.relu()?,
            Some(Fused::Gelu) => y.gelu_erf()?,
            None => y,
        })
    }
}

impl From<Fused> for PostOps<'_> {
    fn from(activation: Fused) -> Self {
        Self::default().then(activation)
    }
}
