//! The CLIP text encoder ([Radford et al. 2021](https://arxiv.org/abs/2103.00020)), as
//! transformers' `CLIPTextModel` and `CLIPTextModelWithProjection` have it.

mod blueprint;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use super::model_config::ModelConfig;
use crate::catalog::ModelFiles;
use crate::engine::nn::attention::{Attention, AttentionNames, AttentionShape};
use crate::engine::nn::failure::{all_finite, bad_input};
use crate::engine::nn::layers::{Activation, Embedding, LayerNorm, Linear, PostOps};
use crate::engine::nn::precision::Precision;
use crate::engine::nn::weights::{KeptWeights, Loader, Weights};
use crate::engine::{EngineError, Progress};

/// The id that stands for “the largest id” as the end of a text: what transformers wrote for CLIP until
/// 2023 (<https://github.com/huggingface/transformers/pull/24773>).
const LEGACY_END: usize = 2;

/// Token lists encoded as one batch at most. Prompts people write are shorter, so that theirs are
/// one batch, whose last bits do not depend on what else there is.
const MAX_BATCH: usize = 16;

/// One of a model's text encoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The only one, or the first of two.
    First,
    /// The second one of SDXL, which gives pooled text too.
    Second,
}

impl Place {
    /// Those that a model has.
    pub(crate) fn of_model(files: &ModelFiles) -> &'static [Self] {
        if files.contains(Self::Second.config()) {
            &[Self::First, Self::Second]
        } else {
            &[Self::First]
        }
    }

    fn config(self) -> &'static str {
        match self {
            Self::First => "text_encoder/config.json",
            Self::Second => "text_encoder_2/config.json",
        }
    }

    /// Where its weights may lie.
    pub(super) fn weights(self) -> &'static [&'static str] {
        match self {
            Self::First => &[
                "text_encoder/model.safetensors",
                "text_encoder/model.fp16.safetensors",
            ],
            Self::Second => &[
                "text_encoder_2/model.safetensors",
                "text_encoder_2/model.fp16.safetensors",
            ],
        }
    }

    /// The folder of its tokenizer.
    pub(super) fn tokenizer(self) -> &'static str {
        match self {
            Self::First => "tokenizer",
            Self::Second => "tokenizer_2",
        }
    }
}

/// Texts, encoded.
#[derive(Debug, Clone)]
pub(crate) struct EncodedText {
    /// Of every token, `(texts, tokens, width)` f32.
    pub(crate) tokens: Tensor,
    /// Of each text as a whole, `(texts, pooled width)` f32, where the model reads it.
    pub(crate) pooled: Option<Tensor>,
}

/// Turns token ids into the embeddings that the U-Net attends to.
#[derive(Debug)]
pub(crate) struct TextEncoder {
    config: TextEncoderConfig,
    tokens: Embedding,
    positions: Embedding,
    layers: Vec<Layer>,
    /// Missing where nothing of the last layer is read.
    final_norm: Option<LayerNorm>,
    /// From the end of a text to pooled text.
    projection: Option<Linear>,
    device: Device,
    compute: DType,
}

/// What its `config.json` says, and how the model reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextEncoderConfig {
    vocabulary: usize,
    /// Tokens it sees at a time.
    pub(crate) window: usize,
    pub(crate) width: usize,
    inner_width: usize,
    layers: usize,
    heads: usize,
    activation: Activation,
    eps: f64,
    /// The U-Net reads the last layer but one, as it is; else the last one, normalised.
    reads_penultimate: bool,
    /// Width of pooled text, where the model reads it.
    pub(crate) pooled: Option<usize>,
    /// The id at the end of a text, whose token is pooled; `None`: the largest one there.
    end: Option<u32>,
}

