//! The layers of the networks: weights, and one entry point for each fused operation the networks need.
//! Behind it are our kernels on the CPU and candle's operators elsewhere; a network does not know which.
//!
//! Pictures are `(batch, channels, height, width)`, token lists `(batch, tokens, width)`.

mod convolution;
mod depthwise;
mod input;
mod linear;
mod norm;
mod picture;
mod post_ops;

use candle_core::{DType, Tensor};

pub(crate) use self::convolution::{Conv2d, ConvShape};
pub(crate) use self::depthwise::DepthwiseConv;
pub(crate) use self::input::LayerInput;
pub(crate) use self::linear::{GeGlu, Linear};
use self::norm::BatchNorm;
pub(crate) use self::norm::{GroupNorm, LayerNorm};
pub(crate) use self::picture::{Slopes, add, gelu, max_pool, rectified, upsampled, widened};
pub(crate) use self::post_ops::{Fused, PostOps};
use super::weights::Loader;
use crate::engine::EngineError;

/// An embedding table: a row for each id.
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
            rows: from.table("weight", &[count, width])?,
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

/// The activation functions of text encoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// x · sigmoid(1.702 x), OpenAI's approximation.
    QuickGelu,
    /// x · Φ(x), exact ([Hendrycks & Gimpel 2016](https://arxiv.org/abs/1606.08415)).
    Gelu,
}

impl Activation {
    /// Of each element.
    pub(crate) fn forward(self, x: &Tensor) -> Result<Tensor, EngineError> {
        Ok(match self {
            Self::QuickGelu => (x * candle_nn::ops::sigmoid(&(x * 1.702)?)?)?,
            Self::Gelu => x.gelu_erf()?,
        })
    }
}
