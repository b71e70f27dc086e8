//! Whole-pixel geometry of the image plane.
//!
//! Pixel `(x, y)` covers the square `[x, x+1) × [y, y+1)`; its centre lies at `(x + 0.5, y + 0.5)`.
//! `x` grows to the right, `y` grows downwards. Everything here is a small `Copy` value and knows
//! nothing else of the program.

use serde::{Deserialize, Serialize};

/// A size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Extent {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Extent {
    /// A size of `width` columns and `height` rows.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Number of pixels.
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// Number of pixels as an index type.
    pub const fn len(self) -> usize {
        self.width as usize * self.height as usize
    }

    /// True when there is no pixel at all.
    pub const fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }
}

impl std::fmt::Display for Extent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}", self.width, self.height)
    }
}

/// A pixel's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Point {
    /// Column.
    pub x: i32,
    /// Row.
    pub y: i32,
}

impl Point {
    /// The pixel in column `x` and row `y`.
    pub const fn new(x: i32, y: i32) -> Self {
        Self { x, y }
    }
}

/// A position between pixels, in pixel units: the centre of pixel `(0, 0)` is `(0.5, 0.5)`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PointF {
    /// Distance from the left border.
    pub x: f32,
    /// Distance from the top border.
    pub y: f32,
}

impl PointF {
    /// The position `(x, y)`.
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Euclidean distance in pixels.
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The position a share `t` (0…1) of the way to `other`.
    #[must_use]
    pub fn lerp(self, other: Self, t: f32) -> Self {
        Self::new(
            self.x + (other.x - self.x) * t,
            self.y + (other.y - self.y) * t,
        )
    }
}

/// A rectangle of whole pixels; may be empty and may reach outside any picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Rect {
    /// First column.
    pub x: i32,
    /// First row.
    pub y: i32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rect {
    /// The rectangle with its first pixel at `(x, y)`.
    pub const fn new(x: i32, y: i32, width: u32, height: u32) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// The whole of a picture of that size.
    pub const fn of(extent: Extent) -> Self {
        Self::new(0, 0, extent.width, extent.height)
    }

    /// The rectangle from `(left, top)` to `(right, bottom)`, the latter two excluded.
    /// Crossed borders give an empty rectangle.
    pub fn from_borders(left: i32, top: i32, right: i32, bottom: i32) -> Self {
        let width = i64::from(right) - i64::from(left);
        let height = i64::from(bottom) - i64::from(top);
        Self::new(left, top, width.max(0) as u32, height.max(0) as u32)
    }

    /// Its size.
    pub const fn extent(self) -> Extent {
        Extent::new(self.width, self.height)
    }

    /// One past the last column.
    pub const fn right(self) -> i32 {
        self.x.saturating_add_unsigned(self.width)
    }

    /// One past the last row.
    pub const fn bottom(self) -> i32 {
        self.y.saturating_add_unsigned(self.height)
    }

    /// True when it holds no pixel.
    pub const fn is_empty(self) -> bool {
        self.extent().is_empty()
    }

    /// Length of the diagonal in pixels.
    pub fn diagonal(self) -> f64 {
        f64::from(self.width).hypot(f64::from(self.height))
    }

    /// True when the pixel lies inside.
    pub const fn contains(self, point: Point) -> bool {
        point.x >= self.x && point.y >= self.y && point.x < self.right() && point.y < self.bottom()
    }

    /// The pixels in both; empty when they do not meet.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self::from_borders(
            self.x.max(other.x),
            self.y.max(other.y),
            self.right().min(other.right()),
            self.bottom().min(other.bottom()),
        )
    }

    /// The smallest rectangle that holds both; an empty one adds nothing.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        Self::from_borders(
            self.x.min(other.x),
            self.y.min(other.y),
            self.right().max(other.right()),
            self.bottom().max(other.bottom()),
        )
    }

    /// The rectangle with each border moved outwards by `by_px`.
    #[must_use]
    pub fn expanded(self, by_px: u32) -> Self {
        Self::from_borders(
            self.x.saturating_sub_unsigned(by_px),
            self.y.saturating_sub_unsigned(by_px),
            self.right().saturating_add_unsigned(by_px),
            self.bottom().saturating_add_unsigned(by_px),
        )
    }

    /// The same size, moved as little as possible so that it lies inside `bounds`; where it is
    /// larger than `bounds`, cut to it.
    #[must_use]
    pub fn shifted_inside(self, bounds: Self) -> Self {
        let width = self.width.min(bounds.width);
        let height = self.height.min(bounds.height);
        let x = self
            .x
            .clamp(bounds.x, bounds.right().saturating_sub_unsigned(width));
        let y = self
            .y
            .clamp(bounds.y, bounds.bottom().saturating_sub_unsigned(height));
        Self::new(x, y, width, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intersection_and_union_agree_with_pixel_sets() {
        let a = Rect::new(-3, 2, 7, 5);
        let b = Rect::new(1, -1, 10, 4);
        let both = a.intersect(b);
        let either = a.union(b);
        for y in -5..12 {
            for x in -6..14 {
                let p = Point::new(x, y);
                assert_eq!(both.contains(p), a.contains(p) && b.contains(p));
                assert!(either.contains(p) || !(a.contains(p) || b.contains(p)));
            }
        }
        assert!(a.intersect(Rect::new(50, 50, 3, 3)).is_empty());
        assert_eq!(a.union(Rect::default()), a);
    }

    #[test]
    fn shifting_inside_keeps_the_size_where_it_fits() {
        let bounds = Rect::new(0, 0, 100, 50);
        let cases = [
            (Rect::new(-10, 5, 20, 20), Rect::new(0, 5, 20, 20)),
            (Rect::new(95, 45, 20, 20), Rect::new(80, 30, 20, 20)),
            (Rect::new(3, -9, 200, 20), Rect::new(0, 0, 100, 20)),
            (Rect::new(30, 9, 20, 20), Rect::new(30, 9, 20, 20)),
        ];
        for (given, wanted) in cases {
            assert_eq!(given.shifted_inside(bounds), wanted);
        }
    }

    #[test]
    fn borders_at_the_edge_of_the_number_range_do_not_overflow() {
        let far = Rect::new(i32::MAX - 1, i32::MIN, 10, 10).expanded(u32::MAX);
        assert_eq!(far.right(), i32::MAX);
        assert_eq!(far.y, i32::MIN);
    }
}
