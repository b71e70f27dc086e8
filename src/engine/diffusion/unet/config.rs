//! [`UnetConfig`]: what `unet/config.json` says, checked.

use super::super::model_config::ModelConfig;
use super::conditions::PictureSizes;
use crate::catalog::ModelFiles;
use crate::engine::EngineError;

/// Keys that would change what is computed, with the only values this program computes.
const ACCEPTED: &[(&str, &[&str])] = &[
    ("_class_name", &["\"UNet2DConditionModel\""]),
    ("act_fn", &["\"silu\"", "\"swish\""]),
    ("addition_embed_type", &["null", "\"text_time\""]),
    ("attention_type", &["\"default\""]),
    ("center_input_sample", &["false"]),
    ("class_embed_type", &["null"]),
    ("class_embeddings_concat", &["false"]),
    ("conv_in_kernel", &["3"]),
    ("conv_out_kernel", &["3"]),
    ("cross_attention_norm", &["null"]),
    ("dual_cross_attention", &["false"]),
    ("encoder_hid_dim", &["null"]),
    ("encoder_hid_dim_type", &["null"]),
    ("mid_block_only_cross_attention", &["null", "false"]),
    ("mid_block_scale_factor", &["1"]),
    ("num_class_embeds", &["null"]),
    ("only_cross_attention", &["false"]),
    ("resnet_out_scale_factor", &["1"]),
    ("resnet_skip_time_act", &["false"]),
    ("resnet_time_scale_shift", &["\"default\""]),
    ("time_embedding_act_fn", &["null"]),
    ("time_embedding_type", &["\"positional\""]),
    ("timestep_post_act", &["null"]),
];

/// The architecture of a U-Net.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnetConfig {
    /// Channels it takes: those of the latent, in an inpainting model also mask and masked picture.
    pub(crate) in_channels: usize,
    /// Channels of its output.
    pub(crate) out_channels: usize,
    /// Width of the text it attends to.
    pub(crate) cross_attention_dim: usize,
    /// From the full size down; each level but the last halves the size.
    pub(super) levels: Vec<Level>,
    pub(super) mid: Mid,
    /// Width of the time embedding inside the blocks.
    pub(super) time_width: usize,
    /// Cosines before sines in the time embedding.
    pub(super) cosine_first: bool,
    /// Taken from the number of its frequencies.
    pub(super) freq_shift: f64,
    pub(super) groups: usize,
    /// Of every group normalisation outside the transformers.
    pub(super) eps: f64,
    pub(super) downsample_padding: usize,
    /// Whether the ends of transformers lie in a file as linear layers or as 1×1 convolutions.
    pub(super) linear_projection: bool,
    /// Width of the guidance scale's embedding, where the network reads it (consistency models).
    pub(super) guidance_width: Option<usize>,
    /// What is added to the time embedding, in SDXL.
    pub(crate) added: Option<AddedWidths>,
}

/// Widths of what SDXL's U-Net reads of a picture beside its text, and adds to the time embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AddedWidths {
    /// Of the second text encoder's pooled output.
    pub(crate) pooled: usize,
    /// Of the embedding of each of the [`PictureSizes`].
    pub(super) number: usize,
}

impl AddedWidths {
    /// Of all of it.
    pub(super) fn total(self) -> usize {
        self.pooled + PictureSizes::COUNT * self.number
    }
}

/// One size the U-Net works at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) channels: usize,
    /// Residual blocks on the way down; on the way up there is one more.
    pub(super) layers: usize,
    pub(super) heads: usize,
    /// Depth of the transformer after each residual block on the way down, if there is one.
    pub(super) down_depth: Option<usize>,
    /// The same on the way up.
    pub(super) up_depth: Option<usize>,
}

/// What lies at the lowest level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mid {
    /// Nothing.
    Absent,
    /// One residual block.
    Resnet,
    /// Two residual blocks with a transformer of that depth between them.
    CrossAttention { depth: usize },
}

impl UnetConfig {
    /// Reads and checks the file. Defaults are those of diffusers.
    pub(crate) fn read(files: &ModelFiles) -> Result<Self, EngineError> {
        let file = ModelConfig::read(files, "unet/config.json", "U-Net")?;
        file.accept_only(ACCEPTED)?;
        let channels = file.count_list("block_out_channels")?;
        let count = channels.len();
        let (levels, mid) = levels(&file, &channels)?;

        let first = channels.first().copied().unwrap_or_default();
        let config = Self {
            in_channels: file.count("in_channels", 4)?,
            out_channels: file.count("out_channels", 4)?,
            cross_attention_dim: text_width(&file, count)?,
            levels,
            mid,
            time_width: file
                .optional_count("time_embedding_dim")?
                .unwrap_or(4 * first),
            cosine_first: file.flag("flip_sin_to_cos", true)?,
            freq_shift: file.number("freq_shift", 0.0)?,
            groups: file.count("norm_num_groups", 32)?,
            eps: file.number("norm_eps", 1e-5)?,
            downsample_padding: file.number("downsample_padding", 1.0)? as usize,
            linear_projection: file.flag("use_linear_projection", false)?,
            guidance_width: file.optional_count("time_cond_proj_dim")?,
            added: added(&file)?,
        };
        config.check(&file)?;
        Ok(config)
    }

