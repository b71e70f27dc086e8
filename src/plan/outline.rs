//! [`BandOutline`]: where region and feather band end, as lines to draw over the picture.

use std::collections::HashMap;

use super::distance::nearest_sites;
use super::layout::Layout;
use super::region::change_of;
use super::settings::MaskMode;
use crate::geometry::{Extent, PointF, Rect};
use crate::raster::{Mask, TILE_PX, TileIndex};

/// Rows and columns looked at in a cell, so that thin strokes are not missed.
const LOOKS: u32 = 3;

/// How finely an outline is drawn: the longest side of its grid in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fineness {
    /// Cheap enough for every tenth of a second of a stroke.
    Painting,
    /// Finer than lines on a screen can show.
    Resting,
}

impl Fineness {
    const fn cells(self) -> u32 {
        match self {
            Self::Painting => 128,
            Self::Resting => 320,
        }
    }
}

/// Lines over the picture, in its pixels; one that is closed ends where it began.
pub type Lines = Vec<Vec<PointF>>;

/// Two line drawings over the picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BandOutline {
    /// Around what changes fully: the region, grown. Nothing while one paints.
    pub region: Lines,
    /// Around everything that can change: the region grown and feathered.
    pub touched: Lines,
}

impl BandOutline {
    /// The outlines of a mask as `layout` grows and feathers it. They are as exact as a grid over
    /// the touched box; what runs is computed from the pixels themselves.
    pub fn new(painted: &Mask, mode: MaskMode, layout: &Layout, fineness: Fineness) -> Self {
        if layout.region.is_none() || layout.touched.is_empty() {
            return Self::default();
        }
        let grid = Grid::over(layout.touched, fineness.cells());
        let is_site = grid.cells_that(painted, |coverage| change_of(coverage, mode) > 0);
        let squared = nearest_sites(grid.cells, &is_site).squared;
        let distances_px: Vec<f32> = squared.iter().map(|d| d.sqrt() * grid.cell_px).collect();
        // Half a cell is where a cell that is in meets one that is not.
        let least = grid.cell_px / 2.0;
        let grown = (layout.grow_px as f32).max(least);
        let feathered = ((layout.grow_px + layout.feather_px) as f32).max(least);
        let region = match fineness {
            // It goes around every turn of a stroke, which can be thousands of points to draw in
            // each frame, and the tint shows the same.
            Fineness::Painting => Lines::new(),
            Fineness::Resting => joined(&grid.contour(&distances_px, grown)),
        };
        Self {
            region,
            touched: joined(&grid.contour(&distances_px, feathered)),
        }
    }
}

/// Where a line crosses an edge of the grid. Neighbouring cells share the edge; its number, and not
/// the place, says that they do, for places coincide where a value is exactly the level.
#[derive(Debug, Clone, Copy)]
struct End {
    edge: usize,
    at: PointF,
}

/// The part of a line within one cell.
type Piece = [End; 2];

/// Square cells over a part of the picture.
struct Grid {
    rect: Rect,
    cells: Extent,
    cell_px: f32,
}

