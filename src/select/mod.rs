//! Selecting: from what was seen in a picture to a mask in its own size.
//!
//! Pixels in, mask out; pure. `engine`'s [`Vision`](crate::engine::Vision) says what it sees at a few hundred
//! pixels ([`SubjectMap`], [`Face`]); here that becomes a [`Mask`](crate::raster::Mask) whose edge follows the
//! photograph. Used by the window and the command line alike; knows no document, no network and no thread.

mod seen;

pub use seen::{FACE_POINTS, Face, SubjectMap};
