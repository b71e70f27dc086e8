//! Selecting: from what was seen in a picture to a mask in its own size.
//!
//! Pixels in, mask out; pure. `engine`'s [`Vision`](crate::engine::Vision) says what it sees at a few hundred
//! pixels ([`SubjectMap`], [`Face`]); here that becomes a [`Mask`](crate::raster::Mask) whose edge follows the
//! photograph ([`lift()`]), and parts of it ([`part`]). Used by the window and the command line alike; knows no
//! document, no network and no thread.

mod area;
mod error;
mod guided_filter;
mod known;
mod lift;
mod matte;
mod parts;
mod proxy;
mod seen;

pub use error::SelectError;
pub use lift::lift;
pub use parts::{Combination, Part, combined, part};
pub use proxy::Proxy;
pub use seen::{FACE_POINTS, Face, Seen, SubjectMap};
