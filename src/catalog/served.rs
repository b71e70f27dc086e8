//! [`ServedModel`]: a model that lies on a server, and what must be known of it before it runs there.

use serde::{Deserialize, Serialize};

use super::card::{ModelCard, ModelDefaults};
use super::facts::Family;
use super::{ModelRef, ModelTraits, PredictionType};

/// A model that lies on a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServedModel {
    /// Name of the server among [`Servers`](super::Servers).
    pub server: String,
    /// What the model is called there, or the name of a graph of the user's own, which ends in `.json`.
    pub name: String,
    /// Which family it is of.
    pub family: Family,
    /// It was trained for inpainting and is shown the mask too.
    pub sees_mask: bool,
}

impl ServedModel {
    /// A model of which only its name there is known, and what its file says of its architecture
    /// (`modelspec.architecture`), where it says something.
    pub fn guessed(server: &str, name: &str, architecture: Option<&str>) -> Self {
        let told = architecture.unwrap_or(name).to_lowercase();
        let named = name.to_lowercase();
        let family = if told.contains("xl") || told.contains("pony") || told.contains("illustrious")
        {
            Family::Xl
        } else if ["v2-", "sd2", "sd-2", "sd_2", "v2_", "768-v", "diffusion-2"]
            .iter()
            .any(|part| told.contains(part))
        {
            Family::StableDiffusion2
        } else {
            Family::StableDiffusion1
        };
        Self {
            server: server.to_owned(),
            name: name.to_owned(),
            family,
            sees_mask: named.contains("inpaint") || told.contains("inpaint"),
        }
    }

    /// What its files would say if they lay here.
    pub fn card(&self) -> ModelCard {
        let (native_px, guidance, levels) = match self.family {
            Family::Xl => (1024, 6.0, 3),
            Family::StableDiffusion2 => (768, 7.0, 4),
            Family::StableDiffusion1 | Family::Other => (512, 7.0, 4),
        };
        let reference = ModelRef::Served(self.clone());
        let id = reference.name();
        ModelCard {
            name: format!("{id} @ {}", self.server),
            id,
            reference,
            family: self.family,
            facts: None,
            traits: ModelTraits {
                native_px,
                vae_factor: 8,
                size_multiple_px: 8 << (levels - 1),
                latent_channels: 4,
                unet_in_channels: if self.sees_mask { 9 } else { 4 },
                prediction_type: PredictionType::Epsilon,
                embeds_guidance: false,
                few_steps: false,
            },
            // Its previews are the server's.
            latent_space: None,
            defaults: ModelDefaults::of(25, 0.5, guidance, ("dpmpp_2m", "karras")),
            words: None,
            bytes: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_guessed_from_what_is_said_and_the_file_has_the_last_word() {
        for (name, architecture, family) in [
            ("dreamshaperXL_v21.safetensors", None, Family::Xl),
            ("v1-5-pruned.safetensors", None, Family::StableDiffusion1),
            ("v2-1_768-ema.ckpt", None, Family::StableDiffusion2),
            (
                "mine.safetensors",
                Some("stable-diffusion-xl-v1-base"),
                Family::Xl,
            ),
            (
                "excellent-xl.safetensors",
                Some("stable-diffusion-v1"),
                Family::StableDiffusion1,
            ),
        ] {
            assert_eq!(
                ServedModel::guessed("s", name, architecture).family,
                family,
                "{name}"
            );
        }
        let card = ServedModel::guessed("s", "sub/sd-inpainting.ckpt", None).card();
        assert!(card.traits.sees_mask());
        assert_eq!(card.id, "sd-inpainting");
        assert_eq!(card.traits.size_multiple_px, 64);
    }
}
