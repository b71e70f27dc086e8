//! The AMX microkernel ([Intel SDM](https://www.intel.com/sdm), volume 1, chapter 18): `tdpbf16ps`
//! adds to 16 × 16 sums in a tile register the products of 16 rows of 16 pairs of A with 16 rows of 16
//! pairs of a panel, just as they lie there. Four such registers are a microtile of 32 × 32.
//!
//! The compiler's own functions for it are not stable yet, so all of it is assembly; a microtile is one
//! piece of it, because registers are the compiler's between two.

use std::arch::asm;
use std::ops::Range;

use super::super::operands::{Bf16RowTile, MicroTile, TapRows};
use crate::engine::kernels::isa::{Amx, LANES};

/// Rows of a tile of a product: two registers of sums below each other, beside two others where a
/// panel has two vectors.
pub(crate) const MR: usize = 2 * REGISTER_ROWS;
/// Lines of a register.
const REGISTER_ROWS: usize = 16;
/// Multiplications and additions of four products of whole registers, two for each pair.
pub(crate) const FLOPS_PER_ROUND: usize = 4 * REGISTER_ROWS * LANES * LANES * 2 * 2;

impl Amx {
    /// Multiplies [`MR`] rows with a panel of `vectors` (1 or 2) vectors of pairs.
    #[expect(
        unsafe_code,
        reason = "what is read and written is checked once a tile"
    )]
    pub(crate) fn microkernel(
        self,
        vectors: usize,
        rows: Bf16RowTile<'_>,
        panel: &[u32],
        sums: &mut MicroTile<'_>,
    ) {
        let Bf16RowTile {
            pairs,
            stride,
            depth,
        } = rows;
        rows.assert_fits(MR, panel, vectors * LANES, sums);
        assert!(depth.is_multiple_of(LANES) && depth > 0);
        let lower = pairs[REGISTER_ROWS * stride..].as_ptr();
        let starts = [[pairs.as_ptr(), lower, panel.as_ptr()]];
        // SAFETY: whole vectors of every row, as many lines of the panel, and room for the sums of
        // every row, as just checked.
        unsafe { self.run(vectors, &starts, [stride, depth], sums) }
    }

    /// The same with rows that lie apart under each tap, of which there are [`MOST_TAPS`] at the most, and
    /// a panel for each.
    #[expect(
        unsafe_code,
        reason = "what is read and written is checked once a tile"
    )]
    pub(crate) fn microkernel_taps(
        self,
        vectors: usize,
        rows: &TapRows<'_>,
        panels: &[&[u32]],
        sums: &mut MicroTile<'_>,
    ) {
        let width = vectors * LANES;
        let farthest = |places: &[usize]| places.iter().copied().max().unwrap_or(0);
        let last = farthest(&rows.firsts) + farthest(rows.taps) + (REGISTER_ROWS - 1) * rows.stride;
        assert!(rows.pairs.len() >= last + rows.depth);
        assert!(rows.depth.is_multiple_of(LANES) && rows.depth > 0 && !rows.taps.is_empty());
        assert_eq!(panels.len(), rows.taps.len());
        assert!(panels.iter().all(|panel| panel.len() == rows.depth * width));
        sums.assert_fits(MR, width);
        let mut starts = [[rows.pairs.as_ptr(); 3]; MOST_TAPS];
        let taps = rows.taps.iter().zip(panels);
        for (starts, (tap, panel)) in starts.iter_mut().zip(taps) {
            let [upper, lower] = rows.firsts.map(|first| rows.pairs[first + tap..].as_ptr());
            *starts = [upper, lower, panel.as_ptr()];
        }
        let starts = &starts[..rows.taps.len()];
        // SAFETY: whole vectors of every row under every tap, of which there is one or more, as many
        // lines of the panel, and room for the sums of every row, as checked above.
        unsafe { self.run(vectors, starts, [rows.stride, rows.depth], sums) }
    }

    /// Multiplies the rows that begin at `starts`, one every `stride` pairs, of `depth` pairs each.
    ///
    /// # Safety
    /// As of [`MicroKernel::one_column`] or, where there are two vectors, [`MicroKernel::two_columns`], but for the
    /// registers.
    #[expect(unsafe_code, reason = "the caller's promise is handed on")]
    unsafe fn run(
        self,
        vectors: usize,
        starts: &[[*const u32; 3]],
        [stride, depth]: [usize; 2],
        sums: &mut MicroTile<'_>,
    ) {
        self.configure();
        let kernel = MicroKernel {
            starts: starts.as_ptr_range(),
            stride,
            depth,
            sums: sums.numbers.as_mut_ptr(),
            sums_stride: sums.stride,
            accumulate: sums.accumulate,
        };
        // SAFETY: as the caller promises; the registers are configured.
        unsafe {
            if vectors == 1 {
                kernel.one_column();
            } else {
                kernel.two_columns();
            }
        }
    }

    /// `rounds` times four products of registers that hold zeros; for measuring. With other numbers the
    /// processor may slow down: an Emerald Rapids did by a quarter.
    #[expect(unsafe_code, reason = "assembly that touches no memory")]
    pub(crate) fn fma_rounds(self, rounds: u64) -> f32 {
        self.configure();
        // SAFETY: a value of `Self` is only made where there are the instructions, and the registers
        // are configured; no memory is touched, and all registers are named.
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

/// Taps of a kernel of 3 × 3.
const MOST_TAPS: usize = 9;

/// A product of two registers' worth of rows. Strides are in numbers.
struct MicroKernel {
    /// Where the upper and the lower 16 rows begin under each tap, and the panel they meet there.
    starts: Range<*const [*const u32; 3]>,
    stride: usize,
    /// Pairs of a row under a tap.
    depth: usize,
    sums: *mut f32,
    sums_stride: usize,
    /// Whether the sums are added to what is there.
    accumulate: bool,
}

impl MicroKernel {
    /// Multiplies with a panel of one vector, and writes the sums.
    ///
    /// # Safety
    /// There must be 16 rows of `depth` pairs, a multiple of 16 and not 0, at the first two of each of
    /// one or more `starts`, as many lines of a panel at the third, and room for a vector of every row of
    /// sums, which nobody else uses meanwhile. The thread's registers must be configured.
    #[expect(unsafe_code, reason = "assembly that reads and writes memory")]
    unsafe fn one_column(self) {
        // SAFETY: the caller's promise covers all that is read and written; all registers that
        // change are named.
        unsafe {
            asm!(
                "test {a:e}, {a:e}",
                "jz 2f",
                "tileloadd tmm0, [{c} + {c_stride}]",
                "tileloadd tmm2, [{lower_c} + {c_stride}]",
                "jmp 3f",
                "2:",
                "tilezero tmm0",
                "tilezero tmm2",
                "3:",
                "mov {a}, [{starts}]",
                "mov {lower_a}, [{starts} + 8]",
                "mov {b}, [{starts} + 16]",
                "mov {steps}, {steps_of_a_tap}",
                "4:",
                "tileloadd tmm6, [{b} + {b_stride}]",
                "tileloadd tmm4, [{a} + {a_stride}]",
                "tileloadd tmm5, [{lower_a} + {a_stride}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "add {a}, 64",
                "add {lower_a}, 64",
                "add {b}, 1024",
                "dec {steps}",
                "jnz 4b",
                "add {starts}, 24",
                "cmp {starts}, {end}",
                "jb 3b",
                "tilestored [{c} + {c_stride}], tmm0",
                "tilestored [{lower_c} + {c_stride}], tmm2",
                starts = inout(reg) self.starts.start => _,
                end = in(reg) self.starts.end,
                a = inout(reg) usize::from(self.accumulate) => _,
                lower_a = out(reg) _,
                a_stride = in(reg) self.stride * size_of::<u32>(),
                steps = out(reg) _,
                steps_of_a_tap = in(reg) self.depth / LANES,
                b = out(reg) _,
                b_stride = in(reg) LANES * size_of::<u32>(),
                c = in(reg) self.sums,
                lower_c = in(reg) self.sums.wrapping_add(REGISTER_ROWS * self.sums_stride),
                c_stride = in(reg) self.sums_stride * size_of::<f32>(),
                out("tmm0") _, out("tmm2") _, out("tmm4") _, out("tmm5") _, out("tmm6") _,
                options(nostack),
            );
        }
    }

    /// Multiplies with a panel of two vectors, and writes the sums.
    ///
    /// # Safety
    /// As of [`one_column`](Self::one_column), with room for two vectors of every row of sums.
    #[expect(unsafe_code, reason = "assembly that reads and writes memory")]
    unsafe fn two_columns(self) {
        // SAFETY: the caller's promise covers all that is read and written; all registers that
        // change are named.
        unsafe {
            asm!(
                "test {a:e}, {a:e}",
                "jz 2f",
                "tileloadd tmm0, [{c} + {c_stride}]",
                "tileloadd tmm1, [{c} + {c_stride} + 64]",
                "tileloadd tmm2, [{lower_c} + {c_stride}]",
                "tileloadd tmm3, [{lower_c} + {c_stride} + 64]",
                "jmp 3f",
                "2:",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "3:",
                "mov {a}, [{starts}]",
                "mov {lower_a}, [{starts} + 8]",
                "mov {b}, [{starts} + 16]",
                "mov {steps}, {steps_of_a_tap}",
                "4:",
                "tileloadd tmm6, [{b} + {b_stride}]",
                "tileloadd tmm4, [{a} + {a_stride}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b} + {b_stride} + 64]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{lower_a} + {a_stride}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {a}, 64",
                "add {lower_a}, 64",
                "add {b}, 2048",
                "dec {steps}",
                "jnz 4b",
                "add {starts}, 24",
                "cmp {starts}, {end}",
                "jb 3b",
                "tilestored [{c} + {c_stride}], tmm0",
                "tilestored [{c} + {c_stride} + 64], tmm1",
                "tilestored [{lower_c} + {c_stride}], tmm2",
                "tilestored [{lower_c} + {c_stride} + 64], tmm3",
                starts = inout(reg) self.starts.start => _,
                end = in(reg) self.starts.end,
                a = inout(reg) usize::from(self.accumulate) => _,
                lower_a = out(reg) _,
                a_stride = in(reg) self.stride * size_of::<u32>(),
                steps = out(reg) _,
                steps_of_a_tap = in(reg) self.depth / LANES,
                b = out(reg) _,
                b_stride = in(reg) 2 * LANES * size_of::<u32>(),
                c = in(reg) self.sums,
                lower_c = in(reg) self.sums.wrapping_add(REGISTER_ROWS * self.sums_stride),
                c_stride = in(reg) self.sums_stride * size_of::<f32>(),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}
