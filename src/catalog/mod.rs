//! Which models there are, and what must be known of one before it runs: sizes, channels,
//! defaults, the words it knows. Reads `config.json` files and safetensors headers only.
//!
//! Used by `plan` (sizes), `engine` (files), the command line and the window. Never names candle,
//! the document or the window.

mod builtin;
mod card;
mod configs;
mod error;
mod files;
mod folders;
mod inspect;
mod prompt_terms;
#[cfg(test)]
mod tests;
mod words;

pub use card::{ModelCard, ModelDefaults, STARTER_ID, open};
pub use error::CatalogError;
pub use files::{FileBytes, ModelFiles};
pub use folders::{list, resolve};
pub use inspect::{Addition, Foreign, foreign_head};
pub use prompt_terms::{English, holds_cjk, in_english};
pub use words::{Word, WordCategory, Words};

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Names a model, in a request, a recipe or on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum ModelRef {
    /// The model compiled into the program.
    #[default]
    BuiltIn,
    /// A diffusers folder.
    Folder(#[serde(serialize_with = "as_text")] PathBuf),
}

/// Writes a path that is no text with its strange bytes replaced, where serde would refuse it and
/// with it all that is kept beside it (settings, journals, recipes).
fn as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// How the network's answer is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// The noise in the noisy latent.
    #[default]
    Epsilon,
    /// The velocity of [Salimans & Ho 2022](https://arxiv.org/abs/2202.00512), appendix D.
    VPrediction,
    /// The clean latent itself.
    Sample,
}

/// What planning and sampling must know of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelTraits {
    /// Side of the square pictures it was trained on, in pixels.
    pub native_px: u32,
    /// Pixels per latent pixel along a side (8 in Stable Diffusion, 4 in the built-in model).
    pub vae_factor: u32,
    /// Work sizes must be multiples of this: `vae_factor` × 2^(U-Net levels − 1).
    pub size_multiple_px: u32,
    /// Channels of the latent (4 in Stable Diffusion).
    pub latent_channels: u32,
    /// Channels the U-Net takes: `latent_channels`, 2 × `latent_channels` + 1 for an inpainting model that
    /// also sees the mask and the masked picture, or 2 × `latent_channels` for one that sees the picture
    /// and follows instructions.
    pub unet_in_channels: u32,
    /// How its answer is to be read.
    pub prediction_type: PredictionType,
    /// The network reads the guidance scale itself (consistency models), so that one prediction a step is
    /// enough.
    #[serde(default)]
    pub embeds_guidance: bool,
    /// It was distilled to need few steps.
    #[serde(default)]
    pub few_steps: bool,
}

impl ModelTraits {
    /// True for a model trained for inpainting, which is shown the mask and the masked picture.
    pub fn sees_mask(&self) -> bool {
        self.unet_in_channels == 2 * self.latent_channels + 1
    }

    /// True for a model that is told what to do with the picture it sees (InstructPix2Pix).
    pub fn follows_instructions(&self) -> bool {
        self.unet_in_channels == 2 * self.latent_channels
    }
}
