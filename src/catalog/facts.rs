//! [`Facts`]: what a model is beyond the shapes of its weights, and what says so.

use serde::{Deserialize, Serialize};

use super::PredictionType;
use crate::text::{Explain, Message};

/// Which family of models one belongs to, told by shapes, never by names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Family {
    /// Stable Diffusion 1.x.
    StableDiffusion1,
    /// Stable Diffusion 2.x.
    StableDiffusion2,
    /// Stable Diffusion XL.
    Xl,
    /// Built like these, with a text encoder of another size.
    Other,
}

impl Family {
    /// The family whose U-Nets read text of that width.
    pub(super) fn of_text_width(width: Option<u32>) -> Self {
        match width {
            Some(768) => Self::StableDiffusion1,
            Some(1024) => Self::StableDiffusion2,
            Some(2048) => Self::Xl,
            _ => Self::Other,
        }
    }

    /// What people call it, in every language; `None` where it has no name.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::StableDiffusion1 => Some("SD 1.x"),
            Self::StableDiffusion2 => Some("SD 2.x"),
            Self::Xl => Some("SDXL"),
            Self::Other => None,
        }
    }
}

/// For how few steps a model was distilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distillation {
    /// It takes its usual number of steps.
    #[default]
    None,
    /// Latent consistency models ([Luo et al. 2023](https://arxiv.org/abs/2310.04378)).
    Consistency,
    /// Turbo ([Sauer et al. 2023](https://arxiv.org/abs/2311.17042)): new noise in each step.
    Turbo,
    /// Lightning ([Lin et al. 2024](https://arxiv.org/abs/2402.13929)), Hyper: no new noise.
    Lightning,
}

impl Distillation {
    /// Every kind, in the order shown to people.
    pub const ALL: [Self; 4] = [Self::None, Self::Consistency, Self::Turbo, Self::Lightning];

    /// The id of the sampler for such a model; `None` for one that takes any.
    pub(super) fn sampler(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Consistency => Some("lcm"),
            Self::Turbo => Some("euler_a"),
            Self::Lightning => Some("euler"),
        }
    }

    /// What `text`, a title or the name of a file, says of it; `None` where it says nothing.
    pub(super) fn in_words(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let mut words = text.split(|c: char| !c.is_ascii_alphabetic());
        words.find_map(|word| match word {
            "lcm" => Some(Self::Consistency),
            // Fine-tunes are called “dreamshaperXL_turbo…”, some without a gap.
            _ if word.ends_with("turbo") => Some(Self::Turbo),
            _ if word.ends_with("lightning") || word == "hyper" => Some(Self::Lightning),
            _ => None,
        })
    }
}

/// What says something of a model, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ToldBy {
    /// It was chosen by hand.
    Hand,
    /// The file's own metadata, or a key that trainers leave in it.
    Metadata,
    /// A configuration beside the file, or the model folder's own.
    Config,
    /// It is a well-known file, by its SHA-256.
    Checksum,
    /// Weights that only some models have, or their spread.
    Weights,
    /// The name of the file: a guess.
    Name,
    /// Nothing: it is what most models of its family are.
    Family,
}

impl Explain for ToldBy {
    fn message(&self) -> Message {
        Message::new(match self {
            Self::Hand => "model-told-hand",
            Self::Metadata => "model-told-metadata",
            Self::Config => "model-told-config",
            Self::Checksum => "model-told-checksum",
            Self::Weights => "model-told-weights",
            Self::Name => "model-told-name",
            Self::Family => "model-told-family",
        })
    }
}

/// A fact, and what says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told<T> {
    /// The fact.
    pub is: T,
    /// What says so.
    pub by: ToldBy,
}

impl<T> Told<T> {
    pub(super) fn by(by: ToldBy, is: T) -> Self {
        Self { is, by }
    }
}

/// What a model is beyond the shapes of its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Which family it is of, by its text encoders.
    pub family: Family,
    /// How its answer is to be read.
    pub prediction: Told<PredictionType>,
    /// For how few steps it was distilled.
    pub distillation: Told<Distillation>,
    /// Side of the square pictures it was trained on, in pixels.
    pub native_px: Told<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_for_how_few_steps_a_model_was_distilled() {
        for (name, kind) in [
            ("dreamshaper_8LCM", Some(Distillation::Consistency)),
            ("dreamshaper_8_lcm", Some(Distillation::Consistency)),
            ("sd_xl_turbo_1.0_fp16", Some(Distillation::Turbo)),
            ("DreamShaperXL_Turbo_v2", Some(Distillation::Turbo)),
            (
                "juggernautXL_v9Rdphoto2Lightning",
                Some(Distillation::Lightning),
            ),
            ("Hyper-SDXL-1step", Some(Distillation::Lightning)),
            ("hyperrealism_v3", None),
            ("dreamshaper_8", None),
        ] {
            assert_eq!(Distillation::in_words(name), kind, "{name}");
        }
    }
}
