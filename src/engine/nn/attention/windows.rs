//! Attention within windows, on the processor.

use candle_core::{DType, Tensor};

use super::super::cpu::{isa, picture_of, tensor, tokens_of, with_numbers};
use super::super::layers::{LayerNorm, Linear, PostOps};
use super::super::weights::Loader;
use crate::engine::kernels::{self, DtypeVec, TokenGrid};
use crate::engine::{EngineError, Progress};

/// Normalized tokens of a grid attend within windows of it, with a bias for each offset; windows that reach beyond
/// the grid are filled up with tokens of zeros. On the processor only.
#[derive(Debug)]
pub(crate) struct WindowAttention {
    norm: LayerNorm,
    /// A head's query, key and value, then the next head's.
    qkv: Linear,
    out: Linear,
    kernel: kernels::WindowAttention,
    width: usize,
}

/// Sizes of attention within windows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WindowShape {
    /// Features of a token.
    pub(crate) width: usize,
    /// Heads, which share the features.
    pub(crate) heads: usize,
    /// Side of a window, in tokens.
    pub(crate) side: usize,
    /// Added to the variance by the norm.
    pub(crate) eps: f64,
}

impl WindowAttention {
    /// As TinyViT names its parts: `norm`, `qkv`, `proj`, `attention_biases`.
    pub(crate) fn load(mut from: Loader<'_>, shape: WindowShape) -> Result<Self, EngineError> {
        let WindowShape {
            width,
            heads,
            side,
            eps,
        } = shape;
        let biases = from.tensor("attention_biases", &[heads, side * side])?;
        let biases: Vec<f32> = biases.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        let sizes = [heads, width / heads.max(1)];
        Ok(Self {
            norm: LayerNorm::load(from.scope("norm"), width, eps)?,
            qkv: Linear::load(from.scope("qkv"), width, 3 * width)?,
            out: Linear::load(from.scope("proj"), width, width)?,
            kernel: kernels::WindowAttention::new(side, sizes, &biases),
            width,
        })
    }

    /// `x`, a picture whose pixels are the tokens, plus what its tokens attend to.
    pub(crate) fn forward_residual(
        &self,
        x: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let (batch, features, height, width) = x.dims4()?;
        let tokens = tokens_of(x)?;
        if batch != 1 || features != self.width {
            return Err(EngineError::Internal {
                why: format!("{:?} into windows of {}", x.dims(), self.width),
            });
        }
        let qkv = self.qkv.forward(self.norm.forward(&tokens)?, progress)?;
        let zeros = Tensor::zeros((1, features), DType::F32, x.device())?;
        let beyond = self.qkv.forward(self.norm.forward(&zeros)?, progress)?;
        let attended = with_numbers([&qkv, &beyond], |[tokens, beyond]| {
            let grid = TokenGrid {
                height,
                width,
                tokens,
                beyond,
            };
            Ok(self.kernel.run(isa(), &grid, progress)?)
        })?;
        let attended = tensor(DtypeVec::F32(attended), tokens.shape(), x)?;
        let sum = self
            .out
            .forward_then(&attended, PostOps::onto(&tokens), progress)?;
        picture_of(&sum, height, width)
    }
}
