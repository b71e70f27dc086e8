//! [`Checkpoint`]: a model in one file, in the naming of the programs it was trained with, seen as a
//! diffusers folder. What it is is told by its weights' names and shapes.

pub(super) mod beside;
mod clip_vocabulary;
mod text;
pub(super) mod tiny_vae;
mod told;
mod unet;
mod vae;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::text::Text;
use self::tiny_vae::TinyVae;
use self::unet::UnetNames;
use super::ModelFile;
use super::error::{CatalogError, Damage, Part};
use super::facts::{Distillation, Facts, Family};
use super::inspect::{self, Foreign};
use super::tensor_file::{StoredTensor, TensorFile};

/// A model in one file as the files of a diffusers folder, by their names in it.
#[derive(Debug)]
pub(super) struct Checkpoint {
    family: Family,
    facts: Facts,
    configs: BTreeMap<&'static str, Vec<u8>>,
    weights: BTreeMap<&'static str, TensorFile>,
}

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";
const VAE: &str = "vae/diffusion_pytorch_model.safetensors";
const VAE_CONFIG: &str = "vae/config.json";
const VAE_INDEX: &str = "vae/diffusion_pytorch_model.safetensors.index.json";
const TEXTS: [[&str; 2]; 2] = [
    ["text_encoder/config.json", "text_encoder/model.safetensors"],
    [
        "text_encoder_2/config.json",
        "text_encoder_2/model.safetensors",
    ],
];

impl Checkpoint {
    /// Reads the file's header, and that of its own autoencoder where it is given one.
    pub(super) fn open(model: &ModelFile) -> Result<Self, CatalogError> {
        let file = TensorFile::open(&model.path).map_err(|error| match error {
            CatalogError::Damaged { path, damage } if !inspect::has_weights(&path) => {
                // It does not even say that it holds weights.
                match damage {
                    Damage::NoHeader => Foreign::OtherFile.at(&path),
                    _ => CatalogError::Damaged { path, damage },
                }
            }
            other => other,
        })?;
        if let Some(what) = foreign_names(&file) {
            return Err(what.at(&model.path));
        }
        let lacks = |part| CatalogError::Incomplete {
            path: model.path.clone(),
            part,
        };
        let (family, texts) = texts(&file)?.ok_or_else(|| lacks(Part::TextEncoder))?;
        let names = UnetNames::walk(file.tensors());
        if names.has_labels() != (family == Family::Xl) {
            return Err(Foreign::Family("Stable Diffusion unCLIP".to_owned()).at(&model.path));
        }
        let vae = autoencoder(&file, model)?;
        let facts = told::facts(&file, model, family);
        let px = facts.native_px.is as usize;
        // SD 1 says how many heads there are, the others how wide one is.
        let heads = (family == Family::StableDiffusion1).then_some(8);
        let unet_config = names.config(heads, px / 8);
        let scaling = match family {
            Family::Xl => 0.13025,
            _ => 0.18215,
        };
        let mut configs = vec![
            (
                "unet/config.json",
                unet_config.ok_or_else(|| lacks(Part::Unet))?,
            ),
            ("model_index.json", index(family, names.in_channels())),
            (
                "scheduler/scheduler_config.json",
                scheduler(&file, family, &facts),
            ),
        ];
        configs.push(("preview.json", json!({"defaults": {"native_size": px}})));
        let mut weights = BTreeMap::from([(UNET, file.with_tensors(names.renamed()))]);
        match vae {
            Autoencoder::Whole(vae_file, tensors) => {
                let config = vae::config(&tensors, scaling, px);
                configs.push((VAE_CONFIG, config.ok_or_else(|| lacks(Part::Autoencoder))?));
                weights.insert(VAE, vae_file.with_tensors(tensors));
            }
            Autoencoder::Tiny(tiny) => {
                configs.push((VAE_CONFIG, tiny.config));
                configs.push((VAE_INDEX, tiny.index));
                weights.extend(TinyVae::FILES.into_iter().zip(tiny.halves));
            }
        }
        for (text, [config, name]) in texts.into_iter().zip(TEXTS) {
            // SD 2 was trained on the last layer but one.
            let unused = usize::from(family == Family::StableDiffusion2);
            let value = text.config(unused);
            configs.push((config, value.ok_or_else(|| lacks(Part::TextEncoder))?));
            weights.insert(name, file.with_tensors(text.tensors));
        }
        let as_text = |(name, value): (&'static str, Value)| (name, value.to_string().into_bytes());
        Ok(Self {
            family,
            facts,
            configs: configs.into_iter().map(as_text).collect(),
            weights,
        })
    }

    /// What shapes could not tell of it.
    pub(super) fn facts(&self) -> Facts {
        self.facts
    }

    /// The file of that name where it holds no weights.
    pub(super) fn read(&self, name: &str) -> Option<Cow<'static, [u8]>> {
        if let Some(bytes) = self.configs.get(name) {
            return Some(Cow::Owned(bytes.clone()));
        }
        let (is_open_clip, name) = self.tokenizer(name)?;
        // OpenCLIP was trained with zeros behind the end, OpenAI's CLIP with the end again.
        clip_vocabulary::file(name, is_open_clip).map(Cow::Owned)
    }

