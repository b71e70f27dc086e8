//! The U-Net of a checkpoint: its architecture by which weights there are and their shapes, and the
//! names diffusers has for them. The original names count blocks through; diffusers' count levels.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::catalog::tensor_file::StoredTensor;

/// Where the original naming keeps the U-Net.
pub(super) const PREFIX: &str = "model.diffusion_model.";

/// No transformer has as many.
const MOST_LAYERS: usize = 1000;

/// One size the U-Net works at, on one way.
#[derive(Debug, Default)]
struct Level {
    channels: usize,
    resnets: usize,
    /// Of the transformers; 0 without.
    depth: usize,
}

/// The U-Net of a checkpoint, by its names below [`PREFIX`].
#[derive(Debug)]
pub(super) struct UnetNames<'a> {
    tensors: &'a BTreeMap<String, StoredTensor>,
    down: Vec<Level>,
    /// From the lowest level up.
    up: Vec<Level>,
    mid_depth: usize,
    /// Beginnings of names in the file, and what diffusers writes for them.
    renamed: BTreeMap<String, String>,
}

impl<'a> UnetNames<'a> {
    /// Walks through the blocks.
    pub(super) fn walk(tensors: &'a BTreeMap<String, StoredTensor>) -> Self {
        let mut names = Self {
            tensors,
            down: vec![Level::default()],
            up: vec![Level::default()],
            mid_depth: 0,
            renamed: BTreeMap::new(),
        };
        for (from, to) in [
            ("input_blocks.0.0.", "conv_in."),
            ("time_embed.0.", "time_embedding.linear_1."),
            ("time_embed.2.", "time_embedding.linear_2."),
            ("time_embed.cond_proj.", "time_embedding.cond_proj."),
            ("label_emb.0.0.", "add_embedding.linear_1."),
            ("label_emb.0.2.", "add_embedding.linear_2."),
            ("out.0.", "conv_norm_out."),
            ("out.2.", "conv_out."),
        ] {
            names.rename(from, to);
        }
        names.walk_down();
        names.walk_mid();
        names.walk_up();
        names
    }

    fn rename(&mut self, from: &str, to: &str) {
        self.renamed.insert(from.to_owned(), to.to_owned());
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        let stored = self.tensors.get(&format!("{PREFIX}{name}"))?;
        Some(&stored.shape)
    }

    fn has(&self, name: &str) -> bool {
        self.shape(name).is_some()
    }

    fn size(&self, name: &str, dimension: usize) -> Option<usize> {
        self.shape(name)?.get(dimension).copied()
    }

    /// Transformer layers below that name; 0 where there is no transformer.
    fn depth(&self, at: &str) -> usize {
        let layer = |n: usize| format!("{at}.transformer_blocks.{n}.norm1.weight");
        (0..MOST_LAYERS)
            .take_while(|n| self.has(&layer(*n)))
            .count()
    }

    fn walk_down(&mut self) {
        for block in 1.. {
            let level = self.down.len() - 1;
            let at = format!("input_blocks.{block}.0.");
            if self.has(&format!("{at}op.weight")) {
                self.rename(
                    &format!("{at}op."),
                    &format!("down_blocks.{level}.downsamplers.0.conv."),
                );
                self.down.push(Level::default());
                continue;
            }
            let Some(channels) = self.size(&format!("{at}out_layers.3.weight"), 0) else {
                break;
            };
            let depth = self.depth(&format!("input_blocks.{block}.1"));
            let Some(here) = self.down.last_mut() else {
                break;
            };
            let index = here.resnets;
            *here = Level {
                channels,
                resnets: index + 1,
                depth,
            };
            self.rename(&at, &format!("down_blocks.{level}.resnets.{index}."));
            if depth > 0 {
                self.rename(
                    &format!("input_blocks.{block}.1."),
                    &format!("down_blocks.{level}.attentions.{index}."),
                );
            }
        }
    }

    fn walk_mid(&mut self) {
        self.mid_depth = self.depth("middle_block.1");
        self.rename("middle_block.0.", "mid_block.resnets.0.");
        let last = if self.mid_depth > 0 {
            self.rename("middle_block.1.", "mid_block.attentions.0.");
            "middle_block.2."
        } else {
            "middle_block.1."
        };
        self.rename(last, "mid_block.resnets.1.");
    }

    fn walk_up(&mut self) {
        for block in 0.. {
            let level = self.up.len() - 1;
            let at = format!("output_blocks.{block}");
            let Some(channels) = self.size(&format!("{at}.0.out_layers.3.weight"), 0) else {
                break;
            };
            let depth = self.depth(&format!("{at}.1"));
            let Some(here) = self.up.last_mut() else {
                break;
            };
            let index = here.resnets;
            *here = Level {
                channels,
                resnets: index + 1,
                depth,
            };
            self.rename(
                &format!("{at}.0."),
                &format!("up_blocks.{level}.resnets.{index}."),
            );
            if depth > 0 {
                self.rename(
                    &format!("{at}.1."),
                    &format!("up_blocks.{level}.attentions.{index}."),
                );
            }
            let sampler = if depth > 0 { 2 } else { 1 };
            if self.has(&format!("{at}.{sampler}.conv.weight")) {
                self.rename(
                    &format!("{at}.{sampler}.conv."),
                    &format!("up_blocks.{level}.upsamplers.0.conv."),
                );
                self.up.push(Level::default());
            }
        }
    }

    /// The weights under diffusers' names.
    pub(super) fn renamed(&self) -> BTreeMap<String, StoredTensor> {
        let renamed = self.tensors.iter().filter_map(|(name, stored)| {
            let name = self.diffusers(name.strip_prefix(PREFIX)?)?;
            Some((name, stored.clone()))
        });
        renamed.collect()
    }

