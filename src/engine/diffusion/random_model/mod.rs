//! [`RandomModel`]: models of well-known architectures with random weights, for benchmarks. Nothing is
//! downloaded, and other programs can load the very same weights, as a diffusers folder.

mod configs;
mod numbers;

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{View, serialize_to_file};

use super::bench_parts::Part;
use super::blueprint::{Blueprint, Grid, PlannedWeight};
use super::text_encoder::{Place, TextEncoderConfig};
use super::unet::UnetConfig;
use super::vae::VaeConfig;
use crate::catalog::ModelFiles;

/// Files of the tokenizers, which are the built-in model's.
const TOKENIZER: [&str; 3] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
];

/// A model whose weights are random: always the same ones, in f16. They are scaled by fan-in so that
/// activations stay around 1 all the way through; the pictures mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RandomModel {
    /// The architecture of Stable Diffusion 1.5.
    Sd15,
    /// The same distilled for few steps, with a tiny autoencoder.
    Sd15FewSteps,
    /// Its inpainting variant, with mask and masked-image latent as input.
    Sd15Inpaint,
    /// The architecture of Stable Diffusion 2.1 for 768 pixels (v-prediction).
    Sd21,
    /// The architecture of Stable Diffusion XL.
    Sdxl,
    /// As small as it can be with all kinds of layers; for tests.
    Tiny,
}

impl RandomModel {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Sd15,
        Self::Sd15FewSteps,
        Self::Sd15Inpaint,
        Self::Sd21,
        Self::Sdxl,
        Self::Tiny,
    ];

    /// What it is called.
    pub fn id(self) -> &'static str {
        match self {
            Self::Sd15 => "sd15",
            Self::Sd15FewSteps => "sd15-lcm",
            Self::Sd15Inpaint => "sd15-inpaint",
            Self::Sd21 => "sd21",
            Self::Sdxl => "sdxl",
            Self::Tiny => "tiny",
        }
    }

    /// The one of that name.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.id() == id)
    }

    /// Writes the model as a diffusers folder: all its configuration, and the weights of `parts`.
    /// One tensor is in memory at a time.
    pub fn write(self, folder: &Path, parts: &[Part]) -> io::Result<()> {
        let (index, configs) = configs::of(self);
        for (name, config) in configs {
            write_file(folder, name, config.to_string().as_bytes())?;
        }
        let files = ModelFiles::Folder(folder.to_owned());
        for place in Place::of_model(&files) {
            for name in TOKENIZER {
                let own = format!("tokenizer/{name}");
                let bytes = ModelFiles::BuiltIn.read(&own).map_err(io::Error::other)?;
                write_file(folder, &format!("{}/{name}", place.tokenizer()), &bytes)?;
            }
        }
        let has = |part: &Part| parts.contains(part);
        if has(&Part::Unet) {
            let unet = UnetConfig::read(&files).map_err(io::Error::other)?;
            let blueprint = unet.blueprint(Grid::NONE, 0);
            write_weights(folder, "unet/diffusion_pytorch_model", [blueprint])?;
        }
        if has(&Part::VaeEncoder) || has(&Part::VaeDecoder) {
            let vae = VaeConfig::read(&files).map_err(io::Error::other)?;
            let halves = [
                vae.encoder_blueprint(Grid::NONE),
                vae.decoder_blueprint(Grid::NONE),
            ];
            write_weights(folder, "vae/diffusion_pytorch_model", halves)?;
        }
        let encoders = [
            (Part::TextEncoder, Place::First, "text_encoder/model"),
            (Part::TextEncoder2, Place::Second, "text_encoder_2/model"),
        ];
        for (part, place, stem) in encoders {
            if has(&part) && Place::of_model(&files).contains(&place) {
                let text = TextEncoderConfig::read(&files, place).map_err(io::Error::other)?;
                write_weights(folder, stem, [text.blueprint(0)])?;
            }
        }
        // Last, so that half a model is none.
        write_file(folder, "model_index.json", index.to_string().as_bytes())
    }
}

fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, bytes)
}

/// Writes `stem.safetensors`.
fn write_weights<const N: usize>(
    folder: &Path,
    stem: &str,
    blueprints: [Blueprint; N],
) -> io::Result<()> {
    let weights = blueprints.into_iter().flat_map(|drawn| drawn.weights);
    let tensors = weights.map(|weight| (weight.name.clone(), RandomTensor(weight)));
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let path = folder.join(format!("{stem}.safetensors"));
    serialize_to_file(tensors, Some(metadata), &path).map_err(io::Error::other)
}

/// A weight whose numbers are made when they are written.
struct RandomTensor(PlannedWeight);

impl View for RandomTensor {
    fn dtype(&self) -> Dtype {
        Dtype::F16
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(numbers::f16_bytes(&self.0))
    }

    fn data_len(&self) -> usize {
        self.0.shape.iter().product::<usize>() * size_of::<half::f16>()
    }
}

#[cfg(test)]
mod tests;
