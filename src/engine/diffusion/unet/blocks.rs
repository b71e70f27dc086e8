//! The levels of the U-Net.

use candle_core::Tensor;

use super::super::cpu::channels_of_both;
use super::super::resnet::{Downsample, Resnet, ResnetShape, Upsample};
use super::super::weights::Loader;
use super::config::{Level, Mid, UnetConfig};
use super::transformer::{Transformer, TransformerShape};
use crate::engine::{EngineError, Progress};

/// What every block is told.
#[derive(Debug)]
pub(super) struct Conditioning {
    /// See [`TimeEmbedding::forward`](super::time::TimeEmbedding::forward).
    pub(super) time: Tensor,
    /// `(batch, tokens, width)`.
    pub(super) text: Tensor,
}

/// A residual block, and a transformer after it where the level has one.
#[derive(Debug)]
struct Layer {
    resnet: Resnet,
    transformer: Option<Transformer>,
}

impl Layer {
    fn forward(
        &self,
        x: &Tensor,
        given: &Conditioning,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let x = self.resnet.forward(x, Some(&given.time), progress)?;
        match &self.transformer {
            Some(transformer) => transformer.forward(&x, &given.text, progress),
            None => Ok(x),
        }
    }
}

fn resnet_shape(config: &UnetConfig, inputs: usize, outputs: usize) -> ResnetShape {
    ResnetShape {
        inputs,
        outputs,
        time_width: Some(config.time_width),
        groups: config.groups,
        eps: config.eps,
    }
}

fn transformer_shape(config: &UnetConfig, level: &Level, depth: usize) -> TransformerShape {
    TransformerShape {
        channels: level.channels,
        heads: level.heads,
        depth,
        groups: config.groups,
        text_width: config.cross_attention_dim,
    }
}

/// One level on the way down.
#[derive(Debug)]
pub(super) struct DownBlock {
    layers: Vec<Layer>,
    downsample: Option<Downsample>,
}

impl DownBlock {
    pub(super) fn load(
        mut from: Loader<'_>,
        config: &UnetConfig,
        index: usize,
    ) -> Result<Self, EngineError> {
        let level = &config.levels[index];
        let above = &config.levels[index.saturating_sub(1)];
        let mut layers = Vec::new();
        for at in 0..level.layers {
            let inputs = if at == 0 { above } else { level }.channels;
            let shape = resnet_shape(config, inputs, level.channels);
            let resnet = Resnet::load(from.member("resnets", at), shape)?;
            let transformer = level
                .down_depth
                .map(|depth| {
                    let shape = transformer_shape(config, level, depth);
                    Transformer::load(from.member("attentions", at), shape)
                })
                .transpose()?;
            layers.push(Layer {
                resnet,
                transformer,
            });
        }
        let is_last = index + 1 == config.levels.len();
        Ok(Self {
            layers,
            downsample: (!is_last)
                .then(|| {
                    let padding = config.downsample_padding;
                    Downsample::load(from, level.channels, padding)
                })
                .transpose()?,
        })
    }

    /// Every picture on the way is added to `skips`.
    pub(super) fn forward(
        &self,
        mut x: Tensor,
        given: &Conditioning,
        skips: &mut Vec<Tensor>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        for layer in &self.layers {
            x = layer.forward(&x, given, progress)?;
            skips.push(x.clone());
        }
        if let Some(downsample) = &self.downsample {
            x = downsample.forward(&x, progress)?;
            skips.push(x.clone());
        }
        Ok(x)
    }
}

/// The lowest level.
#[derive(Debug)]
pub(super) struct MidBlock {
    first: Resnet,
    rest: Option<(Transformer, Resnet)>,
}

impl MidBlock {
    pub(super) fn load(
        mut from: Loader<'_>,
        config: &UnetConfig,
    ) -> Result<Option<Self>, EngineError> {
        let (Some(level), Mid::Resnet | Mid::CrossAttention { .. }) =
            (config.levels.last(), config.mid)
        else {
            return Ok(None);
        };
        let shape = resnet_shape(config, level.channels, level.channels);
        let first = Resnet::load(from.member("resnets", 0), shape)?;
        let rest = if let Mid::CrossAttention { depth } = config.mid {
            let attention = transformer_shape(config, level, depth);
            Some((
                Transformer::load(from.member("attentions", 0), attention)?,
                Resnet::load(from.member("resnets", 1), shape)?,
            ))
        } else {
            None
        };
        Ok(Some(Self { first, rest }))
    }

    pub(super) fn forward(
        &self,
        x: &Tensor,
        given: &Conditioning,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let x = self.first.forward(x, Some(&given.time), progress)?;
        let Some((transformer, resnet)) = &self.rest else {
            return Ok(x);
        };
        let x = transformer.forward(&x, &given.text, progress)?;
        resnet.forward(&x, Some(&given.time), progress)
    }
}

/// One level on the way up.
#[derive(Debug)]
pub(super) struct UpBlock {
    layers: Vec<Layer>,
    upsample: Option<Upsample>,
}

impl UpBlock {
    pub(super) fn load(
        mut from: Loader<'_>,
        config: &UnetConfig,
        index: usize,
    ) -> Result<Self, EngineError> {
        let level = &config.levels[index];
        let above = &config.levels[index.saturating_sub(1)];
        let below = config.levels.get(index + 1).unwrap_or(level);
        let mut layers = Vec::new();
        for at in 0..=level.layers {
            // The skips of a level are its own pictures, and last the one it began with, which
            // came from the level above.
            let carried = if at == 0 { below } else { level }.channels;
            let skipped = if at == level.layers { above } else { level }.channels;
            let shape = resnet_shape(config, carried + skipped, level.channels);
            let resnet = Resnet::load(from.member("resnets", at), shape)?;
            let transformer = level
                .up_depth
                .map(|depth| {
                    let shape = transformer_shape(config, level, depth);
                    Transformer::load(from.member("attentions", at), shape)
                })
                .transpose()?;
            layers.push(Layer {
                resnet,
                transformer,
            });
        }
        Ok(Self {
            layers,
            upsample: (index > 0)
                .then(|| Upsample::load(from, level.channels))
                .transpose()?,
        })
    }

    /// Takes its pictures from the end of `skips`.
    pub(super) fn forward(
        &self,
        mut x: Tensor,
        given: &Conditioning,
        skips: &mut Vec<Tensor>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        for layer in &self.layers {
            let skip = skips.pop().ok_or_else(|| EngineError::Internal {
                why: "the U-Net ran out of skips".to_owned(),
            })?;
            let both = channels_of_both(&x, &skip)?;
            x = layer.forward(&both, given, progress)?;
        }
        if let Some(upsample) = &self.upsample {
            // To the size of the level above, which is not twice this one's where it was odd.
            let size = skips.last().map(Tensor::dims4).transpose()?;
            let size = size.map(|(_, _, height, width)| (height, width));
            x = upsample.forward(&x, size, progress)?;
        }
        Ok(x)
    }
}