impl TextEncoderConfig {
    /// Defaults are those of transformers' `CLIPTextConfig`.
    pub(crate) fn read(files: &ModelFiles, place: Place) -> Result<Self, EngineError> {
        let file = ModelConfig::read(files, place.config(), "text encoder")?;
        file.accept_only(&[("model_type", &[r#""clip_text_model""#, r#""clip""#])])?;
        file.accept_only(match place {
            Place::First => &[("architectures", &[r#""CLIPTextModel""#, r#""CLIPModel""#])],
            Place::Second => &[("architectures", &[r#""CLIPTextModelWithProjection""#])],
        })?;
        let end = file.optional_count("eos_token_id")?.unwrap_or(LEGACY_END);
        let activation = match file.word("hidden_act", "quick_gelu")? {
            Some("quick_gelu") => Activation::QuickGelu,
            Some("gelu") => Activation::Gelu,
            _ => return Err(file.unsupported("hidden_act")),
        };
        let config = Self {
            vocabulary: file.count("vocab_size", 49408)?,
            window: file.count("max_position_embeddings", 77)?,
            width: file.count("hidden_size", 512)?,
            inner_width: file.count("intermediate_size", 2048)?,
            layers: file.count("num_hidden_layers", 12)?,
            heads: file.count("num_attention_heads", 8)?,
            activation,
            eps: file.number("layer_norm_eps", 1e-5)?,
            // With two encoders, both are read so (SDXL).
            reads_penultimate: Place::of_model(files).contains(&Place::Second),
            pooled: match place {
                Place::First => None,
                Place::Second => Some(file.count("projection_dim", 512)?),
            },
            end: (end != LEGACY_END).then_some(end as u32),
        };
        if !config.width.is_multiple_of(config.heads) {
            return Err(file.bad("hidden_size is not a multiple of num_attention_heads"));
        }
        Ok(config)
    }
}

impl TextEncoderConfig {
    /// Whether anything of the last layer is read.
    fn reads_last(&self) -> bool {
        !self.reads_penultimate || self.pooled.is_some()
    }

    /// Layers whose results are read.
    fn layers_read(&self) -> usize {
        if self.reads_last() {
            self.layers
        } else {
            self.layers - 1
        }
    }
}

impl TextEncoder {
    /// Reads a text encoder of a model; see [`Loader::keeping`].
    pub(crate) fn load(
        (files, kept): (&ModelFiles, &mut KeptWeights),
        place: Place,
        device: &Device,
        precision: Precision,
        progress: &mut dyn Progress,
    ) -> Result<Self, EngineError> {
        let config = TextEncoderConfig::read(files, place)?;
        let weights = Weights::open(files, place.weights(), device, precision)?;
        // Without a projection, transformers wrote this prefix until version 5.
        let prefix = if weights.has("text_model.final_layer_norm.weight") {
            "text_model"
        } else {
            ""
        };
        let mut file = Loader::new(weights, progress).keeping(kept);
        let projection = config
            .pooled
            .map(|pooled| {
                Linear::load_unbiased(file.scope("text_projection"), config.width, pooled)
            })
            .transpose()?;
        let mut from = file.scope(prefix);
        let tokens = Embedding::load(
            from.scope("embeddings.token_embedding"),
            config.vocabulary,
            config.width,
        )?;
        let positions = Embedding::load(
            from.scope("embeddings.position_embedding"),
            config.window,
            config.width,
        )?;
        let layers = (0..config.layers_read())
            .map(|index| Layer::load(from.member("encoder.layers", index), &config))
            .collect::<Result<_, _>>()?;
        let final_norm = config
            .reads_last()
            .then(|| LayerNorm::load(from.scope("final_layer_norm"), config.width, config.eps))
            .transpose()?;
        Ok(Self {
            final_norm,
            projection,
            config,
            tokens,
            positions,
            layers,
            device: device.clone(),
            compute: precision.compute,
        })
    }

    /// Tokens it sees at a time.
    pub(crate) fn window(&self) -> usize {
        self.config.window
    }

    /// What its configuration says.
    pub(crate) fn config(&self) -> &TextEncoderConfig {
        &self.config
    }

    /// As [`encode`](Self::encode), for any number of lists. Above [`MAX_BATCH`] each distinct list is
    /// encoded once (those that pad the shorter of two prompts are all alike), [`MAX_BATCH`] at a
    /// time, so that the memory for activations does not grow with the prompt.
    pub(crate) fn encode_many(
        &self,
        ids: &[Vec<u32>],
        progress: &mut dyn Progress,
    ) -> Result<EncodedText, EngineError> {
        if ids.len() <= MAX_BATCH {
            return self.encode(ids, progress);
        }
        let mut known = HashMap::new();
        let mut different = Vec::new();
        let mut places = Vec::with_capacity(ids.len());
        for list in ids {
            let place = *known.entry(list).or_insert_with(|| {
                different.push(list.clone());
                different.len() as u32 - 1
            });
            places.push(place);
        }
        let encoded = different
            .chunks(MAX_BATCH)
            .map(|batch| self.encode(batch, progress))
            .collect::<Result<Vec<_>, _>>()?;
        let places = Tensor::from_vec(places, ids.len(), &self.device)?;
        let in_order = |parts: Vec<&Tensor>| -> Result<Tensor, EngineError> {
            Ok(Tensor::cat(&parts, 0)?.index_select(&places, 0)?)
        };
        let pooled: Option<Vec<&Tensor>> = encoded.iter().map(|e| e.pooled.as_ref()).collect();
        Ok(EncodedText {
            tokens: in_order(encoded.iter().map(|encoded| &encoded.tokens).collect())?,
            pooled: pooled.map(in_order).transpose()?,
        })
    }

    /// Encodes lists of exactly [`window`](Self::window) ids each.
    pub(crate) fn encode(
        &self,
        ids: &[Vec<u32>],
        progress: &mut dyn Progress,
    ) -> Result<EncodedText, EngineError> {
        let TextEncoderConfig {
            window,
            width,
            vocabulary,
            ..
        } = self.config;
        if ids.is_empty() || ids.iter().any(|list| list.len() != window) {
            return Err(bad_input(format!("token lists that are not {window} long")));
        }
        let all = ids.concat();
        if let Some(id) = all.iter().find(|id| **id as usize >= vocabulary) {
            return Err(bad_input(format!("token {id} of {vocabulary}")));
        }
        let tokens = self
            .tokens
            .look_up(&all, self.compute)?
            .reshape(((), window, width))?;
        let mut x = tokens.broadcast_add(&self.positions.all(self.compute)?)?;
        let mask = causal_mask(window, &self.device)?;
        let mut penultimate = x.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            progress.checkpoint()?;
            if index + 1 == self.config.layers {
                penultimate = x.clone();
            }
            x = layer.forward(&x, &mask, progress)?;
        }
        if self.layers.len() < self.config.layers {
            penultimate = x.clone();
        }
        let last = match &self.final_norm {
            Some(norm) => Some(norm.forward(&x)?.materialized()?),
            None => None,
        };
        let pooled = match (&self.projection, &last) {
            (Some(projection), Some(last)) => {
                let ends = self.ends(ids, last)?;
                Some(all_finite(&projection.forward(&ends, progress)?)?)
            }
            _ => None,
        };
        let read = match last {
            Some(last) if !self.config.reads_penultimate => last,
            _ => penultimate,
        };
        Ok(EncodedText {
            tokens: all_finite(&read)?,
            pooled,
        })
    }

    /// Of each list the token at its end, `(batch, width)`, from all tokens, `(batch, window, width)`.
    fn ends(&self, ids: &[Vec<u32>], tokens: &Tensor) -> Result<Tensor, EngineError> {
        let end_of = |list: &Vec<u32>| {
            let end = self.config.end.or_else(|| list.iter().max().copied());
            list.iter().position(|id| Some(*id) == end).unwrap_or(0)
        };
        let window = self.config.window;
        let places: Vec<u32> = ids
            .iter()
            .enumerate()
            .map(|(at, list)| (at * window + end_of(list)) as u32)
            .collect();
        let places = Tensor::from_vec(places, ids.len(), &self.device)?;
        Ok(tokens
            .flatten(0, 1)?
            .contiguous()?
            .index_select(&places, 0)?)
    }
}

/// 0 where a token may look (itself and those before it), −∞ elsewhere.
fn causal_mask(window: usize, device: &Device) -> Result<Tensor, EngineError> {
    let mask: Vec<f32> = (0..window * window)
        .map(|at| {
            if at % window > at / window {
                f32::NEG_INFINITY
            } else {
                0.0
            }
        })
        .collect();
    Ok(Tensor::from_vec(mask, (window, window), device)?)
}

/// One layer: causal self-attention, then an MLP, each with a residual connection.
#[derive(Debug)]
struct Layer {
    norm1: LayerNorm,
    attention: Attention,
    norm2: LayerNorm,
    fc1: Linear,
    activation: Activation,
    fc2: Linear,
}

impl Layer {
    fn load(mut from: Loader<'_>, config: &TextEncoderConfig) -> Result<Self, EngineError> {
        let TextEncoderConfig {
            width,
            inner_width,
            heads,
            eps,
            activation,
            ..
        } = *config;
        let attention = AttentionShape {
            width,
            context_width: width,
            heads,
            head_dim: width / heads,
            biased: true,
        };
        Ok(Self {
            norm1: LayerNorm::load(from.scope("layer_norm1"), width, eps)?,
            attention: Attention::load(
                from.scope("self_attn"),
                AttentionNames::TRANSFORMERS,
                attention,
            )?,
            norm2: LayerNorm::load(from.scope("layer_norm2"), width, eps)?,
            fc1: Linear::load(from.scope("mlp.fc1"), width, inner_width)?,
            activation,
            fc2: Linear::load(from.scope("mlp.fc2"), inner_width, width)?,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        mask: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let normal = self.norm1.forward(x)?;
        let x = (x + self
            .attention
            .forward_masked(&normal, &normal, mask, progress)?)?;
        let inner = self.fc1.forward(self.norm2.forward(&x)?, progress)?;
        let inner = self.activation.forward(&inner)?;
        self.fc2.forward_then(&inner, PostOps::onto(&x), progress)
    }
}

#[cfg(test)]
mod tests;
