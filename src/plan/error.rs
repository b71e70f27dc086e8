//! [`PlanError`]: why an edit cannot be planned as asked.

use serde::{Deserialize, Serialize};

use crate::geometry::Extent;
use crate::text::{Explain, Message, error_speaks};

/// Why a setting or a request makes no work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PlanError {
    /// A strength that is not above 0 and at most 1.
    Strength(f64),
    /// A LoRA's weight is out of its range.
    LoraWeight(f64),
    /// A number of steps outside 1…1000.
    Steps(u32),
    /// A guidance scale outside 1…50.
    Guidance(f64),
    /// Not a length such as `12`, `12px` or `5%`.
    Length(String),
    /// Not something to put behind a subject.
    Put(String),
    /// Not a work size such as `768x512` or `1.5`, or one out of range.
    WorkSize(String),
    /// An id that no sampler, schedule or mode has.
    UnknownId {
        /// What was given.
        id: String,
        /// What there is.
        known: String,
    },
    /// min(int(N · strength), N) is 0.
    NothingToRun {
        /// N.
        steps: u32,
        /// The strength.
        strength: f64,
    },
    /// The painted part stays, and everything is painted.
    EverythingKept,
    /// The mask has another size than the picture.
    MaskSize {
        /// Of the mask.
        mask: Extent,
        /// Of the picture.
        picture: Extent,
    },
    /// It was asked to stop.
    Cancelled,
    /// The picture has no pixel.
    EmptyPicture,
    /// The engine gave a picture of another size than it was asked for.
    EngineSize {
        /// What came.
        got: Extent,
        /// What was asked for.
        wanted: Extent,
    },
    /// The picture's colour profile cannot be used.
    Profile(String),
    /// Scaling failed; a mistake of ours.
    Scaling(String),
}

impl PlanError {
    /// The colour profile cannot be used, for that reason.
    pub(super) fn profile(why: &dyn std::fmt::Display) -> Self {
        Self::Profile(why.to_string())
    }
}

impl Explain for PlanError {
    fn message(&self) -> Message {
        match self {
            Self::LoraWeight(value) => {
                Message::new("plan-bad-lora-weight").with("value", value.to_string())
            }
            Self::Strength(value) => {
                Message::new("plan-bad-strength").with("value", value.to_string())
            }
            Self::Steps(count) => Message::new("plan-bad-steps").with("value", count.to_string()),
            Self::Guidance(value) => {
                Message::new("plan-bad-guidance").with("value", value.to_string())
            }
            Self::Length(text) => Message::new("plan-bad-length").with("value", text.clone()),
            Self::Put(text) => Message::new("plan-put-unknown").with("value", text.clone()),
            Self::WorkSize(text) => Message::new("plan-bad-work-size").with("value", text.clone()),
            Self::UnknownId { id, known } => Message::new("plan-unknown-id")
                .with("value", id.clone())
                .with("known", known.clone()),
            Self::NothingToRun { steps, strength } => Message::new("plan-nothing-to-run")
                .with("steps", *steps)
                .with("strength", strength.to_string()),
            Self::EverythingKept => Message::new("plan-everything-kept"),
            Self::MaskSize { mask, picture } => Message::new("plan-mask-size")
                .with("mask", mask.to_string())
                .with("picture", picture.to_string()),
            Self::Cancelled => Message::new("completion-cancelled"),
            Self::EmptyPicture => Message::new("plan-empty-picture"),
            Self::EngineSize { got, wanted } => Message::new("plan-engine-size")
                .with("got", got.to_string())
                .with("wanted", wanted.to_string()),
            Self::Profile(why) => Message::new("plan-bad-profile").with("why", why.clone()),
            Self::Scaling(why) => Message::new("plan-scaling").with("why", why.clone()),
        }
    }
}

error_speaks!(PlanError);
