//! Pixels in the order in which tiles read them.

use std::ops::Range;

use rayon::prelude::*;

use super::pack::PackedWeights;
use super::prologue::{GemmInput, RowScratch, RowsToBf16};

/// Rows of one register.
pub(crate) const GROUP: usize = 16;

/// What is multiplied: rows or pixels, and where in them each place of pictures with padding is.
pub(crate) struct PixelSource<'a, P> {
    pub(crate) input: &'a GemmInput<'a>,
    /// Of a picture, a row and a column, counted from the padding's first; `None` in the padding.
    pub(crate) pixel_at: P,
}

/// See [`PixelSource::place`].
pub(crate) trait PixelAt: Fn(usize, usize, usize) -> Option<usize> + Sync {}
impl<P: Fn(usize, usize, usize) -> Option<usize> + Sync> PixelAt for P {}

/// Measures of a result, and what each pixel of it is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutputGrid {
    /// Pictures.
    pub(crate) batch: usize,
    /// Rows of each.
    pub(crate) rows: usize,
    /// Pixels of a row.
    pub(crate) columns: usize,
    /// Side of the kernel; 3 at the most.
    pub(crate) kernel: usize,
    /// Pixels of the input from one of the result to the next.
    pub(crate) stride: usize,
}

impl OutputGrid {
    /// Pixels of a row of the input, with its padding.
    pub(crate) fn padded_columns(&self) -> usize {
        (self.columns - 1) * self.stride + self.kernel
    }

    /// Rows of the input under that many rows of a picture.
    pub(crate) fn padded_rows(&self, rows: usize) -> usize {
        (rows - 1) * self.stride + self.kernel
    }

    /// Some rows of all pictures, one after the other, as rows of one picture each.
    fn pieces(&self, lines: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let rows = self.rows;
        let pictures = lines.start / rows..lines.end.div_ceil(rows);
        pictures.map(move |picture| {
            let first = picture * rows;
            let until = |line: usize| line.clamp(first, first + rows) - first;
            (picture, until(lines.start)..until(lines.end))
        })
    }
}

/// The pixels under some lines of the result, with their padding; rounded.
#[derive(Default)]
pub(crate) struct PixelBlock {
    pub(crate) groups: Vec<RowGroup>,
    /// Where each tap is, in pairs.
    pub(crate) taps: Vec<usize>,
    pub(crate) pairs: Vec<u32>,
    /// Pairs of a pixel.
    pub(crate) depth: usize,
    /// Pairs from one pixel to the next.
    pub(crate) stride: usize,
    scratch: RowScratch,
}

/// What a register of rows gives.
pub(crate) struct RowGroup {
    /// The first pixel, counted in the block.
    pub(crate) first: usize,
    /// The pixels of the result its rows are; padding between rows gives none.
    pub(crate) outputs: [Option<usize>; GROUP],
}

impl RowGroup {
    pub(crate) fn pixels(&self) -> impl Iterator<Item = usize> {
        self.outputs.iter().copied().flatten()
    }
}

