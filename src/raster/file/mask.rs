//! Masks in files: white is painted.

use std::path::Path;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, Resizer};
use serde::{Deserialize, Serialize};

use super::load::{load_bytes, read};
use super::{FileOrigin, PictureError, SaveOptions, save};
use crate::geometry::{Extent, Rect};
use crate::raster::{Mask, Picture, Pixmap, Profile, Tiled};

/// A mask from a file, in the size of its picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadedMask {
    /// 255 = painted.
    pub mask: Mask,
    /// True when the file had another size of the same shape and was scaled.
    pub rescaled: bool,
}

/// Reads the mask for a picture of size `extent`. Where the file is not opaque everywhere its
/// alpha is the mask, otherwise its brightness. A file of another size but the same shape (to
/// 1 %) is scaled; another shape is refused.
pub fn load_mask(path: &Path, extent: Extent) -> Result<LoadedMask, PictureError> {
    mask_from_bytes(&read(path)?, path, extent)
}

/// As [`load_mask`], from the bytes of a file; `name` is what errors call it.
pub fn mask_from_bytes(
    bytes: &[u8],
    name: &Path,
    extent: Extent,
) -> Result<LoadedMask, PictureError> {
    let loaded = load_bytes(bytes, name)?;
    let from = loaded.picture.extent();
    let shape = |size: Extent| f64::from(size.width) / f64::from(size.height);
    let coverage = coverage(&loaded.picture.pixels);
    if from == extent {
        return Ok(LoadedMask {
            mask: coverage,
            rescaled: false,
        });
    }
    let refused = || PictureError::MaskShape {
        path: name.to_path_buf(),
        mask: from,
        picture: extent,
    };
    if extent.is_empty() || (shape(from) / shape(extent) - 1.0).abs() > 0.01 {
        return Err(refused());
    }
    let flat = coverage.to_vec();
    let source =
        ImageRef::new(from.width, from.height, &flat, PixelType::U8).map_err(|_| refused())?;
    let mut target = Image::new(extent.width, extent.height, PixelType::U8);
    Resizer::new()
        .resize(&source, &mut target, None)
        .map_err(|_| refused())?;
    Ok(LoadedMask {
        mask: Tiled::from_pixels(extent, target.buffer(), 0),
        rescaled: true,
    })
}

/// Writes a mask as a grey picture, white = painted; the extension says which kind of file.
pub fn save_mask(path: &Path, mask: &Mask) -> Result<(), PictureError> {
    let picture = Picture {
        pixels: Pixmap::Rgba8(mask.map(|v| [v, v, v, 255])),
        profile: Profile::Srgb,
    };
    let origin = FileOrigin {
        layout: super::ColourLayout::Grey,
        ..FileOrigin::default()
    };
    let options = SaveOptions {
        jpeg_quality: 100,
        ..SaveOptions::default()
    };
    save(path, &picture, &origin, &options).map(|_| ())
}

fn coverage(pixels: &Pixmap) -> Mask {
    match pixels {
        Pixmap::Rgba8(plane) => {
            if is_opaque(plane, u8::MAX) {
                plane.map(|[r, g, b, _]| luma([r, g, b].map(u32::from), 255))
            } else {
                plane.map(|[.., a]| a)
            }
        }
        Pixmap::Rgba16(plane) => {
            if is_opaque(plane, u16::MAX) {
                plane.map(|[r, g, b, _]| luma([r, g, b].map(u32::from), 65535))
            } else {
                plane.map(|[.., a]| ((u32::from(a) + 128) / 257) as u8)
            }
        }
    }
}

fn is_opaque<T: Copy + PartialEq>(plane: &Tiled<[T; 4]>, full: T) -> bool {
    let whole = Rect::of(plane.extent());
    let mut opaque = true;
    for y in 0..whole.height {
        plane.visit_row(y, 0..whole.width, |_, piece| {
            opaque = opaque && piece.iter().all(|[.., a]| *a == full);
        });
    }
    opaque
}

/// Luma of ITU-R BT.601 in integers, as painting programs turn colours to grey; grey is exact.
fn luma([r, g, b]: [u32; 3], full: u32) -> u8 {
    let weighted = u64::from(r) * 299 + u64::from(g) * 587 + u64::from(b) * 114;
    let scale = u64::from(full) * 1000;
    ((weighted * 255 + scale / 2) / scale) as u8
}
