//! Gathers pixels for AMX: normalized, rounded to bf16, with their padding, where `tileloadd` can read
//! them under every tap.

use std::ops::Range;

use rayon::prelude::*;

use super::pack::PackedWeights;
use super::prologue::{GemmInput, RowScratch, RowsToBf16};

/// Rows of an AMX tile.
pub(crate) const TILE_ROWS: usize = 16;

/// A: rows or pixels, and which of them lies at each place of the padded pictures.
pub(crate) struct PixelSource<'a, P> {
    pub(crate) input: &'a GemmInput<'a>,
    /// The index of a pixel, by picture, row and column of the padded picture; `None` in the padding.
    pub(crate) pixel_at: P,
}

/// See [`PixelSource::pixel_at`].
pub(crate) trait PixelAt: Fn(usize, usize, usize) -> Option<usize> + Sync {}
impl<P: Fn(usize, usize, usize) -> Option<usize> + Sync> PixelAt for P {}

/// Size of the result, and the geometry of the convolution that gives it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutputGrid {
    /// Pictures.
    pub(crate) batch: usize,
    /// Rows of each.
    pub(crate) rows: usize,
    /// Columns of each.
    pub(crate) columns: usize,
    /// Side of the kernel; 3 at the most.
    pub(crate) kernel: usize,
    /// Pixels of the input from one of the result to the next.
    pub(crate) stride: usize,
    /// Pixels of the input from one tap of the kernel to the next.
    pub(crate) dilation: usize,
}

impl OutputGrid {
    /// Pixels of the input from the first tap of the kernel to the last one of a row.
    fn reach(&self) -> usize {
        (self.kernel - 1) * self.dilation
    }

    /// Columns of the padded input.
    pub(crate) fn padded_columns(&self) -> usize {
        (self.columns - 1) * self.stride + self.reach() + 1
    }

    /// Rows of the padded input under that many rows of the result.
    pub(crate) fn padded_rows(&self, rows: usize) -> usize {
        (rows - 1) * self.stride + self.reach() + 1
    }

    /// Some rows, counted over all pictures, as a run of rows of each picture.
    fn runs_by_picture(&self, of_all: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let rows = self.rows;
        let pictures = of_all.start / rows..of_all.end.div_ceil(rows);
        pictures.map(move |picture| {
            let first = picture * rows;
            let within = |row: usize| row.clamp(first, first + rows) - first;
            (picture, within(of_all.start)..within(of_all.end))
        })
    }
}

/// A block of A: the padded pixels under some rows of the result, rounded.
#[derive(Default)]
pub(crate) struct PixelBlock {
    pub(crate) tiles: Vec<TileRows>,
    /// The offset of each tap, in pairs.
    pub(crate) tap_offsets: Vec<usize>,
    pub(crate) pairs: Vec<u32>,
    /// Pairs of a pixel.
    pub(crate) k_pairs: usize,
    /// Pairs from one pixel to the next.
    pub(crate) lda: usize,
    scratch: RowScratch,
}

/// The rows of an AMX tile.
pub(crate) struct TileRows {
    /// The first pixel, counted in the block.
    pub(crate) first: usize,
    /// The pixel of the result that each row gives; none in the padding between rows of pixels.
    pub(crate) outputs: [Option<usize>; TILE_ROWS],
}

impl TileRows {
    pub(crate) fn pixels(&self) -> impl Iterator<Item = usize> {
        self.outputs.iter().copied().flatten()
    }
}