impl PixelBlock {
    /// Rounds what lies under some lines; by all threads where there is nothing else for them to do.
    pub(crate) fn make<P: PixelAt>(
        &mut self,
        (weights, grid, source): (&PackedWeights, &OutputGrid, &PixelSource<'_, P>),
        lines: Range<usize>,
        by_all: bool,
    ) {
        let Some(bf16_isa) = weights.bf16() else {
            return;
        };
        let columns = grid.padded_columns();
        self.depth = bf16_isa.pairs_for(weights.inputs());
        // An odd number of cache lines, so that the rows of a tile do not meet in the same places of
        // the first cache.
        self.stride = ((self.depth / GROUP) | 1) * GROUP;
        self.groups.clear();
        let (mut before, mut padded_lines) = (0, Vec::new());
        for (picture, rows) in grid.pieces(lines) {
            let first_output = (picture * grid.rows + rows.start) * grid.columns;
            self.groups
                .extend(groups_of(grid, rows.len()).map(|group| RowGroup {
                    first: before + group.first,
                    outputs: group.outputs.map(|pixel| Some(first_output + pixel?)),
                }));
            let padded_rows = grid.padded_rows(rows.len());
            let padded = (rows.start * grid.stride..).take(padded_rows);
            padded_lines.extend(padded.map(|row| (picture, row)));
            before += padded_rows * columns;
        }
        let kernel = grid.kernel;
        self.taps.clear();
        self.taps.extend((0..kernel * kernel).map(|tap| {
            let pixel = tap / kernel * columns + tap % kernel;
            pixel * self.stride
        }));
        // The last group may go on behind the last pixel.
        let farthest = self.groups.last().map_or(0, |group| group.first)
            + (GROUP - 1) * grid.stride
            + (grid.kernel - 1) * (columns + 1);
        let len = before.max(farthest + 1) * self.stride;
        if self.pairs.len() < len {
            self.pairs.resize(len, 0);
        }
        let (stride, depth) = (self.stride, self.depth);
        let round = |scratch: &mut RowScratch,
                     ((picture, row), to): ((usize, usize), &mut [u32])| {
            weights.isa().run(RowsToBf16 {
                isa: weights.isa(),
                bf16_isa,
                input: source.input,
                width: weights.inputs(),
                rows: (0..columns).map(|column| (source.pixel_at)(picture, row, column)),
                to,
                stride,
                depth,
                scratch,
            });
        };
        let grid = self.pairs.chunks_exact_mut(columns * stride);
        if by_all {
            let lines: Vec<_> = padded_lines.into_iter().zip(grid).collect();
            let lines = lines.into_par_iter().with_min_len(16);
            lines.for_each_init(RowScratch::default, round);
        } else {
            let lines = padded_lines.into_iter().zip(grid);
            lines.for_each(|line| round(&mut self.scratch, line));
        }
    }
}

/// The groups of the first `rows` rows of a picture. Row by row, or, where that takes fewer, through
/// the padding between rows.
fn groups_of(grid: &OutputGrid, rows: usize) -> impl Iterator<Item = RowGroup> {
    let OutputGrid {
        columns, stride, ..
    } = *grid;
    let padded = grid.padded_columns();
    let of_a_row = columns.div_ceil(GROUP);
    let through = ((rows - 1) * padded + columns).div_ceil(GROUP);
    let by_row = stride > 1 || of_a_row * rows <= through;
    (0..if by_row { of_a_row * rows } else { through }).map(move |index| {
        let (first, outputs) = if by_row {
            let (y, x) = (index / of_a_row, index % of_a_row * GROUP);
            let outputs =
                std::array::from_fn(|at| (x + at < columns).then(|| y * columns + x + at));
            ((y * padded + x) * stride, outputs)
        } else {
            let outputs = std::array::from_fn(|at| {
                let position = index * GROUP + at;
                let (y, x) = (position / padded, position % padded);
                (y < rows && x < columns).then(|| y * columns + x)
            });
            (index * GROUP, outputs)
        };
        RowGroup { first, outputs }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_give_every_pixel_once_from_where_it_lies() {
        for (rows, columns) in [(1, 1), (40, 1), (8, 8), (3, 50), (5, 64), (2, 17), (7, 3)] {
            for (kernel, stride) in [(1, 1), (3, 1), (3, 2)] {
                let grid = OutputGrid {
                    batch: 1,
                    rows,
                    columns,
                    kernel,
                    stride,
                };
                let mut seen = vec![0; rows * columns];
                for group in groups_of(&grid, rows) {
                    for (at, pixel) in group.outputs.into_iter().enumerate() {
                        let Some(pixel) = pixel else { continue };
                        seen[pixel] += 1;
                        let (y, x) = (pixel / columns, pixel % columns);
                        let lies = (y * grid.padded_columns() + x) * stride;
                        assert_eq!(group.first + at * stride, lies, "{grid:?}");
                    }
                }
                assert!(seen.iter().all(|times| *times == 1), "{grid:?}");
            }
        }
    }

    #[test]
    fn pieces_are_the_lines_of_each_picture() {
        let grid = OutputGrid {
            batch: 3,
            rows: 10,
            columns: 4,
            kernel: 3,
            stride: 1,
        };
        let pieces: Vec<_> = grid.pieces(7..21).collect();
        assert_eq!(pieces, [(0, 7..10), (1, 0..10), (2, 0..1)]);
        let pieces: Vec<_> = grid.pieces(10..20).collect();
        assert_eq!(pieces, [(1, 0..10)]);
    }
}
