//! Filling rectangles, ellipses and lassos in a mask.

use super::coverage::blank_mask;
use super::pixmap::Mask;
use crate::geometry::{Extent, PointF, Rect};

/// A closed shape over a picture, in its pixels.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Whole pixels.
    Rect(Rect),
    /// What touches all four sides of the box between two opposite corners.
    Ellipse(PointF, PointF),
    /// The inside of a line that closes by itself; everything it goes around.
    Polygon(Vec<PointF>),
}

impl Shape {
    /// How much of each pixel of a picture of that size it covers, and the box outside of which that is
    /// nothing.
    pub fn cover(&self, extent: Extent) -> (Mask, Rect) {
        const FULL: Ink = Ink {
            opacity: 1.0,
            erase: false,
        };
        let mut cover = blank_mask(extent);
        let bounds = match self {
            Self::Rect(rect) => fill_rect(&mut cover, *rect, FULL),
            Self::Ellipse(a, b) => fill_ellipse(&mut cover, (*a, *b), FULL),
            Self::Polygon(points) => fill_polygon(&mut cover, points, FULL),
        };
        (cover, bounds)
    }
}

/// What is laid over a mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ink {
    /// 0…1.
    pub opacity: f32,
    /// Takes paint away instead.
    pub erase: bool,
}

impl Ink {
    /// What becomes of a pixel of the mask where a shape covers `cover` of 255.
    pub fn over(self, under: u8, cover: u8) -> u8 {
        self.table().over(under, cover)
    }

    pub(super) fn table(self) -> InkTable {
        // Not-a-number paints nothing.
        let opacity = (self.opacity.clamp(0.0, 1.0) * 255.0 + 0.5) as u32;
        InkTable {
            opacity,
            erase: self.erase,
        }
    }
}

/// Ink in whole numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct InkTable {
    opacity: u32,
    erase: bool,
}

impl InkTable {
    /// What becomes of a pixel of the mask where the shape covers `cover` of 255.
    pub(super) fn over(self, under: u8, cover: u8) -> u8 {
        let under = u32::from(under);
        let target = if self.erase { 0 } else { 255 };
        // Both factors stay unrounded until the one division.
        let share = u32::from(cover) * self.opacity;
        const WHOLE: u32 = 255 * 255;
        ((under * (WHOLE - share) + target * share + WHOLE / 2) / WHOLE) as u8
    }
}

/// Fills the rectangle; returns the part of the mask that may have changed.
pub fn fill_rect(mask: &mut Mask, rect: Rect, ink: Ink) -> Rect {
    let rect = rect.intersect(Rect::of(mask.extent()));
    let ink = ink.table();
    mask.update(rect, |_, under| ink.over(under, 255));
    rect
}

/// Lines in which each row of pixels is sampled from top to bottom; across, coverage is exact.
const LINES: u32 = 8;

/// Fills the inside of a closed line, smooth at the edge. Where it crosses itself, everything it
/// goes around is inside (the non-zero rule), as one expects of a lasso. Returns the part of the
/// mask that may have changed.
pub fn fill_polygon(mask: &mut Mask, points: &[PointF], ink: Ink) -> Rect {
    let edges = edges(points);
    let Some(bounds) = bounds(points).map(|rect| rect.intersect(Rect::of(mask.extent()))) else {
        return Rect::default();
    };
    // The edges each row meets.
    let mut of_row: Vec<Vec<Edge>> = vec![Vec::new(); bounds.height as usize];
    for edge in &edges {
        let first = (edge.top.y.floor() as i32 - bounds.y).max(0) as usize;
        let after = (edge.bottom_y.ceil() as i32 - bounds.y).max(0) as usize;
        for row in of_row.iter_mut().take(after).skip(first) {
            row.push(*edge);
        }
    }
    fill_rows(mask, bounds, ink, |cover, row, at| {
        if let Some(edges) = of_row.get(row) {
            add_spans(cover, edges, at, bounds.x);
        }
    });
    bounds
}

/// Fills the ellipse in the box between two opposite corners, smooth at the edge. Returns the part of the
/// mask that may have changed.
pub fn fill_ellipse(mask: &mut Mask, corners: (PointF, PointF), ink: Ink) -> Rect {
    let (a, b) = corners;
    let Some(bounds) = bounds(&[a, b]).map(|rect| rect.intersect(Rect::of(mask.extent()))) else {
        return Rect::default();
    };
    let centre = a.lerp(b, 0.5);
    let (across, down) = ((b.x - a.x).abs() / 2.0, (b.y - a.y).abs() / 2.0);
    fill_rows(mask, bounds, ink, |cover, _, at| {
        let share = (at - centre.y) / down;
        // Where there is no height the share is no number, and nothing is inside.
        let half = across * (1.0 - share * share).max(0.0).sqrt();
        if half > 0.0 {
            let start = centre.x - half - bounds.x as f32;
            add_span(
                cover,
                start.max(0.0),
                (start + 2.0 * half).min(cover.len() as f32),
            );
        }
    });
    bounds
}

