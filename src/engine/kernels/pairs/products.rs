//! [`PairProducts`] on x86-64.

#![expect(
    clippy::unused_self,
    reason = "a value of PairProducts is the proof that the instructions are there"
)]

use std::mem::MaybeUninit;

use half::bf16;

use super::super::tile::TileSums;
use super::tiles::{self, Tiles};
use super::{LANES, PairTile, vectors};

/// The proof that this processor multiplies pairs of bf16, and by which instructions. All have
/// AVX-512-BF16, which rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairProducts(Unit);

#[derive(Debug, Clone, Copy)]
enum Unit {
    Vectors,
    Tiles(Tiles),
}

impl PairProducts {
    /// Every way this processor has, the narrowest first.
    pub(in super::super) fn all() -> Vec<Self> {
        let vectors = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bf16");
        if !vectors {
            return Vec::new();
        }
        let tiles = Tiles::try_new().map(Unit::Tiles);
        [Unit::Vectors].into_iter().chain(tiles).map(Self).collect()
    }

    /// By tiles, interpreted where the processor has none; where it rounds, which all of them need.
    #[cfg(all(test, target_os = "linux"))]
    pub(in super::super) fn interpreted_tiles() -> Option<Self> {
        let rounds = !Self::all().is_empty();
        rounds.then(|| Self(Unit::Tiles(Tiles::interpreted())))
    }

    /// What the environment variable calls the set of instructions.
    pub(in super::super) fn name(self) -> &'static str {
        match self.0 {
            Unit::Vectors => "avx512bf16",
            Unit::Tiles(_) => "amx",
        }
    }

    /// True where they are faster than products of f32. AMX's are, many times (an Emerald Rapids Xeon:
    /// 2850 against 175 GFLOP/s a thread were measured). AMD's vectors do twice as much (Zen 4: 205
    /// against 117); Intel's, on a Xeon of 2023, half as much. By who made the processor and not by the clock,
    /// so that a machine always gives the same picture.
    pub(in super::super) fn are_fast(self) -> bool {
        let vendor = std::arch::x86_64::__cpuid(0);
        let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
        matches!(self.0, Unit::Tiles(_)) || name.as_flattened() == b"AuthenticAMD"
    }

    /// AMX's tiles, where products are theirs.
    pub(in super::super) fn tiles(self) -> Option<Tiles> {
        match self.0 {
            Unit::Vectors => None,
            Unit::Tiles(tiles) => Some(tiles),
        }
    }

    /// Rows of a tile.
    pub(in super::super) fn tile_rows(self) -> usize {
        match self.0 {
            Unit::Vectors => vectors::TILE_ROWS,
            Unit::Tiles(_) => tiles::TILE_ROWS,
        }
    }

    /// Pairs that hold `numbers` numbers of a row, with zeros after them where only whole vectors are
    /// multiplied.
    pub(in super::super) fn pairs_of(self, numbers: usize) -> usize {
        let pairs = numbers.div_ceil(2);
        match self.0 {
            Unit::Vectors => pairs,
            Unit::Tiles(_) => pairs.next_multiple_of(LANES),
        }
    }

    /// Multiplies [`tile_rows`](Self::tile_rows) rows with a panel of `vectors` (1 or 2) vectors of
    /// pairs.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn multiply(
        self,
        vectors: usize,
        rows: PairTile<'_>,
        panel: &[u32],
        sums: &mut TileSums<'_>,
    ) {
        match (self.0, vectors) {
            // SAFETY: a value of `Self` is only made where the processor has the instructions.
            (Unit::Vectors, 1) => unsafe { vectors::multiply_tile::<1>(rows, panel, sums) },
            // SAFETY: as above.
            (Unit::Vectors, _) => unsafe { vectors::multiply_tile::<2>(rows, panel, sums) },
            (Unit::Tiles(tiles), _) => tiles.multiply(vectors, rows, panel, sums),
        }
    }

    /// Rounds `numbers` to pairs; an odd one is paired with zero. `to` has room for [as
    /// many](Self::pairs_of).
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn round(self, numbers: &[f32], to: &mut [u32]) {
        assert_room(numbers.len(), to.len());
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vectors::round(numbers, to) }
    }

    /// Rounds `numbers` one by one; `to` is as long.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn narrow(self, numbers: &[f32], to: &mut [MaybeUninit<bf16>]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vectors::narrow(numbers, to) }
    }

    /// Rounds `first` and `second`, lines of whole vectors, to pairs of one number of each.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn pair_up(self, first: &[f32], second: &[f32], to: &mut [u32]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vectors::pair_up(first, second, to) }
    }

    /// [`pair_up`](Self::pair_up) of every two of the lines of `width` numbers in `lines`; the pairs
    /// of two begin `stride` behind those of the two before.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn pair_up_lines(
        self,
        lines: &[f32],
        width: usize,
        to: &mut [u32],
        stride: usize,
    ) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vectors::pair_up_lines(lines, width, to, stride) }
    }

    /// Takes pairs apart, a line of whole vectors: all first numbers, all second ones.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn take_apart(self, pairs: &[u32], first: &mut [f32], second: &mut [f32]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vectors::take_apart(pairs, first, second) }
    }

    /// Multiplies numbers that never leave the registers, `rounds` times
    /// [`flops_of_a_round`](Self::flops_of_a_round); for measuring.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn multiply_adds(self, rounds: u64) -> f32 {
        match self.0 {
            // SAFETY: a value of `Self` is only made where the processor has the instructions.
            Unit::Vectors => unsafe { vectors::multiply_adds(rounds) },
            Unit::Tiles(tiles) => tiles.multiply_adds(rounds),
        }
    }

    /// Multiplications and additions of a round of [`multiply_adds`](Self::multiply_adds).
    pub(in super::super) fn flops_of_a_round(self) -> usize {
        match self.0 {
            Unit::Vectors => 2 * 2 * vectors::PEAK_SUMS * LANES,
            Unit::Tiles(_) => tiles::FLOPS_OF_A_ROUND,
        }
    }
}

/// Panics where that many pairs do not hold `numbers` numbers, or more than a whole vector.
pub(super) fn assert_room(numbers: usize, pairs: usize) {
    let least = numbers.div_ceil(2);
    assert!((least..=least.next_multiple_of(LANES)).contains(&pairs));
}
