//! [`SelectError`]: why there is nothing to select.

use serde::{Deserialize, Serialize};

use crate::geometry::{Extent, Point};
use crate::text::{Explain, Message, error_speaks};

/// Why there is nothing to select.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelectError {
    /// Nothing stands out from the rest of the picture.
    NoSubject,
    /// There is no face, or none that is large and frontal enough.
    NoFace,
    /// Nothing is where somebody pointed.
    NothingThere,
    /// It was said only what is not meant.
    NothingMeant,
    /// Somebody pointed beside the picture.
    Outside {
        /// Where, in pixels.
        at: Point,
        /// Size of the picture.
        extent: Extent,
    },
    /// There are fewer people than that.
    NoSuchPerson {
        /// Which one was asked for, counted from 1.
        person: u32,
        /// How many there are.
        found: u32,
    },
    /// The picture's colour profile cannot be used.
    Profile(String),
    /// Scaling failed; a mistake of ours.
    Scaling(String),
}

impl Explain for SelectError {
    fn message(&self) -> Message {
        match self {
            Self::NothingThere => Message::new("select-nothing-there"),
            Self::NothingMeant => Message::new("select-nothing-meant"),
            Self::Outside { at, extent } => Message::new("select-outside")
                .with("x", f64::from(at.x))
                .with("y", f64::from(at.y))
                .with("width", f64::from(extent.width))
                .with("height", f64::from(extent.height)),
            Self::NoSubject => Message::new("select-no-subject"),
            Self::NoFace => Message::new("select-no-face"),
            Self::NoSuchPerson { person, found } => Message::new("select-no-such-person")
                .with("person", f64::from(*person))
                .with("found", f64::from(*found)),
            Self::Profile(why) => Message::new("plan-bad-profile").with("why", why.clone()),
            Self::Scaling(why) => Message::new("plan-scaling").with("why", why.clone()),
        }
    }
}

error_speaks!(SelectError);
