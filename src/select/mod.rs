//! Selecting: from what was seen in a picture to a mask in its own size.
//!
//! Pixels in, mask out; pure. `engine`'s [`Vision`](crate::engine::Vision) says what it sees at a few hundred
//! pixels ([`SubjectMap`], [`Face`]); here that becomes a [`Mask`](crate::raster::Mask) whose edge follows the
//! photograph ([`lift()`]), and parts of it ([`part`]). What people point at becomes one too: shapes
//! ([`with_shape`]), colours ([`wand()`]), scribbles ([`Scribbled`]); and any mask can be [`refined`]. Used by the window and the command line alike; knows no
//! document, no network and no thread.

mod area;
mod clicked;
mod components;
mod error;
mod guided_filter;
mod known;
mod lift;
mod matte;
mod parts;
mod perception;
mod proxy;
mod refine;
mod seen;
mod shape;
mod smart_brush;
mod wand;

pub use clicked::{ClickMap, Clicks, clicked};
pub use error::SelectError;
pub use lift::lift;
pub use parts::{Combination, Part, combined, part};
pub use perception::colour_distance;
pub use proxy::Proxy;
pub use refine::{Refinement, refined};
pub use seen::{FACE_POINTS, Face, Seen, SubjectMap};
pub use shape::with_shape;
pub use smart_brush::{Scribble, Scribbled};
pub use wand::{Wand, wand};
