//! [`BandOutline`]: where region and feather band end, as lines to draw over the picture.

use super::distance::nearest_sites;
use super::layout::Layout;
use super::region::change_of;
use super::settings::MaskMode;
use crate::geometry::{Extent, PointF, Rect};
use crate::raster::Mask;

/// The grid's longest side: finer than lines on a screen can show, coarse enough for every frame.
const CELLS: u32 = 400;
/// Rows and columns looked at in a cell, so that thin strokes are not missed.
const LOOKS: u32 = 3;

/// Two line drawings over the picture, as separate short pieces in pixels of the picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BandOutline {
    /// Around what changes fully: the region, grown.
    pub region: Vec<[PointF; 2]>,
    /// Around everything that can change: the region grown and feathered.
    pub touched: Vec<[PointF; 2]>,
}

impl BandOutline {
    /// The outlines of a mask as `layout` grows and feathers it. They are as exact as a grid of
    /// 400 cells over the touched box; what runs is computed from the pixels themselves.
    pub fn new(painted: &Mask, mode: MaskMode, layout: &Layout) -> Self {
        if layout.region.is_none() || layout.touched.is_empty() {
            return Self::default();
        }
        let grid = Grid::over(layout.touched);
        let is_site = grid.cells_that(painted, |coverage| change_of(coverage, mode) > 0);
        let squared = nearest_sites(grid.cells, &is_site).squared;
        let distances_px: Vec<f32> = squared.iter().map(|d| d.sqrt() * grid.cell_px).collect();
        // Half a cell is where a cell that is in meets one that is not.
        let least = grid.cell_px / 2.0;
        let grown = (layout.grow_px as f32).max(least);
        let feathered = ((layout.grow_px + layout.feather_px) as f32).max(least);
        Self {
            region: grid.contour(&distances_px, grown),
            touched: grid.contour(&distances_px, feathered),
        }
    }
}

/// Square cells over a part of the picture.
struct Grid {
    rect: Rect,
    cells: Extent,
    cell_px: f32,
}

impl Grid {
    fn over(rect: Rect) -> Self {
        let extent = rect.extent();
        let longest = extent.width.max(extent.height).max(1);
        let cell_px = (longest as f32 / CELLS as f32).max(1.0);
        // A line needs cells on both of its sides.
        let margin_px = (2.0 * cell_px).ceil() as u32;
        let count = |side: u32| ((side + 2 * margin_px) as f32 / cell_px).ceil() as u32;
        let around = rect.expanded(margin_px);
        Self {
            rect: around,
            cells: Extent::new(count(extent.width), count(extent.height)),
            cell_px,
        }
    }

    /// Which cells hold a pixel for which `holds`, by a few looks at each.
    fn cells_that(&self, mask: &Mask, holds: impl Fn(u8) -> bool) -> Vec<bool> {
        let mut found = vec![false; self.cells.len()];
        let looks = LOOKS.min(self.cell_px.ceil() as u32).max(1);
        let step_px = self.cell_px / looks as f32;
        let place = |look: u32| ((look as f32 + 0.5) * step_px) as i32;
        let lines = found.chunks_exact_mut(self.cells.width as usize);
        for (row, line) in (0..).zip(lines) {
            for y in (row * looks..(row + 1) * looks).map(|look| self.rect.y + place(look)) {
                for (column, cell) in (0..).zip(line.iter_mut()).filter(|(_, cell)| !**cell) {
                    *cell = (column * looks..(column + 1) * looks)
                        .map(|look| self.rect.x + place(look))
                        .any(|x| {
                            let coverage = u32::try_from(x)
                                .ok()
                                .zip(u32::try_from(y).ok())
                                .and_then(|(x, y)| mask.get(x, y));
                            coverage.is_some_and(&holds)
                        });
                }
            }
        }
        found
    }

