//! Small steps of brightness where copies from different places meet are evened out: the hole keeps
//! the copies' gradients, and at a seam takes the mean of what both sides say (Pérez, Gangnet & Blake,
//! "Poisson Image Editing", SIGGRAPH 2003), held to the copies so that nothing spreads far (the
//! screened equation of Bhat et al., ECCV 2008).

use rayon::prelude::*;

use super::level::{Level, WHITE};
use super::{Cancelled, Watch};

/// How strongly a pixel is held to its copy: a step fades within about 1/√this pixels.
const SCREEN: f32 = 0.0005;
/// The largest step that is evened out; a larger one is an edge.
const MOST: f32 = 0.12 * WHITE;
/// Rounds of over-relaxation.
const ROUNDS: usize = 60;
const OVER_RELAXATION: f32 = 1.85;
/// Rows relaxed between two looks at the watch.
const ROWS: usize = 256;

/// What must be added to each of the copies (`(pixel, copied from)`, row by row), in samples.
pub(super) fn corrections(
    level: &Level,
    copies: &[(usize, usize)],
    watch: &mut Watch<'_>,
) -> Result<Vec<[f32; 3]>, Cancelled> {
    let Some(hole) = HoleBox::of(level, copies) else {
        return Ok(Vec::new());
    };
    let mut cells = vec![Cell::default(); hole.width * hole.height];
    let mut from = vec![NONE; cells.len()];
    for (at, source) in copies {
        if let Some(slot) = from.get_mut(hole.index(*at)) {
            *slot = *source as u32;
        }
    }
    cells
        .par_chunks_mut(hole.width)
        .enumerate()
        .for_each(|(y, row)| {
            for (x, cell) in row.iter_mut().enumerate() {
                *cell = Cell::new(level, &hole, &from, (x, y));
            }
        });
    let mut values = vec![[0f32; 3]; cells.len()];
    for _ in 0..ROUNDS {
        for colour in 0..2 {
            relax(&hole, &cells, &mut values, colour, watch)?;
        }
    }
    let at = |(at, _): &(usize, usize)| values.get(hole.index(*at)).copied().unwrap_or_default();
    Ok(copies.iter().map(at).collect())
}

const NONE: u32 = u32::MAX;

/// The box around the hole with one pixel more on each side.
struct HoleBox {
    stride: usize,
    /// In pixels of the level, one more than the first column and row, so that it cannot be negative.
    left_1: usize,
    top_1: usize,
    width: usize,
    height: usize,
}

impl HoleBox {
    fn of(level: &Level, copies: &[(usize, usize)]) -> Option<Self> {
        let stride = level.width;
        let (first, last) = (copies.first()?.0, copies.last()?.0);
        let columns = || copies.iter().map(|(at, _)| at % stride);
        let (left, right) = (columns().min()?, columns().max()?);
        let (top, bottom) = (first / stride, last / stride);
        Some(Self {
            stride,
            left_1: left,
            top_1: top,
            width: right - left + 3,
            height: bottom - top + 3,
        })
    }

    /// Index in the box of a pixel of the level.
    fn index(&self, at: usize) -> usize {
        let (x, y) = (at % self.stride, at / self.stride);
        (y + 1 - self.top_1) * self.width + x + 1 - self.left_1
    }
}

/// One unknown: how many neighbours it is tied to, and the sum of the steps to them.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    neighbours: f32,
    steps: [f32; 3],
}

