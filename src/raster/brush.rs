//! [`Stroke`]: painting a mask along a line.
//!
//! A stroke is a pure function of its points: coverage is computed from the distance of each pixel
//! to the line itself, not stamped at intervals, so that it is smooth at any speed. The pieces of a
//! stroke are joined by their maximum and then laid once over the mask as it was when the stroke
//! began, so that opacity does not build up where the line crosses itself.

use super::pixmap::Mask;
use super::shapes::Ink;
use super::tiled::Tiled;
use crate::geometry::{Point, PointF, Rect};

/// What a stroke is drawn with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brush {
    /// Across, in pixels of the picture.
    pub diameter_px: f32,
    /// 0 (soft to the middle) … 1 (hard edge, one pixel wide).
    pub hardness: f32,
    /// 0…1: how strongly it paints; the local share of the denoising strength.
    pub opacity: f32,
    /// Takes paint away instead.
    pub erase: bool,
}

impl Default for Brush {
    fn default() -> Self {
        Self {
            diameter_px: 48.0,
            hardness: 0.8,
            opacity: 1.0,
            erase: false,
        }
    }
}

impl Brush {
    fn ink(self) -> Ink {
        Ink {
            opacity: self.opacity,
            erase: self.erase,
        }
    }
}

/// A brush's footprint at one point of the line.
#[derive(Debug, Clone, Copy)]
struct Tip {
    at: PointF,
    radius_px: f32,
}

/// A stroke being drawn.
#[derive(Debug, Clone)]
pub struct Stroke {
    brush: Brush,
    /// The mask when the stroke began.
    before: Mask,
    /// What the line covers so far, before opacity.
    shape: Mask,
    last: Tip,
}

impl Stroke {
    /// Puts the brush down. `pressure` (0…1; 1 for a mouse) scales its diameter. Also returns the
    /// part of the mask that may have changed.
    pub fn begin(mask: &mut Mask, brush: Brush, at: PointF, pressure: f32) -> (Self, Rect) {
        let mut stroke = Self {
            brush,
            before: mask.clone(),
            shape: Tiled::filled(mask.extent(), 0),
            last: tip(brush, at, pressure),
        };
        let dirty = stroke.draw(mask, stroke.last);
        (stroke, dirty)
    }

    /// Draws on to `at`. `mask` must be the one the stroke was begun on, changed by nothing else
    /// since. Returns the part of it that may have changed.
    pub fn extend(&mut self, mask: &mut Mask, at: PointF, pressure: f32) -> Rect {
        self.draw(mask, tip(self.brush, at, pressure))
    }

    /// The mask as it was when the stroke began.
    pub fn before(&self) -> &Mask {
        &self.before
    }

    fn draw(&mut self, mask: &mut Mask, to: Tip) -> Rect {
        let piece = Piece::new(self.last, to, self.brush.hardness);
        self.last = to;
        let dirty = piece.bounds.intersect(Rect::of(mask.extent()));
        let ink = self.brush.ink().table();
        for index in self.shape.tiles_in(dirty) {
            let part = dirty.intersect(self.shape.tile_rect(index));
            let mut covered = Vec::with_capacity(part.extent().len());
            self.shape.update(part, |at, old| {
                let new = old.max(piece.coverage(at));
                covered.push(new);
                new
            });
            // Both visit one tile's pixels row by row.
            let mut pixels = covered.into_iter().zip(self.before.crop(part));
            mask.update(part, |_, old| {
                pixels
                    .next()
                    .map_or(old, |(cover, under)| ink.over(under, cover))
            });
        }
        dirty
    }
}

fn tip(brush: Brush, at: PointF, pressure: f32) -> Tip {
    // Far-away and meaningless positions must not overflow whole pixels.
    let tame = |v: f32| {
        if v.is_finite() {
            v.clamp(-1e6, 1e6)
        } else {
            -1e6
        }
    };
    let pressure = if pressure.is_finite() {
        pressure.clamp(0.0, 1.0)
    } else {
        1.0
    };
    Tip {
        at: PointF::new(tame(at.x), tame(at.y)),
        radius_px: (brush.diameter_px * pressure / 2.0).clamp(0.0, 10_000.0),
    }
}

