//! TinyViT-5M ([Wu et al. 2022](https://arxiv.org/abs/2207.10666), section 3.3 and figure 2) as MobileSAM has it
//! ([Zhang et al. 2023](https://arxiv.org/abs/2306.14289)): the last stage keeps the size of the one before, and the
//! neck of Segment Anything follows. Batch norms are folded into the convolutions before them.

use candle_core::Tensor;

use super::WIDTH;
use crate::engine::nn::attention::{WindowAttention, WindowShape};
use crate::engine::nn::cpu::{picture_of, tokens_of};
use crate::engine::nn::layers::{
    Conv2d, ConvShape, DepthwiseConv, Fused, LayerNorm, Linear, PostOps,
};
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// Added to the variance by batch and layer norms, as is PyTorch's custom.
const EPS: f64 = 1e-5;
/// The same in the neck.
const NECK_EPS: f64 = 1e-6;
/// Channels within a block for each of its own.
const EXPANSION: usize = 4;
/// Channels of the first stage, and its blocks.
const FIRST: (usize, usize) = (64, 2);
/// The other stages.
const STAGES: [Stage; 3] = [
    Stage {
        width: 128,
        blocks: 2,
        heads: 4,
        side: 7,
        stride: 2,
    },
    Stage {
        width: 160,
        blocks: 6,
        heads: 5,
        side: 14,
        stride: 2,
    },
    Stage {
        width: 320,
        blocks: 2,
        heads: 10,
        side: 7,
        stride: 1,
    },
];

/// A stage of transformer blocks.
#[derive(Debug, Clone, Copy)]
struct Stage {
    /// Channels.
    width: usize,
    blocks: usize,
    heads: usize,
    /// Side of its windows, in tokens.
    side: usize,
    /// How many times smaller its pictures are than those of the stage before.
    stride: usize,
}

/// The image encoder.
#[derive(Debug)]
pub(super) struct TinyVit {
    stem: [Conv2d; 2],
    convolutions: Vec<InvertedBottleneck>,
    stages: Vec<(Merging, Vec<Block>)>,
    neck: Neck,
}

impl TinyVit {
    pub(super) fn load(mut from: Loader<'_>) -> Result<Self, EngineError> {
        let (first, blocks) = FIRST;
        let halved = |inputs, outputs| ConvShape {
            stride: 2,
            ..ConvShape::same3(inputs, outputs)
        };
        let mut stem = |index: usize, shape| {
            Conv2d::load_normalized(from.member("patch_embed.seq", index), shape, EPS)
        };
        let stem = [
            stem(0, halved(3, first / 2))?,
            stem(2, halved(first / 2, first))?,
        ];
        let convolutions = (0..blocks)
            .map(|index| InvertedBottleneck::load(from.member("layers.0.blocks", index), first))
            .collect::<Result<_, _>>()?;
        let mut stages = Vec::new();
        let mut inputs = first;
        for (index, stage) in STAGES.iter().enumerate() {
            // What makes a stage's pictures smaller is stored with the stage before.
            let merging = from.scope(&format!("layers.{index}.downsample"));
            let merging = Merging::load(merging, inputs, stage)?;
            let blocks = format!("layers.{}.blocks", index + 1);
            let blocks = (0..stage.blocks)
                .map(|index| Block::load(from.member(&blocks, index), stage))
                .collect::<Result<_, _>>()?;
            stages.push((merging, blocks));
            inputs = stage.width;
        }
        Ok(Self {
            stem,
            convolutions,
            stages,
            neck: Neck::load(from.scope("neck"), inputs)?,
        })
    }

    /// The embedding (1, 256, h / 16, w / 16) of a picture (1, 3, h, w).
    pub(super) fn forward(
        &self,
        x: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let [first, second] = &self.stem;
        let x = first.forward_then(x, Fused::Gelu, progress)?;
        let mut x = second.forward(&x, progress)?;
        for block in &self.convolutions {
            x = block.forward(&x, progress)?;
        }
        for (merging, blocks) in &self.stages {
            x = merging.forward(&x, progress)?;
            for block in blocks {
                x = block.forward(&x, progress)?;
            }
        }
        self.neck.forward(&x, progress)
    }
}

/// An inverted bottleneck with a residual (MBConv, [Sandler et al. 2018](https://arxiv.org/abs/1801.04381)).
#[derive(Debug)]
struct InvertedBottleneck {
    expand: Conv2d,
    depthwise: DepthwiseConv,
    project: Conv2d,
}

impl InvertedBottleneck {
    fn load(mut from: Loader<'_>, width: usize) -> Result<Self, EngineError> {
        let inner = EXPANSION * width;
        let (expand, project) = (
            ConvShape::pointwise(width, inner),
            ConvShape::pointwise(inner, width),
        );
        let depthwise = ConvShape::same3(inner, inner);
        Ok(Self {
            expand: Conv2d::load_normalized(from.scope("conv1"), expand, EPS)?,
            depthwise: DepthwiseConv::load_normalized(from.scope("conv2"), depthwise, EPS)?,
            project: Conv2d::load_normalized(from.scope("conv3"), project, EPS)?,
        })
    }

