//! [`BandOutline`]: where region and feather band end, as lines to draw over the picture.

use super::distance::nearest_sites;
use super::layout::Layout;
use super::settings::MaskMode;
use super::sites::Sites;
use crate::geometry::{Extent, PointF, Rect};
use crate::raster::{Mask, TILE_PX};

/// A line may run that far, in cells, from where it would with all its points.
const HARDLY: f32 = 0.08;
/// At most so many points are left out in a row.
const LEFT_OUT: usize = 24;

/// How finely an outline is drawn: the longest side of its grid in cells, at most.
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
            Self::Painting => 160,
            Self::Resting => 560,
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
    /// the touched box; what runs is computed from the pixels themselves. `sites` keeps what was
    /// read of the mask for the next time.
    pub fn new(
        sites: &mut Sites,
        painted: &Mask,
        mode: MaskMode,
        layout: &Layout,
        fineness: Fineness,
    ) -> Self {
        if layout.region.is_none() || layout.touched.is_empty() {
            return Self::default();
        }
        let grid = Grid::over(layout.touched, fineness.cells());
        sites.follow(painted, mode, grid.cell_px);
        let is_site = sites.cells(grid.corner, grid.cells);
        let cell_px = grid.cell_px as f32;
        let squared = nearest_sites(grid.cells, &is_site).squared;
        let distances_px: Vec<f32> = squared.iter().map(|d| d.sqrt() * cell_px).collect();
        // Half a cell is where a cell that is in meets one that is not.
        let least = cell_px / 2.0;
        let grown = (layout.grow_px as f32).max(least);
        let feathered = ((layout.grow_px + layout.feather_px) as f32).max(least);
        let region = match fineness {
            // It goes around every turn of a stroke, which can be thousands of points to draw in
            // each frame, and the tint shows the same.
            Fineness::Painting => Lines::new(),
            Fineness::Resting => grid.lines(&distances_px, grown),
        };
        Self {
            region,
            touched: grid.lines(&distances_px, feathered),
        }
    }
}

/// More pieces of an outline are not drawn: a mask of single pixels is outlined more coarsely.
const MOST_PIECES: usize = 40_000;

