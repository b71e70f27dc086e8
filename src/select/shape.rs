//! [`with_shape`]: what becomes of a mask where somebody draws a shape.

use super::Combination;
use crate::geometry::Rect;
use crate::raster::{Ink, Mask, Shape, blank_mask};

/// The mask after a shape was drawn, as strong as `opacity` says (0…1; see [`Ink`]). What the shape
/// covers in part, and what is painted in part, goes into it in proportion.
pub fn with_shape(mask: &Mask, shape: &Shape, how: Combination, opacity: f32) -> Mask {
    let (cover, bounds) = shape.cover(mask.extent());
    let ink = Ink {
        opacity,
        erase: matches!(how, Combination::Subtract | Combination::Intersect),
    };
    let (mut result, rect) = match how {
        Combination::Replace => (blank_mask(mask.extent()), bounds),
        Combination::Add | Combination::Subtract => (mask.clone(), bounds),
        // What lies outside of the shape is taken away.
        Combination::Intersect => (mask.clone(), Rect::of(mask.extent())),
    };
    for index in cover.tiles_in(rect) {
        let rect = cover.tile_rect(index).intersect(rect);
        let is_all = |value: u8| {
            cover
                .tile(index)
                .is_some_and(|t| t.iter().all(|v| *v == value))
        };
        // Most tiles of a large shape are inside of it, and are the shape's own memory then.
        let is_painted_over = !ink.erase && opacity >= 1.0 && is_all(255);
        if is_painted_over {
            result.share_tile(index, &cover);
            continue;
        }
        let mut covered = cover.crop(rect).into_iter();
        result.update(rect, |_, under| {
            let inside = covered.next().unwrap_or(0);
            let cover = match how {
                Combination::Intersect => 255 - inside,
                _ => inside,
            };
            ink.over(under, cover)
        });
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;

    const EXTENT: Extent = Extent::new(600, 300);

    fn shape(left: i32, width: u32) -> Shape {
        Shape::Rect(Rect::new(left, 10, width, 20))
    }

    #[test]
    fn shapes_combine_like_sets() {
        let blank = blank_mask(EXTENT);
        let first = with_shape(&blank, &shape(10, 300), Combination::Add, 1.0);
        for (how, wanted) in [
            // At the columns 5, 50, 280, 320.
            (Combination::Replace, [0, 0, 255, 255]),
            (Combination::Add, [0, 255, 255, 255]),
            (Combination::Subtract, [0, 255, 0, 0]),
            (Combination::Intersect, [0, 0, 255, 0]),
        ] {
            let both = with_shape(&first, &shape(250, 300), how, 1.0);
            let found = [5, 50, 280, 320].map(|x| both.get(x, 15).unwrap());
            assert_eq!(found, wanted, "{how:?}");
            assert_eq!(both.get(280, 5), Some(0), "{how:?}");
        }
    }

    #[test]
    fn a_shape_on_nothing_is_itself_and_with_itself_too() {
        let ellipse = Shape::Ellipse(
            crate::geometry::PointF::new(20.0, 30.0),
            crate::geometry::PointF::new(333.0, 222.0),
        );
        let blank = blank_mask(EXTENT);
        let (cover, _) = ellipse.cover(EXTENT);
        for how in [Combination::Replace, Combination::Add] {
            assert!(with_shape(&blank, &ellipse, how, 1.0) == cover, "{how:?}");
        }
        let full = with_shape(&blank, &shape(0, 600), Combination::Add, 1.0);
        assert!(with_shape(&full, &shape(0, 600), Combination::Intersect, 1.0) == full);
        assert!(with_shape(&full, &shape(0, 600), Combination::Subtract, 1.0) == blank);
    }

    #[test]
    fn half_an_opacity_does_half_of_it() {
        let blank = blank_mask(EXTENT);
        let half = with_shape(&blank, &shape(0, 600), Combination::Add, 0.5);
        assert_eq!(half.get(7, 15), Some(128));
        let less = with_shape(&half, &shape(0, 300), Combination::Subtract, 0.5);
        assert_eq!([less.get(7, 15), less.get(400, 15)], [Some(64), Some(128)]);
    }
}
