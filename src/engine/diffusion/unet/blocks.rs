//! The down, mid and up blocks of the U-Net.

use candle_core::Tensor;

use super::super::resnet::{Downsample, Resnet, ResnetShape, Upsample};
use super::config::{Level, Mid, UnetConfig};
use super::transformer::{Transformer, TransformerShape};
use crate::engine::nn::attention::PreparedKv;
use crate::engine::nn::cpu::channels_of_both;
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// What conditions every block in a run.
#[derive(Debug)]
pub(super) struct Embeddings<'a> {
    /// See [`TimeEmbedding::forward`](super::time_embedding::TimeEmbedding::forward).
    pub(super) time: &'a Tensor,
    /// `(batch, tokens, width)`.
    pub(super) text: &'a Tensor,
}

/// What the layers of a block compute of the embeddings, once a run.
pub(super) type BlockConditioning = Vec<LayerConditioning>;

/// What a layer computes of the embeddings.
#[derive(Debug)]
pub(super) struct LayerConditioning {
    /// `(timesteps × members, channels)`; see [`Resnet::time_shifts`].
    time_shifts: Option<Tensor>,
    /// See [`Transformer::text_kv`].
    text_kv: Vec<PreparedKv>,
}

/// The conditioning of a block at a step.
#[derive(Debug)]
pub(super) struct StepConditioning<'a> {
    pub(super) block: &'a BlockConditioning,
    /// The step's first row of the time shifts.
    pub(super) first_row: usize,
    /// Its rows: one, or one for each member of the batch.
    pub(super) members: usize,
}

/// A residual block, and a transformer after it where the level has one.
#[derive(Debug)]
struct Layer {
    resnet: Resnet,
    transformer: Option<Transformer>,
}

impl Layer {
    fn condition(
        &self,
        embeddings: &Embeddings<'_>,
        progress: &mut dyn Progress,
    ) -> Result<LayerConditioning, EngineError> {
        let transformer = self.transformer.as_ref();
        Ok(LayerConditioning {
            time_shifts: self.resnet.time_shifts(embeddings.time, progress)?,
            text_kv: transformer
                .map(|transformer| transformer.text_kv(embeddings.text, progress))
                .transpose()?
                .unwrap_or_default(),
        })
    }

    fn forward(
        &self,
        x: Tensor,
        step: &StepConditioning<'_>,
        at: usize,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let conditioning = step.block.get(at).ok_or_else(|| EngineError::Internal {
            why: format!("layer {at} of a U-Net has no conditioning"),
        })?;
        let shifts = conditioning.time_shifts.as_ref();
        let shift = shifts
            .map(|shifts| shifts.narrow(0, step.first_row, step.members))
            .transpose()?;
        let x = self.resnet.forward(x, shift.as_ref(), progress)?;
        match &self.transformer {
            Some(transformer) => transformer.forward(&x, &conditioning.text_kv, progress),
            None => Ok(x),
        }
    }
}

/// The layers of a block, one after the other.
#[derive(Debug)]
pub(super) struct BlockLayers(Vec<Layer>);

impl BlockLayers {
    /// A layer for each number of input channels; `depth` is that of the transformers, if there are
    /// any.
    fn load(
        from: &mut Loader<'_>,
        config: &UnetConfig,
        level: &Level,
        inputs: impl Iterator<Item = usize>,
        depth: Option<usize>,
    ) -> Result<Self, EngineError> {
        let mut layers = Vec::new();
        for (at, inputs) in inputs.enumerate() {
            let shape = resnet_shape(config, inputs, level.channels);
            let resnet = Resnet::load(from.member("resnets", at), shape)?;
            let transformer = depth
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
        Ok(Self(layers))
    }

    /// What they compute of the embeddings, once a run.
    pub(super) fn condition(
        &self,
        embeddings: &Embeddings<'_>,
        progress: &mut dyn Progress,
    ) -> Result<BlockConditioning, EngineError> {
        self.0
            .iter()
            .map(|layer| layer.condition(embeddings, progress))
            .collect()
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

/// A level of the contracting path.
#[derive(Debug)]
pub(super) struct DownBlock {
    pub(super) layers: BlockLayers,
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
        let inputs = (0..level.layers).map(|at| if at == 0 { above } else { level }.channels);
        let layers = BlockLayers::load(&mut from, config, level, inputs, level.down_depth)?;
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

    /// Pushes the output of every layer, and of the downsampling, to `skips`.
    pub(super) fn forward(
        &self,
        mut x: Tensor,
        conditioning: &StepConditioning<'_>,
        skips: &mut Vec<Tensor>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        for (at, layer) in self.layers.0.iter().enumerate() {
            x = layer.forward(x, conditioning, at, progress)?;
            skips.push(x.clone());
        }
        if let Some(downsample) = &self.downsample {
            x = downsample.forward(&x, progress)?;
            skips.push(x.clone());
        }
        Ok(x)
    }
}

/// The bottleneck.
#[derive(Debug)]
pub(super) struct MidBlock {
    pub(super) layers: BlockLayers,
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
        let layers = BlockLayers(layers);
        Ok(Some(Self { layers }))
    }

    pub(super) fn forward(
        &self,
        mut x: Tensor,
        conditioning: &StepConditioning<'_>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        for (at, layer) in self.layers.0.iter().enumerate() {
            x = layer.forward(x, conditioning, at, progress)?;
        }
        Ok(x)
    }
}

/// A level of the expanding path.
#[derive(Debug)]
pub(super) struct UpBlock {
    pub(super) layers: BlockLayers,
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
        let inputs = (0..=level.layers).map(|at| {
            // The skips of a level are the outputs of its own layers, and last its input, which came
            // from the level above.
            let carried = if at == 0 { below } else { level }.channels;
            let skipped = if at == level.layers { above } else { level }.channels;
            carried + skipped
        });
        let layers = BlockLayers::load(&mut from, config, level, inputs, level.up_depth)?;
        Ok(Self {
            layers,
            upsample: (index > 0)
                .then(|| Upsample::load(from, level.channels))
                .transpose()?,
        })
    }

    /// Pops a skip for every layer.
    pub(super) fn forward(
        &self,
        mut x: Tensor,
        conditioning: &StepConditioning<'_>,
        skips: &mut Vec<Tensor>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        for (at, layer) in self.layers.0.iter().enumerate() {
            let skip = skips.pop().ok_or_else(|| EngineError::Internal {
                why: "the U-Net ran out of skips".to_owned(),
            })?;
            let both = channels_of_both(&x, &skip)?;
            x = layer.forward(both, conditioning, at, progress)?;
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
