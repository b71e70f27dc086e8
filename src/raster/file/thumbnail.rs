//! [`small_look`]: what a picture file looks like, small: by the thumbnail that a camera has put into it, or
//! decoded and shrunk. [`look_bytes`] is how it is kept.

use std::fs::File;
use std::io::{Cursor, Read as _};
use std::path::Path;

use image::codecs::jpeg::JpegDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat};

use super::{PictureError, exif, load};
use crate::geometry::Extent;
use crate::raster::sheet::SheetTile;

/// A JPEG's EXIF block lies in its first segments, each of at most 64 KiB.
const HEAD_BYTES: u64 = 128 * 1024;
/// A camera's thumbnail is taken where its longer side has so much of what is wanted.
const ENOUGH: f64 = 0.7;

/// What a file looks like, its longer side `longest_px` at most, upright, in sRGB.
pub fn small_look(path: &Path, longest_px: u32) -> Result<SheetTile, PictureError> {
    if let Some(tile) = by_camera(path, longest_px) {
        return Ok(tile);
    }
    let loaded = load(path)?;
    SheetTile::of(&loaded.picture, longest_px, String::new())
}

/// The thumbnail in a JPEG's EXIF block, where it is large enough and shows all of the picture.
fn by_camera(path: &Path, longest_px: u32) -> Option<SheetTile> {
    let about = std::fs::metadata(path).ok()?;
    if !about.is_file() {
        return None;
    }
    let mut head = Vec::new();
    File::open(path)
        .ok()?
        .take(HEAD_BYTES)
        .read_to_end(&mut head)
        .ok()?;
    if !head.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    let mut decoder = JpegDecoder::new(Cursor::new(&head)).ok()?;
    let (width, height) = decoder.dimensions();
    let block = decoder.exif_metadata().ok()??;
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(&block);
    let orientation = Orientation::from_exif_chunk(block).unwrap_or(Orientation::NoTransforms);
    let (_, place) = exif::thumbnail_places(block)?;
    let bytes = block.get(place?)?;
    let mut small = image::load_from_memory_with_format(bytes, ImageFormat::Jpeg).ok()?;
    let longest = f64::from(small.width().max(small.height()));
    let shape = |width: u32, height: u32| f64::from(width) / f64::from(height.max(1));
    let same_shape = (shape(small.width(), small.height()) / shape(width, height) - 1.0).abs();
    // A thumbnail with black bars, or of a picture that was cut later, shows something else.
    if longest < f64::from(longest_px) * ENOUGH || same_shape > 0.03 {
        return None;
    }
    small.apply_orientation(orientation);
    Some(tile_of(&small, longest_px))
}

fn tile_of(picture: &DynamicImage, longest_px: u32) -> SheetTile {
    let full = Extent::new(picture.width(), picture.height());
    let extent = SheetTile::extent_of(full, longest_px);
    let small = if extent == full {
        picture.to_rgba8()
    } else {
        picture
            .thumbnail_exact(extent.width, extent.height)
            .to_rgba8()
    };
    SheetTile {
        label: String::new(),
        extent,
        pixels: small.pixels().map(|pixel| pixel.0).collect(),
    }
}

/// A look as a file: JPEG, or PNG where something is see-through.
pub fn look_bytes(tile: &SheetTile) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (width, height) = (tile.extent.width, tile.extent.height);
    if tile.pixels.iter().all(|[.., alpha]| *alpha == 255) {
        let colours = tile.pixels.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]);
        let colours: Vec<u8> = colours.collect();
        let encoder = jpeg_encoder::Encoder::new(&mut bytes, 88);
        let (width, height) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
        encoder
            .encode(&colours, width, height, jpeg_encoder::ColorType::Rgb)
            .ok()?;
    } else {
        let pixels = tile.pixels.as_flattened().to_vec();
        let picture = image::RgbaImage::from_raw(width, height, pixels)?;
        picture
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
            .ok()?;
    }
    Some(bytes)
}

/// A look as it was kept; `None` where it is damaged.
pub fn look_of_bytes(bytes: &[u8]) -> Option<SheetTile> {
    let picture = image::load_from_memory(bytes).ok()?;
    let longest = picture.width().max(picture.height());
    Some(tile_of(&picture, longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(alpha: u8) -> SheetTile {
        let extent = Extent::new(40, 20);
        SheetTile {
            label: String::new(),
            extent,
            pixels: vec![[200, 100, 50, alpha]; extent.len()],
        }
    }

    /// A JPEG of that size whose EXIF block holds the thumbnail.
    fn camera_file(thumbnail: &[u8], (width, height): (u16, u16), orientation: u8) -> Vec<u8> {
        let mut block = b"MM\0*\0\0\0\x08".to_vec();
        // First directory: orientation; second: where the thumbnail lies, and how long it is.
        block.extend([
            0,
            1,
            1,
            18,
            0,
            3,
            0,
            0,
            0,
            1,
            0,
            orientation,
            0,
            0,
            0,
            0,
            0,
            26,
        ]);
        block.extend([0, 2]);
        for (tag, value) in [(0x0201u16, 56u32), (0x0202, thumbnail.len() as u32)] {
            block.extend(tag.to_be_bytes());
            block.extend([0, 4, 0, 0, 0, 1]);
            block.extend(value.to_be_bytes());
        }
        block.extend([0; 4]);
        assert_eq!(block.len(), 56);
        block.extend(thumbnail);
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
        let segment = [b"Exif\0\0".as_slice(), &block].concat();
        encoder.add_app_segment(1, segment).unwrap();
        let grey = vec![128; usize::from(width) * usize::from(height) * 3];
        encoder
            .encode(&grey, width, height, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        bytes
    }

    #[test]
    fn a_look_is_kept_as_it_was() {
        let kept = look_of_bytes(&look_bytes(&tile(255)).unwrap()).unwrap();
        assert_eq!(kept.extent, Extent::new(40, 20));
        let near = kept.pixels[0].iter().zip([200u8, 100, 50, 255]);
        assert!(near.into_iter().all(|(a, b)| a.abs_diff(b) < 6));
        let see_through = look_of_bytes(&look_bytes(&tile(90)).unwrap()).unwrap();
        assert_eq!(see_through, tile(90));
        assert_eq!(look_of_bytes(b"damaged"), None);
    }

    #[test]
    fn a_cameras_thumbnail_is_taken_where_it_shows_the_picture() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("a.jpg");
        let thumbnail = look_bytes(&tile(255)).unwrap();
        std::fs::write(&path, camera_file(&thumbnail, (400, 200), 6)).unwrap();
        // Upright: turned by a quarter.
        let look = small_look(&path, 40).unwrap();
        assert_eq!(look.extent, Extent::new(20, 40));
        assert!(look.pixels[0][0] > 180, "{:?}", look.pixels[0]);
        // Too small for what is wanted, and of another shape: the picture itself is shown, which is grey.
        let grey = |tile: SheetTile| tile.pixels[0].iter().take(3).all(|v| v.abs_diff(128) < 4);
        assert!(grey(small_look(&path, 100).unwrap()));
        std::fs::write(&path, camera_file(&thumbnail, (300, 200), 1)).unwrap();
        assert!(grey(small_look(&path, 40).unwrap()));
    }
}
