//! Operands of the microkernels: MR rows of A in bf16, and the micro-tile of C they accumulate into.
//!
//! bf16 is the upper half of an f32: its range with 8 of its 24 digits. Two values that follow each
//! other along K lie in a `u32`, the first in its lower half (a VNNI pair): what `vdpbf16ps` and
//! `tdpbf16ps` read.

use crate::engine::kernels::isa::{Bf16Isa, LANES};

/// A micro-tile of C: MR rows, one every `ldc` elements.
#[derive(Debug)]
pub(crate) struct MicroTile<'a> {
    pub(crate) c: &'a mut [f32],
    pub(crate) ldc: usize,
    /// Whether products are added to what is there (β = 1), or replace it (β = 0).
    pub(crate) accumulate: bool,
}

impl MicroTile<'_> {
    /// Panics where `mr` rows of `nr` elements would be written out of bounds.
    pub(crate) fn assert_fits(&self, mr: usize, nr: usize) {
        assert!(nr <= self.ldc);
        assert!(self.c.len() >= (mr - 1) * self.ldc + nr);
    }
}

/// A block of A rounded to bf16: rows of VNNI pairs. Its memory is kept from one use to the next.
#[derive(Debug, Default)]
pub(crate) struct Bf16Rows {
    pairs: Vec<u32>,
    rows: usize,
    /// Pairs from one row to the next.
    lda: usize,
    /// Pairs of a row, all taps together.
    k_pairs: usize,
    /// Pairs of a row under one tap.
    tap_pairs: usize,
}

impl Bf16Rows {
    /// Makes room for `rows` rows of that many taps of `inputs` values each, in whole micro-tiles.
    pub(crate) fn resize(&mut self, bf16_isa: Bf16Isa, rows: usize, taps: usize, inputs: usize) {
        self.rows = rows;
        self.tap_pairs = bf16_isa.k_pairs(inputs);
        self.k_pairs = taps * self.tap_pairs;
        // An odd number of cache lines, so that the rows of a micro-tile do not fall into the same
        // sets of L1.
        self.lda = (self.k_pairs.div_ceil(LANES) | 1) * LANES;
        let len = rows.next_multiple_of(bf16_isa.mr()) * self.lda;
        if self.pairs.len() < len {
            self.pairs.resize(len, 0);
        }
    }

    /// The rows from `first` on.
    pub(crate) fn tile(&self, first: usize) -> Bf16RowTile<'_> {
        Bf16RowTile {
            pairs: &self.pairs[first * self.lda..],
            rows: self.rows.saturating_sub(first),
            lda: self.lda,
            k_pairs: self.k_pairs,
        }
    }

    /// The leading dimension, and the matrix from pair `pair` of the first row on.
    pub(crate) fn columns_from(&mut self, pair: usize) -> (usize, &mut [u32]) {
        (self.lda, &mut self.pairs[pair..])
    }

    /// Rounds the values of a row under a tap.
    pub(crate) fn write(&mut self, bf16_isa: Bf16Isa, row: usize, tap: usize, values: &[f32]) {
        bf16_isa.to_bf16x2(values, self.tap_mut(row, tap));
    }

    /// The pairs of a row under a tap.
    pub(crate) fn tap_mut(&mut self, row: usize, tap: usize) -> &mut [u32] {
        let start = row * self.lda + tap * self.tap_pairs;
        &mut self.pairs[start..start + self.tap_pairs]
    }
}

/// MR rows of A in bf16, one every `lda` pairs, of `k_pairs` pairs each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16RowTile<'a> {
    pub(crate) pairs: &'a [u32],
    /// From the first one on; what is less than MR is followed by padding, which need not be multiplied.
    pub(crate) rows: usize,
    pub(crate) lda: usize,
    pub(crate) k_pairs: usize,
}

impl Bf16RowTile<'_> {
    /// Panics where `mr` rows times a panel of `nr` columns would read or write out of bounds.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn assert_fits(&self, mr: usize, panel: &[u32], nr: usize, out: &MicroTile<'_>) {
        assert!(self.pairs.len() >= (mr - 1) * self.lda + self.k_pairs);
        assert_eq!(panel.len(), self.k_pairs * nr);
        out.assert_fits(mr, nr);
    }
}

/// Rows of A for a batch-reduce GEMM (BRGEMM) over the taps of a convolution: under each tap two AMX
/// tiles of 16 rows, one every `lda` pairs, in place in a picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TapRows<'a> {
    pub(crate) pairs: &'a [u32],
    /// Where the 16 rows of the upper and of the lower tile begin, without the tap's offset.
    pub(crate) tile_offsets: [usize; 2],
    /// Added for each tap.
    pub(crate) tap_offsets: &'a [usize],
    pub(crate) lda: usize,
    /// Pairs of a row under a tap; a multiple of 16.
    pub(crate) k_pairs: usize,
}
