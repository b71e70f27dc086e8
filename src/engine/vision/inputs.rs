//! What the networks are shown.

use candle_core::{Device, Tensor};

use crate::engine::EngineError;
use crate::geometry::Extent;
use crate::raster::RgbF32;
use crate::raster::scale::{FilterType, Frame, Unscalable, scale_rgb};

/// A square of a picture, in its pixels; may reach outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Square {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) side: f64,
}

impl Square {
    /// The smallest one around a whole picture.
    pub(super) fn around(extent: Extent) -> Self {
        let (width, height) = (f64::from(extent.width), f64::from(extent.height));
        let side = width.max(height);
        Self {
            left: (width - side) / 2.0,
            top: (height - side) / 2.0,
            side,
        }
    }
}

/// The whole picture at another size, each side by its own factor (bicubic).
pub(super) fn stretched(picture: &RgbF32, extent: Extent) -> Result<RgbF32, EngineError> {
    scaled(picture, Frame::of(picture.extent), extent)
}

/// What the picture shows in a square, at `side_px` pixels a side; black outside the picture.
pub(super) fn cut_out(
    picture: &RgbF32,
    square: Square,
    side_px: u32,
) -> Result<RgbF32, EngineError> {
    let mut shown = RgbF32::filled(Extent::new(side_px, side_px), [0.0; 3]);
    // Whole pixels of the target that lie inside the picture; what they show of it, to a fraction.
    let per_px = square.side / f64::from(side_px);
    let along = |first: f64, length: u32| {
        let from = (-first / per_px).ceil().clamp(0.0, f64::from(side_px));
        let to = ((f64::from(length) - first) / per_px).floor();
        (from as u32, to.clamp(from, f64::from(side_px)) as u32)
    };
    let (left, right) = along(square.left, picture.extent.width);
    let (top, bottom) = along(square.top, picture.extent.height);
    let inside = Extent::new(right - left, bottom - top);
    if inside.is_empty() {
        return Ok(shown);
    }
    let frame = Frame {
        left: (square.left + f64::from(left) * per_px).max(0.0),
        top: (square.top + f64::from(top) * per_px).max(0.0),
        width: f64::from(inside.width) * per_px,
        height: f64::from(inside.height) * per_px,
    };
    let part = scaled(picture, frame, inside)?;
    let rows = part.pixels.chunks_exact(inside.width as usize);
    let into = shown
        .pixels
        .chunks_exact_mut(side_px as usize)
        .skip(top as usize);
    for (from, to) in rows.zip(into) {
        if let Some(to) = to.get_mut(left as usize..right as usize) {
            to.copy_from_slice(from);
        }
    }
    Ok(shown)
}

/// A picture as a network reads it: (1, 3, h, w), each value through `convert`, which is told its channel.
pub(super) fn tensor(
    picture: &RgbF32,
    convert: impl Fn(usize, f32) -> f32,
) -> Result<Tensor, EngineError> {
    let convert = |[r, g, b]: &[f32; 3]| [convert(0, *r), convert(1, *g), convert(2, *b)];
    let numbers: Vec<f32> = picture.pixels.iter().flat_map(convert).collect();
    let (width, height) = (
        picture.extent.width as usize,
        picture.extent.height as usize,
    );
    let numbers = Tensor::from_vec(numbers, (1, height, width, 3), &Device::Cpu)?;
    Ok(numbers.permute((0, 3, 1, 2))?)
}

fn scaled(picture: &RgbF32, frame: Frame, extent: Extent) -> Result<RgbF32, EngineError> {
    let failed = |Unscalable(why)| EngineError::Internal { why };
    let mut scaled = scale_rgb(picture, frame, extent, FilterType::CatmullRom).map_err(failed)?;
    for value in scaled.pixels.as_flattened_mut() {
        *value = value.clamp(0.0, 1.0);
    }
    Ok(scaled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_black_outside_the_picture() {
        let picture = RgbF32::filled(Extent::new(40, 20), [1.0, 0.5, 0.25]);
        let square = Square::around(picture.extent);
        let shown = cut_out(&picture, square, 8).unwrap();
        for (at, pixel) in shown.pixels.iter().enumerate() {
            let inside = (2..6).contains(&(at / 8));
            let wanted = if inside { [1.0, 0.5, 0.25] } else { [0.0; 3] };
            assert_eq!(*pixel, wanted, "{at}");
        }
        let far = Square {
            left: 100.0,
            ..square
        };
        assert_eq!(cut_out(&picture, far, 4).unwrap().pixels, [[0.0; 3]; 16]);
    }

    #[test]
    fn channels_are_told_apart() {
        let picture = RgbF32 {
            extent: Extent::new(2, 1),
            pixels: vec![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
        };
        let tensor = tensor(&picture, |channel, v| v * 10.0 + channel as f32).unwrap();
        let numbers: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(numbers, [0.0, 30.0, 11.0, 41.0, 22.0, 52.0]);
    }
}
