//! [`Bf16Isa`] on x86-64.

#![expect(
    clippy::unused_self,
    reason = "a value of PairProducts is the proof that the instructions are there"
)]

use std::mem::MaybeUninit;

use half::bf16;

use super::super::tile::MicroTile;
use super::tiles::{self, Amx};
use super::{LANES, Bf16RowTile, vectors};

/// The proof that this processor multiplies pairs of bf16, and by which instructions. All have
/// AVX-512-BF16, which rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16Isa(Unit);

#[derive(Debug, Clone, Copy)]
enum Unit {
    Vectors,
    Amx(Amx),
}

impl Bf16Isa {
    /// Every way this processor has, the narrowest first.
    pub(in super::super) fn all() -> Vec<Self> {
        let vectors = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bf16");
        if !vectors {
            return Vec::new();
        }
        let tiles = Amx::try_new().map(Unit::Amx);
        [Unit::Vectors].into_iter().chain(tiles).map(Self).collect()
    }

    /// By tiles, interpreted where the processor has none; where it rounds, which all of them need.
    #[cfg(all(test, target_os = "linux"))]
    pub(in super::super) fn emulated_amx() -> Option<Self> {
        let rounds = !Self::all().is_empty();
        rounds.then(|| Self(Unit::Amx(Amx::emulated())))
    }

    /// What the environment variable calls the set of instructions.
    pub(in super::super) fn name(self) -> &'static str {
        match self.0 {
            Unit::Vectors => "avx512bf16",
            Unit::Amx(_) => "amx",
        }
    }

    /// True where they are faster than products of f32. AMX's are, many times (an Emerald Rapids Xeon:
    /// 2850 against 175 GFLOP/s a thread were measured). AMD's vectors do twice as much (Zen 4: 205
    /// against 117); Intel's, on a Xeon of 2023, half as much. By who made the processor and not by the clock,
    /// so that a machine always gives the same picture.
    pub(in super::super) fn is_fast(self) -> bool {
        let vendor = std::arch::x86_64::__cpuid(0);
        let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
        matches!(self.0, Unit::Amx(_)) || name.as_flattened() == b"AuthenticAMD"
    }

    /// AMX's tiles, where products are theirs.
    pub(in super::super) fn tiles(self) -> Option<Amx> {
        match self.0 {
            Unit::Vectors => None,
            Unit::Amx(tiles) => Some(tiles),
        }
    }

    /// Rows of a tile.
    pub(in super::super) fn mr(self) -> usize {
        match self.0 {
            Unit::Vectors => vectors::MR,
            Unit::Amx(_) => tiles::MR,
        }
    }

    /// Pairs that hold `numbers` numbers of a row, with zeros after them where only whole vectors are
    /// multiplied.
    pub(in super::super) fn pairs_for(self, numbers: usize) -> usize {
        let pairs = numbers.div_ceil(2);
        match self.0 {
            Unit::Vectors => pairs,
            Unit::Amx(_) => pairs.next_multiple_of(LANES),
        }
    }

    /// Multiplies [`mr`](Self::mr) rows with a panel of `vectors` (1 or 2) vectors of
    /// pairs.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn microkernel(
        self,
        vectors: usize,
        rows: Bf16RowTile<'_>,
        panel: &[u32],
        sums: &mut MicroTile<'_>,
    ) {
        match (self.0, vectors) {
            // SAFETY: a value of `Self` is only made where the processor has the instructions.
            (Unit::Vectors, 1) => unsafe { vectors::microkernel::<1>(rows, panel, sums) },
            // SAFETY: as above.
            (Unit::Vectors, _) => unsafe { vectors::microkernel::<2>(rows, panel, sums) },
            (Unit::Amx(tiles), _) => tiles.microkernel(vectors, rows, panel, sums),
        }
    }

    /// Rounds `numbers` to pairs; an odd one is paired with zero. `to` has room for [as
    /// many](Self::pairs_for).
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn to_bf16_pairs(self, numbers: &[f32], to: &mut [u32]) {
        assert_room(numbers.len(), to.len());
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vectors::to_bf16_pairs(numbers, to) }
    }

    /// Rounds `numbers` one by one; `to` is as long.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn to_bf16(self, numbers: &[f32], to: &mut [MaybeUninit<bf16>]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vectors::to_bf16(numbers, to) }
    }

    /// Rounds `first` and `second`, lines of whole vectors, to pairs of one number of each.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn interleave_bf16(self, first: &[f32], second: &[f32], to: &mut [u32]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vectors::interleave_bf16(first, second, to) }
    }

    /// [`interleave_bf16`](Self::interleave_bf16) of every two of the lines of `width` numbers in `lines`; the pairs
    /// of two begin `stride` behind those of the two before.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn interleave_bf16_rows(
        self,
        lines: &[f32],
        width: usize,
        to: &mut [u32],
        stride: usize,
    ) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vectors::interleave_bf16_rows(lines, width, to, stride) }
    }

    /// Takes pairs apart, a line of whole vectors: all first numbers, all second ones.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn deinterleave_bf16(self, pairs: &[u32], first: &mut [f32], second: &mut [f32]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vectors::deinterleave_bf16(pairs, first, second) }
    }

    /// Multiplies numbers that never leave the registers, `rounds` times
    /// [`flops_per_round`](Self::flops_per_round); for measuring.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn fma_rounds(self, rounds: u64) -> f32 {
        match self.0 {
            // SAFETY: a value of `Self` is only made where the processor has the instructions.
            Unit::Vectors => unsafe { vectors::fma_rounds(rounds) },
            Unit::Amx(tiles) => tiles.fma_rounds(rounds),
        }
    }

    /// Multiplications and additions of a round of [`fma_rounds`](Self::fma_rounds).
    pub(in super::super) fn flops_per_round(self) -> usize {
        match self.0 {
            Unit::Vectors => 2 * 2 * vectors::PEAK_ACCUMULATORS * LANES,
            Unit::Amx(_) => tiles::FLOPS_PER_ROUND,
        }
    }
}

/// Panics where that many pairs do not hold `numbers` numbers, or more than a whole vector.
pub(super) fn assert_room(numbers: usize, pairs: usize) {
    let least = numbers.div_ceil(2);
    assert!((least..=least.next_multiple_of(LANES)).contains(&pairs));
}
