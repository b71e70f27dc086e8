//! Encoder and decoder.

use candle_core::Tensor;

use super::super::resnet::{Downsample, Resnet, ResnetShape, Upsample};
use super::config::VaeConfig;
use crate::engine::kernels::Isa;
use crate::engine::nn::attention::{Attention, AttentionNames, AttentionShape};
use crate::engine::nn::cpu::{picture_of, tokens_of};
use crate::engine::nn::layers::{Conv2d, ConvShape, GroupNorm};
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// Of every group normalisation here.
const EPS: f64 = 1e-6;

fn load_resnet(
    from: Loader<'_>,
    config: &VaeConfig,
    inputs: usize,
    outputs: usize,
) -> Result<Resnet, EngineError> {
    let shape = ResnetShape {
        inputs,
        outputs,
        time_width: None,
        groups: config.groups,
        eps: EPS,
    };
    Resnet::load(from, shape)
}

/// `count` residual blocks, the first of which takes another number of channels.
fn load_resnets(
    from: &mut Loader<'_>,
    config: &VaeConfig,
    (inputs, outputs): (usize, usize),
    count: usize,
) -> Result<Vec<Resnet>, EngineError> {
    (0..count)
        .map(|at| {
            let inputs = if at == 0 { inputs } else { outputs };
            load_resnet(from.member("resnets", at), config, inputs, outputs)
        })
        .collect()
}

/// Pictures to means and variances of latents. Where Winograd transforms are rounded to bf16, the first
/// level is computed in f32: its rounding goes through all that follows. In bf16 throughout, latents of a
/// random model were 2.4 hundredths (relative L2) from those of f32; so they are 1.6. AMX transforms
/// nothing: there even the first convolution is bf16.
#[derive(Debug)]
pub(super) struct Encoder {
    conv_in: Conv2d,
    levels: Vec<(Vec<Resnet>, Option<Downsample>)>,
    mid: MidBlock,
    norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Encoder {
    pub(super) fn load(mut from: Loader<'_>, config: &VaeConfig) -> Result<Self, EngineError> {
        let first = config.first_channels();
        let last = config.last_channels();
        let mut levels = Vec::new();
        let mut inputs = first;
        for (index, outputs) in config.channels.iter().copied().enumerate() {
            let mut from = from.member("down_blocks", index);
            let kernel_isa = from.kernel_isa();
            if index == 0 && kernel_isa.is_some_and(Isa::rounds_winograd_transforms) {
                from = from.in_f32();
            }
            let resnets = load_resnets(&mut from, config, (inputs, outputs), config.layers)?;
            let is_last = index + 1 == config.channels.len();
            let downsample = (!is_last)
                .then(|| Downsample::load(from, outputs, 0))
                .transpose()?;
            levels.push((resnets, downsample));
            inputs = outputs;
        }
        let conv_in = ConvShape::same3(config.image_channels, first);
        let conv_out = ConvShape::same3(last, 2 * config.latent_channels);
        let has_amx = from.kernel_isa().is_some_and(Isa::has_amx);
        let mut first_conv = from.scope("conv_in");
        if !has_amx {
            first_conv = first_conv.in_f32();
        }
        Ok(Self {
            conv_in: Conv2d::load(first_conv, conv_in)?,
            levels,
            mid: MidBlock::load(from.scope("mid_block"), config)?,
            norm_out: GroupNorm::load(from.scope("conv_norm_out"), last, config.groups, EPS)?,
            conv_out: Conv2d::load(from.scope("conv_out").in_f32(), conv_out)?,
        })
    }

    /// `(batch, 2 × latent_channels, height, width)`: means, then logarithms of variances.
    pub(super) fn forward(
        &self,
        image: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        progress.checkpoint()?;
        let mut x = self.conv_in.forward(image, progress)?;
        for (resnets, downsample) in &self.levels {
            for resnet in resnets {
                x = resnet.forward(x, None, progress)?;
            }
            if let Some(downsample) = downsample {
                x = downsample.forward(&x, progress)?;
            }
        }
        x = self.mid.forward(x, progress)?;
        self.conv_out
            .forward(self.norm_out.forward_silu(&x)?, progress)
    }
}

/// Latents to pictures.
#[derive(Debug)]
pub(super) struct Decoder {
    conv_in: Conv2d,
    mid: MidBlock,
    levels: Vec<(Vec<Resnet>, Option<Upsample>)>,
    norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Decoder {
    pub(super) fn load(mut from: Loader<'_>, config: &VaeConfig) -> Result<Self, EngineError> {
        let first = config.first_channels();
        let last = config.last_channels();
        let mut levels = Vec::new();
        let mut inputs = last;
        for (at, outputs) in config.channels.iter().rev().copied().enumerate() {
            let mut from = from.member("up_blocks", at);
            let resnets = load_resnets(&mut from, config, (inputs, outputs), config.layers + 1)?;
            let is_last = at + 1 == config.channels.len();
            let upsample = (!is_last)
                .then(|| Upsample::load(from, outputs))
                .transpose()?;
            levels.push((resnets, upsample));
            inputs = outputs;
        }
        let conv_in = ConvShape::same3(config.latent_channels, last);
        let conv_out = ConvShape::same3(first, config.image_channels);
        Ok(Self {
            conv_in: Conv2d::load(from.scope("conv_in").in_f32(), conv_in)?,
            mid: MidBlock::load(from.scope("mid_block"), config)?,
            levels,
            norm_out: GroupNorm::load(from.scope("conv_norm_out"), first, config.groups, EPS)?,
            conv_out: Conv2d::load(from.scope("conv_out").in_f32(), conv_out)?,
        })
    }

    /// `(batch, 3, height, width)`, about −1…1.
    pub(super) fn forward(
        &self,
        latent: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        progress.checkpoint()?;
        let mut x = self.conv_in.forward(latent, progress)?;
        x = self.mid.forward(x, progress)?;
        for (resnets, upsample) in &self.levels {
            for resnet in resnets {
                x = resnet.forward(x, None, progress)?;
            }
            if let Some(upsample) = upsample {
                x = upsample.forward(&x, None, progress)?;
            }
        }
        progress.checkpoint()?;
        let x = self.norm_out.forward_silu(&x)?;
        progress.checkpoint()?;
        self.conv_out.forward(x, progress)
    }
}

/// The bottleneck: two residual blocks, in most models with attention between them.
#[derive(Debug)]
struct MidBlock {
    first: Resnet,
    attention: Option<PixelAttention>,
    second: Resnet,
}

impl MidBlock {
    fn load(mut from: Loader<'_>, config: &VaeConfig) -> Result<Self, EngineError> {
        let channels = config.last_channels();
        Ok(Self {
            first: load_resnet(from.member("resnets", 0), config, channels, channels)?,
            attention: config
                .mid_attention
                .then(|| PixelAttention::load(from.member("attentions", 0), config))
                .transpose()?,
            second: load_resnet(from.member("resnets", 1), config, channels, channels)?,
        })
    }

