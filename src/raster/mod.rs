//! Pixels without opinions: copy-on-write planes, pictures with their colour profile, masks,
//! patches, and what is drawn on them.
//!
//! Used by every room above. Never knows a document, a model, a thread or the window.

pub mod brush;
pub mod colour;
pub mod composite;
pub mod coverage;
pub mod file;

mod picture_error;
pub mod pixmap;
pub mod scale;
pub mod shapes;
pub mod sheet;
pub mod tiled;

pub use brush::{Brush, Stroke};
pub use colour::{DisplayTransform, from_srgb, to_srgb};
pub use composite::{cut_out, draw_patch, draw_patch_within};
pub use coverage::{blank_mask, inverted, snapped_to_ends};
pub use file::{FileFormat, FileOrigin, LoadedPicture, PictureError, PictureNote};
pub use pixmap::{Mask, MaskKind, Patch, Picture, Pixmap, Profile, RgbF32};
pub use shapes::{Ink, Shape, fill_ellipse, fill_polygon, fill_rect};
pub use tiled::{TILE_PX, TileIndex, TilePixels, Tiled};
