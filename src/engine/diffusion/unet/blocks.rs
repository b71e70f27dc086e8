//! The levels of the U-Net.

use candle_core::Tensor;

use super::super::resnet::{Downsample, Resnet, ResnetShape, Upsample};
use super::config::{Level, Mid, UnetConfig};
use super::transformer::{Transformer, TransformerShape};
use crate::engine::nn::attention::PreparedKv;
use crate::engine::nn::cpu::channels_of_both;
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// What every block is told in a run.
#[derive(Debug)]
pub(super) struct Told<'a> {
    /// See [`TimeEmbedding::forward`](super::time_embedding::TimeEmbedding::forward).
    pub(super) times: &'a Tensor,
    /// `(batch, tokens, width)`.
    pub(super) text: &'a Tensor,
}

/// What the layers of a block make of that, once a run.
pub(super) type BlockGiven = Vec<LayerGiven>;

/// What a layer makes of it.
#[derive(Debug)]
pub(super) struct LayerGiven {
    /// `(times, channels)`; see [`Resnet::shifts`].
    shifts: Option<Tensor>,
    /// See [`Transformer::kv`].
    text: Vec<PreparedKv>,
}

/// A residual block, and a transformer after it where the level has one.
#[derive(Debug)]
struct Layer {
    resnet: Resnet,
    transformer: Option<Transformer>,
}

impl Layer {
    fn give(
        &self,
        told: &Told<'_>,
        progress: &mut dyn Progress,
    ) -> Result<LayerGiven, EngineError> {
        let transformer = self.transformer.as_ref();
        Ok(LayerGiven {
            shifts: self.resnet.shifts(told.times, progress)?,
            text: transformer
                .map(|transformer| transformer.kv(told.text, progress))
                .transpose()?
                .unwrap_or_default(),
        })
    }

    fn forward(
        &self,
        x: Tensor,
        step: &StepGiven<'_>,
        at: usize,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let given = step.block.get(at).ok_or_else(|| EngineError::Internal {
            why: format!("layer {at} of a U-Net was given nothing"),
        })?;
        let shifts = given.shifts.as_ref();
        let shift = shifts
            .map(|shifts| shifts.narrow(0, step.time, 1))
            .transpose()?;
        let x = self.resnet.forward(x, shift.as_ref(), progress)?;
        match &self.transformer {
            Some(transformer) => transformer.forward(&x, &given.text, progress),
            None => Ok(x),
        }
    }
}

/// What a block is given at a step.
#[derive(Debug)]
pub(super) struct StepGiven<'a> {
    pub(super) block: &'a BlockGiven,
    /// Which of the run's times it is.
    pub(super) time: usize,
}

fn give(
    layers: &[Layer],
    told: &Told<'_>,
    progress: &mut dyn Progress,
) -> Result<BlockGiven, EngineError> {
    layers
        .iter()
        .map(|layer| layer.give(told, progress))
        .collect()
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

    /// What its layers make of what the run is told.
    pub(super) fn give(
        &self,
        told: &Told<'_>,
        progress: &mut dyn Progress,
    ) -> Result<BlockGiven, EngineError> {
        give(&self.layers, told, progress)
    }

    /// Every picture on the way is added to `skips`.
    pub(super) fn forward(
        &self,
        mut x: Tensor,
        given: &StepGiven<'_>,
        skips: &mut Vec<Tensor>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        for (at, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x, given, at, progress)?;
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
    layers: Vec<Layer>,
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
        let mut layers = vec![Layer {
            resnet: Resnet::load(from.member("resnets", 0), shape)?,
            transformer: None,
        }];
        if let Mid::CrossAttention { depth } = config.mid {
            let attention = transformer_shape(config, level, depth);
            let transformer = Transformer::load(from.member("attentions", 0), attention)?;
            layers[0].transformer = Some(transformer);
            layers.push(Layer {
                resnet: Resnet::load(from.member("resnets", 1), shape)?,
                transformer: None,
            });
        }
        Ok(Some(Self { layers }))
    }

    /// What its layers make of what the run is told.
    pub(super) fn give(
        &self,
        told: &Told<'_>,
        progress: &mut dyn Progress,
    ) -> Result<BlockGiven, EngineError> {
        give(&self.layers, told, progress)
    }

    pub(super) fn forward(
        &self,
        mut x: Tensor,
        given: &StepGiven<'_>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        for (at, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x, given, at, progress)?;
        }
        Ok(x)
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

    /// What its layers make of what the run is told.
    pub(super) fn give(
        &self,
        told: &Told<'_>,
        progress: &mut dyn Progress,
    ) -> Result<BlockGiven, EngineError> {
        give(&self.layers, told, progress)
    }

    /// Takes its pictures from the end of `skips`.
    pub(super) fn forward(
        &self,
        mut x: Tensor,
        given: &StepGiven<'_>,
        skips: &mut Vec<Tensor>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        for (at, layer) in self.layers.iter().enumerate() {
            let skip = skips.pop().ok_or_else(|| EngineError::Internal {
                why: "the U-Net ran out of skips".to_owned(),
            })?;
            let both = channels_of_both(&x, &skip)?;
            x = layer.forward(both, given, at, progress)?;
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
