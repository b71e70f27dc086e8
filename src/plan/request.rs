//! The two values that cross borders: [`EditRequest`] (from the user to the worker) and
//! [`EngineInput`] (from planning to the engine). Both are immutable and serialisable.

use serde::{Deserialize, Serialize};

use super::lora::LoraUse;
use super::settings::{EditSettings, Guidance, SamplerId, ScheduleId, Seed, Steps, Strength};
use crate::catalog::{ModelRef, ModelTraits};
use crate::geometry::{Extent, Rect};
use crate::raster::{Mask, MaskKind, Picture, RgbF32};

/// One edit, complete: nothing else is asked when it runs, now or later, here or elsewhere.
/// Cheap to make and to clone, because picture and mask share their tiles with the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditRequest {
    /// Which model is to run.
    pub model: ModelRef,
    /// What is known of it.
    pub traits: ModelTraits,
    /// The visible picture at the moment of asking.
    pub source: Picture,
    /// What is painted; `None` is the same as nothing painted. Has the size of the source.
    pub painted: Option<Mask>,
    /// What its values mean.
    #[serde(default)]
    pub mask_kind: MaskKind,
    /// What was chosen.
    pub settings: EditSettings,
}

/// What lies in the changing part of the latent before noise is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LatentFill {
    /// The encoded picture as `image` shows it.
    #[default]
    Image,
    /// Unit noise from its own stream.
    Noise,
    /// Zeros.
    Nothing,
}

/// The mask of a run, at the sizes the engine works in. 1 = may change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineMask {
    /// Size of the latent: work size / VAE factor.
    pub latent_extent: Extent,
    /// Local share of the strength of each latent pixel, 0…1, row-major. A latent pixel is held to
    /// the noised original until the remaining share of the run falls to this value.
    pub latent_strength: Vec<f32>,
    /// 1 inside the region, 0 outside, at work size, row-major: what a model that sees the mask is
    /// shown (fractions at the edge come from scaling).
    pub region: Vec<f32>,
    /// What the changing part of the latent starts from.
    pub fill: LatentFill,
}

/// All an engine needs, and all it may look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineInput {
    /// Which model.
    pub model: ModelRef,
    /// What is added to its weights.
    pub loras: Vec<LoraUse>,
    /// The picture at work size, sRGB; both sides are multiples of the model's size multiple.
    pub image: RgbF32,
    /// `None`: everything may change, fully.
    pub mask: Option<EngineMask>,
    /// What should be there.
    pub prompt: String,
    /// What should not.
    pub negative: String,
    /// How far the model may imagine.
    pub strength: Strength,
    /// Length of the schedule; `steps.executed(strength)` of them run, never 0.
    pub steps: Steps,
    /// How closely the prompt is followed.
    pub guidance: Guidance,
    /// How closely a model that follows instructions keeps to the picture.
    pub image_guidance: Guidance,
    /// Which noise.
    pub seed: Seed,
    /// How steps are taken.
    pub sampler: SamplerId,
    /// Which noise levels they visit.
    pub schedule: ScheduleId,
    /// True when the round trip through the autoencoder is asked for too: of `original` where it is
    /// given, else of `image`.
    pub wants_round_trip: bool,
    /// The picture as the user had it, at work size, where `image` shows an earlier pass's result.
    pub original: Option<RgbF32>,
    /// What the model is shown of the latent at once, in latent pixels, with overlap; their
    /// predictions are averaged. Empty: all of it.
    pub tiles: Vec<Rect>,
}
