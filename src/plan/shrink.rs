//! [`shrunk`]: a mask whose region is smaller all around.

use super::composite_alpha::{RegionBounds, change_of, region_bounds};
use super::distance::nearest_sites;
use super::settings::{Length, MaskMode};
use crate::geometry::Rect;
use crate::raster::Mask;

/// From here on a pixel is rather in the region than not.
const INSIDE: u8 = 128;

/// The mask with the region that may change smaller by that length all around, its new edge one pixel
/// soft. Where the region ends at the picture's border it stays there.
pub fn shrunk(painted: &Mask, mode: MaskMode, by: Length) -> Mask {
    let extent = painted.extent();
    let RegionBounds::Box(region) = region_bounds(Some(painted), mode) else {
        return painted.clone();
    };
    let by_px = by.resolve_px(region.diagonal());
    if by_px <= 0.0 {
        return painted.clone();
    }
    let rect = region.expanded(1).intersect(Rect::of(extent));
    let change: Vec<u8> = painted
        .crop(rect)
        .into_iter()
        .map(|c| change_of(c, mode))
        .collect();
    let is_outside: Vec<bool> = change.iter().map(|c| *c < INSIDE).collect();
    let nearest = nearest_sites(rect.extent(), &is_outside);
    let values = change
        .iter()
        .zip(&nearest.squared)
        .map(|(change, squared)| {
            let left = (f64::from(*squared).sqrt() - by_px).clamp(0.0, 1.0);
            change_of((f64::from(*change) * left).round() as u8, mode)
        });
    let values: Vec<u8> = values.collect();
    let mut smaller = painted.clone();
    // Tile by tile, not row by row.
    smaller.update(rect, |at, old| {
        let (x, y) = ((at.x - rect.x) as usize, (at.y - rect.y) as usize);
        let value = values.get(y * rect.width as usize + x);
        value.copied().unwrap_or(old)
    });
    smaller
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;
    use crate::raster::Tiled;

    #[test]
    fn the_region_gets_smaller_whatever_painting_means() {
        let extent = Extent::new(300, 200);
        let mut mask = Tiled::filled(extent, 0);
        let painted = Rect::new(250, 100, 40, 60);
        mask.update(painted, |_, _| 255);
        let bounds = |mask: &Mask, mode| region_bounds(Some(mask), mode);
        let smaller = shrunk(&mask, MaskMode::Changes, Length::Px(3.0));
        let wanted = RegionBounds::Box(Rect::new(253, 103, 34, 54));
        assert_eq!(bounds(&smaller, MaskMode::Changes), wanted);
        let inverse = mask.map(|c| 255 - c);
        let same = shrunk(&inverse, MaskMode::Stays, Length::Px(3.0));
        assert_eq!(bounds(&same, MaskMode::Stays), wanted);
        assert_eq!(same.map(|c| 255 - c), smaller);
        assert_eq!(shrunk(&mask, MaskMode::Changes, Length::Px(0.0)), mask);
        let gone = shrunk(&mask, MaskMode::Changes, Length::Percent(100.0));
        assert_eq!(bounds(&gone, MaskMode::Changes), RegionBounds::Everything);
    }

    #[test]
    fn the_pictures_border_is_no_edge() {
        let extent = Extent::new(50, 40);
        let mut mask = Tiled::filled(extent, 0);
        mask.update(Rect::new(0, 0, 20, 40), |_, _| 255);
        let smaller = shrunk(&mask, MaskMode::Changes, Length::Px(4.0));
        let bounds = region_bounds(Some(&smaller), MaskMode::Changes);
        assert_eq!(bounds, RegionBounds::Box(Rect::new(0, 0, 16, 40)));
    }
}
