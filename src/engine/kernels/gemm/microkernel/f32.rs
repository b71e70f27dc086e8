//! The innermost product: a few rows of numbers with one panel of weights.
//!
//! A tile of the result stays in registers while the whole depth is summed, after
//! [Goto & van de Geijn 2008](https://doi.org/10.1145/1356052.1356053). Its rows are wherever they
//! are in memory, after the indirect convolution of
//! [Dukhan 2019](https://arxiv.org/abs/1907.02129), so that nothing is laid out anew.

use pulp::{Simd, WithSimd};

use super::super::operands::MicroTile;
use crate::engine::kernels::isa::Isa;

/// Steps along the depth between two looks at where the rows are.
const K_UNROLL: usize = 4;
/// Rows of the largest tile of f32.
pub(crate) const MAX_MR: usize = 12;

impl Isa {
    /// Rows of a tile: as many as leave registers for the panel, with two vectors each.
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

    /// Multiplies [`mr`](Self::mr) rows with a panel of one or two vectors, in f32: a
    /// set with products of bf16 does as the one [without](Self::in_f32) them.
    ///
    /// `rows` are slices of one length, one after the other for each row of the tile and then for
    /// the next tap (place in a kernel); `panel` has `vectors × lanes` numbers for each number of a
    /// row, tap after tap.
    pub(crate) fn f32_microkernel(
        self,
        vectors: usize,
        rows: &[&[f32]],
        panel: &[f32],
        out: &mut MicroTile<'_>,
    ) {
        let depth = rows.first().map_or(0, |row| row.len());
        let mr = self.in_f32().mr();
        let taps = rows.len() / mr;
        out.assert_fits(mr, vectors * self.lanes());
        assert!(rows.iter().all(|row| row.len() == depth));
        assert_eq!(panel.len(), taps * depth * vectors * self.lanes());
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

fn dispatch<S: Simd, const ROWS: usize>(
    simd: S,
    vectors: usize,
    rows: &[&[f32]],
    panel: &[f32],
    out: &mut MicroTile<'_>,
) {
    if vectors == 1 {
        simd.vectorize(MicroKernel::<ROWS, 1> { rows, panel, out });
    } else {
        simd.vectorize(MicroKernel::<ROWS, 2> { rows, panel, out });
    }
}

struct MicroKernel<'a, 'b, const ROWS: usize, const VECTORS: usize> {
    rows: &'a [&'a [f32]],
    panel: &'a [f32],
    out: &'a mut MicroTile<'b>,
}

impl<const ROWS: usize, const VECTORS: usize> WithSimd for MicroKernel<'_, '_, ROWS, VECTORS> {
    type Output = ();

    #[inline(always)]
    #[expect(
        unsafe_code,
        reason = "twelve bounds checks a step would cost as much as the products"
    )]
    #[expect(clippy::needless_range_loop, reason = "sums in registers")]
    fn with_simd<S: Simd>(self, simd: S) {
        let (panel, _) = S::as_simd_f32s(self.panel);
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        let (stride, width) = (self.out.stride, VECTORS * S::F32_LANES);
        let mut at = 0;
        for rows in self.rows.as_chunks::<ROWS>().0 {
            let depth = rows[0].len();
            let panel = &panel[at..at + depth * VECTORS];
            at += depth * VECTORS;
            let whole = depth / K_UNROLL * K_UNROLL;
            for first in (0..whole).step_by(K_UNROLL) {
                let panel = &panel[first * VECTORS..(first + K_UNROLL) * VECTORS];
                let mut numbers = [&[0f32; K_UNROLL]; ROWS];
                for row in 0..ROWS {
                    // SAFETY: `multiply` has checked that every row is `depth` long, and
                    // `first + K_UNROLL <= whole <= depth`.
                    numbers[row] =
                        unsafe { &*rows[row].as_ptr().add(first).cast::<[f32; K_UNROLL]>() };
                }
                for step in 0..K_UNROLL {
                    for row in 0..ROWS {
                        let number = simd.splat_f32s(numbers[row][step]);
                        for vector in 0..VECTORS {
                            let weights = panel[step * VECTORS + vector];
                            sums[row][vector] =
                                simd.mul_add_f32s(number, weights, sums[row][vector]);
                        }
                    }
                }
            }
            for step in whole..depth {
                for row in 0..ROWS {
                    let number = simd.splat_f32s(rows[row][step]);
                    for vector in 0..VECTORS {
                        let weights = panel[step * VECTORS + vector];
                        sums[row][vector] = simd.mul_add_f32s(number, weights, sums[row][vector]);
                    }
                }
            }
        }
        for row in 0..ROWS {
            let to = &mut self.out.numbers[row * stride..][..width];
            let (to, _) = S::as_mut_simd_f32s(to);
            // Number by number: sums that are lent out as a slice are not kept in registers.
            for vector in 0..VECTORS {
                let before = if self.out.accumulate {
                    to[vector]
                } else {
                    simd.splat_f32s(0.0)
                };
                to[vector] = simd.add_f32s(before, sums[row][vector]);
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
        for set in Isa::all().into_iter().map(Isa::in_f32) {
            for (taps, depth, vectors) in [(1, 1, 1), (1, 7, 2), (9, 4, 2), (2, 37, 1), (9, 64, 2)]
            {
                let (rows, width) = (set.mr(), vectors * set.lanes());
                let left = numbers(taps * rows * depth, 1);
                let panel = numbers(taps * depth * width, 2);
                let slices: Vec<&[f32]> = left.chunks_exact(depth).collect();
                // Rows with room between them; a second time onto the first.
                let stride = width + 3;
                let mut out = vec![f32::NAN; rows * stride];
                for accumulate in [false, true] {
                    let mut sums = MicroTile {
                        numbers: &mut out,
                        stride,
                        accumulate,
                    };
                    set.f32_microkernel(vectors, &slices, &panel, &mut sums);
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
                assert_close(&out, &expected, 1e-6, set.name());
            }
        }
    }
}