    fn forward(&self, x: Tensor, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let mut x = self.first.forward(x, None, progress)?;
        if let Some(attention) = &self.attention {
            x = attention.forward(&x, progress)?;
        }
        self.second.forward(x, None, progress)
    }
}

/// Single-head self-attention among all pixels.
#[derive(Debug)]
struct PixelAttention {
    norm: GroupNorm,
    attention: Attention,
}

impl PixelAttention {
    fn load(mut from: Loader<'_>, config: &VaeConfig) -> Result<Self, EngineError> {
        let channels = config.last_channels();
        let names = if from.has("query.weight") {
            AttentionNames::DIFFUSERS_LEGACY
        } else {
            AttentionNames::DIFFUSERS
        };
        let shape = AttentionShape {
            width: channels,
            context_width: channels,
            heads: 1,
            head_dim: channels,
            biased: true,
        };
        Ok(Self {
            norm: GroupNorm::load(from.scope("group_norm"), channels, config.groups, EPS)?,
            attention: Attention::load(from, names, shape)?,
        })
    }

    fn forward(&self, x: &Tensor, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let (_, _, height, width) = x.dims4()?;
        let normal = self.norm.forward(x)?.tokens()?;
        let residual = tokens_of(x)?;
        let kv = self.attention.kv(&normal, progress)?;
        let y = self
            .attention
            .forward_onto(&residual, &normal, &kv, progress)?;
        picture_of(&y, height, width)
    }
}