    fn check(&self, file: &ModelConfig) -> Result<(), EngineError> {
        for level in &self.levels {
            if !level.channels.is_multiple_of(self.groups) {
                return Err(file.bad("block_out_channels are not multiples of norm_num_groups"));
            }
            if level.heads > level.channels {
                return Err(file.bad("there are more attention heads than channels"));
            }
        }
        // The frequencies of its embedding are spread over all but one of half its width.
        if self.guidance_width.is_some_and(|width| width < 4) {
            return Err(file.unsupported("time_cond_proj_dim"));
        }
        if self.downsample_padding > 1 {
            return Err(file.unsupported("downsample_padding"));
        }
        if (self.first_channels() / 2) as f64 <= self.freq_shift {
            return Err(file.bad("freq_shift leaves no frequencies"));
        }
        Ok(())
    }

    /// Channels at the full size.
    pub(super) fn first_channels(&self) -> usize {
        self.levels.first().map_or(0, |level| level.channels)
    }
}

fn levels(file: &ModelConfig, channels: &[usize]) -> Result<(Vec<Level>, Mid), EngineError> {
    let count = channels.len();
    let layers = file.counts("layers_per_block", count, 2)?;
    // `attention_head_dim` has held the number of heads ever since it was misnamed; see
    // https://github.com/huggingface/diffusers/issues/2011.
    let heads = match file.optional_counts("num_attention_heads", count)? {
        Some(heads) => heads,
        None => file.counts("attention_head_dim", count, 8)?,
    };
    let down_depth = file.counts("transformer_layers_per_block", count, 1)?;
    let mut up_depth: Vec<usize> = down_depth.iter().rev().copied().collect();
    if let Some(depth) = file.optional_counts("reverse_transformer_layers_per_block", count)? {
        up_depth = depth;
    }
    let down = file.words("down_block_types", count)?;
    let up = file.words("up_block_types", count)?;

    let mut levels = Vec::with_capacity(count);
    for (index, channels) in channels.iter().enumerate() {
        let from_below = count - 1 - index;
        levels.push(Level {
            channels: *channels,
            layers: layers[index],
            heads: heads[index],
            down_depth: match down[index] {
                "DownBlock2D" => None,
                "CrossAttnDownBlock2D" => Some(down_depth[index]),
                _ => return Err(file.unsupported("down_block_types")),
            },
            up_depth: match up[from_below] {
                "UpBlock2D" => None,
                "CrossAttnUpBlock2D" => Some(up_depth[from_below]),
                _ => return Err(file.unsupported("up_block_types")),
            },
        });
    }
    let mid = match file.word("mid_block_type", "UNetMidBlock2DCrossAttn")? {
        None => Mid::Absent,
        Some("UNetMidBlock2D") => Mid::Resnet,
        Some("UNetMidBlock2DCrossAttn") => Mid::CrossAttention {
            depth: down_depth[count - 1],
        },
        Some(_) => return Err(file.unsupported("mid_block_type")),
    };
    Ok((levels, mid))
}

/// `text_time` of SDXL, or nothing. A refiner reads other numbers, and a model that was cut off at one of
/// them would only give bad pictures, so the widths must add up.
fn added(file: &ModelConfig) -> Result<Option<AddedWidths>, EngineError> {
    if file.word("addition_embed_type", "")? != Some("text_time") {
        return Ok(None);
    }
    let number = file.count("addition_time_embed_dim", 256)?;
    let total = file.count("projection_class_embeddings_input_dim", 2816)?;
    match total.checked_sub(PictureSizes::COUNT * number) {
        Some(pooled) if pooled > 0 => Ok(Some(AddedWidths { pooled, number })),
        _ => Err(file.unsupported("projection_class_embeddings_input_dim")),
    }
}

/// The one width of text that all blocks attend to.
fn text_width(file: &ModelConfig, levels: usize) -> Result<usize, EngineError> {
    let widths = file.counts("cross_attention_dim", levels, 1280)?;
    match widths.as_slice() {
        [first, rest @ ..] if rest.iter().all(|width| width == first) => Ok(*first),
        _ => Err(file.unsupported("cross_attention_dim")),
    }
}
