//! What the user chooses: [`EditSettings`] and its newtypes. A value outside its range cannot exist.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::PlanError;
use super::second_pass::SecondPass;
use super::work_size::WorkSize;
use crate::catalog::{ModelDefaults, ModelTraits};

/// Denoising strength: how far the model may imagine, above 0 and at most 1.
/// 0.3–0.5 keeps the picture's details; 1 starts from pure noise.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Strength(f64);

impl Strength {
    /// The strength of that value.
    pub fn new(value: f64) -> Result<Self, PlanError> {
        if value > 0.0 && value <= 1.0 {
            Ok(Self(value))
        } else {
            Err(PlanError::Strength(value))
        }
    }

    /// Its value.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Strength {
    type Error = PlanError;
    fn try_from(value: f64) -> Result<Self, PlanError> {
        Self::new(value)
    }
}

impl From<Strength> for f64 {
    fn from(strength: Strength) -> Self {
        strength.0
    }
}

/// Length N of the whole schedule, 1…1000. A run executes the last k of its steps, see
/// [`executed`](Self::executed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Steps(u32);

impl Steps {
    /// A schedule of `count` steps.
    pub fn new(count: u32) -> Result<Self, PlanError> {
        if (1..=1000).contains(&count) {
            Ok(Self(count))
        } else {
            Err(PlanError::Steps(count))
        }
    }

    /// Its length.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The schedule that a run of that strength with a model of those traits takes its steps from: this one,
    /// or, where that leaves a model for few steps none, the shortest that leaves it one.
    #[must_use]
    pub fn of_run(self, strength: Strength, traits: &ModelTraits) -> Self {
        if !traits.few_steps || self.executed(strength) > 0 {
            return self;
        }
        let least = (1.0 / strength.get()).ceil() as u32;
        // One more where rounding leaves 1/49 · 49 below 1.
        (least..=least.saturating_add(1))
            .filter_map(|count| Self::new(count).ok())
            .find(|steps| steps.executed(strength) > 0)
            .unwrap_or(self)
    }

    /// How many steps a run of that strength executes: k = min(int(N · strength), N), the rule of
    /// diffusers' img2img and inpaint pipelines (`get_timesteps`). May be 0, and then there is
    /// nothing to run.
    pub fn executed(self, strength: Strength) -> u32 {
        ((f64::from(self.0) * strength.get()) as u32).min(self.0)
    }
}

impl TryFrom<u32> for Steps {
    type Error = PlanError;
    fn try_from(count: u32) -> Result<Self, PlanError> {
        Self::new(count)
    }
}

impl From<Steps> for u32 {
    fn from(steps: Steps) -> Self {
        steps.0
    }
}

/// Guidance scale of classifier-free guidance ([Ho & Salimans 2022](https://arxiv.org/abs/2207.12598)),
/// 1…50. At 1 the prompt is followed as the model was trained and the negative prompt has no effect.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Guidance(f64);

impl Guidance {
    /// The scale of that value.
    pub fn new(value: f64) -> Result<Self, PlanError> {
        if (1.0..=50.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(PlanError::Guidance(value))
        }
    }

    /// Its value.
    pub fn get(self) -> f64 {
        self.0
    }

    /// True when the model must be asked more than once a step, with and without the prompt.
    pub fn is_on(self) -> bool {
        self.0 > 1.0
    }

    /// How often a model of those traits is asked in each step: once without guidance or where the network
    /// reads the scale, three times where it follows the picture too, else twice.
    pub fn predictions(self, traits: &ModelTraits) -> u32 {
        match (self.is_on(), traits.follows_instructions()) {
            _ if traits.embeds_guidance => 1,
            (false, _) => 1,
            (true, false) => 2,
            (true, true) => 3,
        }
    }
}

impl TryFrom<f64> for Guidance {
    type Error = PlanError;
    fn try_from(value: f64) -> Result<Self, PlanError> {
        Self::new(value)
    }
}

impl From<Guidance> for f64 {
    fn from(guidance: Guidance) -> Self {
        guidance.0
    }
}

/// Which noise a run starts from. The same request with the same seed gives the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Seed(pub u64);

/// A length in a picture: pixels, or a share of the diagonal of the region's bounding box.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Length {
    /// Pixels of the picture.
    Px(f64),
    /// Percent of the diagonal of the bounding box of what is painted.
    Percent(f64),
}

impl Length {
    /// The length in pixels for a region whose box has the given diagonal.
    pub fn resolve_px(self, diagonal_px: f64) -> f64 {
        match self {
            Self::Px(px) => px,
            Self::Percent(percent) => diagonal_px * percent / 100.0,
        }
    }
}

impl FromStr for Length {
    type Err = PlanError;

