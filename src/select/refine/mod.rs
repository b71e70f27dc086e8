//! Refining a mask: its edge is moved, smoothed and softened, its holes are filled, its specks dropped.
//!
//! Everything but holes and specks looks only a few pixels far, so it is done tile by tile, and tiles that are
//! all one value with their surroundings stay the memory they were.

mod blur;
mod disc;
mod median;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::components::{Components, Joined};
use crate::geometry::Rect;
use crate::raster::{Mask, snapped_to_ends};

/// What is to become of a mask, in pixels of the picture; nothing at first.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Refinement {
    /// Holes up to that wide are filled: a round one, or any of its area. What reaches the border of the
    /// picture is no hole.
    pub fill_holes_px: u32,
    /// Specks up to that wide are dropped.
    pub drop_specks_px: u32,
    /// The edge loses corners and bays narrower than twice this.
    pub smooth_px: u32,
    /// The edge moves so far outwards, or inwards where it is negative, as soft as it was.
    pub grow_px: i32,
    /// The edge becomes soft over so far to either side.
    pub feather_px: f32,
}

impl Refinement {
    /// The most that a length may be.
    pub const MOST_PX: u32 = 100;

    /// True where it changes nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The mask refined: holes, specks, smoothing, growing, feathering, in this order. `None` where `is_stopped`
/// says that nobody waits any more.
pub fn refined(
    mask: &Mask,
    refinement: &Refinement,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Option<Mask> {
    let most = Refinement::MOST_PX;
    let mut mask = mask.clone();
    if refinement.fill_holes_px > 0 {
        mask = without_holes(&mask, area_of(refinement.fill_holes_px));
    }
    if refinement.drop_specks_px > 0 && !is_stopped() {
        mask = without_specks(&mask, area_of(refinement.drop_specks_px));
    }
    let smooth = refinement.smooth_px.min(most);
    if smooth > 0 {
        mask = filtered(&mask, smooth, is_stopped, |part| {
            median::of_discs(part, smooth)
        });
    }
    let grow = refinement.grow_px.unsigned_abs().min(most);
    if grow > 0 {
        let shrinks = refinement.grow_px < 0;
        mask = filtered(&mask, grow, is_stopped, |part| {
            disc::moved(part, grow, shrinks)
        });
    }
    let feather = refinement.feather_px.min(most as f32);
    if feather > 0.0 {
        // A Gaussian has nearly all of its weight within two deviations.
        let sigma = feather / 2.0;
        let reach = blur::reach(sigma);
        mask = filtered(&mask, reach, is_stopped, |part| blur::gaussian(part, sigma));
    }
    (!is_stopped()).then_some(mask)
}

/// The pixels of something round of that width.
fn area_of(width_px: u32) -> u64 {
    (f64::from(width_px).powi(2) * std::f64::consts::FRAC_PI_4).ceil() as u64
}

fn without_holes(mask: &Mask, most: u64) -> Mask {
    let open = Components::of(mask, Joined::BySides, |value| snapped_to_ends(value) < 255);
    let mut result = mask.clone();
    for run in open.runs_of(|_, part| !part.is_at_border && part.area <= most) {
        let row = Rect::new(run.from as i32, run.y as i32, run.to - run.from, 1);
        result.update(row, |_, _| 255);
    }
    result
}

fn without_specks(mask: &Mask, most: u64) -> Mask {
    let painted = Components::of(mask, Joined::ByCorners, |value| snapped_to_ends(value) > 0);
    let mut result = mask.clone();
    for run in painted.runs_of(|_, part| part.area <= most) {
        let row = Rect::new(run.from as i32, run.y as i32, run.to - run.from, 1);
        result.update(row, |_, _| 0);
    }
    result
}

/// A part of a mask to be filtered, with what lies around it.
struct PartOf<'a> {
    /// The pixels that are wanted.
    rect: Rect,
    /// What is known around them; ends at the border of the picture.
    around: Rect,
    /// Row-major.
    values: &'a [u8],
}

impl PartOf<'_> {
    /// A row of what is known, by its number in the picture; beyond the border the row at the border.
    fn row(&self, y: i32) -> &[u8] {
        let y = y.clamp(self.around.y, self.around.bottom() - 1) - self.around.y;
        let width = self.around.width as usize;
        let from = y as usize * width;
        self.values.get(from..from + width).unwrap_or_default()
    }

    /// How many columns are known at the left of the first one that is wanted.
    fn left(&self) -> usize {
        (self.rect.x - self.around.x) as usize
    }
}

/// The mask with each tile filtered, where it and what lies around it within `reach` is not all one value.
fn filtered(
    mask: &Mask,
    reach: u32,
    is_stopped: &(dyn Fn() -> bool + Sync),
    filter: impl Fn(&PartOf<'_>) -> Vec<u8> + Sync,
) -> Mask {
    let whole = Rect::of(mask.extent());
    let tiles = mask.tiles_in(whole);
    let made = tiles.into_par_iter().filter_map(|index| {
        let rect = mask.tile_rect(index);
        let around = rect.expanded(reach).intersect(whole);
        if is_stopped() {
            return None;
        }
        let values = mask.crop(around);
        let first = *values.first()?;
        if values.iter().all(|value| *value == first) {
            return None;
        }
        let part = PartOf {
            rect,
            around,
            values: &values,
        };
        Some((rect, filter(&part)))
    });
    let made: Vec<(Rect, Vec<u8>)> = made.collect();
    let mut result = mask.clone();
    for (rect, values) in made {
        let mut values = values.into_iter();
        result.update(rect, |_, old| values.next().unwrap_or(old));
    }
    result
}

#[cfg(test)]
mod tests;
