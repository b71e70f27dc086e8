//! [`VaeConfig`]: what `vae/config.json` says, checked.

use super::super::model_config::ModelConfig;
use super::tiny::TinyConfig;
use crate::catalog::{ModelFiles, TinyDecoder};
use crate::engine::EngineError;

/// Keys that would change what is computed, with the only values this program computes.
const ACCEPTED: &[(&str, &[&str])] = &[
    ("_class_name", &["\"AutoencoderKL\"", "\"AutoencoderTiny\""]),
    ("latents_mean", &["null"]),
    ("latents_std", &["null"]),
];

/// The same for those that are not tiny.
const ACCEPTED_KL: &[(&str, &[&str])] = &[
    ("act_fn", &["\"silu\"", "\"swish\""]),
    ("down_block_types", &["\"DownEncoderBlock2D\""]),
    ("up_block_types", &["\"UpDecoderBlock2D\""]),
];

/// The architecture of an autoencoder.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VaeConfig {
    /// Latents are multiplied by this, so that the U-Net sees numbers around 1.
    pub(crate) scaling_factor: f64,
    /// Taken from latents before that.
    pub(crate) shift_factor: f64,
    /// Channels of a latent.
    pub(crate) latent_channels: usize,
    /// Pixels per latent pixel along a side.
    pub(crate) factor: usize,
    /// Channels of a picture.
    pub(crate) image_channels: usize,
    /// Channels of each level, from the full size down; each but the last halves the size.
    pub(super) channels: Vec<usize>,
    /// Residual blocks a level; the decoder has one more.
    pub(super) layers: usize,
    pub(super) groups: usize,
    /// Attention at the lowest level.
    pub(super) mid_attention: bool,
    pub(super) quant_conv: bool,
    pub(super) post_quant_conv: bool,
    /// f16 is not enough for it.
    pub(super) force_upcast: bool,
    /// Its own architecture, if it is a tiny one; then there are no `channels`.
    pub(super) tiny: Option<TinyConfig>,
}

impl VaeConfig {
    /// Reads and checks the file. Defaults are those of diffusers.
    pub(crate) fn read(files: &ModelFiles) -> Result<Self, EngineError> {
        let file = ModelConfig::read(files, "vae/config.json", "autoencoder")?;
        file.accept_only(ACCEPTED)?;
        let image_channels = file.count("in_channels", 3)?;
        if image_channels != 3 || file.count("out_channels", 3)? != 3 {
            return Err(file.unsupported("in_channels"));
        }
        if file.word("_class_name", "")? == Some("AutoencoderTiny") {
            return Self::of_tiny(&file, image_channels);
        }
        file.accept_only(ACCEPTED_KL)?;
        let channels = file.count_list("block_out_channels")?;
        // No factor of 2^16 makes sense, and it would not fit.
        if channels.len() > 16 {
            return Err(file.unsupported("block_out_channels"));
        }
        file.words("down_block_types", channels.len())?;
        file.words("up_block_types", channels.len())?;
        let config = Self {
            scaling_factor: file.number("scaling_factor", 0.18215)?,
            shift_factor: file.number("shift_factor", 0.0)?,
            latent_channels: file.count("latent_channels", 4)?,
            factor: 1 << (channels.len() - 1),
            image_channels,
            layers: file.count("layers_per_block", 1)?,
            groups: file.count("norm_num_groups", 32)?,
            mid_attention: file.flag("mid_block_add_attention", true)?,
            quant_conv: file.flag("use_quant_conv", true)?,
            post_quant_conv: file.flag("use_post_quant_conv", true)?,
            force_upcast: file.flag("force_upcast", true)?,
            channels,
            tiny: None,
        };
        if config
            .channels
            .iter()
            .any(|count| !count.is_multiple_of(config.groups))
        {
            return Err(file.bad("block_out_channels are not multiples of norm_num_groups"));
        }
        if config.scaling_factor == 0.0 {
            return Err(file.bad("scaling_factor is 0"));
        }
        Ok(config)
    }

    /// Checks the configuration of a decoder that stands alone.
    pub(crate) fn of_decoder(decoder: &TinyDecoder) -> Result<Self, EngineError> {
        let path = decoder.weights.path().to_path_buf();
        let file = ModelConfig::of(path, decoder.config.clone(), "autoencoder");
        Self::of_tiny(&file, 3)
    }

    fn of_tiny(file: &ModelConfig, image_channels: usize) -> Result<Self, EngineError> {
        let tiny = TinyConfig::read(file)?;
        if tiny.levels() > 16 {
            return Err(file.unsupported("encoder_block_out_channels"));
        }
        let config = Self {
            scaling_factor: file.number("scaling_factor", 1.0)?,
            shift_factor: file.number("shift_factor", 0.0)?,
            latent_channels: file.count("latent_channels", 4)?,
            factor: 1 << (tiny.levels() - 1),
            image_channels,
            channels: Vec::new(),
            layers: 1,
            groups: 1,
            mid_attention: false,
            quant_conv: false,
            post_quant_conv: false,
            force_upcast: file.flag("force_upcast", false)?,
            tiny: Some(tiny),
        };
        if config.scaling_factor == 0.0 {
            return Err(file.bad("scaling_factor is 0"));
        }
        Ok(config)
    }

    /// Channels of the widest picture of full size: on the way up, the first block there still has
    /// those of the level below.
    pub(super) fn widest_at_full_size(&self) -> usize {
        if let Some(tiny) = &self.tiny {
            return tiny.widest();
        }
        self.channels.iter().take(2).copied().max().unwrap_or(1)
    }

    /// Channels at the full size.
    pub(super) fn first_channels(&self) -> usize {
        self.channels.first().copied().unwrap_or_default()
    }

    /// Channels at the lowest level.
    pub(super) fn last_channels(&self) -> usize {
        self.channels.last().copied().unwrap_or_default()
    }
}
