//! [`PreviewPlace`]: where the previews of a run lie in its picture. What is the same for all of
//! them is worked out once, because they are placed between two steps of the sampler.

use super::composite_alpha::RegionMaps;
use super::error::PlanError;
use super::resample::{Frame, enlarge_rgba8};
use crate::geometry::{Extent, Rect};
use crate::raster::RgbF32;

/// Longer side of a preview at most, in pixels.
const LONGEST_PX: f64 = 512.0;

/// A look at an unfinished result, to be drawn over the picture: sRGB, straight alpha with the
/// feather in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewPatch {
    /// Where it lies in the picture.
    pub rect: Rect,
    /// Its own size, usually smaller than the rectangle's.
    pub extent: Extent,
    /// Its pixels, row-major.
    pub pixels: Vec<[u8; 4]>,
}

/// Where the previews of a run lie in its picture.
#[derive(Debug, Clone)]
pub(super) struct PreviewPlace {
    rect: Rect,
    extent: Extent,
    /// `None`: opaque.
    alpha: Option<Vec<u8>>,
}

impl PreviewPlace {
    /// Previews of what lies in `rect`, seen through the maps of that rectangle.
    pub(super) fn new(rect: Rect, maps: Option<&RegionMaps>) -> Self {
        let longest = f64::from(rect.width.max(rect.height).max(1));
        let shrink = (LONGEST_PX / longest).min(1.0);
        let side = |px: u32| ((f64::from(px) * shrink).round() as u32).max(1);
        let extent = Extent::new(side(rect.width), side(rect.height));
        // The pixel of the rectangle in the middle of each pixel of a preview.
        let places = |side: u32, full: u32| -> Vec<usize> {
            let last = full.saturating_sub(1) as usize;
            let place = |i: u32| ((f64::from(i) + 0.5) / shrink) as usize;
            (0..side).map(|i| place(i).min(last)).collect()
        };
        let alpha = maps.map(|maps| {
            let columns = places(extent.width, rect.width);
            let mut alpha = Vec::with_capacity(extent.len());
            for y in places(extent.height, rect.height) {
                let row = y * rect.width as usize;
                alpha.extend(columns.iter().map(|x| {
                    let full = maps.alpha.get(row + x).copied().unwrap_or_default();
                    (full >> 8) as u8
                }));
            }
            alpha
        });
        Self {
            rect,
            extent,
            alpha,
        }
    }

    /// Places what `preview` shows in `frame`.
    pub(super) fn place(&self, preview: &RgbF32, frame: Frame) -> Result<PreviewPatch, PlanError> {
        // Eight bits first: there are far fewer pixels before than after, and they grow faster.
        let eight = |v: f32| (v * 255.0 + 0.5) as u8;
        let small: Vec<[u8; 4]> = preview
            .pixels
            .iter()
            .map(|&[r, g, b]| [eight(r), eight(g), eight(b), 255])
            .collect();
        let mut pixels = enlarge_rgba8(&small, preview.extent, frame, self.extent)?;
        if let Some(alpha) = &self.alpha {
            for (pixel, alpha) in pixels.iter_mut().zip(alpha) {
                pixel[3] = *alpha;
            }
        }
        Ok(PreviewPatch {
            rect: self.rect,
            extent: self.extent,
            pixels,
        })
    }
}
