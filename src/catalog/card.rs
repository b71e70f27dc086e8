//! [`ModelCard`]: all that is known of a model without loading it.

use serde::{Deserialize, Serialize};

use super::configs::{
    OneOrMany, PreviewConfig, SchedulerConfig, UnetConfig, VaeConfig, bad, read, read_optional,
    within,
};
use super::facts::{Facts, Family};
use super::inspect::{self, Foreign};
use super::latent_space::LatentSpace;
use super::{CatalogError, ModelFiles, ModelRef, ModelTraits, PredictionType, Words};

/// Id of the model compiled into the program.
pub const STARTER_ID: &str = "starter";

/// All that is known of a model without loading its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Where it is.
    pub reference: ModelRef,
    /// What it is called on the command line and in files: `starter`, or the name of its folder.
    pub id: String,
    /// What it is called for people.
    pub name: String,
    /// Which family it is of.
    pub family: Family,
    /// What shapes cannot tell of a checkpoint; `None`: the model's own configuration says it.
    pub facts: Option<Facts>,
    /// What planning and sampling must know.
    pub traits: ModelTraits,
    /// Whose latents it works on, where its autoencoder says so; a tiny one does not, and makes previews itself.
    pub latent_space: Option<LatentSpace>,
    /// What its settings start from.
    pub defaults: ModelDefaults,
    /// What it has seen, where its vocabulary is small and known.
    pub words: Option<Words>,
    /// Size of its weights on disk.
    pub bytes: u64,
}

/// What the settings start from with a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelDefaults {
    /// Length of the schedule, 1…1000.
    pub steps: u32,
    /// Above 0, at most 1.
    pub strength: f64,
    /// 1…50; 1 is off.
    pub guidance: f64,
    /// Id of a sampler.
    pub sampler: String,
    /// Id of a schedule.
    pub schedule: String,
}

impl ModelDefaults {
    pub(super) fn of(
        steps: u32,
        strength: f64,
        guidance: f64,
        (sampler, schedule): (&str, &str),
    ) -> Self {
        Self {
            steps,
            strength,
            guidance,
            sampler: sampler.to_owned(),
            schedule: schedule.to_owned(),
        }
    }
}

/// Reads the configuration files of a model. Its weights need only be there.
pub fn open(reference: &ModelRef) -> Result<ModelCard, CatalogError> {
    if let ModelRef::Served(served) = reference {
        return Ok(served.card());
    }
    let files = ModelFiles::of(reference);
    check_index(&files)?;
    let unet: UnetConfig = read(&files, "unet/config.json")?;
    let scheduler: SchedulerConfig = read(&files, "scheduler/scheduler_config.json")?;
    let preview = read_optional::<PreviewConfig>(&files, "preview.json")?.unwrap_or_default();
    let _text: serde_json::Value = read(&files, "text_encoder/config.json")?;
    let id = reference.name();
    let facts = files.facts();
    let width = unet.cross_attention_dim.as_ref();
    let by_width = || Family::of_text_width(width.and_then(OneOrMany::first));
    let family = facts.map_or_else(by_width, |facts| facts.family);
    let few_steps = match &facts {
        Some(facts) => facts.distillation.is.sampler(),
        None => scheduler.few_steps(),
    };
    let vae: VaeConfig = read(&files, VAE)?;
    let mut traits = traits(&files, (&unet, &vae), &scheduler, &preview, family)?;
    traits.few_steps = traits.embeds_guidance || few_steps.is_some();
    Ok(ModelCard {
        reference: reference.clone(),
        name: match reference {
            ModelRef::BuiltIn => "Overpaint Starter".to_owned(),
            ModelRef::Folder(_) | ModelRef::File(_) | ModelRef::Served(_) => id.clone(),
        },
        id,
        family,
        facts,
        defaults: defaults(&files, &traits, few_steps, preview, family)?,
        latent_space: vae.latent_space(),
        traits,
        words: read_optional(&files, "words.json")?,
        bytes: weights_bytes(&files)?,
    })
}

/// Refuses what is no diffusers folder, and those of models that are built in another way.
fn check_index(files: &ModelFiles) -> Result<(), CatalogError> {
    const INDEX: &str = "model_index.json";
    if let ModelFiles::Folder(folder) = files
        && folder.is_dir()
        && !files.contains(INDEX)
    {
        return Err(inspect::folder(folder));
    }
    let index: serde_json::Value = read(files, INDEX)?;
    let class = index.get("_class_name").and_then(serde_json::Value::as_str);
    let foreign = |what: &str| {
        Err(CatalogError::Foreign {
            path: files.path(INDEX),
            what: Foreign::Family(what.to_owned()),
        })
    };
    match class {
        // It has the second text encoder only, and is told how beautiful a picture is to be.
        Some(_) if index.get("requires_aesthetics_score") == Some(&true.into()) => {
            foreign("Stable Diffusion XL refiner")
        }
        Some(class) if !files.contains("unet/config.json") && index.get("unet").is_none() => {
            foreign(class.trim_end_matches("Pipeline"))
        }
        _ => Ok(()),
    }
}

