//! Pictures and maps as PNG, and back.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, ImageReader, RgbImage};

use crate::geometry::Extent;
use crate::raster::RgbF32;

/// The sides that an answer may have at most, in pixels.
const LONGEST_PX: u32 = 1 << 15;

/// A picture as PNG of 8 bits.
pub(super) fn png(picture: &RgbF32) -> Vec<u8> {
    let bytes = picture.pixels.iter().flatten().map(|v| byte(*v)).collect();
    let Extent { width, height } = picture.extent;
    RgbImage::from_raw(width, height, bytes).map_or_else(Vec::new, |image| encoded(&image.into()))
}

/// A map of values from 0 to 1 as PNG of 8 bits.
pub(super) fn map_png(extent: Extent, map: &[f32]) -> Vec<u8> {
    let bytes = map.iter().map(|value| byte(*value)).collect();
    GrayImage::from_raw(extent.width, extent.height, bytes)
        .map_or_else(Vec::new, |image| encoded(&image.into()))
}

fn byte(value: f32) -> u8 {
    (value * 255.0).round().clamp(0.0, 255.0) as u8
}

fn encoded(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    // Memory takes everything.
    image.write_to(&mut bytes, ImageFormat::Png).ok();
    bytes.into_inner()
}

/// The picture in a file that came; `None` where it is none.
pub(super) fn decoded(bytes: &[u8]) -> Option<RgbF32> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .ok()?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(LONGEST_PX);
    limits.max_image_height = Some(LONGEST_PX);
    reader.limits(limits);
    let image = reader.decode().ok()?.into_rgb8();
    let extent = Extent::new(image.width(), image.height());
    let pixels = image.pixels();
    let pixels = pixels.map(|pixel| pixel.0.map(|value| f32::from(value) / 255.0));
    Some(RgbF32 {
        extent,
        pixels: pixels.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_come_back_as_they_went() {
        let extent = Extent::new(3, 2);
        let pixels = (0..6).map(|i| [i as f32 / 255.0, 0.0, 1.0]).collect();
        let picture = RgbF32 { extent, pixels };
        assert_eq!(decoded(&png(&picture)), Some(picture));
        let map = decoded(&map_png(extent, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0])).unwrap();
        assert_eq!(map.pixels.last(), Some(&[1.0; 3]));
        assert_eq!(decoded(b"<html>"), None);
    }
}