    /// True when there is a file of that name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.weights.contains_key(name)
            || self.configs.contains_key(name)
            || self.tokenizer(name).is_some()
    }

    /// Whether a file of a tokenizer is one of OpenCLIP's, and its name in there.
    fn tokenizer<'a>(&self, name: &'a str) -> Option<(bool, &'a str)> {
        let (folder, name) = name.split_once('/')?;
        let is_open_clip = match (folder, self.family) {
            ("tokenizer", family) => family == Family::StableDiffusion2,
            ("tokenizer_2", Family::Xl) => true,
            _ => return None,
        };
        clip_vocabulary::NAMES
            .contains(&name)
            .then_some((is_open_clip, name))
    }

    /// The weights of that name.
    pub(super) fn weights(&self, name: &str) -> Option<&TensorFile> {
        self.weights.get(name)
    }
}

/// What the file is, where that is no checkpoint of Stable Diffusion.
fn foreign_names(file: &TensorFile) -> Option<Foreign> {
    let names = file.tensors().keys().map(String::as_str);
    inspect::foreign_names(&names, file.path())
}

/// The text encoders, which say which family it is.
fn texts(file: &TensorFile) -> Result<Option<(Family, Vec<Text>)>, CatalogError> {
    let below = |prefix: &str| Text::below(file.tensors(), prefix);
    let first = below("conditioner.embedders.0.");
    let second = below("conditioner.embedders.1.");
    Ok(match (first, second) {
        (Some(first), Some(second)) => Some((Family::Xl, vec![first, second])),
        (Some(_), None) => {
            let refiner = Foreign::Family("Stable Diffusion XL Refiner".to_owned());
            return Err(refiner.at(file.path()));
        }
        (None, _) => below("cond_stage_model.").map(|text| {
            let family = if text.is_open_clip {
                Family::StableDiffusion2
            } else {
                Family::StableDiffusion1
            };
            (family, vec![text])
        }),
    })
}

/// What goes between pictures and latents.
enum Autoencoder {
    /// A file, and its weights under diffusers' names.
    Whole(TensorFile, BTreeMap<String, StoredTensor>),
    Tiny(TinyVae),
}

/// The checkpoint's own autoencoder, or that of the file it is to be run with.
fn autoencoder(file: &TensorFile, model: &ModelFile) -> Result<Autoencoder, CatalogError> {
    let Some(path) = &model.vae else {
        let own = vae::of(file.tensors());
        return own
            .map(|tensors| Autoencoder::Whole(file.clone(), tensors))
            .ok_or_else(|| CatalogError::Incomplete {
                path: model.path.clone(),
                part: Part::Autoencoder,
            });
    };
    let file = TensorFile::open(path)?;
    if let Some(tiny) = TinyVae::of(&file)? {
        return Ok(Autoencoder::Tiny(tiny));
    }
    let tensors = vae::of(file.tensors());
    let tensors = tensors.ok_or_else(|| {
        let what = foreign_names(&file).unwrap_or(Foreign::OtherFile);
        what.at(path)
    })?;
    Ok(Autoencoder::Whole(file, tensors))
}

/// `model_index.json`.
fn index(family: Family, in_channels: Option<usize>) -> Value {
    let xl = if family == Family::Xl { "XL" } else { "" };
    let task = match in_channels {
        Some(9) => "Inpaint",
        Some(8) => "InstructPix2Pix",
        _ => "",
    };
    let mut index = json!({
        "_class_name": format!("StableDiffusion{xl}{task}Pipeline"),
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    });
    if family == Family::Xl {
        index["text_encoder_2"] = json!(["transformers", "CLIPTextModelWithProjection"]);
        index["tokenizer_2"] = json!(["transformers", "CLIPTokenizer"]);
        // Nothing says otherwise of a lone file, and an empty prompt encoded is what its trainers
        // and the programs it was made for use.
        index["force_zeros_for_empty_prompt"] = json!(false);
    }
    index
}

/// `scheduler/scheduler_config.json`: the noise all of them were trained with.
fn scheduler(file: &TensorFile, family: Family, facts: &Facts) -> Value {
    let (class, spacing) = match (facts.distillation.is, family) {
        (Distillation::Consistency, _) => ("LCMScheduler", "leading"),
        (Distillation::Turbo, _) => ("EulerAncestralDiscreteScheduler", "trailing"),
        (Distillation::Lightning, _) => ("EulerDiscreteScheduler", "trailing"),
        (Distillation::None, Family::Xl) => ("EulerDiscreteScheduler", "leading"),
        (Distillation::None, _) => ("DDIMScheduler", "leading"),
    };
    json!({
        "_class_name": class,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "clip_sample": false,
        "num_train_timesteps": 1000,
        "prediction_type": facts.prediction.is,
        "rescale_betas_zero_snr": told::ends_in_noise(file),
        "set_alpha_to_one": false,
        "steps_offset": 1,
        "timestep_spacing": spacing,
    })
}

#[cfg(test)]
mod tests;