const VAE: &str = "vae/config.json";

fn traits(
    files: &ModelFiles,
    (unet, vae): (&UnetConfig, &VaeConfig),
    scheduler: &SchedulerConfig,
    preview: &PreviewConfig,
    family: Family,
) -> Result<ModelTraits, CatalogError> {
    const UNET: &str = "unet/config.json";
    let levels = |name, channels: &[u32]| {
        let count = channels.len() as u32;
        within(files, (name, "number of block_out_channels"), count, 1..=7)
    };
    let latent_channels = within(files, (VAE, "latent_channels"), vae.latent_channels, 1..=64)?;
    let vae_factor = 1 << (levels(VAE, vae.levels())? - 1);
    let unet_factor = 1 << (levels(UNET, &unet.block_out_channels)? - 1);
    let unet_in_channels = unet.in_channels;
    let doubled = 2 * latent_channels;
    if ![latent_channels, doubled, doubled + 1].contains(&unet_in_channels) {
        let why = format!(
            "in_channels is {unet_in_channels}; with latents of {latent_channels} channels it \
             must be {latent_channels}, {} for inpainting, or {doubled} for instructions",
            doubled + 1
        );
        return Err(bad(files, UNET, why));
    }
    // What the U-Net says it was made for, in latent pixels; older files leave it out.
    let made_for = match &unet.sample_size {
        Some(serde_json::Value::Number(size)) => {
            let size = size.as_u64().and_then(|size| u32::try_from(size).ok());
            Some(size.unwrap_or(0).saturating_mul(vae_factor))
        }
        _ => None,
    };
    let native_px = match (preview.defaults.native_size, family) {
        (Some(px), _) => px,
        (None, Family::StableDiffusion1) => 512,
        (None, Family::StableDiffusion2) => match scheduler.prediction_type {
            PredictionType::VPrediction => 768,
            PredictionType::Epsilon | PredictionType::Sample => 512,
        },
        (None, Family::Xl) if scheduler.is_turbo() => 512,
        (None, Family::Xl) => made_for.unwrap_or(1024),
        (None, Family::Other) => made_for.unwrap_or(512),
    };
    Ok(ModelTraits {
        native_px: within(files, (UNET, "native size in pixels"), native_px, 16..=8192)?,
        vae_factor,
        size_multiple_px: vae_factor * unet_factor,
        latent_channels,
        unet_in_channels,
        prediction_type: scheduler.prediction_type,
        embeds_guidance: unet.time_cond_proj_dim.is_some(),
        few_steps: false,
    })
}

fn defaults(
    files: &ModelFiles,
    traits: &ModelTraits,
    few_steps: Option<&str>,
    preview: PreviewConfig,
    family: Family,
) -> Result<ModelDefaults, CatalogError> {
    const NAME: &str = "preview.json";
    let usual = ("dpmpp_2m", "karras");
    let table = match few_steps {
        // It was distilled at guidance scales from 2 to 14, and reads the scale: at 1 it never learned.
        _ if traits.embeds_guidance => ModelDefaults::of(6, 0.6, 8.0, ("lcm", "model")),
        Some(sampler) => ModelDefaults::of(6, 0.6, 1.0, (sampler, "model")),
        // The picture that it is shown holds what is to stay, so that it may begin with noise.
        None if traits.follows_instructions() => ModelDefaults::of(25, 1.0, 7.5, usual),
        None if family == Family::Xl => ModelDefaults::of(25, 0.5, 6.0, usual),
        None => ModelDefaults::of(25, 0.5, 7.0, usual),
    };
    let chosen = preview.defaults;
    let steps = chosen.steps.unwrap_or(table.steps);
    let strength = chosen.strength.unwrap_or(table.strength);
    let guidance = chosen.guidance.unwrap_or(table.guidance);
    Ok(ModelDefaults {
        steps: within(files, (NAME, "steps"), steps, 1..=1000)?,
        strength: within(files, (NAME, "strength"), strength, f64::MIN_POSITIVE..=1.0)?,
        guidance: within(files, (NAME, "guidance"), guidance, 1.0..=50.0)?,
        sampler: chosen.sampler.unwrap_or(table.sampler),
        schedule: chosen.schedule.unwrap_or(table.schedule),
    })
}

/// Size of all networks' weights; an error where one has none.
fn weights_bytes(files: &ModelFiles) -> Result<u64, CatalogError> {
    let mut parts = vec![
        ("text_encoder", "model"),
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
    ];
    if files.contains("text_encoder_2/config.json") {
        parts.push(("text_encoder_2", "model"));
    }
    let mut total = 0;
    for (folder, stem) in parts {
        total += files.weights_len(&format!("{folder}/{stem}.safetensors"))?;
    }
    Ok(total)
}
