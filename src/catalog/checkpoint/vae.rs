//! The autoencoder of a checkpoint or a file of its own: its architecture by shapes, and the names
//! diffusers has for its weights.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::catalog::tensor_file::StoredTensor;

/// Where a whole checkpoint keeps the autoencoder.
const PREFIX: &str = "first_stage_model.";

/// The weights of the autoencoder among `tensors` under diffusers' names, whatever names they have:
/// a checkpoint's, or those of a file of its own. `None` where there is none.
pub(super) fn of(
    tensors: &BTreeMap<String, StoredTensor>,
) -> Option<BTreeMap<String, StoredTensor>> {
    if tensors.contains_key("encoder.down_blocks.0.resnets.0.conv1.weight") {
        return Some(tensors.clone());
    }
    let renamed = [PREFIX, ""].map(|prefix| renamed(tensors, prefix));
    renamed
        .into_iter()
        .find(|tensors| tensors.contains_key("decoder.conv_in.weight"))
}

/// The weights below `prefix` in the original naming under diffusers' names.
fn renamed(
    tensors: &BTreeMap<String, StoredTensor>,
    prefix: &str,
) -> BTreeMap<String, StoredTensor> {
    let below = tensors
        .iter()
        .filter_map(|(name, stored)| Some((name.strip_prefix(prefix)?, stored)));
    let levels = below
        .clone()
        .filter_map(|(name, _)| index_after(name, "decoder.up."))
        .max()
        .map_or(0, |last| last + 1);
    below
        .filter_map(|(name, stored)| {
            let name = diffusers(name, levels)?;
            // Old files have 1×1 convolutions where newer ones have linear layers.
            let is_linear = name.contains(".attentions.0.to_");
            let stored = match stored.shape.as_slice() {
                &[rows, columns, 1, 1] if is_linear => stored.reshaped(&[rows, columns]),
                _ => stored.clone(),
            };
            Some((name, stored))
        })
        .collect()
}

/// The number behind `start`, as in `decoder.up.3.block…`.
fn index_after(name: &str, start: &str) -> Option<usize> {
    name.strip_prefix(start)?.split('.').next()?.parse().ok()
}

fn diffusers(name: &str, levels: usize) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    Some(match parts.as_slice() {
        ["quant_conv" | "post_quant_conv", _]
        | ["encoder" | "decoder", "conv_in" | "conv_out", _] => name.to_owned(),
        [half @ ("encoder" | "decoder"), "norm_out", rest] => {
            format!("{half}.conv_norm_out.{rest}")
        }
        [half, "mid", block @ ("block_1" | "block_2"), rest @ ..] => {
            let index = usize::from(*block == "block_2");
            format!("{half}.mid_block.resnets.{index}.{}", resnet(rest))
        }
        [half, "mid", "attn_1", layer, rest] => {
            let layer = attention(layer)?;
            format!("{half}.mid_block.attentions.0.{layer}.{rest}")
        }
        ["encoder", "down", level, "block", index, rest @ ..] => {
            format!(
                "encoder.down_blocks.{level}.resnets.{index}.{}",
                resnet(rest)
            )
        }
        ["encoder", "down", level, "downsample", "conv", rest] => {
            format!("encoder.down_blocks.{level}.downsamplers.0.conv.{rest}")
        }
        ["decoder", "up", level, "block", index, rest @ ..] => {
            let level = from_below(level, levels)?;
            format!("decoder.up_blocks.{level}.resnets.{index}.{}", resnet(rest))
        }
        ["decoder", "up", level, "upsample", "conv", rest] => {
            let level = from_below(level, levels)?;
            format!("decoder.up_blocks.{level}.upsamplers.0.conv.{rest}")
        }
        _ => return None,
    })
}

/// diffusers counts the decoder's levels in the order they run.
fn from_below(level: &str, levels: usize) -> Option<usize> {
    levels.checked_sub(1 + level.parse::<usize>().ok()?)
}

fn resnet(rest: &[&str]) -> String {
    rest.join(".").replace("nin_shortcut.", "conv_shortcut.")
}

/// Layers of the attention block under the names of all times.
fn attention(layer: &str) -> Option<&'static str> {
    Some(match layer {
        "norm" | "group_norm" => "group_norm",
        "q" | "query" | "to_q" => "to_q",
        "k" | "key" | "to_k" => "to_k",
        "v" | "value" | "to_v" => "to_v",
        "proj_out" | "proj_attn" | "to_out" => "to_out.0",
        _ => return None,
    })
}

/// `vae/config.json` of an autoencoder whose weights have diffusers' names. `sample_size` is in
/// pixels.
pub(super) fn config(
    tensors: &BTreeMap<String, StoredTensor>,
    scaling_factor: f64,
    sample_size: usize,
) -> Option<Value> {
    let size = |name: &str, dimension: usize| {
        let stored = tensors.get(name)?;
        stored.shape.get(dimension).copied()
    };
    let block = |level: usize, index: usize| {
        let name = format!("encoder.down_blocks.{level}.resnets.{index}.conv1.weight");
        size(&name, 0)
    };
    let channels: Vec<usize> = (0..).map_while(|level| block(level, 0)).collect();
    let levels = channels.len();
    if levels == 0 {
        return None;
    }
    Some(json!({
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": channels,
        "down_block_types": vec!["DownEncoderBlock2D"; levels],
        "force_upcast": true,
        "in_channels": size("encoder.conv_in.weight", 1)?,
        "latent_channels": size("decoder.conv_in.weight", 1)?,
        "layers_per_block": (0..).map_while(|index| block(0, index)).count(),
        "mid_block_add_attention": tensors.contains_key("decoder.mid_block.attentions.0.to_q.weight"),
        "norm_num_groups": 32,
        "out_channels": size("decoder.conv_out.weight", 0)?,
        "sample_size": sample_size,
        "scaling_factor": scaling_factor,
        "up_block_types": vec!["UpDecoderBlock2D"; levels],
        "use_post_quant_conv": tensors.contains_key("post_quant_conv.weight"),
        "use_quant_conv": tensors.contains_key("quant_conv.weight"),
    }))
}
