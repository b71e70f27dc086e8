//! From a division of the proxy to the mask of the picture: only what changed is written.

use crate::geometry::{Extent, Rect};
use crate::raster::{Mask, Picture, Pixmap, Tiled, blank_mask, inverted};
use crate::select::{Proxy, SelectError, SubjectMap, lift};

/// What is known around what changed, in pixels of the proxy.
const MARGIN: u32 = 12;
/// What is so near to what changed is written too: its edge is soft.
const NEAR: u32 = 4;
/// The map that is lifted has half the proxy's side, so that its edge says how sure it is.
const MAP: u32 = 2;

/// A division of the proxy.
pub(super) struct Cut<'a> {
    pub(super) extent: Extent,
    /// For each pixel whether it is inside.
    pub(super) is_inside: &'a [bool],
    /// Whether it was before.
    pub(super) was: &'a [bool],
}

/// The mask with what changed, as fine as the picture.
pub(super) fn lifted(picture: &Picture, before: &Mask, cut: &Cut<'_>) -> Result<Mask, SelectError> {
    let Some(changed) = cut.changed() else {
        return Ok(before.clone());
    };
    let whole = Rect::of(cut.extent);
    let fine = changed.expanded(MARGIN).intersect(whole);
    let full = cut.at_full_size(fine, picture.extent());
    let part = Picture {
        pixels: cropped(&picture.pixels, full),
        profile: picture.profile.clone(),
    };
    let lifted = match cut.side(fine) {
        Some(true) => inverted(&blank_mask(full.extent())),
        Some(false) => blank_mask(full.extent()),
        None => lift(&part, &Proxy::of(&part)?, &cut.map(fine))
            .unwrap_or_else(|| blank_mask(full.extent())),
    };
    let near = cut.near(fine);
    let mut result = before.clone();
    for index in result.tiles_in(full) {
        let rect = result.tile_rect(index).intersect(full);
        let within = Rect::new(rect.x - full.x, rect.y - full.y, rect.width, rect.height);
        let mut values = lifted.crop(within).into_iter();
        let place = |at: i32, from: i32, many: u32, few: u32| {
            ((at - from) as u64 * u64::from(few) / u64::from(many.max(1))) as usize
        };
        result.update(rect, |at, old| {
            let new = values.next().unwrap_or(old);
            let x = place(at.x, full.x, full.width, fine.width);
            let y = place(at.y, full.y, full.height, fine.height);
            let is_near = near.get(y * fine.width as usize + x) == Some(&true);
            if is_near { new } else { old }
        });
    }
    Ok(result)
}

impl Cut<'_> {
    fn number(&self, x: i32, y: i32) -> usize {
        y as usize * self.extent.width as usize + x as usize
    }

    fn is_inside(&self, x: i32, y: i32) -> bool {
        self.is_inside.get(self.number(x, y)) == Some(&true)
    }

    fn has_changed(&self, x: i32, y: i32) -> bool {
        let at = self.number(x, y);
        self.is_inside.get(at) != self.was.get(at)
    }

    /// The box around what changed.
    fn changed(&self) -> Option<Rect> {
        let mut bounds = Rect::default();
        for y in 0..self.extent.height as i32 {
            let mut row = (0..self.extent.width as i32).filter(|x| self.has_changed(*x, y));
            if let Some(first) = row.next() {
                let last = row.next_back().unwrap_or(first);
                bounds = bounds.union(Rect::new(first, y, (last - first + 1) as u32, 1));
            }
        }
        (!bounds.is_empty()).then_some(bounds)
    }

    /// The part of the picture under a part of the proxy.
    fn at_full_size(&self, fine: Rect, full: Extent) -> Rect {
        let place = |at: i32, here: u32, there: u32| {
            let exact = f64::from(at) * f64::from(there) / f64::from(here.max(1));
            exact.round() as i32
        };
        Rect::from_borders(
            place(fine.x, self.extent.width, full.width),
            place(fine.y, self.extent.height, full.height),
            place(fine.right(), self.extent.width, full.width),
            place(fine.bottom(), self.extent.height, full.height),
        )
    }

    /// Where all of a part lies; `None` where it is divided.
    fn side(&self, rect: Rect) -> Option<bool> {
        let first = self.is_inside(rect.x, rect.y);
        let mut rows = rect.y..rect.bottom();
        let is_same = rows.all(|y| {
            let mut row = rect.x..rect.right();
            row.all(|x| self.is_inside(x, y) == first)
        });
        is_same.then_some(first)
    }

    /// How much of each square of [`MAP`] pixels is inside.
    fn map(&self, rect: Rect) -> SubjectMap {
        let extent = Extent::new(rect.width.div_ceil(MAP), rect.height.div_ceil(MAP));
        let mut likelihood = Vec::with_capacity(extent.len());
        for row in 0..extent.height {
            for column in 0..extent.width {
                let corner = (rect.x + (column * MAP) as i32, rect.y + (row * MAP) as i32);
                let square = Rect::new(corner.0, corner.1, MAP, MAP).intersect(rect);
                let mut inside = 0;
                for y in square.y..square.bottom() {
                    inside += (square.x..square.right())
                        .filter(|x| self.is_inside(*x, y))
                        .count();
                }
                likelihood.push(inside as f32 / square.extent().len().max(1) as f32);
            }
        }
        SubjectMap { extent, likelihood }
    }

    /// Where something changed within [`NEAR`], in a part.
    fn near(&self, rect: Rect) -> Vec<bool> {
        let mut near = vec![false; rect.extent().len()];
        let width = rect.width as usize;
        for y in rect.y..rect.bottom() {
            for x in (rect.x..rect.right()).filter(|x| self.has_changed(*x, y)) {
                let around = Rect::new(x, y, 1, 1).expanded(NEAR).intersect(rect);
                for y in around.y..around.bottom() {
                    let from = (y - rect.y) as usize * width + (around.x - rect.x) as usize;
                    let row = near.get_mut(from..from + around.width as usize);
                    row.unwrap_or_default().fill(true);
                }
            }
        }
        near
    }
}

fn cropped(pixels: &Pixmap, rect: Rect) -> Pixmap {
    match pixels {
        Pixmap::Rgba8(plane) => Pixmap::Rgba8(part_of(plane, rect, [0; 4])),
        Pixmap::Rgba16(plane) => Pixmap::Rgba16(part_of(plane, rect, [0; 4])),
    }
}

fn part_of<P: Copy + PartialEq>(plane: &Tiled<P>, rect: Rect, outside: P) -> Tiled<P> {
    Tiled::from_pixels(rect.extent(), &plane.crop(rect), outside)
}