    /// Where `values`, taken at the middles of the cells, pass `level`: marching squares with
    /// linear interpolation (Lorensen & Cline, "Marching Cubes", SIGGRAPH 1987, in two dimensions).
    fn contour(&self, values: &[f32], level: f32) -> Vec<[PointF; 2]> {
        let width = self.cells.width as usize;
        let mut pieces = Vec::new();
        let rows = values.chunks_exact(width.max(1));
        for (y, (upper, lower)) in rows.clone().zip(rows.skip(1)).enumerate() {
            for (x, (upper, lower)) in upper.windows(2).zip(lower.windows(2)).enumerate() {
                let (&[a, b], &[d, c]) = (upper, lower) else {
                    continue;
                };
                let inside = [a, b, c, d].map(|value| value < level);
                if inside == [true; 4] || inside == [false; 4] {
                    continue;
                }
                let at = |(dx, dy): (f32, f32)| {
                    PointF::new(
                        self.rect.x as f32 + (x as f32 + 0.5 + dx) * self.cell_px,
                        self.rect.y as f32 + (y as f32 + 0.5 + dy) * self.cell_px,
                    )
                };
                let share = |from: f32, to: f32| share_passed(from, to, level);
                // Clockwise from the top; a corner's two sides are before and after it.
                let sides = [
                    (inside[0] != inside[1]).then(|| at((share(a, b), 0.0))),
                    (inside[1] != inside[2]).then(|| at((1.0, share(b, c)))),
                    (inside[3] != inside[2]).then(|| at((share(d, c), 1.0))),
                    (inside[0] != inside[3]).then(|| at((0.0, share(a, d)))),
                ];
                let mut crossed = sides.into_iter().flatten();
                // Two sides are crossed, or all four where opposite corners are inside.
                while let (Some(from), Some(to)) = (crossed.next(), crossed.next()) {
                    pieces.push([from, to]);
                }
            }
        }
        pieces
    }
}

/// How far along the way from one value to the other `level` is passed, 0…1.
fn share_passed(from: f32, to: f32, level: f32) -> f32 {
    if from.is_finite() && to.is_finite() && from != to {
        ((level - from) / (to - from)).clamp(0.0, 1.0)
    } else {
        0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Tiled;

    fn layout(region: Rect, touched: Rect, grow_px: f64, feather_px: f64) -> Layout {
        Layout {
            crop: touched,
            work: Extent::new(128, 128),
            scale: 1.0,
            region: Some(region),
            touched,
            grow_px,
            feather_px,
            padding_px: 0.0,
            executed_steps: 1,
        }
    }

    #[test]
    fn the_lines_run_where_the_band_ends() {
        // Large enough for cells of several pixels.
        let extent = Extent::new(2400, 2000);
        let (x, y, radius) = (1000.0_f32, 900.0_f32, 300.0_f32);
        let mut mask: Mask = Tiled::filled(extent, 0);
        let box_of = |r: f32| {
            let side = (2.0 * r) as u32;
            Rect::new((x - r) as i32, (y - r) as i32, side, side)
        };
        let middle = PointF::new(x, y);
        mask.update(box_of(radius), |at, before| {
            let at = PointF::new(at.x as f32 + 0.5, at.y as f32 + 0.5);
            if at.distance(middle) < radius {
                255
            } else {
                before
            }
        });
        let layout = layout(box_of(radius), box_of(400.0), 20.0, 60.0);
        let outline = BandOutline::new(&mask, MaskMode::Changes, &layout);
        for (pieces, wanted_px) in [(&outline.region, 320.0), (&outline.touched, 380.0)] {
            assert!(pieces.len() > 100);
            for point in pieces.iter().flatten() {
                let error_px = (point.distance(middle) - wanted_px).abs();
                assert!(error_px < 4.0, "{point:?} is {error_px} px off {wanted_px}");
            }
        }
    }

    #[test]
    fn what_stays_is_outlined_from_outside() {
        let extent = Extent::new(200, 100);
        let mut mask: Mask = Tiled::filled(extent, 0);
        mask.update(Rect::new(0, 0, 100, 100), |_, _| 255);
        let region = Rect::new(100, 0, 100, 100);
        let layout = layout(region, Rect::new(90, 0, 110, 100), 0.0, 10.0);
        let outline = BandOutline::new(&mask, MaskMode::Stays, &layout);
        // The rest of the line runs along the border of the picture.
        let within = |p: &&PointF| (2.0..98.0).contains(&p.y) && p.x < 198.0;
        let points: Vec<_> = outline.region.iter().flatten().filter(within).collect();
        assert!(points.len() > 90, "{} points", points.len());
        for point in points {
            assert!((point.x - 100.0).abs() <= 1.0, "{point:?}");
        }
    }
}