/// The way of a brush from one tip to another.
struct Piece {
    from: Tip,
    /// From the first tip to the second.
    way: PointF,
    /// 1 / length², or 0 where there is no way.
    per_length2: f32,
    /// How much the radius grows on the way.
    growth_px: f32,
    hardness: f32,
    bounds: Rect,
}

impl Piece {
    fn new(from: Tip, to: Tip, hardness: f32) -> Self {
        let way = PointF::new(to.at.x - from.at.x, to.at.y - from.at.y);
        let length2 = way.x * way.x + way.y * way.y;
        let reach = from.radius_px.max(to.radius_px) + 1.0;
        Self {
            from,
            way,
            per_length2: if length2 > 0.0 { 1.0 / length2 } else { 0.0 },
            growth_px: to.radius_px - from.radius_px,
            hardness: if hardness.is_finite() {
                hardness.clamp(0.0, 1.0)
            } else {
                1.0
            },
            bounds: Rect::from_borders(
                (from.at.x.min(to.at.x) - reach).floor() as i32,
                (from.at.y.min(to.at.y) - reach).floor() as i32,
                (from.at.x.max(to.at.x) + reach).ceil() as i32,
                (from.at.y.max(to.at.y) + reach).ceil() as i32,
            ),
        }
    }

    /// How much of the pixel the brush covers, by the distance of its centre from the line.
    fn coverage(&self, pixel: Point) -> u8 {
        let x = pixel.x as f32 + 0.5 - self.from.at.x;
        let y = pixel.y as f32 + 0.5 - self.from.at.y;
        let share = ((x * self.way.x + y * self.way.y) * self.per_length2).clamp(0.0, 1.0);
        let (dx, dy) = (x - share * self.way.x, y - share * self.way.y);
        let distance2 = dx * dx + dy * dy;
        let radius = self.from.radius_px + share * self.growth_px;
        let outer = radius + 0.5;
        if distance2 >= outer * outer {
            return 0;
        }
        // A hard edge still takes one pixel, or it would show stairs.
        let inner = (radius * self.hardness).min(radius - 0.5);
        if inner > 0.0 && distance2 <= inner * inner {
            return 255;
        }
        let ramp = ((outer - distance2.sqrt()) / (outer - inner)).min(1.0);
        // A soft edge starts and ends gently; a hard one is a plain share of the pixel.
        let gentle = ramp * ramp * (3.0 - 2.0 * ramp);
        let cover = gentle + (ramp - gentle) * self.hardness;
        (cover * 255.0 + 0.5) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;
    use proptest::prelude::*;

    const HARD: Brush = Brush {
        diameter_px: 20.0,
        hardness: 1.0,
        opacity: 1.0,
        erase: false,
    };

    fn blank() -> Mask {
        Tiled::filled(Extent::new(600, 300), 0)
    }

    fn drawn(mask: &mut Mask, brush: Brush, points: &[(f32, f32)]) -> Rect {
        let mut points = points.iter().map(|(x, y)| PointF::new(*x, *y));
        let (mut stroke, mut dirty) = Stroke::begin(mask, brush, points.next().unwrap(), 1.0);
        for at in points {
            dirty = dirty.union(stroke.extend(mask, at, 1.0));
        }
        dirty
    }

    fn sum(mask: &Mask) -> f64 {
        mask.to_vec().iter().map(|v| f64::from(*v) / 255.0).sum()
    }

    #[test]
    fn a_dot_and_a_line_have_the_area_of_their_shapes() {
        let circle = std::f64::consts::PI * 100.0;
        let mut mask = blank();
        drawn(&mut mask, HARD, &[(100.3, 100.7)]);
        assert!((sum(&mask) - circle).abs() < 2.0, "{}", sum(&mask));
        let mut mask = blank();
        drawn(&mut mask, HARD, &[(50.0, 50.0), (350.0, 250.0)]);
        let wanted = circle + 20.0 * 300f64.hypot(200.0);
        assert!(
            (sum(&mask) / wanted - 1.0).abs() < 0.005,
            "{} {wanted}",
            sum(&mask)
        );
    }

    #[test]
    fn a_fast_stroke_has_no_gaps() {
        let mut mask = blank();
        drawn(&mut mask, HARD, &[(20.0, 150.0), (580.0, 150.0)]);
        assert!((20..580).all(|x| mask.get(x, 150) == Some(255)));
    }

    #[test]
    fn opacity_does_not_build_up_within_a_stroke_but_does_over_strokes() {
        let half = Brush {
            opacity: 0.5,
            ..HARD
        };
        let mut mask = blank();
        drawn(
            &mut mask,
            half,
            &[(50.0, 50.0), (150.0, 50.0), (50.0, 50.0), (150.0, 50.0)],
        );
        assert_eq!(mask.get(100, 50), Some(128));
        drawn(&mut mask, half, &[(100.0, 50.0)]);
        assert_eq!(mask.get(100, 50), Some(192));
        drawn(
            &mut mask,
            Brush {
                erase: true,
                ..half
            },
            &[(100.0, 50.0)],
        );
        assert_eq!(mask.get(100, 50), Some(96));
        drawn(
            &mut mask,
            Brush {
                erase: true,
                ..HARD
            },
            &[(100.0, 50.0)],
        );
        assert_eq!(mask.get(100, 50), Some(0));
    }

    #[test]
    fn only_touched_tiles_are_copied_and_the_dirty_part_holds_all_changes() {
        let before = blank();
        let mut mask = before.clone();
        let dirty = drawn(&mut mask, HARD, &[(300.0, 20.0), (330.0, 60.0)]);
        let changed = mask.changed_tiles(&before);
        assert_eq!(changed.len(), 1);
        for y in 0..300 {
            for x in 0..600 {
                let untouched = mask.get(x, y) == before.get(x, y);
                assert!(untouched || dirty.contains(Point::new(x as i32, y as i32)));
            }
        }
    }

    #[test]
    fn soft_brushes_fall_off_evenly() {
        let soft = Brush {
            diameter_px: 100.0,
            hardness: 0.0,
            ..HARD
        };
        let mut mask = blank();
        drawn(&mut mask, soft, &[(100.5, 100.5)]);
        let along: Vec<u8> = (100..152).filter_map(|x| mask.get(x, 100)).collect();
        assert!(
            along
                .windows(2)
                .all(|pair| pair[0] >= pair[1] && pair[0] - pair[1] < 9)
        );
        assert_eq!((along[0], along[51]), (255, 0));
    }

    #[test]
    fn pressure_narrows_and_nonsense_does_no_harm() {
        let mut mask = blank();
        let (mut stroke, _) = Stroke::begin(&mut mask, HARD, PointF::new(100.0, 100.0), 1.0);
        stroke.extend(&mut mask, PointF::new(300.0, 100.0), 0.2);
        let width = |x| (0..300).filter(|y| mask.get(x, *y) == Some(255)).count();
        assert!(
            width(110) >= 18 && (2..8).contains(&width(290)),
            "{} {}",
            width(110),
            width(290)
        );
        let mut mask = blank();
        for (x, y) in [(f32::NAN, 0.0), (f32::INFINITY, f32::MAX), (-1e30, 1e30)] {
            drawn(
                &mut mask,
                Brush {
                    diameter_px: f32::INFINITY,
                    ..HARD
                },
                &[(x, y), (5.0, 5.0)],
            );
        }
        drawn(
            &mut mask,
            Brush {
                diameter_px: -3.0,
                opacity: f32::NAN,
                ..HARD
            },
            &[(1.0, 1.0)],
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Points on a straight line more or fewer make no difference (to rounding).
        #[test]
        fn speed_does_not_matter(
            from in (0f32..600.0, 0f32..300.0), to in (0f32..600.0, 0f32..300.0),
            stops in 1u32..20, hardness in 0f32..=1.0,
        ) {
            let brush = Brush { hardness, ..HARD };
            let mut fast = blank();
            drawn(&mut fast, brush, &[from, to]);
            let points: Vec<(f32, f32)> = (0..=stops).map(|i| {
                let t = i as f32 / stops as f32;
                (from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * t)
            }).collect();
            let mut slow = blank();
            drawn(&mut slow, brush, &points);
            for (a, b) in fast.to_vec().into_iter().zip(slow.to_vec()) {
                prop_assert!(a.abs_diff(b) <= 2, "{a} {b}");
            }
        }
    }
}
