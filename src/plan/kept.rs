//! [`Kept`]: what a matte keeps, with its own colours, mixed with what an engine has made.

use rayon::prelude::*;

use super::composite_alpha::RegionMaps;
use super::settings::MaskMode;
use crate::backdrop::Foreground;
use crate::geometry::Rect;
use crate::raster::{Mask, Picture, inverted};

/// Side of the squares that are looked at, in pixels.
const SIDE_PX: u32 = 128;

/// What a matte keeps of a picture.
#[derive(Debug, Clone)]
pub(super) struct Kept(Foreground);

impl Kept {
    pub(super) fn new(source: &Picture, painted: &Mask, mode: MaskMode) -> Self {
        Self(match mode {
            MaskMode::Stays => Foreground::of(&source.pixels, painted),
            MaskMode::Changes => Foreground::of(&source.pixels, &inverted(painted)),
        })
    }

    /// Makes of what is `shown` in `rect`, a part of the maps' rectangle, F·m + shown·(1 − m), m being
    /// how much of a pixel is kept and F its own colour, free of what was behind it.
    pub(super) fn mix(&self, maps: &RegionMaps, rect: Rect, shown: &mut [[f32; 3]]) {
        let width = (rect.width as usize).max(1);
        let stripes = shown.par_chunks_mut(width * SIDE_PX as usize).enumerate();
        stripes.for_each(|(stripe, shown)| {
            let top = stripe as u32 * SIDE_PX;
            let rows = SIDE_PX.min(rect.height - top);
            for left in (0..rect.width).step_by(SIDE_PX as usize) {
                let columns = SIDE_PX.min(rect.width - left);
                let square = Rect::new(rect.x + left as i32, rect.y + top as i32, columns, rows);
                self.mix_square(maps, square, (shown, width, left as usize));
            }
        });
    }

    fn mix_square(
        &self,
        maps: &RegionMaps,
        square: Rect,
        (shown, width, left): (&mut [[f32; 3]], usize, usize),
    ) {
        let kept = |x: usize, y: usize| {
            let row = (square.y - maps.rect.y) as usize + y;
            let column = (square.x - maps.rect.x) as usize + x;
            let kept = maps.kept.as_ref()?;
            kept.get(row * maps.rect.width as usize + column).copied()
        };
        let places = || {
            let columns = square.width as usize;
            let pixels = (0..square.extent().len()).map(move |at| (at, at % columns, at / columns));
            pixels.filter_map(|(at, x, y)| {
                let kept = kept(x, y).filter(|kept| (1..255).contains(kept))?;
                Some((at, (x, y), f32::from(kept) / 255.0))
            })
        };
        if places().next().is_none() {
            return;
        }
        let own = self.0.colours(square);
        for (at, (x, y), kept) in places() {
            let (Some(pixel), Some(own)) = (shown.get_mut(y * width + left + x), own.get(at))
            else {
                continue;
            };
            for (value, own) in pixel.iter_mut().zip(own) {
                *value += (own - *value) * kept;
            }
        }
    }
}
