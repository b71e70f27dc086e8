//! Scaling pixels, exact at pixel centres.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeAlg, ResizeOptions, Resizer};

pub use fast_image_resize::FilterType;

use super::pixmap::RgbF32;
use crate::geometry::Extent;

/// A rectangle between pixels, inside its picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// First column, any fraction.
    pub left: f64,
    /// First row.
    pub top: f64,
    /// Columns.
    pub width: f64,
    /// Rows.
    pub height: f64,
}

impl Frame {
    /// The whole of a picture of that size.
    pub fn of(extent: Extent) -> Self {
        Self {
            left: 0.0,
            top: 0.0,
            width: f64::from(extent.width),
            height: f64::from(extent.height),
        }
    }
}

/// Scaling failed; a mistake of ours. Says what the scaler says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unscalable(pub String);

/// Scales what `source` shows in `frame` to `extent`. Filters with negative lobes may overshoot 0…1.
pub fn scale_rgb(
    source: &RgbF32,
    frame: Frame,
    extent: Extent,
    filter: FilterType,
) -> Result<RgbF32, Unscalable> {
    let mut scaled = RgbF32::filled(extent, [0.0; 3]);
    scale(
        (bytemuck::cast_slice(&source.pixels), source.extent),
        frame,
        (bytemuck::cast_slice_mut(&mut scaled.pixels), extent),
        (PixelType::F32x3, filter),
    )?;
    Ok(scaled)
}

/// The same in eight bits with four channels, none of which is taken for opacity.
pub fn scale_rgba8(
    pixels: &[[u8; 4]],
    source: Extent,
    frame: Frame,
    extent: Extent,
    filter: FilterType,
) -> Result<Vec<[u8; 4]>, Unscalable> {
    let mut scaled = vec![[0; 4]; extent.len()];
    scale(
        (pixels.as_flattened(), source),
        frame,
        (scaled.as_flattened_mut(), extent),
        (PixelType::U8x4, filter),
    )?;
    Ok(scaled)
}

/// A side of a frame, moved by less than a number in eight bits can show where the scaler would fail:
/// it leaves out taps of weight 0, and takes the first and the last of `count` for the outermost that are
/// read, which they are not when they alone lie on whole pixels.
fn settled(start: f64, length: f64, count: u32) -> (f64, f64) {
    const NEAR: f64 = 1e-6;
    let step = length / f64::from(count.max(1));
    let is_whole = |at: f64| (at - at.round()).abs() < NEAR;
    if (step - 1.0).abs() < 1e-9 && is_whole(start) {
        return (start.round(), f64::from(count));
    }
    let first = start + 0.5 * step - 0.5;
    let last = start + length - 0.5 * step - 0.5;
    if step <= 1.0 && (is_whole(first) || is_whole(last)) {
        return (start + NEAR, length - 3.0 * NEAR);
    }
    (start, length)
}

fn scale(
    (from, source): (&[u8], Extent),
    frame: Frame,
    (to, extent): (&mut [u8], Extent),
    (pixel_type, filter): (PixelType, FilterType),
) -> Result<(), Unscalable> {
    let width = frame.width.min(f64::from(source.width) - frame.left);
    let height = frame.height.min(f64::from(source.height) - frame.top);
    let (left, width) = settled(frame.left, width, extent.width);
    let (top, height) = settled(frame.top, height, extent.height);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .use_alpha(false)
        .crop(left, top, width, height);
    let failed = |why: &dyn std::fmt::Display| Unscalable(why.to_string());
    let from = ImageRef::new(source.width, source.height, from, pixel_type)
        .map_err(|error| failed(&error))?;
    let mut to = Image::from_slice_u8(extent.width, extent.height, to, pixel_type)
        .map_err(|error| failed(&error))?;
    Resizer::new()
        .resize(&from, &mut to, &options)
        .map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame whose first or last pixel lies on a whole one, to a rounding error or exactly.
    #[test]
    fn frames_on_whole_pixels_are_scaled_like_their_neighbours() {
        let source = RgbF32 {
            extent: Extent::new(128, 128),
            pixels: (0..128 * 128)
                .map(|i| [(i % 128) as f32 / 127.0, (i / 128) as f32 / 127.0, 0.5])
                .collect(),
        };
        let scaled = |start: f64, length: f64, count: u32| {
            let frame = Frame {
                left: start,
                top: start,
                width: length,
                height: length,
            };
            let extent = Extent::new(count, count);
            scale_rgb(&source, frame, extent, FilterType::CatmullRom).unwrap()
        };
        for (start, length, count) in [
            (0.0, 128.0, 128),
            (1e-13, 128.0 - 2e-13, 128),
            (3.0 - 1e-13, 64.0, 64),
            (10.25, 32.0, 64),
            (10.25 + 1e-12, 32.0, 64),
            (9.75, 32.0, 64),
        ] {
            let here = scaled(start, length, count);
            let beside = scaled(start + 1e-4, length, count);
            let pairs = here.pixels.iter().zip(&beside.pixels);
            let far = pairs
                .flat_map(|(a, b)| a.iter().zip(b))
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(far < 1e-3, "{start} {length} {count}: {far}");
        }
    }
}
