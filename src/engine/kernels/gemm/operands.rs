//! Operands of the microkernels: MR rows of A in bf16, and the microtile of C they are summed in.
//!
//! bf16 is the upper half of an f32: its range with 8 of its 24 digits. Two numbers that follow each
//! other along K lie in a `u32`, the first in its lower half: what `vdpbf16ps` and `tdpbf16ps` read.

use crate::engine::kernels::isa::{Bf16Isa, LANES};

/// Where the sums of a tile are written: a row every `stride` numbers.
#[derive(Debug)]
pub(crate) struct MicroTile<'a> {
    pub(crate) numbers: &'a mut [f32],
    pub(crate) stride: usize,
    /// Whether they are added to what is there.
    pub(crate) accumulate: bool,
}

impl MicroTile<'_> {
    /// Panics where a tile of that many rows of `width` sums would be written beyond what there is.
    pub(crate) fn assert_fits(&self, mr: usize, width: usize) {
        assert!(width <= self.stride);
        assert!(self.numbers.len() >= (mr - 1) * self.stride + width);
    }
}

/// Rows of pairs, room for which is kept from one use to the next.
#[derive(Debug, Default)]
pub(crate) struct Bf16Rows {
    pairs: Vec<u32>,
    /// Pairs from one row to the next.
    stride: usize,
    /// Pairs of a row, all taps together.
    depth: usize,
    /// Pairs of a tap.
    tap_len: usize,
}

impl Bf16Rows {
    /// Makes room for `rows` rows of that many taps of `inputs` numbers each, in whole tiles.
    pub(crate) fn begin(&mut self, bf16_isa: Bf16Isa, rows: usize, taps: usize, inputs: usize) {
        self.tap_len = bf16_isa.pairs_for(inputs);
        self.depth = taps * self.tap_len;
        // An odd number of cache lines, so that the rows of a tile do not meet in the same places
        // of the first cache.
        self.stride = (self.depth.div_ceil(LANES) | 1) * LANES;
        let len = rows.next_multiple_of(bf16_isa.mr()) * self.stride;
        if self.pairs.len() < len {
            self.pairs.resize(len, 0);
        }
    }

    /// The rows from `first` on.
    pub(crate) fn tile(&self, first: usize) -> Bf16RowTile<'_> {
        Bf16RowTile {
            pairs: &self.pairs[first * self.stride..],
            stride: self.stride,
            depth: self.depth,
        }
    }

    /// The places of the pair `pair` of every row and what follows them, and how far it is from one row
    /// to the next.
    pub(crate) fn rows_from(&mut self, pair: usize) -> (usize, &mut [u32]) {
        (self.stride, &mut self.pairs[pair..])
    }

    /// Rounds the numbers of a row under a tap.
    pub(crate) fn set(&mut self, bf16_isa: Bf16Isa, row: usize, tap: usize, numbers: &[f32]) {
        bf16_isa.to_bf16_pairs(numbers, self.tap(row, tap));
    }

    /// The pairs of a row under a tap.
    pub(crate) fn tap(&mut self, row: usize, tap: usize) -> &mut [u32] {
        let start = row * self.stride + tap * self.tap_len;
        &mut self.pairs[start..start + self.tap_len]
    }
}

/// Rows of a tile of a product that lie wherever they are: under each tap two times 16, one every
/// `stride` pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TapRows<'a> {
    pub(crate) pairs: &'a [u32],
    /// Where each 16 rows begin under a tap at 0.
    pub(crate) firsts: [usize; 2],
    /// Where each tap is, counted from `firsts`.
    pub(crate) taps: &'a [usize],
    pub(crate) stride: usize,
    /// Pairs of a row under a tap; a multiple of 16.
    pub(crate) depth: usize,
}

/// Rows of a tile of a product: one every `stride` pairs, of `depth` pairs each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16RowTile<'a> {
    pub(crate) pairs: &'a [u32],
    pub(crate) stride: usize,
    pub(crate) depth: usize,
}

impl Bf16RowTile<'_> {
    /// Panics where a product of `mr` rows with a panel of `width` outputs would read or write
    /// beyond what there is.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn assert_fits(&self, mr: usize, panel: &[u32], width: usize, sums: &MicroTile<'_>) {
        assert!(self.pairs.len() >= (mr - 1) * self.stride + self.depth);
        assert_eq!(panel.len(), self.depth * width);
        sums.assert_fits(mr, width);
    }
}
