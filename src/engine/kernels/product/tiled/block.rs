//! Pixels in the order in which tiles read them.

use std::ops::Range;

use rayon::prelude::*;

use super::super::super::values::{RowsToBf16, RowScratch};
use super::{GROUP, Place, Places, Product};

/// The pixels under some lines of the result, with their padding; rounded.
#[derive(Default)]
pub(super) struct Block {
    pub(super) groups: Vec<Group>,
    /// Where each tap is, in pairs.
    pub(super) taps: Vec<usize>,
    pub(super) pairs: Vec<u32>,
    /// Pairs of a pixel.
    pub(super) depth: usize,
    /// Pairs from one pixel to the next.
    pub(super) stride: usize,
    scratch: RowScratch,
}

/// What a register of rows gives.
pub(super) struct Group {
    /// The first pixel, counted in the block.
    pub(super) first: usize,
    /// The pixels of the result its rows are; padding between rows gives none.
    pub(super) outputs: [Option<usize>; GROUP],
}

impl Group {
    pub(super) fn pixels(&self) -> impl Iterator<Item = usize> {
        self.outputs.iter().copied().flatten()
    }
}

impl Block {
    /// Rounds what lies under some lines; by all threads where there is nothing else for them to do.
    pub(super) fn make<P: Place>(
        &mut self,
        product: &Product<'_, P>,
        lines: Range<usize>,
        by_all: bool,
    ) {
        let (weights, places) = (product.weights, product.places);
        let Some(bf16_isa) = weights.bf16() else {
            return;
        };
        let columns = places.padded_columns();
        self.depth = bf16_isa.pairs_for(weights.inputs());
        // An odd number of cache lines, so that the rows of a tile do not meet in the same places of
        // the first cache.
        self.stride = ((self.depth / GROUP) | 1) * GROUP;
        self.groups.clear();
        let (mut before, mut padded_lines) = (0, Vec::new());
        for (picture, rows) in places.pieces(lines) {
            let first_output = (picture * places.rows + rows.start) * places.columns;
            self.groups
                .extend(groups_of(places, rows.len()).map(|group| Group {
                    first: before + group.first,
                    outputs: group.outputs.map(|pixel| Some(first_output + pixel?)),
                }));
            let padded_rows = places.padded_rows(rows.len());
            let padded = (rows.start * places.stride..).take(padded_rows);
            padded_lines.extend(padded.map(|row| (picture, row)));
            before += padded_rows * columns;
        }
        let kernel = places.kernel;
        self.taps.clear();
        self.taps.extend((0..kernel * kernel).map(|tap| {
            let pixel = tap / kernel * columns + tap % kernel;
            pixel * self.stride
        }));
        // The last group may go on behind the last pixel.
        let farthest = self.groups.last().map_or(0, |group| group.first)
            + (GROUP - 1) * places.stride
            + (places.kernel - 1) * (columns + 1);
        let len = before.max(farthest + 1) * self.stride;
        if self.pairs.len() < len {
            self.pairs.resize(len, 0);
        }
        let (stride, depth) = (self.stride, self.depth);
        let round = |scratch: &mut RowScratch, ((picture, row), to): ((usize, usize), &mut [u32])| {
            let source = product.source;
            weights.isa().run(RowsToBf16 {
                isa: weights.isa(),
                bf16_isa,
                input: source.input,
                width: weights.inputs(),
                rows: (0..columns).map(|column| (source.place)(picture, row, column)),
                to,
                stride,
                depth,
                scratch,
            });
        };
        let places = self.pairs.chunks_exact_mut(columns * stride);
        if by_all {
            let lines: Vec<_> = padded_lines.into_iter().zip(places).collect();
            let lines = lines.into_par_iter().with_min_len(16);
            lines.for_each_init(RowScratch::default, round);
        } else {
            let lines = padded_lines.into_iter().zip(places);
            lines.for_each(|line| round(&mut self.scratch, line));
        }
    }
}

/// The groups of the first `rows` rows of a picture. Row by row, or, where that takes fewer, through
/// the padding between rows.
fn groups_of(places: &Places, rows: usize) -> impl Iterator<Item = Group> {
    let Places {
        columns, stride, ..
    } = *places;
    let padded = places.padded_columns();
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
        Group { first, outputs }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_give_every_pixel_once_from_where_it_lies() {
        for (rows, columns) in [(1, 1), (40, 1), (8, 8), (3, 50), (5, 64), (2, 17), (7, 3)] {
            for (kernel, stride) in [(1, 1), (3, 1), (3, 2)] {
                let places = Places {
                    batch: 1,
                    rows,
                    columns,
                    kernel,
                    stride,
                };
                let mut seen = vec![0; rows * columns];
                for group in groups_of(&places, rows) {
                    for (at, pixel) in group.outputs.into_iter().enumerate() {
                        let Some(pixel) = pixel else { continue };
                        seen[pixel] += 1;
                        let (y, x) = (pixel / columns, pixel % columns);
                        let lies = (y * places.padded_columns() + x) * stride;
                        assert_eq!(group.first + at * stride, lies, "{places:?}");
                    }
                }
                assert!(seen.iter().all(|times| *times == 1), "{places:?}");
            }
        }
    }
}
