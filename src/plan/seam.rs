//! [`seam`]: the edge between a subject and what is behind it, as a mask; and how it is redrawn.

use super::settings::{EditSettings, FillMode, Length, MaskMode};
use crate::geometry::Rect;
use crate::raster::{Mask, TilePixels, Tiled, snapped_to_ends};

/// How far on both sides of the edge is redrawn, and how far that fades out.
const REACH: Length = Length::Percent(0.5);
const FADE: Length = Length::Percent(1.0);

/// Fully painted where a matte is soft and along its hard edges, nothing elsewhere.
#[must_use]
pub fn seam(subject: &Mask) -> Mask {
    let whole = Rect::of(subject.extent());
    Tiled::from_tiles(subject.extent(), 0, |rect| {
        // A pixel is compared with those to its right and below it.
        let wide = Rect::from_borders(rect.x, rect.y, rect.right() + 1, rect.bottom() + 1);
        let wide = wide.intersect(whole);
        let shares: Vec<u8> = subject
            .crop(wide)
            .into_iter()
            .map(snapped_to_ends)
            .collect();
        let share = |x: u32, y: u32| {
            let (x, y) = (x.min(wide.width - 1), y.min(wide.height - 1));
            let at = y as usize * wide.width as usize + x as usize;
            shares.get(at).copied().unwrap_or(0)
        };
        let mut pixels = Vec::with_capacity(rect.extent().len());
        for y in 0..rect.height {
            for x in 0..rect.width {
                let here = share(x, y);
                let is_edge = here != share(x + 1, y) || here != share(x, y + 1);
                let is_seam = is_edge || (1..255).contains(&here);
                pixels.push(if is_seam { 255 } else { 0 });
            }
        }
        if pixels.contains(&255) {
            TilePixels::Each(pixels)
        } else {
            TilePixels::All(0)
        }
    })
}

/// Sets what redrawing a [`seam`] is about: what is painted changes, softly, from what is there.
pub fn set_for_seam(settings: &mut EditSettings) {
    settings.mask_mode = MaskMode::Changes;
    settings.fill = FillMode::Original;
    settings.grow = REACH;
    settings.feather = Some(FADE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;

    #[test]
    fn a_seam_is_what_is_soft_and_the_line_of_what_is_hard() {
        let mut subject = Tiled::filled(Extent::new(600, 300), 0);
        subject.update(Rect::new(255, 100, 100, 100), |_, _| 255);
        subject.update(Rect::new(400, 0, 5, 300), |_, _| 90);
        let seam = seam(&subject);
        let at = |x, y| seam.get(x, y).unwrap();
        assert_eq!((at(254, 150), at(253, 150), at(256, 150)), (255, 0, 0));
        assert_eq!((at(300, 99), at(300, 98), at(300, 150)), (255, 0, 0));
        assert_eq!((at(402, 7), at(410, 7)), (255, 0));
    }
}
