//! Which models there are, and what must be known of one before it runs: sizes, channels,
//! defaults, the words it knows. Reads `config.json` files and safetensors headers only.
//!
//! Used by `plan` (sizes), `engine` (files), the command line and the window. Never names candle,
//! the document or the window.

mod builtin;
mod card;
mod checkpoint;
mod chosen;
mod configs;
mod error;
mod facts;
mod file_bytes;
mod files;
mod folders;
mod identity;
mod inspect;
mod known;
mod latent_space;
mod library;
mod lora;
mod pickle;
mod places;
mod prompt_terms;
mod served;
mod servers;
mod stored_tensor;
mod tensor_file;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tiny_autoencoders;
mod words;

pub use card::{ModelCard, ModelDefaults, STARTER_ID, open};
pub use error::{CatalogError, Damage, Part};
pub use facts::{Distillation, Facts, Family, Told, ToldBy};
pub use files::ModelFiles;
pub use folders::is_named_as_model;
pub use identity::{identity, identity_of};
pub use inspect::{Addition, Foreign, foreign_head};
pub use latent_space::LatentSpace;
pub use library::Library;
pub use lora::{Delta, LoraRef, stem_there};
pub use places::models_folder;
pub use prompt_terms::{English, holds_cjk, in_english};
pub use served::ServedModel;
pub use servers::{Access, KeyPlace, Placed, Server, ServerKind, ServerReport, Servers, Vault};
pub use tensor_file::{Dtype, StoredTensor, TensorFile};
pub use tiny_autoencoders::{TinyAutoencoder, TinyDecoder};
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
    /// A checkpoint in one file.
    File(ModelFile),
    /// On a server.
    Served(ServedModel),
}

/// A checkpoint in one file, and what it is to be run with where that is not its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelFile {
    /// Where it is.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// The file of the autoencoder; `None`: the checkpoint's own.
    #[serde(default)]
    pub vae: Option<PathBuf>,
    /// How the network's answer is to be read; `None`: as the file says.
    #[serde(default)]
    pub prediction: Option<PredictionType>,
    /// For how few steps it was distilled; `None`: as the file says. Not written where nothing was
    /// chosen, which keeps identities of models as they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distillation: Option<Distillation>,
    /// Side of the square pictures it was trained on, in pixels; `None`: as the file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_px: Option<u32>,
    /// These were not chosen: the file is a well-known one, told by its SHA-256.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_known: bool,
}

impl ModelFile {
    /// The checkpoint at `path` as it says itself.
    pub fn at(path: PathBuf) -> Self {
        Self {
            path,
            vae: None,
            prediction: None,
            distillation: None,
            native_px: None,
            is_known: false,
        }
    }
}

/// What the file of an autoencoder is called in the folder that it comes in.
const VAE_FILES: [&str; 3] = [
    "diffusion_pytorch_model.safetensors",
    "taesd_encoder.safetensors",
    "taesd_encoder.pth",
];

impl ModelRef {
    /// The model that lies at `path`: a diffusers folder, a checkpoint, or a model in the cache of
    /// Hugging Face, of which the newest snapshot is taken.
    pub fn at(path: PathBuf) -> Self {
        if let Some(snapshot) = folders::snapshot(&path) {
            return Self::Folder(snapshot);
        }
        if path.is_file() {
            Self::File(ModelFile::at(path))
        } else {
            Self::Folder(path)
        }
    }

    /// The same with the autoencoder in that file, or in the folder it came in; an error where the model is a
    /// whole folder.
    pub fn with_vae(self, vae: &Path) -> Result<Self, CatalogError> {
        let path = std::path::absolute(vae).unwrap_or_else(|_| vae.to_path_buf());
        let inside = VAE_FILES.iter().map(|name| path.join(name));
        let path = inside.into_iter().find(|it| it.is_file()).unwrap_or(path);
        match self {
            Self::File(file) => Ok(Self::File(ModelFile {
                vae: Some(path),
                ..file
            })),
            Self::BuiltIn | Self::Folder(_) | Self::Served(_) => {
                Err(CatalogError::NotExchanged { path })
            }
        }
    }

    /// Where it lies on this machine; `None` for the built-in one and those on servers.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::BuiltIn | Self::Served(_) => None,
            Self::Folder(path) => Some(path),
            Self::File(file) => Some(&file.path),
        }
    }

    /// What people call it: the name of its folder, or of its file without the ending.
    pub fn name(&self) -> String {
        let name = match self {
            Self::BuiltIn => return STARTER_ID.to_owned(),
            Self::Folder(folder) => std::path::absolute(folder).ok().and_then(|folder| {
                let repository = folders::repository(&folder);
                repository.or_else(|| Some(folder.file_name()?.to_owned()))
            }),
            Self::File(file) => file.path.file_stem().map(ToOwned::to_owned),
            Self::Served(served) => {
                // A server on another system may write its folders otherwise.
                let name = served.name.rsplit(['/', '\\']).next().unwrap_or_default();
                return match name.rsplit_once('.') {
                    Some((stem, "safetensors" | "ckpt" | "json" | "gguf")) => stem.to_owned(),
                    _ => name.to_owned(),
                };
            }
        };
        match (name, self.path()) {
            (Some(name), _) => name.to_string_lossy().into_owned(),
            (None, path) => path.map_or_else(String::new, |path| path.display().to_string()),
        }
    }

    /// The name under which something is remembered of it.
    pub fn key(&self) -> String {
        let path = match self {
            Self::BuiltIn => return "built-in".to_owned(),
            Self::Served(served) => return format!("{} @ {}", served.name, served.server),
            Self::Folder(folder) => folder,
            Self::File(file) => &file.path,
        };
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        path.display().to_string()
    }
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
