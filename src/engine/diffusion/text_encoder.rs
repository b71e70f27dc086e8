//! The CLIP text encoder ([Radford et al. 2021](https://arxiv.org/abs/2103.00020)), as
//! transformers' `CLIPTextModel` has it.

mod blueprint;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use super::model_config::ModelConfig;
use crate::catalog::ModelFiles;
use crate::engine::nn::attention::{Attention, AttentionNames, AttentionShape};
use crate::engine::nn::failure::{all_finite, bad_input};
use crate::engine::nn::layers::{Activation, Embedding, LayerNorm, Linear};
use crate::engine::nn::precision::Precision;
use crate::engine::nn::weights::{Loader, Weights};
use crate::engine::{EngineError, Progress};
use crate::text::Message;

const CONFIG: &str = "text_encoder/config.json";
pub(super) const WEIGHTS: &[&str] = &[
    "text_encoder/model.safetensors",
    "text_encoder/model.fp16.safetensors",
];

/// Token lists encoded as one batch at most. Prompts people write are shorter, so that theirs are
/// one batch, whose last bits do not depend on what else there is.
const MAX_BATCH: usize = 16;

/// Turns token ids into the embeddings that the U-Net attends to.
#[derive(Debug)]
pub(crate) struct TextEncoder {
    config: TextEncoderConfig,
    tokens: Embedding,
    positions: Embedding,
    layers: Vec<Layer>,
    final_norm: LayerNorm,
    device: Device,
    compute: DType,
}

/// What `text_encoder/config.json` says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextEncoderConfig {
    vocabulary: usize,
    /// Tokens it sees at a time.
    pub(crate) window: usize,
    width: usize,
    inner_width: usize,
    layers: usize,
    heads: usize,
    activation: Activation,
    eps: f64,
}

impl TextEncoderConfig {
    /// Defaults are those of transformers' `CLIPTextConfig`.
    pub(crate) fn read(files: &ModelFiles) -> Result<Self, EngineError> {
        // Files without the second encoder may lie in a folder whose U-Net says what it needs; but
        // where there is one, the model will not do without it.
        if files.contains("text_encoder_2/config.json") {
            return Err(EngineError::Unsupported {
                what: Message::new("engine-what-second-encoder"),
            });
        }
        let file = ModelConfig::read(files, CONFIG, "text encoder")?;
        file.accept_only(&[
            ("model_type", &[r#""clip_text_model""#, r#""clip""#]),
            ("architectures", &[r#""CLIPTextModel""#, r#""CLIPModel""#]),
        ])?;
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
        };
        if !config.width.is_multiple_of(config.heads) {
            return Err(file.bad("hidden_size is not a multiple of num_attention_heads"));
        }
        Ok(config)
    }
}

impl TextEncoder {
    /// Reads the text encoder of a model.
    pub(crate) fn load(
        files: &ModelFiles,
        device: &Device,
        precision: Precision,
        progress: &mut dyn Progress,
    ) -> Result<Self, EngineError> {
        let config = TextEncoderConfig::read(files)?;
        let mut weights = Weights::open(files, WEIGHTS, device, precision)?;
        // transformers wrote this prefix until version 5.
        if weights.has("text_model.final_layer_norm.weight") {
            weights = weights.scope("text_model");
        }
        let mut from = Loader::new(weights, progress);
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
        let layers = (0..config.layers)
            .map(|index| Layer::load(from.member("encoder.layers", index), &config))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            final_norm: LayerNorm::load(from.scope("final_layer_norm"), config.width, config.eps)?,
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

    /// Numbers it gives a token.
    pub(crate) fn width(&self) -> usize {
        self.config.width
    }

    /// As [`encode`](Self::encode), for any number of lists. Above [`MAX_BATCH`] each distinct list is
    /// encoded once (those that pad the shorter of two prompts are all alike), [`MAX_BATCH`] at a
    /// time, so that the memory for activations does not grow with the prompt.
    pub(crate) fn encode_many(
        &self,
        ids: &[Vec<u32>],
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
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
        Ok(Tensor::cat(&encoded, 0)?.index_select(&places, 0)?)
    }

    /// Encodes lists of exactly [`window`](Self::window) ids each, as `(batch, window, width)` f32.
    pub(crate) fn encode(
        &self,
        ids: &[Vec<u32>],
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let TextEncoderConfig {
            window,
            width,
            vocabulary,
            ..
        } = self.config;
        if ids.is_empty() || ids.iter().any(|list| list.len() != window) {
            return Err(bad_input(format!("token lists that are not {window} long")));
        }
        let ids = ids.concat();
        if let Some(id) = ids.iter().find(|id| **id as usize >= vocabulary) {
            return Err(bad_input(format!("token {id} of {vocabulary}")));
        }
        let tokens = self
            .tokens
            .look_up(&ids, self.compute)?
            .reshape(((), window, width))?;
        let mut x = tokens.broadcast_add(&self.positions.all(self.compute)?)?;
        let mask = causal_mask(window, &self.device)?;
        for layer in &self.layers {
            progress.checkpoint()?;
            x = layer.forward(&x, &mask, progress)?;
        }
        all_finite(&self.final_norm.forward(&x)?.materialized()?)
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
        self.fc2.forward_onto(&x, &inner, progress)
    }
}

#[cfg(test)]
mod tests;
