//! [`RegionBoxes`]: the bounds of what may change, kept per tile so that a stroke on a large picture
//! looks only at the tiles it touched.

use std::collections::BTreeMap;

use super::composite_alpha::RegionBounds;
use super::settings::MaskMode;
use crate::geometry::Rect;
use crate::raster::{Mask, TILE_PX, Tiled, snapped_to_ends};

/// Boxes within one tile, in pixels of the picture; empty where there is no such pixel.
#[derive(Debug, Clone, Copy, Default)]
struct Boxes {
    painted: Rect,
    not_fully_painted: Rect,
}

/// Gives what [`region_bounds`](super::region_bounds) gives, at the cost of what has changed.
#[derive(Debug)]
pub struct RegionBoxes {
    mask: Mask,
    tiles: BTreeMap<(u32, u32), Boxes>,
}

impl RegionBoxes {
    /// The boxes of a mask.
    pub fn of(mask: &Mask) -> Self {
        let mut boxes = Self {
            mask: Tiled::filled(Default::default(), 0),
            tiles: BTreeMap::new(),
        };
        boxes.update(mask);
        boxes
    }

    /// Takes in a mask that may have changed.
    pub fn update(&mut self, mask: &Mask) {
        if self.mask.extent() != mask.extent() {
            self.tiles.clear();
        }
        for tile in mask.changed_tiles(&self.mask) {
            let rect = mask.tile_rect(tile);
            let boxes = Boxes {
                painted: box_of(mask, rect, |coverage| snapped_to_ends(coverage) > 0),
                not_fully_painted: box_of(mask, rect, |coverage| snapped_to_ends(coverage) < 255),
            };
            self.tiles.insert((tile.row, tile.column), boxes);
        }
        self.mask = mask.clone();
    }

    /// Which part of the picture may change, as a box.
    pub fn bounds(&self, mode: MaskMode) -> RegionBounds {
        let union = |of: fn(&Boxes) -> Rect| {
            self.tiles
                .values()
                .map(of)
                .fold(Rect::default(), Rect::union)
        };
        let painted = union(|boxes| boxes.painted);
        if painted.is_empty() {
            return RegionBounds::Everything;
        }
        let region = match mode {
            MaskMode::Changes => painted,
            MaskMode::Stays => union(|boxes| boxes.not_fully_painted),
        };
        if region.is_empty() {
            RegionBounds::Nothing
        } else {
            RegionBounds::Box(region)
        }
    }
}

impl RegionBoxes {
    /// Whether a pixel in `rect` may change, as far as the boxes tell: never false where one does.
    pub fn meets(&self, rect: Rect, mode: MaskMode) -> bool {
        let rect = rect.intersect(Rect::of(self.mask.extent()));
        if rect.is_empty() {
            return false;
        }
        let tiles = |from: i32, end: i32| from as u32 / TILE_PX..=(end - 1) as u32 / TILE_PX;
        tiles(rect.y, rect.bottom()).any(|row| {
            tiles(rect.x, rect.right()).any(|column| {
                self.tiles.get(&(row, column)).is_some_and(|boxes| {
                    let changes = match mode {
                        MaskMode::Changes => boxes.painted,
                        MaskMode::Stays => boxes.not_fully_painted,
                    };
                    !changes.intersect(rect).is_empty()
                })
            })
        })
    }
}

fn box_of(mask: &Mask, rect: Rect, wanted: impl Fn(u8) -> bool) -> Rect {
    let mut bounds = Rect::default();
    for y in rect.y..rect.bottom() {
        mask.visit_row(y as u32, rect.x as u32..rect.right() as u32, |x, row| {
            let first = row.iter().position(|c| wanted(*c));
            let last = row.iter().rposition(|c| wanted(*c));
            if let (Some(first), Some(last)) = (first, last) {
                let width = (last - first + 1) as u32;
                bounds = bounds.union(Rect::new((x + first as u32) as i32, y, width, 1));
            }
        });
    }
    bounds
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Extent;
    use crate::plan::region_bounds;

    #[test]
    fn a_rectangle_meets_what_may_change_in_it() {
        let mut mask: Mask = Tiled::filled(Extent::new(600, 600), 0);
        mask.update(Rect::new(300, 300, 20, 20), |_, _| 255);
        let boxes = RegionBoxes::of(&mask);
        let meets = |x, y, mode| boxes.meets(Rect::new(x, y, 30, 30), mode);
        assert!(meets(290, 290, MaskMode::Changes) && meets(310, 310, MaskMode::Changes));
        assert!(!meets(260, 300, MaskMode::Changes) && !meets(0, 0, MaskMode::Changes));
        assert!(!meets(590, 700, MaskMode::Changes));
        assert!(meets(0, 0, MaskMode::Stays) && meets(290, 290, MaskMode::Stays));
        let full = RegionBoxes::of(&Tiled::filled(Extent::new(600, 600), 255));
        assert!(!full.meets(Rect::new(0, 0, 600, 600), MaskMode::Stays));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn boxes_say_what_a_look_at_every_pixel_says(
            paints in prop::collection::vec((0..600i32, 0..300i32, 1..600u32, 1..400u32, prop::sample::select(vec![0u8, 8, 9, 246, 247, 255])), 1..8)
        ) {
            let mut mask: Mask = Tiled::filled(Extent::new(600, 300), 0);
            let mut boxes = RegionBoxes::of(&mask);
            for (x, y, width, height, value) in paints {
                mask.update(Rect::new(x, y, width, height), |_, _| value);
                boxes.update(&mask);
                for mode in [MaskMode::Changes, MaskMode::Stays] {
                    prop_assert_eq!(boxes.bounds(mode), region_bounds(Some(&mask), mode));
                }
            }
        }
    }
}
