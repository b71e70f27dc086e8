//! Microkernels: MR rows of A times one panel of NR columns of B, summed along K in registers
//! ([BLIS](https://github.com/flame/blis/blob/master/docs/KernelsHowTo.md)). `f32` for every ISA, `bf16`
//! in AVX-512-BF16, `amx` in AMX; here is the dispatch between the last two.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod bf16;
mod f32;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;

pub(crate) use self::f32::MAX_MR;
#[cfg(target_arch = "x86_64")]
use super::operands::{Bf16RowTile, MicroTile};
#[cfg(target_arch = "x86_64")]
use crate::engine::kernels::isa::{Bf16Isa, LANES};

#[cfg(target_arch = "x86_64")]
impl Bf16Isa {
    /// MR: rows of a micro-tile.
    pub(crate) fn mr(self) -> usize {
        match self.amx() {
            None => bf16::MR,
            Some(_) => amx::MR,
        }
    }

    /// VNNI pairs that hold `k` values, padded with zeros to whole vectors for AMX.
    pub(crate) fn k_pairs(self, k: usize) -> usize {
        let pairs = k.div_ceil(2);
        match self.amx() {
            None => pairs,
            Some(_) => pairs.next_multiple_of(LANES),
        }
    }

    /// Multiplies [`mr`](Self::mr) rows of A with a panel of `vectors` (1 or 2) vectors of VNNI pairs. Of rows
    /// that are padding, products may be left out.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn microkernel(
        self,
        vectors: usize,
        a: Bf16RowTile<'_>,
        panel: &[u32],
        out: &mut MicroTile<'_>,
    ) {
        let Some(amx) = self.amx() else {
            // SAFETY: a value of `Self` is only made where the processor has the instructions.
            return unsafe {
                match (vectors, a.rows) {
                    (1, ..=4) => bf16::microkernel::<1, 4>(a, panel, out),
                    (1, ..=8) => bf16::microkernel::<1, 8>(a, panel, out),
                    (1, _) => bf16::microkernel::<1, { bf16::MR }>(a, panel, out),
                    (_, ..=4) => bf16::microkernel::<2, 4>(a, panel, out),
                    (_, ..=8) => bf16::microkernel::<2, 8>(a, panel, out),
                    _ => bf16::microkernel::<2, { bf16::MR }>(a, panel, out),
                }
            };
        };
        amx.microkernel(vectors, a, panel, out);
    }

    /// `rounds` times [`flops_per_round`](Self::flops_per_round) of register operands, to measure the
    /// peak.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn fma_rounds(self, rounds: u64) -> f32 {
        match self.amx() {
            // SAFETY: a value of `Self` is only made where the processor has the instructions.
            None => unsafe { bf16::fma_rounds(rounds) },
            Some(amx) => amx.fma_rounds(rounds),
        }
    }

    /// FLOPs of a round of [`fma_rounds`](Self::fma_rounds).
    pub(crate) fn flops_per_round(self) -> usize {
        match self.amx() {
            None => 2 * 2 * bf16::ACCUMULATORS * LANES,
            Some(_) => amx::FLOPS_PER_ROUND,
        }
    }
}