impl Cell {
    fn new(level: &Level, hole: &HoleBox, from: &[u32], (x, y): (usize, usize)) -> Self {
        let i = y * hole.width + x;
        let mut cell = Self::default();
        let source = |i: usize| {
            from.get(i)
                .copied()
                .filter(|s| *s != NONE)
                .map(|s| s as usize)
        };
        let Some(ours) = source(i) else {
            return cell;
        };
        let (at_x, at_y) = (x + hole.left_1 - 1, y + hole.top_1 - 1);
        let at = at_y * level.width + at_x;
        let sides = [
            (at_x > 0, i.wrapping_sub(1), -1),
            (at_x + 1 < level.width, i + 1, 1),
            (
                at_y > 0,
                i.wrapping_sub(hole.width),
                -(level.width as isize),
            ),
            (
                at_y + 1 < level.height,
                i + hole.width,
                level.width as isize,
            ),
        ];
        for (_, beside, offset) in sides.into_iter().filter(|(inside, ..)| *inside) {
            let moved = |at: usize| at.wrapping_add_signed(offset);
            let colour = |at: usize| {
                let sample = level.samples.get(at).copied().unwrap_or_default();
                let [r, g, b, _] = sample.map(f32::from);
                [r, g, b]
            };
            // The step between copy and neighbour that neither side wants, as far as they can say.
            let step = |a: usize, b: usize| {
                let are_known = level.is_known(a) && level.is_known(b);
                are_known.then(|| difference(colour(a), colour(b)))
            };
            let step_to = match source(beside) {
                Some(theirs) if theirs == moved(ours) => [0.0; 3],
                Some(theirs) => {
                    let by_ours = step(theirs, moved(ours));
                    let by_theirs = step(theirs.wrapping_add_signed(-offset), ours);
                    match (by_ours, by_theirs) {
                        (Some(a), Some(b)) => mean(a, b),
                        (a, b) => a.or(b).unwrap_or_default(),
                    }
                }
                None if level.is_known(moved(at)) => {
                    step(moved(at), moved(ours)).unwrap_or_default()
                }
                None => continue,
            };
            cell.neighbours += 1.0;
            if step_to.iter().all(|v| v.abs() <= MOST) {
                for (sum, value) in cell.steps.iter_mut().zip(step_to) {
                    *sum += value;
                }
            }
        }
        cell
    }
}

fn difference(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    let ([a, b, c], [d, e, f]) = (a, b);
    [a - d, b - e, c - f]
}

fn mean(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    let ([a, b, c], [d, e, f]) = (a, b);
    [0.5 * (a + d), 0.5 * (b + e), 0.5 * (c + f)]
}

/// Relaxes every other pixel, as on a chessboard: none of them is a neighbour of another, so the order
/// does not matter.
fn relax(
    hole: &HoleBox,
    cells: &[Cell],
    values: &mut [[f32; 3]],
    colour: usize,
    watch: &mut Watch<'_>,
) -> Result<(), Cancelled> {
    let width = hole.width;
    // Rows of one parity at a time: the other rows are only read.
    for parity in 0..2 {
        watch.look()?;
        let (mut even, mut odd) = (Vec::new(), Vec::new());
        for (y, row) in values.chunks_exact_mut(width).enumerate() {
            let rows = if y % 2 == 0 { &mut even } else { &mut odd };
            rows.push(row);
        }
        let (ours, others) = if parity == 0 {
            (even, odd)
        } else {
            (odd, even)
        };
        let others: Vec<&[[f32; 3]]> = others.into_iter().map(|row| &*row).collect();
        ours.into_par_iter()
            .enumerate()
            .with_min_len(ROWS / 16)
            .for_each(|(i, row)| {
                let y = 2 * i + parity;
                let above = if parity == 0 {
                    i.checked_sub(1)
                } else {
                    Some(i)
                };
                let above = above
                    .and_then(|i| others.get(i))
                    .copied()
                    .unwrap_or_default();
                let below = if parity == 0 { i } else { i + 1 };
                let below = others.get(below).copied().unwrap_or_default();
                let first = (colour + y) % 2;
                for x in (first..width).step_by(2) {
                    relax_one(cells, (y * width + x, x), row, [above, below]);
                }
            });
    }
    Ok(())
}

fn relax_one(
    cells: &[Cell],
    (i, x): (usize, usize),
    row: &mut [[f32; 3]],
    [above, below]: [&[[f32; 3]]; 2],
) {
    let Some(cell) = cells.get(i).filter(|cell| cell.neighbours > 0.0) else {
        return;
    };
    let mut sum = cell.steps;
    let beside = [
        x.checked_sub(1).and_then(|x| row.get(x)),
        row.get(x + 1),
        above.get(x),
        below.get(x),
    ];
    for value in beside.into_iter().flatten() {
        for (sum, value) in sum.iter_mut().zip(value) {
            *sum += value;
        }
    }
    if let Some(own) = row.get_mut(x) {
        for (own, sum) in own.iter_mut().zip(sum) {
            *own += OVER_RELAXATION * (sum / (cell.neighbours + SCREEN) - *own);
        }
    }
}