    fn forward(&self, x: &Tensor, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let inner = self.expand.forward_then(x, Fused::Gelu, progress)?;
        let inner = self.depthwise.forward_gelu(&inner, progress)?;
        self.project
            .forward_then(&inner, PostOps::onto(x).then(Fused::Gelu), progress)
    }
}

/// Between two stages: other channels, and a smaller picture where the stride is 2.
#[derive(Debug)]
struct Merging {
    widen: Conv2d,
    depthwise: DepthwiseConv,
    mix: Conv2d,
}

impl Merging {
    fn load(mut from: Loader<'_>, inputs: usize, stage: &Stage) -> Result<Self, EngineError> {
        let width = stage.width;
        let (widen, mix) = (
            ConvShape::pointwise(inputs, width),
            ConvShape::pointwise(width, width),
        );
        let depthwise = ConvShape {
            stride: stage.stride,
            ..ConvShape::same3(width, width)
        };
        Ok(Self {
            widen: Conv2d::load_normalized(from.scope("conv1"), widen, EPS)?,
            depthwise: DepthwiseConv::load_normalized(from.scope("conv2"), depthwise, EPS)?,
            mix: Conv2d::load_normalized(from.scope("conv3"), mix, EPS)?,
        })
    }

    fn forward(&self, x: &Tensor, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let x = self.widen.forward_then(x, Fused::Gelu, progress)?;
        let x = self.depthwise.forward_gelu(&x, progress)?;
        self.mix.forward(&x, progress)
    }
}

/// A transformer block: attention within windows, a convolution of each channel by itself, and a feed-forward
/// network.
#[derive(Debug)]
struct Block {
    attention: WindowAttention,
    local: DepthwiseConv,
    norm: LayerNorm,
    expand: Linear,
    project: Linear,
}

impl Block {
    fn load(mut from: Loader<'_>, stage: &Stage) -> Result<Self, EngineError> {
        let (width, inner) = (stage.width, EXPANSION * stage.width);
        let windows = WindowShape {
            width,
            heads: stage.heads,
            side: stage.side,
            eps: EPS,
        };
        let local = ConvShape::same3(width, width);
        Ok(Self {
            attention: WindowAttention::load(from.scope("attn"), windows)?,
            local: DepthwiseConv::load_normalized(from.scope("local_conv"), local, EPS)?,
            norm: LayerNorm::load(from.scope("mlp.norm"), width, EPS)?,
            expand: Linear::load(from.scope("mlp.fc1"), width, inner)?,
            project: Linear::load(from.scope("mlp.fc2"), inner, width)?,
        })
    }

    fn forward(&self, x: &Tensor, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let x = self.attention.forward_residual(x, progress)?;
        let x = self.local.forward(&x, progress)?;
        let (_, _, height, width) = x.dims4()?;
        let tokens = tokens_of(&x)?;
        let inner = self
            .expand
            .forward_then(self.norm.forward(&tokens)?, Fused::Gelu, progress)?;
        let tokens = self
            .project
            .forward_then(&inner, PostOps::onto(&tokens), progress)?;
        picture_of(&tokens, height, width)
    }
}

/// From the encoder's channels to those of the decoder.
#[derive(Debug)]
struct Neck {
    narrow: Conv2d,
    narrow_norm: LayerNorm,
    mix: Conv2d,
    mix_norm: LayerNorm,
}

impl Neck {
    fn load(mut from: Loader<'_>, inputs: usize) -> Result<Self, EngineError> {
        let (narrow, mix) = (
            ConvShape::pointwise(inputs, WIDTH),
            ConvShape::same3(WIDTH, WIDTH),
        );
        Ok(Self {
            narrow: Conv2d::load_unbiased(from.scope("0"), narrow)?,
            narrow_norm: LayerNorm::load(from.scope("1"), WIDTH, NECK_EPS)?,
            mix: Conv2d::load_unbiased(from.scope("2"), mix)?,
            mix_norm: LayerNorm::load(from.scope("3"), WIDTH, NECK_EPS)?,
        })
    }

    fn forward(&self, x: &Tensor, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let x = self.narrow.forward(x, progress)?;
        let x = normalized(&self.narrow_norm, &x)?;
        let x = self.mix.forward(&x, progress)?;
        normalized(&self.mix_norm, &x)
    }
}

/// Each pixel normalized over its channels.
pub(super) fn normalized(norm: &LayerNorm, x: &Tensor) -> Result<Tensor, EngineError> {
    let (_, _, height, width) = x.dims4()?;
    let tokens = norm.forward(&tokens_of(x)?)?.materialized()?;
    picture_of(&tokens, height, width)
}