/// Lays ink over the rows of `bounds`: `add` adds to the coverage of a row (counted from the first) what
/// a line through it, at that height in the picture, lies inside of.
fn fill_rows(mask: &mut Mask, bounds: Rect, ink: Ink, add: impl Fn(&mut [f32], usize, f32)) {
    let ink = ink.table();
    let mut cover = vec![0f32; bounds.width as usize];
    for (row, y) in (bounds.y..bounds.bottom()).enumerate() {
        cover.fill(0.0);
        for line in 0..LINES {
            let at = y as f32 + (line as f32 + 0.5) / LINES as f32;
            add(&mut cover, row, at);
        }
        let row = Rect::new(bounds.x, y, bounds.width, 1);
        mask.update(row, |at, under| {
            let share = cover
                .get((at.x - bounds.x) as usize)
                .copied()
                .unwrap_or(0.0);
            ink.over(under, (share.min(1.0) * 255.0 + 0.5) as u8)
        });
    }
}

/// A side of the polygon that is not level.
#[derive(Debug, Clone, Copy)]
struct Edge {
    top: PointF,
    bottom_y: f32,
    /// Columns a row.
    slope: f32,
    /// +1 downwards, −1 upwards.
    winding: i32,
}

fn tame(point: PointF) -> Option<PointF> {
    let clamp = |v: f32| v.clamp(-1e6, 1e6);
    (!point.x.is_nan() && !point.y.is_nan()).then(|| PointF::new(clamp(point.x), clamp(point.y)))
}

fn edges(points: &[PointF]) -> Vec<Edge> {
    let points: Vec<PointF> = points.iter().copied().filter_map(tame).collect();
    let next = points.iter().cycle().skip(1);
    let sides = points.iter().zip(next).filter(|(a, b)| a.y != b.y);
    sides
        .map(|(a, b)| {
            let (top, bottom, winding) = if a.y < b.y { (a, b, 1) } else { (b, a, -1) };
            Edge {
                top: *top,
                bottom_y: bottom.y,
                slope: (bottom.x - top.x) / (bottom.y - top.y),
                winding,
            }
        })
        .collect()
}

fn bounds(points: &[PointF]) -> Option<Rect> {
    let points: Vec<PointF> = points.iter().copied().filter_map(tame).collect();
    let first = points.first()?;
    let (low, high) = points.iter().fold((*first, *first), |(low, high), p| {
        let low = PointF::new(low.x.min(p.x), low.y.min(p.y));
        (low, PointF::new(high.x.max(p.x), high.y.max(p.y)))
    });
    Some(Rect::from_borders(
        low.x.floor() as i32,
        low.y.floor() as i32,
        high.x.ceil() as i32,
        high.y.ceil() as i32,
    ))
}

/// Adds what one line through a row lies inside of to the row's coverage.
fn add_spans(cover: &mut [f32], edges: &[Edge], y: f32, left: i32) {
    let mut crossings: Vec<(f32, i32)> = edges
        .iter()
        .filter(|edge| edge.top.y <= y && y < edge.bottom_y)
        .map(|edge| {
            (
                edge.top.x + (y - edge.top.y) * edge.slope - left as f32,
                edge.winding,
            )
        })
        .collect();
    crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut winding = 0;
    let mut start = 0.0;
    for (x, turn) in crossings {
        if winding == 0 {
            start = x;
        }
        winding += turn;
        if winding == 0 {
            add_span(cover, start.max(0.0), x.min(cover.len() as f32));
        }
    }
}

