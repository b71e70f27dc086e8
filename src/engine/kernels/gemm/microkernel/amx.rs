//! The AMX microkernel ([Intel SDM](https://www.intel.com/sdm), volume 1, chapter 18): `tdpbf16ps`
//! accumulates in a tile of 16 × 16 f32 the product of a tile of A, 16 rows of 16 VNNI pairs, and a tile of
//! B, 16 rows of a VNNI panel. A micro-tile of C is 32 × 32: four tiles.
//!
//! The compiler's intrinsics for it are not stable yet, so all of it is assembly; a micro-tile is one
//! block of it, because between two blocks registers are the compiler's.

use std::arch::asm;
use std::ops::Range;

use super::super::operands::{Bf16RowTile, MicroTile, TapRows};
use crate::engine::kernels::isa::{Amx, LANES};

/// MR: two tiles below each other. NR is one tile or two beside each other.
pub(crate) const MR: usize = 2 * TILE_ROWS;
/// Rows of a tile.
const TILE_ROWS: usize = 16;
/// FLOPs of four `tdpbf16ps`, each two multiply-adds for every f32 of a tile and every row of B.
pub(crate) const FLOPS_PER_ROUND: usize = 4 * TILE_ROWS * LANES * LANES * 2 * 2;

impl Amx {
    /// Multiplies [`MR`] rows of A with a panel of `vectors` (1 or 2) vectors of VNNI pairs.
    #[expect(unsafe_code, reason = "bounds are checked once a micro-tile")]
    pub(crate) fn microkernel(
        self,
        vectors: usize,
        a: Bf16RowTile<'_>,
        panel: &[u32],
        out: &mut MicroTile<'_>,
    ) {
        let Bf16RowTile {
            pairs,
            lda,
            k_pairs,
            ..
        } = a;
        a.assert_fits(MR, panel, vectors * LANES, out);
        assert!(k_pairs.is_multiple_of(LANES) && k_pairs > 0);
        let lower = pairs[TILE_ROWS * lda..].as_ptr();
        let batch = [[pairs.as_ptr(), lower, panel.as_ptr()]];
        // SAFETY: whole vectors of every row of A, as many rows of the panel, and room for every row of C,
        // as just checked.
        unsafe { self.run(vectors, &batch, [lda, k_pairs], out) }
    }

    /// The same as a batch-reduce GEMM over taps, [`MAX_TAPS`] at the most, each with its rows of A and
    /// its panel of B.
    #[expect(unsafe_code, reason = "bounds are checked once a micro-tile")]
    pub(crate) fn microkernel_taps(
        self,
        vectors: usize,
        a: &TapRows<'_>,
        panels: &[&[u32]],
        out: &mut MicroTile<'_>,
    ) {
        let nr = vectors * LANES;
        let farthest = |offsets: &[usize]| offsets.iter().copied().max().unwrap_or(0);
        let last = farthest(&a.tile_offsets) + farthest(a.tap_offsets) + (TILE_ROWS - 1) * a.lda;
        assert!(a.pairs.len() >= last + a.k_pairs);
        assert!(a.k_pairs.is_multiple_of(LANES) && a.k_pairs > 0 && !a.tap_offsets.is_empty());
        assert_eq!(panels.len(), a.tap_offsets.len());
        assert!(panels.iter().all(|panel| panel.len() == a.k_pairs * nr));
        out.assert_fits(MR, nr);
        let mut batch = [[a.pairs.as_ptr(); 3]; MAX_TAPS];
        let taps = a.tap_offsets.iter().zip(panels);
        for (operands, (tap, panel)) in batch.iter_mut().zip(taps) {
            let [upper, lower] = a.tile_offsets.map(|tile| a.pairs[tile + tap..].as_ptr());
            *operands = [upper, lower, panel.as_ptr()];
        }
        let batch = &batch[..a.tap_offsets.len()];
        // SAFETY: whole vectors of every row of A under every tap, of which there is one or more, as many
        // rows of each panel, and room for every row of C, as checked above.
        unsafe { self.run(vectors, batch, [a.lda, a.k_pairs], out) }
    }

    /// Accumulates the products of a batch of operands: the upper and the lower rows of A, one every
    /// `lda` pairs, of `k_pairs` pairs each, and a panel.
    ///
    /// # Safety
    /// As of [`Batch::run_one_vector`] or, for two vectors, [`Batch::run_two_vectors`], but for the tile
    /// configuration.
    #[expect(unsafe_code, reason = "the caller's promise is handed on")]
    unsafe fn run(
        self,
        vectors: usize,
        batch: &[[*const u32; 3]],
        [lda, k_pairs]: [usize; 2],
        out: &mut MicroTile<'_>,
    ) {
        self.configure();
        let batch = Batch {
            operands: batch.as_ptr_range(),
            lda,
            k_pairs,
            c: out.c.as_mut_ptr(),
            ldc: out.ldc,
            accumulate: out.accumulate,
        };
        // SAFETY: as the caller promises; tiles are configured.
        unsafe {
            if vectors == 1 {
                batch.run_one_vector();
            } else {
                batch.run_two_vectors();
            }
        }
    }

    /// `rounds` times four `tdpbf16ps` of tiles of zeros, to measure the peak. With other values the
    /// processor may slow down: an Emerald Rapids did by a quarter.
    #[expect(unsafe_code, reason = "assembly that touches no memory")]
    pub(crate) fn fma_rounds(self, rounds: u64) -> f32 {
        self.configure();
        // SAFETY: a value of `Self` is only made where there are the instructions, and tiles are
        // configured; no memory is touched, and all registers are named.
        unsafe {
            asm!(
                "tilezero tmm4",
                "tilezero tmm5",
                "tilezero tmm6",
                "tilezero tmm7",
                "2:",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "dec {rounds}",
                "jnz 2b",
                rounds = inout(reg) rounds.max(1) => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, nomem),
            );
        }
        0.0
    }
}

