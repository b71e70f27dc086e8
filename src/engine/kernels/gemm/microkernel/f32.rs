//! The f32 microkernel, for every ISA: MR rows of A times one panel of B.
//!
//! A micro-tile of C stays in registers along all of K, after
//! [Goto & van de Geijn 2008](https://doi.org/10.1145/1356052.1356053). Rows of A are given by pointers,
//! after the indirect convolution of [Dukhan 2019](https://arxiv.org/abs/1907.02129), so that A is never
//! packed.

use pulp::{Simd, WithSimd};

use super::super::operands::MicroTile;
use crate::engine::kernels::isa::Isa;

/// Steps along K for which row pointers are loaded once.
const K_UNROLL: usize = 4;
/// The largest MR in f32.
pub(crate) const MAX_MR: usize = 12;

impl Isa {
    /// MR: as many rows as leave registers for the panel, with two accumulators each.
    pub(crate) fn mr(self) -> usize {
        match self {
            Self::Portable(_) => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => 6,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => 12,
            #[cfg(target_arch = "x86_64")]
            Self::Bf16(_, bf16_isa) => bf16_isa.mr(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => 12,
        }
    }

    /// Multiplies [`mr`](Self::mr) rows of A with a panel of one or two vectors, in f32, on a bf16 ISA as
    /// on the one [without](Self::in_f32).
    ///
    /// `rows` are slices of one length, MR for the first tap, then MR for the next; `panel` has
    /// `vectors × lanes` values for each value of a row, tap after tap.
    pub(crate) fn f32_microkernel(
        self,
        vectors: usize,
        rows: &[&[f32]],
        panel: &[f32],
        out: &mut MicroTile<'_>,
    ) {
        let tap_len = rows.first().map_or(0, |row| row.len());
        let mr = self.in_f32().mr();
        let taps = rows.len() / mr;
        out.assert_fits(mr, vectors * self.lanes());
        assert!(rows.iter().all(|row| row.len() == tap_len));
        assert_eq!(panel.len(), taps * tap_len * vectors * self.lanes());
        match self {
            Self::Portable(simd) => dispatch::<_, 4>(simd, vectors, rows, panel, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => dispatch::<_, 6>(simd, vectors, rows, panel, out),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) | Self::Bf16(simd, _) => {
                dispatch::<_, 12>(simd, vectors, rows, panel, out);
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => dispatch::<_, 12>(simd, vectors, rows, panel, out),
        }
    }
}

fn dispatch<S: Simd, const MR: usize>(
    simd: S,
    vectors: usize,
    rows: &[&[f32]],
    panel: &[f32],
    out: &mut MicroTile<'_>,
) {
    if vectors == 1 {
        simd.vectorize(MicroKernel::<MR, 1> { rows, panel, out });
    } else {
        simd.vectorize(MicroKernel::<MR, 2> { rows, panel, out });
    }
}

struct MicroKernel<'a, 'b, const MR: usize, const VECTORS: usize> {
    rows: &'a [&'a [f32]],
    panel: &'a [f32],
    out: &'a mut MicroTile<'b>,
}

impl<const MR: usize, const VECTORS: usize> WithSimd for MicroKernel<'_, '_, MR, VECTORS> {
    type Output = ();

    #[inline(always)]
    #[expect(
        unsafe_code,
        reason = "twelve bounds checks a step would cost as much as the multiply-adds"
    )]
    #[expect(clippy::needless_range_loop, reason = "accumulators in registers")]
    fn with_simd<S: Simd>(self, simd: S) {
        let (panel, _) = S::as_simd_f32s(self.panel);
        let mut acc = [[simd.splat_f32s(0.0); VECTORS]; MR];
        let (ldc, nr) = (self.out.ldc, VECTORS * S::F32_LANES);
        let mut at = 0;
        for rows in self.rows.as_chunks::<MR>().0 {
            let tap_len = rows[0].len();
            let panel = &panel[at..at + tap_len * VECTORS];
            at += tap_len * VECTORS;
            let whole = tap_len / K_UNROLL * K_UNROLL;
            for first in (0..whole).step_by(K_UNROLL) {
                let panel = &panel[first * VECTORS..(first + K_UNROLL) * VECTORS];
                let mut a = [&[0f32; K_UNROLL]; MR];
                for row in 0..MR {
                    // SAFETY: `f32_microkernel` has checked that every row is `tap_len` long, and
                    // `first + K_UNROLL <= whole <= tap_len`.
                    a[row] = unsafe { &*rows[row].as_ptr().add(first).cast::<[f32; K_UNROLL]>() };
                }
                for step in 0..K_UNROLL {
                    for row in 0..MR {
                        let a = simd.splat_f32s(a[row][step]);
                        for vector in 0..VECTORS {
                            let b = panel[step * VECTORS + vector];
                            acc[row][vector] = simd.mul_add_f32s(a, b, acc[row][vector]);
                        }
                    }
                }
            }
            for step in whole..tap_len {
                for row in 0..MR {
                    let a = simd.splat_f32s(rows[row][step]);
                    for vector in 0..VECTORS {
                        let b = panel[step * VECTORS + vector];
                        acc[row][vector] = simd.mul_add_f32s(a, b, acc[row][vector]);
                    }
                }
            }
        }
        for row in 0..MR {
            let to = &mut self.out.c[row * ldc..][..nr];
            let (to, _) = S::as_mut_simd_f32s(to);
            // One by one: accumulators that are borrowed as a slice are not kept in registers.
            for vector in 0..VECTORS {
                let before = if self.out.accumulate {
                    to[vector]
                } else {
                    simd.splat_f32s(0.0)
                };
                to[vector] = simd.add_f32s(before, acc[row][vector]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::reference::{assert_close, numbers};

    #[test]
    fn sums_what_a_plain_loop_sums_on_every_instruction_set() {
        for isa in Isa::all().into_iter().map(Isa::in_f32) {
            for (taps, depth, vectors) in [(1, 1, 1), (1, 7, 2), (9, 4, 2), (2, 37, 1), (9, 64, 2)]
            {
                let (rows, width) = (isa.mr(), vectors * isa.lanes());
                let left = numbers(taps * rows * depth, 1);
                let panel = numbers(taps * depth * width, 2);
                let slices: Vec<&[f32]> = left.chunks_exact(depth).collect();
                // Rows with room between them; a second time onto the first.
                let stride = width + 3;
                let mut out = vec![f32::NAN; rows * stride];
                for accumulate in [false, true] {
                    let mut tile = MicroTile {
                        c: &mut out,
                        ldc: stride,
                        accumulate,
                    };
                    isa.f32_microkernel(vectors, &slices, &panel, &mut tile);
                }
                let rows_of_out = out.chunks_exact(stride);
                assert!(
                    rows_of_out
                        .clone()
                        .all(|row| row[width..].iter().all(|x| x.is_nan()))
                );
                let out: Vec<f32> = rows_of_out.flat_map(|row| &row[..width]).copied().collect();
                let expected: Vec<f64> = (0..rows * width)
                    .map(|at| {
                        let (row, column) = (at / width, at % width);
                        (0..taps * depth)
                            .map(|k| {
                                let (tap, k_of_tap) = (k / depth, k % depth);
                                let number = left[(tap * rows + row) * depth + k_of_tap];
                                2.0 * f64::from(number) * f64::from(panel[k * width + column])
                            })
                            .sum()
                    })
                    .collect();
                assert_close(&out, &expected, 1e-6, isa.name());
            }
        }
    }
}