/// Adds the columns from `start` to `end`, the first and the last one by the share covered.
fn add_span(cover: &mut [f32], start: f32, end: f32) {
    const WEIGHT: f32 = 1.0 / LINES as f32;
    if end <= start {
        return;
    }
    let first = start as usize;
    let last = end.ceil() as usize;
    for (x, value) in cover.iter_mut().enumerate().take(last).skip(first) {
        let inside = end.min(x as f32 + 1.0) - start.max(x as f32);
        *value += inside * WEIGHT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;
    use crate::raster::Tiled;

    const FULL: Ink = Ink {
        opacity: 1.0,
        erase: false,
    };

    fn blank() -> Mask {
        Tiled::filled(Extent::new(400, 300), 0)
    }

    fn area(mask: &Mask) -> f64 {
        mask.to_vec().iter().map(|v| f64::from(*v) / 255.0).sum()
    }

    fn points(list: &[(f32, f32)]) -> Vec<PointF> {
        list.iter().map(|(x, y)| PointF::new(*x, *y)).collect()
    }

    #[test]
    fn rectangles_fill_erase_and_are_cut_at_the_border() {
        let mut mask = blank();
        let dirty = fill_rect(&mut mask, Rect::new(-5, 290, 20, 20), FULL);
        assert_eq!(dirty, Rect::new(0, 290, 15, 10));
        assert_eq!(area(&mask), 150.0);
        fill_rect(
            &mut mask,
            Rect::new(0, 290, 5, 10),
            Ink {
                opacity: 0.5,
                erase: true,
            },
        );
        assert_eq!((mask.get(0, 295), mask.get(7, 295)), (Some(127), Some(255)));
    }

    #[test]
    fn a_polygon_covers_its_area_wherever_it_lies() {
        let square = points(&[(10.0, 10.0), (50.0, 10.0), (50.0, 30.0), (10.0, 30.0)]);
        let mut mask = blank();
        fill_polygon(&mut mask, &square, FULL);
        assert_eq!(area(&mask), 800.0);
        assert_eq!(
            (mask.get(9, 20), mask.get(10, 20), mask.get(50, 20)),
            (Some(0), Some(255), Some(0))
        );
        let triangle = points(&[(20.25, 10.5), (380.75, 140.2), (100.1, 290.9)]);
        let [a, b, c] = triangle[..] else { panic!() };
        let wanted = f64::from((b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y)).abs() / 2.0;
        let mut mask = blank();
        let dirty = fill_polygon(&mut mask, &triangle, FULL);
        assert!(
            (area(&mask) / wanted - 1.0).abs() < 1e-3,
            "{} {wanted}",
            area(&mask)
        );
        assert_eq!(dirty, Rect::from_borders(20, 10, 381, 291));
        // The other way round it is the same.
        let mut turned = blank();
        let reversed: Vec<PointF> = triangle.into_iter().rev().collect();
        fill_polygon(&mut turned, &reversed, FULL);
        assert!(turned == mask);
    }

    #[test]
    fn a_lasso_that_crosses_itself_has_no_hole() {
        // A star drawn in one line goes around its middle twice.
        let star: Vec<PointF> = (0..5)
            .map(|i| {
                let angle = std::f32::consts::TAU * (i * 2) as f32 / 5.0;
                PointF::new(200.0 + 100.0 * angle.sin(), 150.0 - 100.0 * angle.cos())
            })
            .collect();
        let mut mask = blank();
        fill_polygon(&mut mask, &star, FULL);
        assert_eq!(mask.get(200, 150), Some(255));
        assert_eq!(mask.get(200, 245), Some(0));
    }

    #[test]
    fn an_ellipse_covers_its_area_wherever_it_lies() {
        for (a, b) in [
            ((10.0, 20.0), (110.0, 70.0)),
            ((300.25, 200.75), (203.5, 41.1)),
            ((50.0, 50.0), (53.0, 52.0)),
            ((-40.0, -30.0), (40.0, 30.0)),
        ] {
            let shape = Shape::Ellipse(PointF::new(a.0, a.1), PointF::new(b.0, b.1));
            let (cover, bounds) = shape.cover(Extent::new(400, 300));
            let whole =
                f64::from((a.0 - b.0).abs() * (a.1 - b.1).abs()) * std::f64::consts::PI / 4.0;
            // The last one has its middle in the corner of the picture.
            let wanted = if a.0 < 0.0 { whole / 4.0 } else { whole };
            let got = area(&cover);
            assert!((got / wanted - 1.0).abs() < 0.01, "{a:?}: {got} {wanted}");
            let outside = cover.to_vec().into_iter().enumerate().filter(|(at, _)| {
                let at = crate::geometry::Point::new((at % 400) as i32, (at / 400) as i32);
                !bounds.contains(at)
            });
            assert!(outside.map(|(_, v)| v).all(|v| v == 0));
        }
        let flat = Shape::Ellipse(PointF::new(5.0, 5.0), PointF::new(50.0, 5.0));
        assert_eq!(area(&flat.cover(Extent::new(400, 300)).0), 0.0);
        let nonsense = Shape::Ellipse(PointF::new(f32::NAN, 5.0), PointF::new(50.0, 9.0));
        assert_eq!(area(&nonsense.cover(Extent::new(400, 300)).0), 0.0);
    }

    #[test]
    fn lassos_beyond_the_border_and_nonsense_do_no_harm() {
        let mut mask = blank();
        let around = points(&[(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)]);
        fill_polygon(&mut mask, &around, FULL);
        assert_eq!(area(&mask), 400.0 * 300.0);
        let mut mask = blank();
        for list in [
            &[][..],
            &[(5.0, 5.0)],
            &[(5.0, 5.0), (90.0, 70.0)],
            &[(f32::NAN, 1.0), (3.0, f32::NAN)],
        ] {
            fill_polygon(&mut mask, &points(list), FULL);
        }
        assert_eq!(area(&mask), 0.0);
    }
}
