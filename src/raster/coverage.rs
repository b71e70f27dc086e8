//! Whole masks: what their values mean, and turning them round.

use super::pixmap::Mask;
use super::tiled::Tiled;
use crate::geometry::Extent;

/// Nothing painted.
pub fn blank_mask(extent: Extent) -> Mask {
    Tiled::filled(extent, 0)
}

/// Painted where it was not, and the other way round.
pub fn inverted(mask: &Mask) -> Mask {
    mask.map(|value| 255 - value)
}

/// What a coverage means: up to 8 is "not at all" and from 247 "fully". Exports, lossy files and
/// conversions of colour move the ends of masks by a few steps, and nobody paints that thin.
pub const fn snapped_to_ends(coverage: u8) -> u8 {
    match coverage {
        0..=8 => 0,
        247..=255 => 255,
        between => between,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;

    #[test]
    fn inverting_twice_is_nothing_and_the_border_stays_outside() {
        let extent = Extent::new(300, 40);
        let mut mask = blank_mask(extent);
        mask.update(Rect::new(10, 10, 5, 5), |_, _| 200);
        assert!(inverted(&inverted(&mask)) == mask);
        assert_eq!(inverted(&mask).get(12, 12), Some(55));
        let full = inverted(&blank_mask(extent));
        assert!(inverted(&full) == blank_mask(extent));
    }

    #[test]
    fn ends_mirror_each_other() {
        for c in 0..=255u8 {
            assert_eq!(snapped_to_ends(255 - c), 255 - snapped_to_ends(c), "{c}");
        }
        assert_eq!([8, 9, 246, 247].map(snapped_to_ends), [0, 9, 246, 255]);
    }
}
