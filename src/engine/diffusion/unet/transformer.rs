//! Attention inside the U-Net: diffusers' `Transformer2DModel` and `BasicTransformerBlock`.

use candle_core::Tensor;

use crate::engine::nn::attention::{Attention, AttentionNames, AttentionShape, PreparedKv};
use crate::engine::nn::cpu::{picture_of, tokens_of};
use crate::engine::nn::layers::{GeGlu, GroupNorm, LayerNorm, Linear};
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// Of the group normalisation before a transformer; fixed in diffusers whatever `norm_eps` says.
const GROUP_NORM_EPS: f64 = 1e-6;
/// Of the layer normalisations inside.
const LAYER_NORM_EPS: f64 = 1e-5;

/// Measures of a [`Transformer`].
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
        let head_width = channels / shape.heads;
        let width = shape.heads * head_width;
        Ok(Self {
            norm: GroupNorm::load(from.scope("norm"), channels, shape.groups, GROUP_NORM_EPS)?,
            proj_in: Linear::load(from.scope("proj_in"), channels, width)?,
            blocks: (0..shape.depth)
                .map(|index| {
                    let own = AttentionShape {
                        width,
                        context_width: width,
                        heads: shape.heads,
                        head_width,
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

    /// The keys and values of `text`, `(batch, tokens, width)`, for each of its blocks.
    pub(super) fn kv(
        &self,
        text: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Vec<PreparedKv>, EngineError> {
        self.blocks
            .iter()
            .map(|block| block.to_text.kv(text, progress))
            .collect()
    }

    /// `text`: what [`kv`](Self::kv) gives.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        text: &[PreparedKv],
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let (_, _, height, width) = x.dims4()?;
        let normal = self.norm.forward(x)?.tokens()?;
        let mut tokens = self.proj_in.forward(normal, progress)?;
        for (block, text) in self.blocks.iter().zip(text) {
            tokens = block.forward(&tokens, text, progress)?;
        }
        let around = tokens_of(x)?;
        let y = self.proj_out.forward_onto(&around, &tokens, progress)?;
        picture_of(&y, height, width)
    }
}

/// Self-attention, attention to the text, and a gated linear unit, each around a residual.
#[derive(Debug)]
struct Block {
    norm1: LayerNorm,
    among_pixels: Attention,
    norm2: LayerNorm,
    to_text: Attention,
    norm3: LayerNorm,
    widen: GeGlu,
    narrow: Linear,
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
            among_pixels: Attention::load(from.scope("attn1"), names, own)?,
            norm2: LayerNorm::load(from.scope("norm2"), width, LAYER_NORM_EPS)?,
            to_text: Attention::load(from.scope("attn2"), names, text)?,
            norm3: LayerNorm::load(from.scope("norm3"), width, LAYER_NORM_EPS)?,
            widen: GeGlu::load(from.scope("ff.net.0.proj"), width, 4 * width)?,
            narrow: Linear::load(from.scope("ff.net.2"), 4 * width, width)?,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        text: &PreparedKv,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        progress.checkpoint()?;
        let normal = self.norm1.forward(x)?;
        let pixels = self.among_pixels.kv(&normal, progress)?;
        let x = self
            .among_pixels
            .forward_onto(x, &normal, &pixels, progress)?;
        drop(pixels);
        let normal = self.norm2.forward(&x)?;
        let x = self.to_text.forward_onto(&x, &normal, text, progress)?;
        progress.checkpoint()?;
        let inner = self.widen.forward(self.norm3.forward(&x)?, progress)?;
        self.narrow.forward_onto(&x, &inner, progress)
    }
}
