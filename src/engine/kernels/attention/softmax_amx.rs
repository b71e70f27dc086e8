//! The softmax of a micro-tile of scores, 32 queries by 32 keys, for AMX: row maxima and probabilities.

use std::arch::x86_64::{
    _mm512_add_ps, _mm512_cvtne2ps_pbh, _mm512_loadu_ps, _mm512_mask_max_ps, _mm512_maskz_mov_ps,
    _mm512_set1_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

use super::online_softmax::{OnlineSoftmax, SCORES_PER_TILE};
use crate::engine::kernels::activation::avx512::exp2;
use crate::engine::kernels::convert::to_bf16::{lane_mask, store_bf16x2};
use crate::engine::kernels::isa::{Amx, LANES};

/// Scores of a row.
const WIDTH: usize = 2 * LANES;
/// Queries of a micro-tile.
const QUERIES: usize = SCORES_PER_TILE / WIDTH;

impl Amx {
    /// Updates 16 partial maxima a row with the scores of 32 keys, of which only the first `keys` count.
    #[expect(
        clippy::unused_self,
        reason = "`self` is the proof of the instructions"
    )]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn update_row_max(
        self,
        scores: &[f32; SCORES_PER_TILE],
        keys: usize,
        row_max: &mut [[f32; LANES]; QUERIES],
    ) {
        // SAFETY: a value of `Self` is only made where there are the instructions.
        unsafe { update_row_max(scores, keys, row_max) }
    }

    /// Writes 2^(score − row_max) rounded to bf16 to `to`, rows `stride` apart, 0 for the columns from
    /// `keys` on, and adds it, not rounded, to row_sum.
    #[expect(
        clippy::unused_self,
        reason = "`self` is the proof of the instructions"
    )]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn exp_tile(
        self,
        scores: &[f32; SCORES_PER_TILE],
        keys: usize,
        softmax: &mut OnlineSoftmax,
        to: &mut [u32],
        stride: usize,
    ) {
        assert!(to.len() >= (QUERIES - 1) * stride + LANES);
        // SAFETY: a value of `Self` is only made where there are the instructions.
        unsafe { exp_tile(scores, keys, softmax, to, stride) }
    }
}

#[expect(unsafe_code, reason = "loads and stores of whole arrays")]
#[target_feature(enable = "avx512f")]
fn update_row_max(
    scores: &[f32; SCORES_PER_TILE],
    keys: usize,
    row_max: &mut [[f32; LANES]; QUERIES],
) {
    let (low, high) = (lane_mask(keys), lane_mask(keys.saturating_sub(LANES)));
    for (scores, row_max) in scores.as_chunks::<WIDTH>().0.iter().zip(row_max) {
        // SAFETY: 32 scores, and 16 partial maxima.
        unsafe {
            let before = _mm512_loadu_ps(row_max.as_ptr());
            let first = _mm512_loadu_ps(scores.as_ptr());
            let second = _mm512_loadu_ps(scores.as_ptr().add(LANES));
            let now = _mm512_mask_max_ps(before, low, before, first);
            let now = _mm512_mask_max_ps(now, high, now, second);
            _mm512_storeu_ps(row_max.as_mut_ptr(), now);
        }
    }
}

#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512dq,avx512bf16")]
fn exp_tile(
    scores: &[f32; SCORES_PER_TILE],
    keys: usize,
    OnlineSoftmax { row_max, row_sum }: &mut OnlineSoftmax,
    to: &mut [u32],
    stride: usize,
) {
    let (low, high) = (lane_mask(keys), lane_mask(keys.saturating_sub(LANES)));
    let rows = scores.as_chunks::<WIDTH>().0.iter();
    for (row, ((scores, row_max), row_sum)) in rows.zip(row_max).zip(row_sum).enumerate() {
        // SAFETY: 32 scores and 16 partial sums; room for 16 pairs in every row, as the caller
        // has checked.
        unsafe {
            let row_max = _mm512_set1_ps(*row_max);
            let first = _mm512_sub_ps(_mm512_loadu_ps(scores.as_ptr()), row_max);
            let second = _mm512_loadu_ps(scores.as_ptr().add(LANES));
            let second = _mm512_sub_ps(second, row_max);
            let first = _mm512_maskz_mov_ps(low, exp2(first));
            let second = _mm512_maskz_mov_ps(high, exp2(second));
            let sum = _mm512_add_ps(_mm512_loadu_ps(row_sum.as_ptr()), first);
            _mm512_storeu_ps(row_sum.as_mut_ptr(), _mm512_add_ps(sum, second));
            let pairs = _mm512_cvtne2ps_pbh(second, first);
            store_bf16x2(to.as_mut_ptr().add(row * stride), pairs, u16::MAX);
        }
    }
}
