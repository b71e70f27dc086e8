//! The text encoders of a checkpoint: OpenAI's CLIP as transformers names it, and OpenCLIP in its own
//! names, with its fused projections taken apart.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::catalog::tensor_file::StoredTensor;

type Tensors = BTreeMap<String, StoredTensor>;

/// A text encoder under transformers' names.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) tensors: Tensors,
    pub(super) is_open_clip: bool,
}

impl Text {
    /// The encoder below `prefix` in either naming; `None` where there is none.
    pub(super) fn below(tensors: &Tensors, prefix: &str) -> Option<Self> {
        let named =
            |naming: &str, rename: fn(&str, &StoredTensor) -> Vec<(String, StoredTensor)>| {
                let prefix = format!("{prefix}{naming}");
                let renamed: Tensors = tensors
                    .iter()
                    .filter_map(|(name, stored)| Some((name.strip_prefix(&prefix)?, stored)))
                    .flat_map(|(name, stored)| rename(name, stored))
                    .collect();
                renamed.contains_key(TOKENS).then_some(renamed)
            };
        if let Some(tensors) = named("transformer.", transformers) {
            return Some(Self {
                tensors,
                is_open_clip: false,
            });
        }
        named("model.", open_clip).map(|tensors| Self {
            tensors,
            is_open_clip: true,
        })
    }

    fn size(&self, name: &str, dimension: usize) -> Option<usize> {
        let stored = self.tensors.get(name)?;
        stored.shape.get(dimension).copied()
    }

    /// `config.json`; the last `unused` layers are left out of it.
    pub(super) fn config(&self, unused: usize) -> Option<Value> {
        let layer = |n: usize| format!("text_model.encoder.layers.{n}.layer_norm1.weight");
        let layers = (0..MOST_LAYERS)
            .take_while(|n| self.tensors.contains_key(&layer(*n)))
            .count();
        let width = self.size(TOKENS, 1)?;
        let projection = self.size("text_projection.weight", 0);
        let class = match projection {
            Some(_) => "CLIPTextModelWithProjection",
            None => "CLIPTextModel",
        };
        Some(json!({
            "architectures": [class],
            "bos_token_id": 49406,
            "eos_token_id": 49407,
            "hidden_act": if self.is_open_clip { "gelu" } else { "quick_gelu" },
            "hidden_size": width,
            "intermediate_size": self.size("text_model.encoder.layers.0.mlp.fc1.weight", 0)?,
            "layer_norm_eps": 1e-5,
            "max_position_embeddings":
                self.size("text_model.embeddings.position_embedding.weight", 0)?,
            "model_type": "clip_text_model",
            // Both have heads of 64 features in every size there is.
            "num_attention_heads": (width / 64).max(1),
            "num_hidden_layers": layers.saturating_sub(unused),
            "pad_token_id": 1,
            "projection_dim": projection.unwrap_or(width),
            "vocab_size": self.size(TOKENS, 0)?,
        }))
    }
}

/// No encoder has as many.
const MOST_LAYERS: usize = 1000;
const TOKENS: &str = "text_model.embeddings.token_embedding.weight";

/// Weights under transformers' names. Some files lack the first part of them.
fn transformers(name: &str, stored: &StoredTensor) -> Vec<(String, StoredTensor)> {
    let name = match name.split('.').next() {
        Some("text_model" | "text_projection") => name.to_owned(),
        Some("embeddings" | "encoder" | "final_layer_norm") => format!("text_model.{name}"),
        _ => return Vec::new(),
    };
    if name.ends_with("position_ids") {
        return Vec::new();
    }
    vec![(name, stored.clone())]
}

/// Weights under OpenCLIP's names.
fn open_clip(name: &str, stored: &StoredTensor) -> Vec<(String, StoredTensor)> {
    let one = |name: &str| vec![(name.to_owned(), stored.clone())];
    match name {
        "token_embedding.weight" => return one(TOKENS),
        "positional_embedding" => return one("text_model.embeddings.position_embedding.weight"),
        "ln_final.weight" => return one("text_model.final_layer_norm.weight"),
        "ln_final.bias" => return one("text_model.final_layer_norm.bias"),
        // A matrix to multiply with from the right, where a linear layer multiplies from the left.
        "text_projection" => {
            let turned = stored.transposed();
            return turned
                .map(|turned| ("text_projection.weight".to_owned(), turned))
                .into_iter()
                .collect();
        }
        "text_projection.weight" => return one("text_projection.weight"),
        _ => {}
    }
    let Some((layer, rest)) = name
        .strip_prefix("transformer.resblocks.")
        .and_then(|rest| rest.split_once('.'))
    else {
        return Vec::new();
    };
    let at = format!("text_model.encoder.layers.{layer}");
    if let Some(kind) = rest.strip_prefix("attn.in_proj_") {
        return ["q", "k", "v"]
            .into_iter()
            .enumerate()
            .filter_map(|(index, letter)| {
                let part = stored.part(index, 3)?;
                Some((format!("{at}.self_attn.{letter}_proj.{kind}"), part))
            })
            .collect();
    }
    let renamed = [
        ("ln_1.", "layer_norm1."),
        ("ln_2.", "layer_norm2."),
        ("mlp.c_fc.", "mlp.fc1."),
        ("mlp.c_proj.", "mlp.fc2."),
        ("attn.out_proj.", "self_attn.out_proj."),
    ]
    .into_iter()
    .find_map(|(from, to)| Some(format!("{at}.{to}{}", rest.strip_prefix(from)?)));
    renamed
        .map(|name| (name, stored.clone()))
        .into_iter()
        .collect()
}
