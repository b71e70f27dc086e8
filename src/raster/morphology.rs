//! Whole masks: turning them round, and finding what is painted.

use super::pixmap::Mask;
use super::tiled::Tiled;
use crate::geometry::{Extent, Rect};

/// Nothing painted.
pub fn blank_mask(extent: Extent) -> Mask {
    Tiled::filled(extent, 0)
}

/// Painted where it was not, and the other way round.
pub fn inverted(mask: &Mask) -> Mask {
    mask.map(|value| 255 - value)
}

/// True when nothing is painted.
pub fn is_blank(mask: &Mask) -> bool {
    mask_bounds(mask).is_none()
}

/// The smallest rectangle that holds all that is painted, however faintly. Fast on large, mostly
/// empty masks: a tile that shares its memory with one known to be empty is not looked at.
pub fn mask_bounds(mask: &Mask) -> Option<Rect> {
    let mut bounds = Rect::default();
    let mut empty: Option<*const u8> = None;
    for index in mask.tiles_in(Rect::of(mask.extent())) {
        let (Some(tile), rect) = (mask.tile(index), mask.tile_rect(index)) else {
            continue;
        };
        if empty == Some(tile.as_ptr()) {
            continue;
        }
        let painted = painted_in(tile, rect);
        if painted.is_empty() {
            // Only a tile that is empty beyond the border too may stand for others.
            empty = tile
                .iter()
                .all(|value| *value == 0)
                .then_some(tile.as_ptr())
                .or(empty);
        }
        bounds = bounds.union(painted);
    }
    (!bounds.is_empty()).then_some(bounds)
}

/// The painted part of one tile, whose visible pixels are `rect`.
fn painted_in(tile: &[u8], rect: Rect) -> Rect {
    let mut bounds = Rect::default();
    let rows = tile.chunks_exact(super::TILE_PX as usize);
    for (y, row) in (rect.y..rect.bottom()).zip(rows) {
        let row = row.get(..rect.width as usize).unwrap_or(row);
        let first = row.iter().position(|value| *value != 0);
        let last = row.iter().rposition(|value| *value != 0);
        if let (Some(first), Some(last)) = (first, last) {
            let width = (last - first + 1) as u32;
            bounds = bounds.union(Rect::new(rect.x + first as i32, y, width, 1));
        }
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_agree_with_looking_at_every_pixel() {
        let extent = Extent::new(700, 530);
        for marks in [
            &[][..],
            &[(0, 0)],
            &[(699, 529)],
            &[(255, 256), (256, 255)],
            &[(3, 400), (650, 7), (300, 300)],
        ] {
            let mut mask = blank_mask(extent);
            for (x, y) in marks {
                mask.update(Rect::new(*x, *y, 1, 1), |_, _| 1);
            }
            let wanted = marks.iter().fold(Rect::default(), |r, (x, y)| {
                r.union(Rect::new(*x, *y, 1, 1))
            });
            assert_eq!(mask_bounds(&mask), (!marks.is_empty()).then_some(wanted));
            assert_eq!(is_blank(&mask), marks.is_empty());
        }
    }

    #[test]
    fn inverting_twice_is_nothing_and_the_border_stays_outside() {
        let extent = Extent::new(300, 40);
        let mut mask = blank_mask(extent);
        mask.update(Rect::new(10, 10, 5, 5), |_, _| 200);
        assert!(inverted(&inverted(&mask)) == mask);
        assert_eq!(inverted(&mask).get(12, 12), Some(55));
        assert_eq!(
            mask_bounds(&inverted(&blank_mask(extent))),
            Some(Rect::of(extent))
        );
        let full = inverted(&blank_mask(extent));
        assert!(is_blank(&inverted(&full)));
    }
}