    /// What diffusers calls the weight of that name, which is below [`PREFIX`].
    fn diffusers(&self, name: &str) -> Option<String> {
        // The longest beginning that is known.
        let mut dots = name.rmatch_indices('.').map(|(at, _)| at + 1);
        let (from, to) = dots.find_map(|end| self.renamed.get_key_value(&name[..end]))?;
        let rest = &name[from.len()..];
        let rest = if to.contains(".resnets.") {
            resnet(rest)?
        } else {
            rest.to_owned()
        };
        Some(format!("{to}{rest}"))
    }

    /// Channels it takes.
    pub(super) fn in_channels(&self) -> Option<usize> {
        self.size("input_blocks.0.0.weight", 1)
    }

    /// True where it wants sizes and pooled text (SDXL), or classes of another kind.
    pub(super) fn has_labels(&self) -> bool {
        self.has("label_emb.0.0.weight")
    }

    /// Width of the text it attends to.
    fn text_width(&self) -> Option<usize> {
        let ending = "transformer_blocks.0.attn2.to_k.weight";
        let (_, stored) = self
            .tensors
            .iter()
            .find(|(name, _)| name.starts_with(PREFIX) && name.ends_with(ending))?;
        stored.shape.get(1).copied()
    }

    /// Its transformers begin with a linear layer and not with a 1×1 convolution.
    fn is_linear(&self) -> bool {
        self.tensors.iter().any(|(name, stored)| {
            name.starts_with(PREFIX)
                && name.ends_with(".1.proj_in.weight")
                && stored.shape.len() == 2
        })
    }

    /// `unet/config.json`. Heads cannot be told by shapes: SD 1 has `heads` of them everywhere;
    /// later models have heads of 64 features. `sample_size` is in latent pixels.
    pub(super) fn config(&self, heads: Option<usize>, sample_size: usize) -> Option<Value> {
        let channels: Vec<usize> = self.down.iter().map(|level| level.channels).collect();
        let heads: Vec<usize> = channels
            .iter()
            .map(|channels| heads.unwrap_or_else(|| (channels / 64).max(1)))
            .collect();
        let first = *channels.first()?;
        let count = channels.len();
        let kind = |level: &Level, plain: &'static str, cross: &'static str| {
            if level.depth > 0 { cross } else { plain }
        };
        // The lowest level's depth is also the middle's, whether it has transformers or not.
        let mut depth: Vec<usize> = self.down.iter().map(|level| level.depth.max(1)).collect();
        if let (Some(last), true) = (depth.last_mut(), self.mid_depth > 0) {
            *last = self.mid_depth;
        }
        let up_depth: Vec<usize> = self.up.iter().map(|level| level.depth.max(1)).collect();
        let mirrored = self
            .down
            .iter()
            .rev()
            .zip(&self.up)
            .all(|(down, up)| down.depth == up.depth || down.depth == 0 || up.depth == 0);
        let mut config = json!({
            "_class_name": "UNet2DConditionModel",
            "act_fn": "silu",
            "attention_head_dim": heads,
            "block_out_channels": channels,
            "center_input_sample": false,
            "cross_attention_dim": self.text_width()?,
            "down_block_types": self.down.iter()
                .map(|level| kind(level, "DownBlock2D", "CrossAttnDownBlock2D"))
                .collect::<Vec<_>>(),
            "downsample_padding": 1,
            "flip_sin_to_cos": true,
            "freq_shift": 0,
            "in_channels": self.in_channels()?,
            "layers_per_block": self.down.iter().map(|level| level.resnets).collect::<Vec<_>>(),
            "mid_block_scale_factor": 1,
            "mid_block_type": if self.mid_depth > 0 {
                "UNetMidBlock2DCrossAttn"
            } else {
                "UNetMidBlock2D"
            },
            "norm_eps": 1e-5,
            "norm_num_groups": 32,
            "out_channels": self.size("out.2.weight", 0)?,
            "sample_size": sample_size,
            "transformer_layers_per_block": depth,
            "up_block_types": self.up.iter()
                .map(|level| kind(level, "UpBlock2D", "CrossAttnUpBlock2D"))
                .collect::<Vec<_>>(),
            "use_linear_projection": self.is_linear(),
        });
        let time = self.size("time_embed.0.weight", 0)?;
        if time != 4 * first {
            config["time_embedding_dim"] = json!(time);
        }
        if !mirrored && up_depth.len() == count {
            config["reverse_transformer_layers_per_block"] = json!(up_depth);
        }
        if let Some(width) = self.size("time_embed.cond_proj.weight", 1) {
            config["time_cond_proj_dim"] = json!(width);
        }
        if let Some(width) = self.size("label_emb.0.0.weight", 1) {
            config["addition_embed_type"] = json!("text_time");
            config["addition_time_embed_dim"] = json!(256);
            config["projection_class_embeddings_input_dim"] = json!(width);
        }
        Some(config)
    }
}

/// What diffusers calls the rest of a name inside a residual block.
fn resnet(rest: &str) -> Option<String> {
    let (from, to) = [
        ("in_layers.0.", "norm1."),
        ("in_layers.2.", "conv1."),
        ("emb_layers.1.", "time_emb_proj."),
        ("out_layers.0.", "norm2."),
        ("out_layers.3.", "conv2."),
        ("skip_connection.", "conv_shortcut."),
    ]
    .into_iter()
    .find(|(from, _)| rest.starts_with(from))?;
    Some(format!("{to}{}", &rest[from.len()..]))
}
