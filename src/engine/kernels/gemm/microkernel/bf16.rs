//! The bf16 microkernel in AVX-512-BF16: `vdpbf16ps` multiplies two pairs for each f32 sum.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_reduce_add_ps, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::super::operands::{Bf16RowTile, MicroTile};
use crate::engine::kernels::isa::LANES;

/// Rows of a tile.
pub(crate) const MR: usize = 12;
/// Vectors that are summed side by side for measuring: more than any processor has products under
/// way.
pub(crate) const PEAK_ACCUMULATORS: usize = 12;

/// Multiplies [`MR`] rows with a panel of that many vectors.
#[expect(unsafe_code, reason = "loads that are checked once a tile")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn microkernel<const VECTORS: usize>(
    rows: Bf16RowTile<'_>,
    panel: &[u32],
    out: &mut MicroTile<'_>,
) {
    let Bf16RowTile { pairs, stride, .. } = rows;
    rows.assert_fits(MR, panel, VECTORS * LANES, out);
    let from_row_to_row = out.stride;
    let zero: __m512 = _mm512_setzero_ps();
    let mut sums = [[zero; VECTORS]; MR];
    if out.accumulate {
        for (row, sums) in sums.iter_mut().enumerate() {
            for (vector, sum) in sums.iter_mut().enumerate() {
                let at = row * from_row_to_row + vector * LANES;
                // SAFETY: a whole vector of a row, of which there are as many, as was checked.
                *sum = unsafe { _mm512_loadu_ps(out.numbers.as_ptr().add(at)) };
            }
        }
    }
    for (at, weights) in panel.chunks_exact(VECTORS * LANES).enumerate() {
        let mut vectors = [as_pairs(_mm512_set1_epi32(0)); VECTORS];
        for (vector, weights) in vectors.iter_mut().zip(weights.as_chunks::<LANES>().0) {
            // SAFETY: a whole vector of the panel.
            *vector = as_pairs(unsafe { _mm512_loadu_si512(weights.as_ptr().cast()) });
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `at < depth`, as the panel's length says, and there are `depth` pairs from the
            // beginning of the last row on.
            let number = unsafe { *pairs.as_ptr().add(row * stride + at) };
            let number = as_pairs(_mm512_set1_epi32(number.cast_signed()));
            for (sum, vector) in sums.iter_mut().zip(vectors) {
                *sum = _mm512_dpbf16_ps(*sum, number, vector);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (vector, sum) in sums.iter().enumerate() {
            let at = row * from_row_to_row + vector * LANES;
            // SAFETY: a whole vector of a row, as above.
            unsafe { _mm512_storeu_ps(out.numbers.as_mut_ptr().add(at), *sum) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn fma_rounds(rounds: u64) -> f32 {
    // Products of ½ and −½, which cancel: the sums stay where they are.
    let halves = as_pairs(_mm512_set1_epi32(std::hint::black_box(0x3f00_3f00)));
    let signs = as_pairs(_mm512_set1_epi32(std::hint::black_box(
        0x3f00_bf00u32.cast_signed(),
    )));
    let mut sums = [_mm512_setzero_ps(); PEAK_ACCUMULATORS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbf16_ps(*sum, halves, signs);
        }
    }
    sums.into_iter().map(|sum| _mm512_reduce_add_ps(sum)).sum()
}

/// The same bits, seen as pairs.
#[expect(unsafe_code, reason = "there is no cast between these types")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn as_pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of which every pattern is a value.
    unsafe { std::mem::transmute(bits) }
}
