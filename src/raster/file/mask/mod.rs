//! Masks in files: white is painted.
//!
//! Reading, in this order: one channel ([`MaskChannel`]), levels that were meant as 0 and 255
//! (`levels`), noise of lossy compression (`levels`), size (`size`). Whatever was done beyond
//! taking the numbers as they are is said in a note. What [`save_mask`] has written comes back as
//! it was.

mod channel;
mod levels;
mod size;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use channel::MaskChannel;

use super::load::{load_bytes, read};
use super::save::png_with;
use super::{FileOrigin, PictureError, PictureNote, SaveOptions, exif, save};
use crate::geometry::Extent;
use crate::raster::{Mask, Picture, Pixmap, Profile, Tiled};

/// What masks of ours say they were made with (EXIF tag "Software"): nothing in them is guessed at.
const OWN_SOFTWARE: &str = "Overpaint mask";

/// A mask from a file, in the size of its picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadedMask {
    /// 255 = painted.
    pub mask: Mask,
    /// What was done to the file's numbers.
    pub notes: Vec<PictureNote>,
}

/// Reads the mask for a picture of size `extent`. A file of another size but the same shape (to
/// 1 %) is scaled; another shape is refused.
pub fn load_mask(
    path: &Path,
    extent: Extent,
    channel: MaskChannel,
) -> Result<LoadedMask, PictureError> {
    mask_from_bytes(&read(path)?, path, extent, channel)
}

/// As [`load_mask`], from the bytes of a file; `name` is what errors call it.
pub fn mask_from_bytes(
    bytes: &[u8],
    name: &Path,
    extent: Extent,
    channel: MaskChannel,
) -> Result<LoadedMask, PictureError> {
    let loaded = load_bytes(bytes, name)?;
    let from = loaded.picture.extent();
    if !size::is_same_shape(from, extent) {
        return Err(PictureError::MaskShape {
            path: name.to_path_buf(),
            mask: from,
            picture: extent,
        });
    }
    let mut notes = Vec::new();
    let is_own = loaded.origin.exif.is_some_and(|block| {
        exif::software(&block).is_some_and(|software| software == OWN_SOFTWARE)
    });
    let mut coverage = if is_own && channel == MaskChannel::Auto {
        channel::plane(&loaded.picture.pixels, MaskChannel::Luma, name)?.0
    } else {
        let (mut coverage, read) = channel::plane(&loaded.picture.pixels, channel, name)?;
        notes.extend(read);
        if levels::stretch(&mut coverage) {
            notes.push(PictureNote::MaskStretched);
        }
        if levels::remove_compression_noise(&mut coverage, from) {
            notes.push(PictureNote::MaskNoiseRemoved);
        }
        coverage
    };
    if from != extent {
        coverage =
            size::scaled(&coverage, from, extent).ok_or_else(|| PictureError::MaskShape {
                path: name.to_path_buf(),
                mask: from,
                picture: extent,
            })?;
        notes.push(PictureNote::MaskScaled);
    }
    Ok(LoadedMask {
        mask: Tiled::from_pixels(extent, &coverage, 0),
        notes,
    })
}

/// Writes a mask as a grey picture, white = painted; the extension says which kind of file.
pub fn save_mask(path: &Path, mask: &Mask) -> Result<(), PictureError> {
    let options = SaveOptions {
        jpeg_quality: Some(100),
        ..SaveOptions::default()
    };
    save(path, &as_picture(mask), &own_origin(), &options).map(|_| ())
}

/// A mask as the bytes of such a picture, a PNG.
pub fn mask_bytes(mask: &Mask) -> Result<Vec<u8>, PictureError> {
    png_with(&as_picture(mask), &own_origin())
}

fn as_picture(mask: &Mask) -> Picture {
    Picture {
        pixels: Pixmap::Rgba8(mask.map(|v| [v, v, v, 255])),
        profile: Profile::Srgb,
    }
}

/// Says that the mask is one of ours.
fn own_origin() -> FileOrigin {
    FileOrigin {
        layout: super::ColourLayout::Grey,
        exif: exif::with_software(OWN_SOFTWARE).map(Arc::new),
        ..FileOrigin::default()
    }
}
