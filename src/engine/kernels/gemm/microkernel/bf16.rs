//! The bf16 microkernel in AVX-512-BF16: `vdpbf16ps` accumulates in each f32 the dot product of two VNNI
//! pairs.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_reduce_add_ps, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::super::operands::{Bf16RowTile, MicroTile};
use crate::engine::kernels::isa::LANES;

/// Rows of a micro-tile.
pub(crate) const MR: usize = 12;
/// Independent accumulators when the peak is measured: more than latency × throughput of any processor.
pub(crate) const ACCUMULATORS: usize = 12;

/// Multiplies `ROWS` rows of A, [`MR`] or, where the rest is padding, fewer, with a panel of that many vectors.
#[expect(unsafe_code, reason = "bounds are checked once a micro-tile")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn microkernel<const VECTORS: usize, const ROWS: usize>(
    a: Bf16RowTile<'_>,
    panel: &[u32],
    out: &mut MicroTile<'_>,
) {
    let Bf16RowTile { pairs, lda, .. } = a;
    a.assert_fits(ROWS, panel, VECTORS * LANES, out);
    let ldc = out.ldc;
    let zero: __m512 = _mm512_setzero_ps();
    let mut acc = [[zero; VECTORS]; ROWS];
    if out.accumulate {
        for (row, acc) in acc.iter_mut().enumerate() {
            for (vector, acc) in acc.iter_mut().enumerate() {
                let at = row * ldc + vector * LANES;
                // SAFETY: a whole vector of a row, of which there are as many, as was checked.
                *acc = unsafe { _mm512_loadu_ps(out.c.as_ptr().add(at)) };
            }
        }
    }
    for (k_pair, b_row) in panel.chunks_exact(VECTORS * LANES).enumerate() {
        let mut b = [as_bf16x2(_mm512_set1_epi32(0)); VECTORS];
        for (b, b_row) in b.iter_mut().zip(b_row.as_chunks::<LANES>().0) {
            // SAFETY: a whole vector of the panel.
            *b = as_bf16x2(unsafe { _mm512_loadu_si512(b_row.as_ptr().cast()) });
        }
        for (row, acc) in acc.iter_mut().enumerate() {
            // SAFETY: `k_pair < k_pairs`, as the panel's length says, and there are `k_pairs` pairs from
            // the beginning of the last row on.
            let a = unsafe { *pairs.as_ptr().add(row * lda + k_pair) };
            let a = as_bf16x2(_mm512_set1_epi32(a.cast_signed()));
            for (acc, b) in acc.iter_mut().zip(b) {
                *acc = _mm512_dpbf16_ps(*acc, a, b);
            }
        }
    }
    for (row, acc) in acc.iter().enumerate() {
        for (vector, acc) in acc.iter().enumerate() {
            let at = row * ldc + vector * LANES;
            // SAFETY: a whole vector of a row, as above.
            unsafe { _mm512_storeu_ps(out.c.as_mut_ptr().add(at), *acc) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn fma_rounds(rounds: u64) -> f32 {
    // Products of ½ and −½, which cancel: the accumulators stay at 0.
    let halves = as_bf16x2(_mm512_set1_epi32(std::hint::black_box(0x3f00_3f00)));
    let signs = as_bf16x2(_mm512_set1_epi32(std::hint::black_box(
        0x3f00_bf00u32.cast_signed(),
    )));
    let mut acc = [_mm512_setzero_ps(); ACCUMULATORS];
    for _ in 0..rounds {
        for acc in &mut acc {
            *acc = _mm512_dpbf16_ps(*acc, halves, signs);
        }
    }
    acc.into_iter().map(|acc| _mm512_reduce_add_ps(acc)).sum()
}

/// The same bits, seen as bf16.
#[expect(unsafe_code, reason = "there is no cast between these types")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn as_bf16x2(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of which every pattern is a value.
    unsafe { std::mem::transmute(bits) }
}
