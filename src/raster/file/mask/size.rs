//! A mask of another size than its picture.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::levels::{is_antialiased, is_hard};
use crate::geometry::Extent;

/// True when the two have the same shape, to 1 %.
pub(super) fn is_same_shape(a: Extent, b: Extent) -> bool {
    let shape = |size: Extent| f64::from(size.width) / f64::from(size.height);
    a == b || (!a.is_empty() && !b.is_empty() && (shape(a) / shape(b) - 1.0).abs() <= 0.01)
}

/// The mask in another size: by area when it shrinks, linearly when it grows. Neither overshoots,
/// so nothing is painted beside what was painted. A hard mask stays hard, and antialiased edges stay
/// a pixel wide. `None` where the sizes cannot be scaled.
pub(super) fn scaled(coverage: &[u8], from: Extent, to: Extent) -> Option<Vec<u8>> {
    let shrinks = to.width < from.width || to.height < from.height;
    let filter = if shrinks {
        FilterType::Box
    } else {
        FilterType::Bilinear
    };
    let source = ImageRef::new(from.width, from.height, coverage, PixelType::U8).ok()?;
    let mut target = Image::new(to.width, to.height, PixelType::U8);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    Resizer::new().resize(&source, &mut target, &options).ok()?;
    let mut scaled = target.into_vec();
    if is_hard(coverage) {
        for c in &mut scaled {
            *c = if *c < 128 { 0 } else { 255 };
        }
    } else if !shrinks && is_antialiased(coverage, from) {
        // An edge as wide as a pixel of the file is as steep again as the file was enlarged.
        let steeper = f64::from(to.width) / f64::from(from.width);
        for c in &mut scaled {
            *c = (((f64::from(*c) - 127.5) * steeper + 127.5).round()) as u8;
        }
    }
    Some(scaled)
}
