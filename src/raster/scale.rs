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

fn scale(
    (from, source): (&[u8], Extent),
    frame: Frame,
    (to, extent): (&mut [u8], Extent),
    (pixel_type, filter): (PixelType, FilterType),
) -> Result<(), Unscalable> {
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .use_alpha(false)
        .crop(
            frame.left,
            frame.top,
            frame.width.min(f64::from(source.width) - frame.left),
            frame.height.min(f64::from(source.height) - frame.top),
        );
    let failed = |why: &dyn std::fmt::Display| Unscalable(why.to_string());
    let from = ImageRef::new(source.width, source.height, from, pixel_type)
        .map_err(|error| failed(&error))?;
    let mut to = Image::from_slice_u8(extent.width, extent.height, to, pixel_type)
        .map_err(|error| failed(&error))?;
    Resizer::new()
        .resize(&from, &mut to, &options)
        .map_err(|error| failed(&error))
}
