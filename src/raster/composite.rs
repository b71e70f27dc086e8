//! Laying a [`Patch`] over a picture.

use super::coverage::snapped_to_ends;
use super::pixmap::{Mask, Patch, Pixmap};
use super::tiled::Tiled;
use crate::geometry::{Point, Rect};

/// Draws `patch` over `base`: its alpha, multiplied by `opacity` (0…255), says how much of each
/// colour is the patch's. How transparent the base is stays as it was: an edit changes what is
/// seen, not what is cut out.
///
/// Where the resulting alpha is 0 the base keeps its numbers exactly; where it is full the base
/// takes the patch's colours exactly. Both planes should have the same depth; a patch of the other
/// depth is converted first.
pub fn draw_patch(base: &mut Pixmap, patch: &Patch, opacity: u8) {
    draw_patch_within(base, patch, opacity, patch.rect);
}

/// As [`draw_patch`], but only inside `within`.
pub fn draw_patch_within(base: &mut Pixmap, patch: &Patch, opacity: u8, within: Rect) {
    let within = within.intersect(patch.rect);
    match (base, &patch.pixels) {
        (Pixmap::Rgba8(base), Pixmap::Rgba8(over)) => {
            let pixel = |at| pixel_at(over, patch.rect, at);
            draw(base, within, pixel, Scale { opacity, full: 255 });
        }
        (Pixmap::Rgba16(base), Pixmap::Rgba16(over)) => {
            let pixel = |at| pixel_at(over, patch.rect, at);
            draw(
                base,
                within,
                pixel,
                Scale {
                    opacity,
                    full: 65535,
                },
            );
        }
        (Pixmap::Rgba8(base), Pixmap::Rgba16(over)) => {
            let narrow = |v: u16| ((u32::from(v) + 128) / 257) as u8;
            let pixel = |at| pixel_at(over, patch.rect, at).map(|p| p.map(narrow));
            draw(base, within, pixel, Scale { opacity, full: 255 });
        }
        (Pixmap::Rgba16(base), Pixmap::Rgba8(over)) => {
            let widen = |v: u8| u16::from(v) * 257;
            let pixel = |at| pixel_at(over, patch.rect, at).map(|p| p.map(widen));
            draw(
                base,
                within,
                pixel,
                Scale {
                    opacity,
                    full: 65535,
                },
            );
        }
    }
}

/// Multiplies the alpha of what lies in `within` by a mask of the same size, of which 255 = kept; the
/// mask's ends are those of every mask.
pub fn cut_out(pixels: &mut Pixmap, kept: &Mask, within: Rect) {
    let share = |at: Point| kept.get(at.x as u32, at.y as u32).unwrap_or(255);
    let product = |alpha: u32, at| (alpha * u32::from(snapped_to_ends(share(at))) + 127) / 255;
    match pixels {
        Pixmap::Rgba8(plane) => plane.update(within, |at, [r, g, b, alpha]| {
            [r, g, b, product(u32::from(alpha), at) as u8]
        }),
        Pixmap::Rgba16(plane) => plane.update(within, |at, [r, g, b, alpha]| {
            [r, g, b, product(u32::from(alpha), at) as u16]
        }),
    }
}

fn pixel_at<P: Copy + PartialEq>(plane: &Tiled<P>, rect: Rect, at: Point) -> Option<P> {
    plane.get(
        at.x.wrapping_sub(rect.x) as u32,
        at.y.wrapping_sub(rect.y) as u32,
    )
}

/// What alpha is measured in.
#[derive(Clone, Copy)]
struct Scale {
    /// Of the whole patch, 0…255.
    opacity: u8,
    /// Full scale of a channel.
    full: u64,
}

fn draw<T>(
    base: &mut Tiled<[T; 4]>,
    within: Rect,
    over: impl Fn(Point) -> Option<[T; 4]>,
    scale: Scale,
) where
    T: Copy + PartialEq + Into<u64> + TryFrom<u64>,
{
    let opacity = u64::from(scale.opacity);
    base.update(within, |at, old| {
        over(at).map_or(old, |new| over_pixel(old, new, opacity, scale.full))
    });
}

/// One pixel in integers, rounded to nearest.
fn over_pixel<T>(under: [T; 4], over: [T; 4], opacity: u64, full: u64) -> [T; 4]
where
    T: Copy + Into<u64> + TryFrom<u64>,
{
    let [over_r, over_g, over_b, over_a] = over;
    let [under_r, under_g, under_b, under_a] = under;
    let alpha: u64 = (over_a.into() * opacity + 127) / 255;
    if alpha == 0 {
        return under;
    }
    let mix = |o: T, u: T| {
        let value = (o.into() * alpha + u.into() * (full - alpha) + full / 2) / full;
        T::try_from(value).unwrap_or(o)
    };
    [
        mix(over_r, under_r),
        mix(over_g, under_g),
        mix(over_b, under_b),
        under_a,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;

    #[test]
    fn no_alpha_keeps_the_base_and_full_alpha_takes_the_patch() {
        for base in [[0u8, 7, 250, 255], [3, 2, 1, 0], [90, 90, 90, 17]] {
            assert_eq!(over_pixel(base, [200, 100, 50, 0], 255, 255), base);
            assert_eq!(over_pixel(base, [200, 100, 50, 255], 0, 255), base);
            let full = over_pixel(base, [200, 100, 50, 255], 255, 255);
            assert_eq!(full, [200, 100, 50, base[3]]);
        }
        let deep = over_pixel([65535u16, 0, 9, 65535], [1, 2, 3, 65535], 255, 65535);
        assert_eq!(deep, [1, 2, 3, 65535]);
    }

    #[test]
    fn over_follows_the_formula() {
        // On an opaque base the rule is a plain mix.
        let out = over_pixel([100u8, 0, 255, 255], [200, 255, 0, 51], 255, 255);
        assert_eq!(out, [120, 51, 204, 255]);
        // The same on any other: its alpha is not the patch's affair.
        for alpha in [0, 9, 128] {
            let out = over_pixel([100u8, 0, 255, alpha], [200, 255, 0, 51], 255, 255);
            assert_eq!(out, [120, 51, 204, alpha]);
        }
        // Half opacity halves the alpha.
        let out = over_pixel([0u8, 0, 0, 255], [255, 255, 255, 255], 128, 255);
        assert_eq!(out, [128, 128, 128, 255]);
    }

    #[test]
    fn a_patch_that_reaches_outside_is_cut() {
        let extent = Extent::new(4, 4);
        let mut base = Pixmap::Rgba8(Tiled::filled(extent, [0, 0, 0, 255]));
        let patch = Patch {
            rect: Rect::new(-2, 3, 4, 4),
            pixels: Pixmap::Rgba16(Tiled::filled(extent, [65535; 4])),
        };
        draw_patch(&mut base, &patch, 255);
        let Pixmap::Rgba8(plane) = base else {
            panic!("depth changed")
        };
        let white = plane.to_vec().iter().filter(|p| p[0] == 255).count();
        assert_eq!(white, 2);
        assert_eq!(plane.get(1, 3), Some([255; 4]));
    }
}