    /// `12`, `12px` or `5%`; not negative.
    fn from_str(text: &str) -> Result<Self, PlanError> {
        let trimmed = text.trim();
        let (number, percent) = match trimmed.strip_suffix('%') {
            Some(number) => (number, true),
            None => (trimmed.strip_suffix("px").unwrap_or(trimmed), false),
        };
        match number.trim().parse::<f64>() {
            Ok(value) if percent && (0.0..=100.0).contains(&value) => Ok(Self::Percent(value)),
            Ok(value) if !percent && (0.0..=100_000.0).contains(&value) => Ok(Self::Px(value)),
            _ => Err(PlanError::Length(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Length {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Px(px) => write!(f, "{px}px"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// Declares an enum whose values have a stable id, used in files and on the command line.
macro_rules! with_ids {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $id:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// Every value, in the order shown to people.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable id: what files and the command line hold.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id),+ }
            }
        }

        impl FromStr for $name {
            type Err = PlanError;
            fn from_str(id: &str) -> Result<Self, PlanError> {
                Self::ALL.iter().copied().find(|value| value.id() == id).ok_or_else(|| {
                    PlanError::UnknownId {
                        id: id.to_owned(),
                        known: Self::ALL.iter().map(|value| value.id()).collect::<Vec<_>>().join(", "),
                    }
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = PlanError;
            fn try_from(id: String) -> Result<Self, PlanError> {
                id.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.id().to_owned()
            }
        }
    };
}

with_ids! {
    /// How a step is taken through the schedule.
    SamplerId {
        /// Euler, [Karras et al. 2022](https://arxiv.org/abs/2206.00364), algorithm 2 without churn.
        Euler = "euler",
        /// Euler with ancestral noise.
        EulerA = "euler_a",
        /// DPM-Solver++ (2M), [Lu et al. 2022](https://arxiv.org/abs/2211.01095).
        #[default]
        Dpmpp2m = "dpmpp_2m",
        /// DDIM with η = 0, [Song et al. 2020](https://arxiv.org/abs/2010.02502).
        Ddim = "ddim",
        /// Multistep consistency sampling, [Luo et al. 2023](https://arxiv.org/abs/2310.04378).
        Lcm = "lcm",
    }
}

with_ids! {
    /// Which noise levels the steps visit.
    ScheduleId {
        /// As the model's own scheduler configuration says.
        Model = "model",
        /// [Karras et al. 2022](https://arxiv.org/abs/2206.00364), equation 5, ρ = 7.
        #[default]
        Karras = "karras",
    }
}

with_ids! {
    /// What being painted means.
    MaskMode {
        /// The painted part changes ("inpaint masked").
        #[default]
        Changes = "masked",
        /// The painted part stays, all else changes ("inpaint not masked").
        Stays = "not-masked",
    }
}

with_ids! {
    /// Which part of the picture the model is shown.
    AreaMode {
        /// `Masked` when the padded region covers less than 60 % of the picture, else `Whole`.
        #[default]
        Auto = "auto",
        /// The whole picture.
        Whole = "whole",
        /// The region with its surroundings.
        Masked = "masked",
    }
}

with_ids! {
    /// What lies in the region before the model starts.
    FillMode {
        /// `Original` below strength 0.9, `Blur` from there on.
        #[default]
        Auto = "auto",
        /// The picture as it is.
        Original = "original",
        /// The surroundings, blurred into the region.
        Blur = "blur",
        /// The surroundings, continued into the region by copies of what they show.
        Content = "content",
        /// Noise of its own in the latent.
        Noise = "noise",
        /// A latent of zeros.
        Nothing = "nothing",
    }
}

with_ids! {
    /// Whether details that the model cannot see are laid over its enlarged result.
    KeepDetails {
        /// Never: the result as the model gives it.
        Off = "off",
        /// Where structure was kept, if the model is shown less than the picture has.
        #[default]
        Auto = "auto",
        /// As `Auto`, further into what has changed.
        More = "more",
    }
}

/// Everything the user chooses for one edit, except picture, mask and model. What a file from before
/// a setting was there does not say has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EditSettings {
    /// What should be there.
    pub prompt: String,
    /// What should not.
    pub negative: String,
    /// How far the model may imagine.
    pub strength: Strength,
    /// Length of the schedule.
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
    /// What being painted means.
    pub mask_mode: MaskMode,
    /// What the model is shown.
    pub area: AreaMode,
    /// Surroundings shown with a masked area; `None`: 12 % of the region's diagonal, at least 32 px.
    pub padding: Option<Length>,
    /// What the region holds at the start.
    pub fill: FillMode,
    /// Width of the soft band outside the region; `None`: 2 % of its diagonal, at least the model's
    /// own minimum.
    pub feather: Option<Length>,
    /// How far the region is grown before anything else.
    pub grow: Length,
    /// What becomes of details that the model cannot see.
    pub keep_details: KeepDetails,
    /// The size at which the model works first; `None`: the one that suits it.
    pub work_size: Option<WorkSize>,
    /// Whether the result is drawn again at a larger work size.
    pub second_pass: SecondPass,
    /// How far a second pass may go; never farther than the first one went.
    pub second_strength: Strength,
}

/// What a new document starts with before its model has a say.
impl Default for EditSettings {
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative: String::new(),
            strength: Strength(0.5),
            steps: Steps(25),
            guidance: Guidance(7.0),
            image_guidance: Guidance(1.5),
            seed: Seed::default(),
            sampler: SamplerId::default(),
            schedule: ScheduleId::default(),
            mask_mode: MaskMode::default(),
            area: AreaMode::default(),
            padding: None,
            fill: FillMode::default(),
            feather: None,
            grow: Length::Px(0.0),
            keep_details: KeepDetails::default(),
            work_size: None,
            second_pass: SecondPass::default(),
            second_strength: Strength(0.3),
        }
    }
}

impl EditSettings {
    /// The same settings with everything a model has defaults for set to them. A default that is
    /// out of range is passed over.
    #[must_use]
    pub fn with_defaults_of(mut self, defaults: &ModelDefaults) -> Self {
        if let Ok(strength) = Strength::new(defaults.strength) {
            self.strength = strength;
        }
        if let Ok(steps) = Steps::new(defaults.steps) {
            self.steps = steps;
        }
        if let Ok(guidance) = Guidance::new(defaults.guidance) {
            self.guidance = guidance;
        }
        if let Ok(sampler) = defaults.sampler.parse() {
            self.sampler = sampler;
        }
        if let Ok(schedule) = defaults.schedule.parse() {
            self.schedule = schedule;
        }
        self
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
