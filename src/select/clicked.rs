//! What was pointed at, as a network maps it, becomes a mask in the picture's own size.

use serde::{Deserialize, Serialize};

use super::SelectError;
use crate::geometry::{Extent, Point, PointF};
use crate::raster::{Mask, TilePixels, Tiled};

/// Logits from which on a pixel is wholly inside, or, below zero, wholly outside; between it is partly.
const SURE: f32 = 1.0;

/// What was pointed at in a picture, in its pixels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Clicks {
    /// Points, and whether each belongs to what is meant.
    pub points: Vec<(PointF, bool)>,
    /// Two corners of a box around it.
    pub frame: Option<(PointF, PointF)>,
}

impl Clicks {
    /// True where nothing was pointed at.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.frame.is_none()
    }

    /// A box by any two of its corners.
    #[must_use]
    pub fn frame(a: PointF, b: PointF) -> Self {
        let (first, last) = (
            PointF::new(a.x.min(b.x), a.y.min(b.y)),
            PointF::new(a.x.max(b.x), a.y.max(b.y)),
        );
        Self {
            points: Vec::new(),
            frame: Some((first, last)),
        }
    }

    /// Says what is wrong where it cannot be told what is meant in a picture of that size.
    pub fn check(&self, extent: Extent) -> Result<(), SelectError> {
        let (width, height) = (extent.width as f32, extent.height as f32);
        let is_inside =
            |at: &PointF| (0.0..=width).contains(&at.x) && (0.0..=height).contains(&at.y);
        let corners = self.frame.into_iter().flat_map(|(a, b)| [a, b]);
        let mut places = self.points.iter().map(|(at, _)| *at).chain(corners);
        if let Some(at) = places.find(|at| !is_inside(at)) {
            let at = Point::new(at.x.floor() as i32, at.y.floor() as i32);
            return Err(SelectError::Outside { at, extent });
        }
        let is_meant = self.frame.is_some() || self.points.iter().any(|(_, inside)| *inside);
        is_meant.then_some(()).ok_or(SelectError::NothingMeant)
    }

    /// The same in a picture `scale` times as large, across and down.
    #[must_use]
    pub fn scaled(&self, (across, down): (f32, f32)) -> Self {
        let scaled = |at: &PointF| PointF::new(at.x * across, at.y * down);
        Self {
            points: self
                .points
                .iter()
                .map(|(at, inside)| (scaled(at), *inside))
                .collect(),
            frame: self.frame.as_ref().map(|(a, b)| (scaled(a), scaled(b))),
        }
    }
}

/// How likely each pixel belongs to what was pointed at, over a square of which the picture covers the upper
/// left part.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ClickMap {
    /// Side of the square, in pixels of the map.
    pub side_px: usize,
    /// How much of the square the picture covers, 0…1, across and down.
    pub covered: (f32, f32),
    /// Above 0: inside. Row-major.
    pub logits: Vec<f32>,
}

/// Says the size only.
impl std::fmt::Debug for ClickMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClickMap({}, {:?})", self.side_px, self.covered)
    }
}

/// The mask of a map in a picture of that size; `None` where nothing of it is inside.
pub fn clicked(extent: Extent, map: &ClickMap) -> Option<Mask> {
    if map.logits.iter().all(|logit| *logit <= 0.0) {
        return None;
    }
    let across = Places::new(extent.width, map.covered.0, map.side_px);
    let down = Places::new(extent.height, map.covered.1, map.side_px);
    Some(Tiled::from_tiles(extent, 0, |rect| {
        let columns = across.of(rect.x, rect.width);
        let rows = down.of(rect.y, rect.height);
        if let Some(value) = same_everywhere(map, columns, rows) {
            return TilePixels::All(value);
        }
        let mut values = Vec::with_capacity(rect.extent().len());
        let (left, right) = (
            columns.first().map_or(0, |c| c.0),
            columns.last().map_or(0, |c| c.1),
        );
        let mut between_rows = Vec::with_capacity(right + 1 - left);
        for row in rows {
            between_rows.clear();
            between_rows.extend((left..=right).map(|column| map.between_rows(column, *row)));
            let at = |column: usize| between_rows.get(column - left).copied().unwrap_or(-SURE);
            values.extend(
                columns
                    .iter()
                    .map(|(low, high, share)| covered_by(mix(at(*low), at(*high), *share))),
            );
        }
        TilePixels::Each(values)
    }))
}

