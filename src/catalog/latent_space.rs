//! [`LatentSpace`]: whose latents an autoencoder makes and reads.

use serde::{Deserialize, Serialize};

use super::facts::Family;

/// Latents that mean the same to every model of some families: an autoencoder of one goes with all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LatentSpace {
    /// Of Stable Diffusion 1.x and 2.x.
    StableDiffusion,
    /// Of Stable Diffusion XL.
    Xl,
}

impl LatentSpace {
    /// That of a family, whose models keep its autoencoder nearly always.
    pub fn of_family(family: Family) -> Option<Self> {
        match family {
            Family::StableDiffusion1 | Family::StableDiffusion2 => Some(Self::StableDiffusion),
            Family::Xl => Some(Self::Xl),
            Family::Other => None,
        }
    }

    /// That of an autoencoder with so many channels whose latents are multiplied by that factor, which was
    /// measured for each of them.
    pub(super) fn of_scaling(channels: u32, factor: f64) -> Option<Self> {
        let is = |known: f64| channels == 4 && (factor - known).abs() < 1e-6;
        match factor {
            _ if is(0.18215) => Some(Self::StableDiffusion),
            _ if is(0.13025) => Some(Self::Xl),
            _ => None,
        }
    }

    /// What `text`, the name of a file, a folder or a repository, says.
    pub(super) fn in_words(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let has = |part: &str| text.contains(part);
        if has("taesdxl") || has("sdxl") {
            Some(Self::Xl)
        } else if (has("taesd") && !has("taesd3")) || has("sd1") || has("sd2") {
            Some(Self::StableDiffusion)
        } else {
            None
        }
    }

    /// What people call it, in every language.
    pub fn name(self) -> &'static str {
        match self {
            Self::StableDiffusion => "SD 1.x, 2.x",
            Self::Xl => "SDXL",
        }
    }
}