/// The outline of what is painted in the part `seen` of the picture, in cells of at least `cell_px`.
/// Beyond `seen` lines end. `sites` keeps what was read of the mask for the next time.
pub fn painted_outline(sites: &mut Sites, painted: &Mask, seen: Rect, cell_px: u32) -> Lines {
    if seen.is_empty() {
        return Lines::new();
    }
    let mut cell_px = cell_px.max(1);
    loop {
        let grid = Grid::of_cells(seen, cell_px);
        sites.follow(painted, MaskMode::Changes, grid.cell_px);
        let is_site = sites.cells(grid.corner, grid.cells);
        let values: Vec<f32> = is_site.iter().map(|is| f32::from(u8::from(!*is))).collect();
        let pieces = grid.contour(&values, 0.5);
        if pieces.len() <= MOST_PIECES || grid.cell_px >= TILE_PX {
            let most_px = HARDLY * grid.cell_px as f32;
            let lines = joined(&pieces);
            return lines.iter().map(|line| simplified(line, most_px)).collect();
        }
        cell_px = grid.cell_px * 2;
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
    /// Side of a cell: a power of two, so that cells never lie in two tiles.
    cell_px: u32,
    /// Column and row of the first cell, counted from the picture's corner.
    corner: (i32, i32),
    cells: Extent,
}

impl Grid {
    fn over(rect: Rect, most_cells: u32) -> Self {
        let longest = rect.width.max(rect.height).max(1);
        Self::of_cells(rect, longest.div_ceil(most_cells))
    }

    /// Cells of at least that side; at most a tile.
    fn of_cells(rect: Rect, least_px: u32) -> Self {
        let cell_px = least_px.next_power_of_two().min(TILE_PX);
        let cell = |px: i32| px.div_euclid(cell_px as i32);
        // A line needs cells on both of its sides.
        let margin = 2;
        let (left, top) = (cell(rect.x) - margin, cell(rect.y) - margin);
        let count = |first: i32, last_px: i32| (cell(last_px) + 1 + margin - first).max(1) as u32;
        Self {
            cell_px,
            corner: (left, top),
            cells: Extent::new(count(left, rect.right() - 1), count(top, rect.bottom() - 1)),
        }
    }

    /// The lines along which `values` pass `level`, without points that hardly bend them: each point
    /// is drawn anew in every frame.
    fn lines(&self, values: &[f32], level: f32) -> Lines {
        let most_px = HARDLY * self.cell_px as f32;
        let lines = joined(&self.contour(values, level));
        lines.iter().map(|line| simplified(line, most_px)).collect()
    }

    /// Where `values`, taken at the middles of the cells, pass `level`: marching squares with
    /// linear interpolation (Lorensen & Cline, "Marching Cubes", SIGGRAPH 1987, in two dimensions).
    fn contour(&self, values: &[f32], level: f32) -> Vec<Piece> {
        let width = self.cells.width as usize;
        let cell_px = self.cell_px as f32;
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
                        ((self.corner.0 + x as i32) as f32 + 0.5 + dx) * cell_px,
                        ((self.corner.1 + y as i32) as f32 + 0.5 + dy) * cell_px,
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

/// Puts pieces that share an end together into lines; at most two pieces meet on one grid edge.
fn joined(pieces: &[Piece]) -> Lines {
    let last = pieces.iter().flatten().map(|end| end.edge).max();
    let mut at_edge: Vec<[Option<usize>; 2]> = vec![[None; 2]; last.map_or(0, |edge| edge + 1)];
    for (index, piece) in pieces.iter().enumerate() {
        for end in piece {
            if let Some([first, second]) = at_edge.get_mut(end.edge) {
                *(if first.is_none() { first } else { second }) = Some(index);
            }
        }
    }
    let mut left = vec![true; pieces.len()];
    // The other end of the piece that goes on from an edge.
    let mut next = |from: End| -> Option<End> {
        let here = at_edge.get(from.edge)?;
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

/// The line through some of its points, from which the others lie at most `most_px` away.
fn simplified(line: &[PointF], most_px: f32) -> Vec<PointF> {
    let is_near = |from: PointF, to: PointF, at: PointF| {
        let (x, y) = (to.x - from.x, to.y - from.y);
        let length = x.hypot(y);
        let (ax, ay) = (at.x - from.x, at.y - from.y);
        if length <= most_px {
            return ax.hypot(ay) <= most_px;
        }
        let along = (ax * x + ay * y) / length;
        (ax * y - ay * x).abs() <= most_px * length && (0.0..=length).contains(&along)
    };
    let mut kept: Vec<PointF> = line.first().copied().into_iter().collect();
    let mut rest = line;
    while let Some((from, after)) = rest.split_first().filter(|(_, after)| !after.is_empty()) {
        let skips = |count: &usize| {
            let (Some(to), Some(between)) = (after.get(*count), after.get(..*count)) else {
                return false;
            };
            between.iter().all(|at| is_near(*from, *to, *at))
        };
        let count = (1..=LEFT_OUT).take_while(skips).last().unwrap_or(0);
        kept.extend(after.get(count));
        rest = after.get(count..).unwrap_or_default();
    }
    kept
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

    fn outline_of(mask: &Mask, mode: MaskMode, layout: &Layout) -> BandOutline {
        BandOutline::new(&mut Sites::default(), mask, mode, layout, Fineness::Resting)
    }

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
        let outline = outline_of(&mask, MaskMode::Changes, &layout);
        for (lines, wanted_px) in [(&outline.region, 320.0), (&outline.touched, 380.0)] {
            assert_eq!(lines.len(), 1, "one circle");
            let line = &lines[0];
            assert!((40..400).contains(&line.len()), "{} points", line.len());
            assert_eq!(line.first(), line.last(), "it is closed");
            for point in line {
                let error_px = (point.distance(middle) - wanted_px).abs();
                assert!(error_px < 4.0, "{point:?} is {error_px} px off {wanted_px}");
            }
        }
    }

    #[test]
    fn the_outline_of_paint_runs_along_its_pixels() {
        let mut mask: Mask = Tiled::filled(Extent::new(700, 500), 0);
        let painted = Rect::new(100, 80, 301, 207);
        mask.update(painted, |_, _| 255);
        let whole = Rect::of(mask.extent());
        for cell_px in [1, 4] {
            let lines = painted_outline(&mut Sites::default(), &mask, whole, cell_px);
            assert_eq!(lines.len(), 1);
            assert!(lines[0].len() < 80, "{} points", lines[0].len());
            let sides = [
                (
                    painted.x,
                    painted.right(),
                    lines[0].iter().map(|p| p.x).collect::<Vec<_>>(),
                ),
                (
                    painted.y,
                    painted.bottom(),
                    lines[0].iter().map(|p| p.y).collect(),
                ),
            ];
            for (first, last, places) in sides {
                let least = places.iter().copied().fold(f32::MAX, f32::min);
                let most = places.iter().copied().fold(f32::MIN, f32::max);
                let off = cell_px as f32 - 1.0;
                assert!((least - first as f32).abs() <= off, "{least} for {first}");
                assert!((most - last as f32).abs() <= off, "{most} for {last}");
            }
        }
        // Where only the inside is seen, there is no line.
        let inside = Rect::new(150, 120, 100, 100);
        assert!(painted_outline(&mut Sites::default(), &mask, inside, 1).is_empty());
    }

    #[test]
    fn single_pixels_are_outlined_coarsely() {
        let mut mask: Mask = Tiled::filled(Extent::new(512, 512), 0);
        let whole = Rect::of(mask.extent());
        mask.update(whole, |at, _| if (at.x + at.y) % 2 == 0 { 255 } else { 0 });
        let lines = painted_outline(&mut Sites::default(), &mask, whole, 1);
        let count: usize = lines.iter().map(Vec::len).sum();
        assert!((4..100).contains(&count), "{count} points");
    }

    #[test]
    fn what_stays_is_outlined_from_outside() {
        let extent = Extent::new(200, 100);
        let mut mask: Mask = Tiled::filled(extent, 0);
        mask.update(Rect::new(0, 0, 100, 100), |_, _| 255);
        let region = Rect::new(100, 0, 100, 100);
        let layout = layout(region, Rect::new(90, 0, 110, 100), 0.0, 10.0);
        let outline = outline_of(&mask, MaskMode::Stays, &layout);
        // The rest of the line runs along the border of the picture.
        let within = |p: &&PointF| (2.0..98.0).contains(&p.y) && p.x < 198.0;
        let points: Vec<_> = outline.region.iter().flatten().filter(within).collect();
        for point in &points {
            assert!((point.x - 100.0).abs() <= 1.0, "{point:?}");
        }
        // Its sides are straight, so few of some four hundred points say where they are.
        let count: usize = outline.region.iter().map(Vec::len).sum();
        assert!(count < 60, "{count} points");
        let along = outline.region.iter().flatten();
        let along = along.filter(|p| (p.x - 100.0).abs() <= 1.0);
        assert!(along.clone().any(|p| p.y < 5.0) && along.clone().any(|p| p.y > 95.0));
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