impl Grid {
    fn over(rect: Rect, cells: u32) -> Self {
        let extent = rect.extent();
        let longest = extent.width.max(extent.height).max(1);
        let cell_px = (longest as f32 / cells as f32).max(1.0);
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

    /// Which cells hold a pixel for which `holds`, by a few looks at each. Each tile of the mask is
    /// borrowed once, and one of a single coverage answers for all its cells.
    fn cells_that(&self, mask: &Mask, holds: impl Fn(u8) -> bool) -> Vec<bool> {
        let mut found = vec![false; self.cells.len()];
        let columns = self.looks(self.rect.x, self.cells.width, mask.extent().width);
        let rows = self.looks(self.rect.y, self.cells.height, mask.extent().height);
        let mut shared = SharedTile::default();
        for (row, rows) in by_tile(&rows) {
            for (column, columns) in by_tile(&columns) {
                let Some(tile) = mask.tile(TileIndex { column, row }) else {
                    continue;
                };
                let looks = (rows, columns);
                match shared.single_coverage(tile) {
                    Some(coverage) if !holds(coverage) => {}
                    Some(_) => self.find(&mut found, looks, |_| true),
                    None => {
                        let holds_at = |at: usize| tile.get(at).copied().is_some_and(&holds);
                        self.find(&mut found, looks, holds_at);
                    }
                }
            }
        }
        found
    }

    /// Notes the cells of one tile that hold such a pixel, told by its place in the tile.
    fn find(
        &self,
        found: &mut [bool],
        (rows, columns): (&[Look], &[Look]),
        holds_at: impl Fn(usize) -> bool,
    ) {
        let width = self.cells.width.max(1) as usize;
        for row in rows {
            let mut line = found.chunks_exact_mut(width).nth(row.cell);
            for column in columns {
                let cell = line
                    .as_deref_mut()
                    .and_then(|line| line.get_mut(column.cell));
                if let Some(cell) = cell.filter(|cell| !**cell) {
                    *cell = holds_at(row.in_tile * TILE_PX as usize + column.in_tile);
                }
            }
        }
    }

    /// Where one looks along one side of the grid, which begins at `from` and has so many cells;
    /// looks beyond the plane's own `side` are left out.
    fn looks(&self, from: i32, cells: u32, side: u32) -> Vec<Look> {
        let looks = LOOKS.min(self.cell_px.ceil() as u32).max(1);
        let step_px = self.cell_px / looks as f32;
        let place = |look: u32| from + ((look as f32 + 0.5) * step_px) as i32;
        let look = |number: u32| {
            let at = u32::try_from(place(number)).ok().filter(|at| *at < side)?;
            Some(Look {
                cell: (number / looks) as usize,
                tile: at / TILE_PX,
                in_tile: (at % TILE_PX) as usize,
            })
        };
        (0..cells * looks).filter_map(look).collect()
    }

    /// Where `values`, taken at the middles of the cells, pass `level`: marching squares with
    /// linear interpolation (Lorensen & Cline, "Marching Cubes", SIGGRAPH 1987, in two dimensions).
    fn contour(&self, values: &[f32], level: f32) -> Vec<Piece> {
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
                let at = |edge: usize, (dx, dy): (f32, f32)| End {
                    edge,
                    at: PointF::new(
                        self.rect.x as f32 + (x as f32 + 0.5 + dx) * self.cell_px,
                        self.rect.y as f32 + (y as f32 + 0.5 + dy) * self.cell_px,
                    ),
                };
                let share = |from: f32, to: f32| share_passed(from, to, level);
                // From each middle of a cell one edge goes to the right, one down.
                let (here, below) = (2 * (y * width + x), 2 * ((y + 1) * width + x));
                // Clockwise from the top; a corner's two sides are before and after it.
                let sides = [
                    (inside[0] != inside[1]).then(|| at(here, (share(a, b), 0.0))),
                    (inside[1] != inside[2]).then(|| at(here + 3, (1.0, share(b, c)))),
                    (inside[3] != inside[2]).then(|| at(below, (share(d, c), 1.0))),
                    (inside[0] != inside[3]).then(|| at(here + 1, (0.0, share(a, d)))),
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

/// A row or column of pixels that is looked at.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// Row or column of the cell it is looked at for.
    cell: usize,
    /// Row or column of its tile.
    tile: u32,
    /// Row or column within that tile.
    in_tile: usize,
}

/// The looks tile by tile, with the tile's row or column; they come in rising order.
fn by_tile(looks: &[Look]) -> impl Iterator<Item = (u32, &[Look])> {
    let tiles = looks.chunk_by(|a, b| a.tile == b.tile);
    tiles.filter_map(|looks| Some((looks.first()?.tile, looks)))
}

/// Tiles on which nobody painted, and those that were filled together, are the same memory: what one
/// of them holds need be read only once.
#[derive(Debug, Default)]
struct SharedTile<'a> {
    last: Option<&'a [u8]>,
    /// Known to hold one coverage only.
    single: Option<(&'a [u8], u8)>,
}

impl<'a> SharedTile<'a> {
    /// The one coverage that a tile holds, where it is known without reading a tile for nothing: only
    /// one that comes a second time is read.
    fn single_coverage(&mut self, tile: &'a [u8]) -> Option<u8> {
        if let Some((known, coverage)) = self.single
            && std::ptr::eq(known, tile)
        {
            return Some(coverage);
        }
        let comes_again = self.last.is_some_and(|last| std::ptr::eq(last, tile));
        self.last = Some(tile);
        let first = tile.first().copied().filter(|_| comes_again)?;
        if tile.iter().any(|coverage| *coverage != first) {
            return None;
        }
        self.single = Some((tile, first));
        Some(first)
    }
}

/// Puts pieces that share an end together into lines; at most two pieces meet on one grid edge.
fn joined(pieces: &[Piece]) -> Lines {
    let mut at_edge: HashMap<usize, [Option<usize>; 2]> = HashMap::with_capacity(pieces.len());
    for (index, piece) in pieces.iter().enumerate() {
        for end in piece {
            let [first, second] = at_edge.entry(end.edge).or_default();
            *(if first.is_none() { first } else { second }) = Some(index);
        }
    }
    let mut left = vec![true; pieces.len()];
    // The other end of the piece that goes on from an edge.
    let mut next = |from: End| -> Option<End> {
        let here = at_edge.get(&from.edge)?;
        let index = here
            .iter()
            .flatten()
            .find(|index| left.get(**index) == Some(&true))?;
        *left.get_mut(*index)? = false;
        let [a, b] = *pieces.get(*index)?;
        Some(if a.edge == from.edge { b } else { a })
    };
    let mut lines = Lines::new();
    for [start, _] in pieces {
        // Both ways: a line that is not closed may be found in its middle.
        let mut way = || -> Vec<PointF> {
            let ends = std::iter::successors(next(*start), |at| next(*at));
            ends.map(|end| end.at).collect()
        };
        let (forward, mut line) = (way(), way());
        if forward.is_empty() {
            continue;
        }
        line.reverse();
        line.push(start.at);
        line.extend(forward);
        lines.push(line);
    }
    lines
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
    use proptest::prelude::*;

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
        let outline = BandOutline::new(&mask, MaskMode::Changes, &layout, Fineness::Resting);
        for (lines, wanted_px) in [(&outline.region, 320.0), (&outline.touched, 380.0)] {
            assert_eq!(lines.len(), 1, "one circle");
            let line = &lines[0];
            assert!(line.len() > 100);
            assert_eq!(line.first(), line.last(), "it is closed");
            for point in line {
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
        let outline = BandOutline::new(&mask, MaskMode::Stays, &layout, Fineness::Resting);
        // The rest of the line runs along the border of the picture.
        let within = |p: &&PointF| (2.0..98.0).contains(&p.y) && p.x < 198.0;
        let points: Vec<_> = outline.region.iter().flatten().filter(within).collect();
        assert!(points.len() > 90, "{} points", points.len());
        for point in points {
            assert!((point.x - 100.0).abs() <= 1.0, "{point:?}");
        }
    }

    impl Grid {
        /// Says what [`Grid::cells_that`] says, by asking the mask for each pixel by itself.
        fn cells_that_plainly(&self, mask: &Mask, holds: impl Fn(u8) -> bool) -> Vec<bool> {
            let looks = LOOKS.min(self.cell_px.ceil() as u32).max(1);
            let step_px = self.cell_px / looks as f32;
            let places = |from: i32, cell: u32| {
                (cell * looks..(cell + 1) * looks)
                    .map(move |look| from + ((look as f32 + 0.5) * step_px) as i32)
            };
            let pixel = |x: i32, y: i32| {
                let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
                mask.get(x, y)
            };
            let mut found = Vec::new();
            for row in 0..self.cells.height {
                for column in 0..self.cells.width {
                    let mut rows = places(self.rect.y, row);
                    found.push(rows.any(|y| {
                        let mut columns = places(self.rect.x, column);
                        columns.any(|x| pixel(x, y).is_some_and(&holds))
                    }));
                }
            }
            found
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn cells_say_what_a_look_at_each_pixel_says(
            (width, height) in (1..900u32, 1..700u32),
            paints in prop::collection::vec((-20..900i32, -20..700i32, 1..900u32, 1..700u32, prop::sample::select(vec![0u8, 1, 90, 255])), 0..7),
            (left, top, right, bottom) in (0..900i32, 0..700i32, 1..900i32, 1..700i32),
            cells in 1..400u32,
            (inverted, stays) in (any::<bool>(), any::<bool>()),
        ) {
            let extent = Extent::new(width, height);
            let mut mask: Mask = Tiled::filled(extent, 0);
            for (x, y, width, height, value) in paints {
                mask.update(Rect::new(x, y, width, height), |_, _| value);
            }
            if inverted {
                // Tiles that were one memory are one memory again, another one.
                mask = mask.map(|coverage| 255 - coverage);
            }
            let corners = Rect::from_borders(left.min(right), top.min(bottom), left.max(right), top.max(bottom));
            let touched = corners.intersect(Rect::of(extent));
            let grid = Grid::over(if touched.is_empty() { Rect::of(extent) } else { touched }, cells);
            let mode = if stays { MaskMode::Stays } else { MaskMode::Changes };
            let holds = |coverage| change_of(coverage, mode) > 0;
            prop_assert_eq!(grid.cells_that(&mask, holds), grid.cells_that_plainly(&mask, holds));
        }
    }

    #[test]
    fn pieces_become_lines_in_whatever_order_they_come() {
        let at = |x: usize, y: usize| End {
            edge: 100 * x + y,
            at: PointF::new(x as f32, y as f32),
        };
        let square = [
            [at(0, 0), at(1, 0)],
            [at(1, 1), at(0, 1)],
            [at(1, 1), at(1, 0)],
            [at(0, 0), at(0, 1)],
        ];
        let open = [[at(6, 5), at(7, 5)], [at(5, 5), at(6, 5)]];
        let lines = joined(&[&square[..], &open[..]].concat());
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), 5, "a closed line ends where it began");
        assert_eq!(lines[0].first(), lines[0].last());
        assert_eq!(lines[1].len(), 3);
    }
}
