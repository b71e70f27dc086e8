//! Products of numbers rounded to bf16, two at a time and summed in f32: AVX-512-BF16's
//! `vdpbf16ps`, which multiplies two pairs for each number of a result where f32 multiplies one, and
//! AMX's `tdpbf16ps`, which does so for 16 × 16 results at a time.
//!
//! bf16 is the upper half of an f32: its range with 8 of its 24 digits. Rows are rounded (to the
//! nearest, ties to even) where a tile's worth of them is gathered; weights are rounded once, when
//! they are packed. The lower half of each `u32` is the number that comes first. Both instructions
//! read panels in the same order.

#[cfg(not(target_arch = "x86_64"))]
mod elsewhere;
#[cfg(target_arch = "x86_64")]
mod gates;
#[cfg(target_arch = "x86_64")]
mod normal;
#[cfg(target_arch = "x86_64")]
mod bf16_isa;
#[cfg(target_arch = "x86_64")]
mod shares;
#[cfg(target_arch = "x86_64")]
mod tiles;
#[cfg(target_arch = "x86_64")]
mod vectors;

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use elsewhere::{Bf16Isa, SCORES_PER_TILE, Amx};
#[cfg(target_arch = "x86_64")]
pub(crate) use bf16_isa::Bf16Isa;
#[cfg(target_arch = "x86_64")]
pub(super) use tiles::{SCORES_PER_TILE, Amx};

use super::tile::MicroTile;

/// Numbers of a vector of sums.
const LANES: usize = 16;

/// Rows of pairs, room for which is kept from one use to the next.
#[derive(Debug, Default)]
pub(super) struct Bf16Rows {
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
    pub(super) fn begin(
        &mut self,
        bf16_isa: Bf16Isa,
        rows: usize,
        taps: usize,
        inputs: usize,
    ) {
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
    pub(super) fn tile(&self, first: usize) -> Bf16RowTile<'_> {
        Bf16RowTile {
            pairs: &self.pairs[first * self.stride..],
            stride: self.stride,
            depth: self.depth,
        }
    }

    /// The places of the pair `pair` of every row and what follows them, and how far it is from one row
    /// to the next.
    pub(super) fn rows_from(&mut self, pair: usize) -> (usize, &mut [u32]) {
        (self.stride, &mut self.pairs[pair..])
    }

    /// Rounds the numbers of a row under a tap.
    pub(super) fn set(&mut self, bf16_isa: Bf16Isa, row: usize, tap: usize, numbers: &[f32]) {
        bf16_isa.to_bf16_pairs(numbers, self.tap(row, tap));
    }

    /// The pairs of a row under a tap.
    pub(super) fn tap(&mut self, row: usize, tap: usize) -> &mut [u32] {
        let start = row * self.stride + tap * self.tap_len;
        &mut self.pairs[start..start + self.tap_len]
    }
}

/// Rows of a tile of a product that lie wherever they are: under each tap two times 16, one every
/// `stride` pairs.
#[derive(Debug, Clone, Copy)]
pub(super) struct TapRows<'a> {
    pub(super) pairs: &'a [u32],
    /// Where each 16 rows begin under a tap at 0.
    pub(super) firsts: [usize; 2],
    /// Where each tap is, counted from `firsts`.
    pub(super) taps: &'a [usize],
    pub(super) stride: usize,
    /// Pairs of a row under a tap; a multiple of 16.
    pub(super) depth: usize,
}

/// Shares of 32 queries in the values of many keys, and what these are relative to.
#[derive(Debug, Default)]
pub(super) struct OnlineSoftmax {
    /// A score of this has a share of 1.
    pub(super) references: [f32; 32],
    /// Sums of the shares so far, in 16 parts.
    pub(super) totals: [[f32; 16]; 32],
}

/// Rows of a tile of a product: one every `stride` pairs, of `depth` pairs each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bf16RowTile<'a> {
    pub(super) pairs: &'a [u32],
    pub(super) stride: usize,
    pub(super) depth: usize,
}

impl Bf16RowTile<'_> {
    /// Panics where a product of `mr` rows with a panel of `width` outputs would read or write
    /// beyond what there is.
    #[cfg(target_arch = "x86_64")]
    fn assert_fits(&self, mr: usize, panel: &[u32], width: usize, sums: &MicroTile<'_>) {
        assert!(self.pairs.len() >= (mr - 1) * self.stride + self.depth);
        assert_eq!(panel.len(), self.depth * width);
        sums.assert_fits(mr, width);
    }
}

/// Two numbers rounded to bf16.
#[cfg(test)]
fn pair(first: f32, second: f32) -> u32 {
    let bits = |number| u32::from(half::bf16::from_f32(number).to_bits());
    bits(first) | bits(second) << 16
}

/// The two numbers of a pair.
#[cfg(test)]
pub(super) fn numbers_of(pair: u32) -> [f32; 2] {
    [pair << 16, pair & 0xffff_0000].map(f32::from_bits)
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
