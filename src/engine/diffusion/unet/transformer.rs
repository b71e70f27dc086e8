//! Attention inside the U-Net: diffusers' `Transformer2DModel` and `BasicTransformerBlock`.

use candle_core::Tensor;

use crate::engine::nn::attention::{Attention, AttentionNames, AttentionShape, PreparedKv};
use crate::engine::nn::cpu::{picture_of, tokens_of};
use crate::engine::nn::layers::{GeGlu, GroupNorm, LayerNorm, Linear, PostOps};
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// Of the group normalisation before a transformer; fixed in diffusers whatever `norm_eps` says.
const GROUP_NORM_EPS: f64 = 1e-6;
/// Of the layer normalisations inside.
const LAYER_NORM_EPS: f64 = 1e-5;

/// Sizes of a [`Transformer`].
#[derive(Debug, Clone, Copy)]
pub(super) struct TransformerShape {
    pub(super) channels: usize,
    pub(super) heads: usize,
    pub(super) depth: usize,
    pub(super) groups: usize,
    pub(super) text_width: usize,
}

/// Pixels as tokens: they attend to each other and to the text.
#[derive(Debug)]
pub(super) struct Transformer {
    norm: GroupNorm,
    /// A linear layer or a 1×1 convolution (`use_linear_projection`): on tokens the same thing.
    proj_in: Linear,
    blocks: Vec<Block>,
    proj_out: Linear,
}

impl Transformer {
    pub(super) fn load(mut from: Loader<'_>, shape: TransformerShape) -> Result<Self, EngineError> {
        let channels = shape.channels;
        let head_dim = channels / shape.heads;
        let width = shape.heads * head_dim;
        Ok(Self {
            norm: GroupNorm::load(from.scope("norm"), channels, shape.groups, GROUP_NORM_EPS)?,
            proj_in: Linear::load(from.scope("proj_in"), channels, width)?,
            blocks: (0..shape.depth)
                .map(|index| {
                    let own = AttentionShape {
                        width,
                        context_width: width,
                        heads: shape.heads,
                        head_dim,
                        biased: false,
                    };
                    Block::load(
                        from.member("transformer_blocks", index),
                        own,
                        shape.text_width,
                    )
                })
                .collect::<Result<_, _>>()?,
            proj_out: Linear::load(from.scope("proj_out"), width, channels)?,
        })
    }

    /// The keys and values of `text`, `(batch, tokens, width)`, for the cross-attention of each block.
    pub(super) fn text_kv(
        &self,
        text: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Vec<PreparedKv>, EngineError> {
        self.blocks
            .iter()
            .map(|block| block.cross_attention.kv(text, progress))
            .collect()
    }

    /// `text_kv`: what [`text_kv`](Self::text_kv) gives.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        text_kv: &[PreparedKv],
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let (_, _, height, width) = x.dims4()?;
        let normal = self.norm.forward(x)?.tokens()?;
        let mut tokens = self.proj_in.forward(normal, progress)?;
        for (block, text_kv) in self.blocks.iter().zip(text_kv) {
            tokens = block.forward(&tokens, text_kv, progress)?;
        }
        let residual = tokens_of(x)?;
        let y = self
            .proj_out
            .forward_then(&tokens, PostOps::onto(&residual), progress)?;
        picture_of(&y, height, width)
    }
}

/// Self-attention, cross-attention to the text, and a gated feed-forward network, each with a residual
/// connection.
#[derive(Debug)]
struct Block {
    norm1: LayerNorm,
    self_attention: Attention,
    norm2: LayerNorm,
    cross_attention: Attention,
    norm3: LayerNorm,
    ff_in: GeGlu,
    ff_out: Linear,
}

impl Block {
    fn load(
        mut from: Loader<'_>,
        own: AttentionShape,
        text_width: usize,
    ) -> Result<Self, EngineError> {
        let width = own.width;
        let names = AttentionNames::DIFFUSERS;
        let text = AttentionShape {
            context_width: text_width,
            ..own
        };
        Ok(Self {
            norm1: LayerNorm::load(from.scope("norm1"), width, LAYER_NORM_EPS)?,
            self_attention: Attention::load(from.scope("attn1"), names, own)?,
            norm2: LayerNorm::load(from.scope("norm2"), width, LAYER_NORM_EPS)?,
            cross_attention: Attention::load(from.scope("attn2"), names, text)?,
            norm3: LayerNorm::load(from.scope("norm3"), width, LAYER_NORM_EPS)?,
            ff_in: GeGlu::load(from.scope("ff.net.0.proj"), width, 4 * width)?,
            ff_out: Linear::load(from.scope("ff.net.2"), 4 * width, width)?,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        text_kv: &PreparedKv,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        progress.checkpoint()?;
        let normal = self.norm1.forward(x)?;
        let kv = self.self_attention.kv(&normal, progress)?;
        let x = self
            .self_attention
            .forward_onto(x, &normal, &kv, progress)?;
        drop(kv);
        let normal = self.norm2.forward(&x)?;
        let x = self
            .cross_attention
            .forward_onto(&x, &normal, text_kv, progress)?;
        progress.checkpoint()?;
        let inner = self.ff_in.forward(self.norm3.forward(&x)?, progress)?;
        self.ff_out
            .forward_then(&inner, PostOps::onto(&x), progress)
    }
}