impl PixelBlock {
    /// Gathers what lies under some rows of the result; on all threads where `in_parallel`.
    pub(crate) fn gather<P: PixelAt>(
        &mut self,
        (weights, grid, source): (&PackedWeights, &OutputGrid, &PixelSource<'_, P>),
        rows: Range<usize>,
        in_parallel: bool,
    ) {
        let Some(bf16_isa) = weights.bf16() else {
            return;
        };
        let columns = grid.padded_columns();
        self.k_pairs = bf16_isa.k_pairs(weights.inputs());
        // An odd number of cache lines, so that the rows of a tile do not fall into the same sets of L1.
        self.lda = ((self.k_pairs / TILE_ROWS) | 1) * TILE_ROWS;
        self.tiles.clear();
        let (mut before, mut padded_rows_of_pictures) = (0, Vec::new());
        for (picture, rows) in grid.runs_by_picture(rows) {
            let first_output = (picture * grid.rows + rows.start) * grid.columns;
            self.tiles
                .extend(tiles_of(grid, rows.len()).map(|tile| TileRows {
                    first: before + tile.first,
                    outputs: tile.outputs.map(|pixel| Some(first_output + pixel?)),
                }));
            let padded_rows = grid.padded_rows(rows.len());
            let padded = (rows.start * grid.stride..).take(padded_rows);
            padded_rows_of_pictures.extend(padded.map(|row| (picture, row)));
            before += padded_rows * columns;
        }
        let kernel = grid.kernel;
        self.tap_offsets.clear();
        self.tap_offsets.extend((0..kernel * kernel).map(|tap| {
            let pixel = (tap / kernel * columns + tap % kernel) * grid.dilation;
            pixel * self.lda
        }));
        // The last tile may go on behind the last pixel.
        let farthest = self.tiles.last().map_or(0, |tile| tile.first)
            + (TILE_ROWS - 1) * grid.stride
            + grid.reach() * (columns + 1);
        let len = before.max(farthest + 1) * self.lda;
        if self.pairs.len() < len {
            self.pairs.resize(len, 0);
        }
        let (lda, k_pairs) = (self.lda, self.k_pairs);
        let round = |scratch: &mut RowScratch,
                     ((picture, row), to): ((usize, usize), &mut [u32])| {
            weights.isa().run(RowsToBf16 {
                isa: weights.isa(),
                bf16_isa,
                input: source.input,
                width: weights.inputs(),
                rows: (0..columns).map(|column| (source.pixel_at)(picture, row, column)),
                to,
                lda,
                k_pairs,
                scratch,
            });
        };
        let targets = self.pairs.chunks_exact_mut(columns * lda);
        if in_parallel {
            let rows: Vec<_> = padded_rows_of_pictures.into_iter().zip(targets).collect();
            let rows = rows.into_par_iter().with_min_len(16);
            rows.for_each_init(RowScratch::default, round);
        } else {
            let rows = padded_rows_of_pictures.into_iter().zip(targets);
            rows.for_each(|row| round(&mut self.scratch, row));
        }
    }
}

/// The tiles of the first `rows` rows of a picture. Row by row of pixels, or, where that takes fewer,
/// through the padding between rows.
fn tiles_of(grid: &OutputGrid, rows: usize) -> impl Iterator<Item = TileRows> {
    let OutputGrid {
        columns, stride, ..
    } = *grid;
    let padded = grid.padded_columns();
    let of_a_row = columns.div_ceil(TILE_ROWS);
    let through = ((rows - 1) * padded + columns).div_ceil(TILE_ROWS);
    let by_row = stride > 1 || of_a_row * rows <= through;
    (0..if by_row { of_a_row * rows } else { through }).map(move |index| {
        let (first, outputs) = if by_row {
            let (y, x) = (index / of_a_row, index % of_a_row * TILE_ROWS);
            let outputs =
                std::array::from_fn(|at| (x + at < columns).then(|| y * columns + x + at));
            ((y * padded + x) * stride, outputs)
        } else {
            let outputs = std::array::from_fn(|at| {
                let position = index * TILE_ROWS + at;
                let (y, x) = (position / padded, position % padded);
                (y < rows && x < columns).then(|| y * columns + x)
            });
            (index * TILE_ROWS, outputs)
        };
        TileRows { first, outputs }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_give_every_pixel_once_from_where_it_lies() {
        for (rows, columns) in [(1, 1), (40, 1), (8, 8), (3, 50), (5, 64), (2, 17), (7, 3)] {
            for (kernel, stride) in [(1, 1), (3, 1), (3, 2)] {
                let grid = OutputGrid {
                    batch: 1,
                    rows,
                    columns,
                    kernel,
                    stride,
                    dilation: 1,
                };
                let mut seen = vec![0; rows * columns];
                for tile in tiles_of(&grid, rows) {
                    for (at, pixel) in tile.outputs.into_iter().enumerate() {
                        let Some(pixel) = pixel else { continue };
                        seen[pixel] += 1;
                        let (y, x) = (pixel / columns, pixel % columns);
                        let lies = (y * grid.padded_columns() + x) * stride;
                        assert_eq!(tile.first + at * stride, lies, "{grid:?}");
                    }
                }
                assert!(seen.iter().all(|times| *times == 1), "{grid:?}");
            }
        }
    }

    #[test]
    fn runs_are_the_rows_of_each_picture() {
        let grid = OutputGrid {
            batch: 3,
            rows: 10,
            columns: 4,
            kernel: 3,
            stride: 1,
            dilation: 1,
        };
        let runs: Vec<_> = grid.runs_by_picture(7..21).collect();
        assert_eq!(runs, [(0, 7..10), (1, 0..10), (2, 0..1)]);
        let runs: Vec<_> = grid.runs_by_picture(10..20).collect();
        assert_eq!(runs, [(1, 0..10)]);
    }
}