fn covered_by(logit: f32) -> u8 {
    ((0.5 + logit / (2.0 * SURE)).clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

impl ClickMap {
    fn at(&self, column: usize, row: usize) -> f32 {
        let at = row * self.side_px + column;
        self.logits.get(at).copied().unwrap_or(-SURE)
    }

    fn between_rows(&self, column: usize, (top, bottom, share): Place) -> f32 {
        mix(self.at(column, top), self.at(column, bottom), share)
    }
}

fn mix(a: f32, b: f32, share: f32) -> f32 {
    a + (b - a) * share
}

/// Two neighbours along a side of the map, and how far the second counts.
type Place = (usize, usize, f32);

/// Where the map is read for each pixel along a side of the picture.
struct Places(Vec<Place>);

impl Places {
    fn new(length: u32, covered: f32, side_px: usize) -> Self {
        let per_px = covered * side_px as f32 / length.max(1) as f32;
        let last = side_px.saturating_sub(1);
        let place = |at: u32| {
            let at = ((at as f32 + 0.5) * per_px - 0.5).clamp(0.0, last as f32);
            let low = at as usize;
            (low, (low + 1).min(last), at - low as f32)
        };
        Self((0..length).map(place).collect())
    }

    fn of(&self, first: i32, count: u32) -> &[Place] {
        let first = first.max(0) as usize;
        self.0
            .get(first..first + count as usize)
            .unwrap_or_default()
    }
}

/// The value of all pixels at these places, where the map is sure of them.
fn same_everywhere(map: &ClickMap, columns: &[Place], rows: &[Place]) -> Option<u8> {
    let (left, right) = (columns.first()?.0, columns.last()?.1);
    let (top, bottom) = (rows.first()?.0, rows.last()?.1);
    let all = || (top..=bottom).flat_map(|row| (left..=right).map(move |x| map.at(x, row)));
    if all().all(|logit| logit >= SURE) {
        Some(255)
    } else if all().all(|logit| logit <= -SURE) {
        Some(0)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inside in the left half of what the picture covers.
    fn map() -> ClickMap {
        let logits = (0..64 * 64).map(|at| if at % 64 < 16 { 4.0 } else { -4.0 });
        ClickMap {
            side_px: 64,
            covered: (0.5, 1.0),
            logits: logits.collect(),
        }
    }

    #[test]
    fn a_map_becomes_a_mask_of_the_pictures_size() {
        let extent = Extent::new(600, 1200);
        let mask = clicked(extent, &map()).unwrap();
        let mut row = Vec::new();
        mask.visit_row(700, 0..600, |_, values| row.extend_from_slice(values));
        assert!(row[..290].iter().all(|v| *v == 255), "{row:?}");
        assert!(row[310..].iter().all(|v| *v == 0));
        // The edge lies in the middle, and is no staircase.
        let middle = row.iter().position(|v| *v < 128).unwrap();
        assert!((299..=301).contains(&middle), "{middle}");
        assert!(row.windows(2).all(|pair| pair[0] >= pair[1]));
        let nothing = ClickMap {
            logits: vec![-0.1; 64 * 64],
            ..map()
        };
        assert_eq!(clicked(extent, &nothing), None);
    }

    #[test]
    fn clicks_follow_the_picture() {
        let clicks = Clicks {
            points: vec![(PointF::new(1.0, 2.0), false)],
            frame: Some((PointF::new(1.0, 1.0), PointF::new(3.0, 4.0))),
        };
        let scaled = clicks.scaled((2.0, 10.0));
        assert_eq!(scaled.points, [(PointF::new(2.0, 20.0), false)]);
        assert_eq!(
            scaled.frame,
            Some((PointF::new(2.0, 10.0), PointF::new(6.0, 40.0)))
        );
        assert!(!scaled.is_empty() && Clicks::default().is_empty());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let extent = Extent::new(20, 10);
        let points = |points: &[(f32, f32, bool)]| Clicks {
            points: points
                .iter()
                .map(|(x, y, inside)| (PointF::new(*x, *y), *inside))
                .collect(),
            frame: None,
        };
        let framed = Clicks::frame(PointF::new(9.0, 1.0), PointF::new(2.0, 8.0));
        let corners = (PointF::new(2.0, 1.0), PointF::new(9.0, 8.0));
        assert_eq!(framed.frame, Some(corners));
        let (mut both, nothing) = (framed.clone(), SelectError::NothingMeant);
        both.points.push((PointF::new(3.0, 3.0), false));
        for fine in [&points(&[(0.0, 10.0, true)]), &framed, &both] {
            assert_eq!(fine.check(extent), Ok(()));
        }
        let not_this = points(&[(3.0, 3.0, false)]);
        for empty in [&Clicks::default(), &not_this] {
            assert_eq!(empty.check(extent), Err(nothing.clone()));
        }
        let wide = Clicks::frame(PointF::new(-1.0, 0.0), PointF::new(5.0, 5.0));
        let far = points(&[(3.0, 3.0, true), (20.5, 3.0, false)]);
        for (clicks, at) in [(wide, (-1, 0)), (far, (20, 3))] {
            let at = Point::new(at.0, at.1);
            assert_eq!(
                clicks.check(extent),
                Err(SelectError::Outside { at, extent })
            );
        }
    }
}
