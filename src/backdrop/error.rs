//! [`BackdropError`]: why nothing can be put behind a subject.

use serde::{Deserialize, Serialize};

use crate::geometry::Extent;
use crate::text::{Explain, Message, error_speaks};

/// Why nothing can be put behind a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackdropError {
    /// Matte and picture have different sizes.
    MaskSize {
        /// Of the matte.
        mask: Extent,
        /// Of the picture.
        picture: Extent,
    },
    /// No subject is selected.
    NothingSelected,
    /// Everything is subject: there is no background.
    EverythingSelected,
    /// A colour profile cannot be used.
    Profile(String),
    /// Scaling failed; a mistake of ours.
    Scaling(String),
}

impl BackdropError {
    /// True where neither picture nor matte is to blame.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Scaling(_))
    }
}

impl Explain for BackdropError {
    fn message(&self) -> Message {
        match self {
            Self::MaskSize { mask, picture } => Message::new("plan-mask-size")
                .with("mask", mask.to_string())
                .with("picture", picture.to_string()),
            Self::NothingSelected => Message::new("backdrop-nothing-selected"),
            Self::EverythingSelected => Message::new("backdrop-everything-selected"),
            Self::Profile(why) => Message::new("plan-bad-profile").with("why", why.clone()),
            Self::Scaling(why) => Message::new("plan-scaling").with("why", why.clone()),
        }
    }
}

error_speaks!(BackdropError);