/// Taps of a 3 × 3 convolution.
const MAX_TAPS: usize = 9;

/// A batch-reduce GEMM of one micro-tile. Leading dimensions are in elements.
struct Batch {
    /// Upper 16 rows of A, lower 16 rows of A, and panel of B, for each of the batch.
    operands: Range<*const [*const u32; 3]>,
    lda: usize,
    /// Pairs of a row of A.
    k_pairs: usize,
    c: *mut f32,
    ldc: usize,
    /// Whether products are added to C or replace it.
    accumulate: bool,
}

/// The microkernel for panels of `$vectors` vectors. In brackets: what the second vector adds, in the
/// order in which it is run.
macro_rules! microkernel {
    (
        $batch:expr, $vectors:literal,
        load_c: [$($load_c:tt),*], zero_c: [$($zero_c:tt),*],
        upper: [$($upper:tt),*], lower: [$($lower:tt),*],
        store_c: [$($store_c:tt),*], tiles: [$($tile:tt),*]
    ) => {
        asm!(
            "test {a:e}, {a:e}",
            "jz 2f",
            "tileloadd tmm0, [{c} + {c_stride}]",
            "tileloadd tmm2, [{lower_c} + {c_stride}]",
            $($load_c,)*
            "jmp 3f",
            "2:",
            "tilezero tmm0",
            "tilezero tmm2",
            $($zero_c,)*
            // The next of the batch.
            "3:",
            "mov {a}, [{operands}]",
            "mov {lower_a}, [{operands} + 8]",
            "mov {b}, [{operands} + 16]",
            "mov {steps}, {k_steps}",
            // The next 16 pairs along K.
            "4:",
            "tileloadd tmm6, [{b} + {b_stride}]",
            "tileloadd tmm4, [{a} + {a_stride}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            $($upper,)*
            "tileloadd tmm5, [{lower_a} + {a_stride}]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            $($lower,)*
            "add {a}, 64",
            "add {lower_a}, 64",
            "add {b}, {b_step}",
            "dec {steps}",
            "jnz 4b",
            "add {operands}, 24",
            "cmp {operands}, {end}",
            "jb 3b",
            "tilestored [{c} + {c_stride}], tmm0",
            "tilestored [{lower_c} + {c_stride}], tmm2",
            $($store_c,)*
            operands = inout(reg) $batch.operands.start => _,
            end = in(reg) $batch.operands.end,
            a = inout(reg) usize::from($batch.accumulate) => _,
            lower_a = out(reg) _,
            a_stride = in(reg) $batch.lda * size_of::<u32>(),
            steps = out(reg) _,
            k_steps = in(reg) $batch.k_pairs / LANES,
            b = out(reg) _,
            b_stride = in(reg) $vectors * LANES * size_of::<u32>(),
            b_step = const $vectors * LANES * LANES * size_of::<u32>(),
            c = in(reg) $batch.c,
            lower_c = in(reg) $batch.c.wrapping_add(TILE_ROWS * $batch.ldc),
            c_stride = in(reg) $batch.ldc * size_of::<f32>(),
            out("tmm0") _, out("tmm2") _, out("tmm4") _, out("tmm5") _, out("tmm6") _,
            $(out($tile) _,)*
            options(nostack),
        )
    };
}

impl Batch {
    /// For panels of one vector.
    ///
    /// # Safety
    /// For each of one or more `operands` there must be 16 rows of `k_pairs` pairs, a multiple of 16 and
    /// not 0, at the first two, and as many rows of a panel at the third; in C there must be room for a
    /// vector of every row, which nobody else uses meanwhile. The thread's tiles must be configured.
    #[expect(unsafe_code, reason = "assembly that reads and writes memory")]
    unsafe fn run_one_vector(self) {
        // SAFETY: the caller's promise covers all that is read and written; all registers that
        // change are named.
        unsafe {
            microkernel!(
                self, 1,
                load_c: [], zero_c: [], upper: [], lower: [], store_c: [], tiles: []
            );
        }
    }

    /// For panels of two vectors.
    ///
    /// # Safety
    /// As of [`run_one_vector`](Self::run_one_vector), with room for two vectors of every row of C.
    #[expect(unsafe_code, reason = "assembly that reads and writes memory")]
    unsafe fn run_two_vectors(self) {
        // SAFETY: the caller's promise covers all that is read and written; all registers that
        // change are named.
        unsafe {
            microkernel!(
                self, 2,
                load_c: [
                    "tileloadd tmm1, [{c} + {c_stride} + 64]",
                    "tileloadd tmm3, [{lower_c} + {c_stride} + 64]"
                ],
                zero_c: ["tilezero tmm1", "tilezero tmm3"],
                upper: [
                    "tileloadd tmm7, [{b} + {b_stride} + 64]",
                    "tdpbf16ps tmm1, tmm4, tmm7"
                ],
                lower: ["tdpbf16ps tmm3, tmm5, tmm7"],
                store_c: [
                    "tilestored [{c} + {c_stride} + 64], tmm1",
                    "tilestored [{lower_c} + {c_stride} + 64], tmm3"
                ],
                tiles: ["tmm1", "tmm3", "tmm7"]
            );
        }
    }
}
