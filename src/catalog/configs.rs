//! What of a model's `*.json` files must be known before it runs, read defensively: a value that
//! makes no sense is an error that names the file, never a number that is used.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::CatalogError;
use super::inspect::foreign_head;
use super::latent_space::LatentSpace;
use super::{ModelFiles, PredictionType};

/// `vae/config.json`.
#[derive(Debug, Deserialize)]
pub(super) struct VaeConfig {
    #[serde(default = "four")]
    pub(super) latent_channels: u32,
    #[serde(default)]
    block_out_channels: Vec<u32>,
    scaling_factor: Option<f64>,
    /// Of a tiny autoencoder, which has it beside or instead of the other.
    #[serde(rename = "encoder_block_out_channels")]
    tiny_levels: Option<Vec<u32>>,
}

impl VaeConfig {
    /// Channels of each level, from the full size down.
    pub(super) fn levels(&self) -> &[u32] {
        self.tiny_levels
            .as_ref()
            .unwrap_or(&self.block_out_channels)
    }

    /// Whose latents it encodes to; a tiny one does not say.
    pub(super) fn latent_space(&self) -> Option<LatentSpace> {
        // Old files of diffusers leave it out.
        let factor = self.scaling_factor.unwrap_or(0.18215);
        let space = LatentSpace::of_scaling(self.latent_channels, factor);
        space.filter(|_| self.tiny_levels.is_none())
    }
}

/// `unet/config.json`.
#[derive(Debug, Deserialize)]
pub(super) struct UnetConfig {
    #[serde(default = "four")]
    pub(super) in_channels: u32,
    pub(super) block_out_channels: Vec<u32>,
    pub(super) cross_attention_dim: Option<OneOrMany>,
    pub(super) sample_size: Option<serde_json::Value>,
    /// Present in models distilled for few steps (latent consistency models).
    pub(super) time_cond_proj_dim: Option<u32>,
}

/// diffusers writes one number, or one for each level.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(u32),
    Many(Vec<u32>),
}

impl OneOrMany {
    pub(super) fn first(&self) -> Option<u32> {
        match self {
            Self::One(value) => Some(*value),
            Self::Many(values) => values.first().copied(),
        }
    }
}

/// `scheduler/scheduler_config.json`.
#[derive(Debug, Deserialize)]
pub(super) struct SchedulerConfig {
    #[serde(rename = "_class_name", default)]
    pub(super) class_name: String,
    #[serde(default)]
    pub(super) prediction_type: PredictionType,
    timestep_spacing: Option<String>,
    #[serde(default)]
    rescale_betas_zero_snr: bool,
}

impl SchedulerConfig {
    /// Whether the model is one of the turbo kind, which come with a trailing Euler-ancestral schedule, as
    /// nothing else does.
    pub(super) fn is_turbo(&self) -> bool {
        self.class_name == "EulerAncestralDiscreteScheduler" && self.is_trailing()
    }

    /// The id of the sampler for a model that was distilled for few steps; `None` where it was not.
    pub(super) fn few_steps(&self) -> Option<&'static str> {
        match self.class_name.as_str() {
            // Hyper-SD's own sampler is a consistency sampler, too.
            "LCMScheduler" | "TCDScheduler" => Some("lcm"),
            _ if self.is_turbo() => Some("euler_a"),
            // Lightning. Zero-SNR models, which need all their steps, are trailing as well.
            "EulerDiscreteScheduler"
                if self.is_trailing()
                    && !self.rescale_betas_zero_snr
                    && self.prediction_type == PredictionType::Epsilon =>
            {
                Some("euler")
            }
            _ => None,
        }
    }

    fn is_trailing(&self) -> bool {
        self.timestep_spacing.as_deref() == Some("trailing")
    }
}

/// `preview.json`: what this program keeps beside a model.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PreviewConfig {
    #[serde(default)]
    pub(super) defaults: ChosenDefaults,
}

/// The part of [`PreviewConfig`] that stands in for our table of defaults.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ChosenDefaults {
    pub(super) steps: Option<u32>,
    pub(super) strength: Option<f64>,
    pub(super) guidance: Option<f64>,
    pub(super) sampler: Option<String>,
    pub(super) schedule: Option<String>,
    pub(super) native_size: Option<u32>,
}

fn four() -> u32 {
    4
}

/// The JSON file of that name.
pub(super) fn read<T: DeserializeOwned>(files: &ModelFiles, name: &str) -> Result<T, CatalogError> {
    let bytes = files.read(name)?;
    serde_json::from_slice(&bytes).map_err(|error| match foreign_head(&bytes) {
        Some(what) => CatalogError::Foreign {
            path: files.path(name),
            what,
        },
        None => bad(files, name, error.to_string()),
    })
}

/// The JSON file of that name, or `None` where the model has none.
pub(super) fn read_optional<T: DeserializeOwned>(
    files: &ModelFiles,
    name: &str,
) -> Result<Option<T>, CatalogError> {
    match read(files, name) {
        Ok(value) => Ok(Some(value)),
        Err(CatalogError::MissingFile { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `value` where it lies within `range`; otherwise an error that names file and key.
pub(super) fn within<T: PartialOrd + std::fmt::Display>(
    files: &ModelFiles,
    (name, key): (&str, &str),
    value: T,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, CatalogError> {
    if range.contains(&value) {
        return Ok(value);
    }
    let why = format!(
        "{key} is {value}, not from {} to {}",
        range.start(),
        range.end()
    );
    Err(bad(files, name, why))
}

/// The error for a file that does not say what it should.
pub(super) fn bad(files: &ModelFiles, name: &str, why: impl Into<String>) -> CatalogError {
    CatalogError::BadConfig {
        path: files.path(name),
        why: why.into(),
    }
}
