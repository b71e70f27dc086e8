//! Softmax probabilities in bf16: exponentials of the scores, rounded where they are computed.

use std::arch::x86_64::{
    __m512, __mmask16, _mm512_add_ps, _mm512_cvtne2ps_pbh, _mm512_loadu_ps, _mm512_maskz_loadu_ps,
    _mm512_maskz_mov_ps, _mm512_mul_ps, _mm512_reduce_add_ps, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_sub_ps,
};

use crate::engine::kernels::activation::avx512::exp2;
use crate::engine::kernels::convert::to_bf16::{assert_room, lane_mask, store_bf16x2};
use crate::engine::kernels::isa::{Bf16Isa, LANES};

impl Bf16Isa {
    /// exp((score − row_max) · scale) of each of `scores`, rounded to bf16 pairs, of which `to` has room for
    /// [as many](Self::k_pairs); returns the sum before rounding. No score is above `row_max`.
    #[expect(
        clippy::unused_self,
        reason = "`self` is the proof of the instructions"
    )]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn exp_to_bf16(
        self,
        scores: &[f32],
        row_max: f32,
        scale: f32,
        to: &mut [u32],
    ) -> f32 {
        assert_room(scores.len(), to.len());
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { exp_to_bf16(scores, row_max, scale, to) }
    }
}

#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512dq,avx512bf16")]
fn exp_to_bf16(scores: &[f32], row_max: f32, scale: f32, to: &mut [u32]) -> f32 {
    let exponent = Exponent {
        row_max: _mm512_set1_ps(row_max),
        factor: _mm512_set1_ps(scale * std::f32::consts::LOG2_E),
    };
    let mut sums = [_mm512_setzero_ps(); 2];
    let (whole, rest) = scores.as_chunks::<{ 2 * LANES }>();
    let (to_whole, to_rest) = to.split_at_mut(whole.len() * LANES);
    for (scores, to) in whole.iter().zip(to_whole.as_chunks_mut::<LANES>().0) {
        // SAFETY: 32 scores, and room for 16 pairs.
        unsafe {
            let first = exponent.raise(_mm512_loadu_ps(scores.as_ptr()));
            let second = exponent.raise(_mm512_loadu_ps(scores.as_ptr().add(LANES)));
            sums = [
                _mm512_add_ps(sums[0], first),
                _mm512_add_ps(sums[1], second),
            ];
            let pairs = _mm512_cvtne2ps_pbh(second, first);
            store_bf16x2(to.as_mut_ptr(), pairs, __mmask16::MAX);
        }
    }
    if !rest.is_empty() {
        let (low, high) = (
            lane_mask(rest.len()),
            lane_mask(rest.len().saturating_sub(LANES)),
        );
        // SAFETY: only scores that are there are read and only pairs that have room are written: at
        // most a vector of them. `min` keeps the second address within the slice.
        unsafe {
            let after = rest.as_ptr().add(rest.len().min(LANES));
            let first = _mm512_maskz_loadu_ps(low, rest.as_ptr());
            let second = _mm512_maskz_loadu_ps(high, after);
            let first = _mm512_maskz_mov_ps(low, exponent.raise(first));
            let second = _mm512_maskz_mov_ps(high, exponent.raise(second));
            sums = [
                _mm512_add_ps(sums[0], first),
                _mm512_add_ps(sums[1], second),
            ];
            let pairs = _mm512_cvtne2ps_pbh(second, first);
            store_bf16x2(to_rest.as_mut_ptr(), pairs, lane_mask(to_rest.len()));
        }
    }
    _mm512_reduce_add_ps(_mm512_add_ps(sums[0], sums[1]))
}

/// exp((x − row_max) · scale), computed as 2^((x − row_max) · factor).
struct Exponent {
    /// Subtracted first: the difference of large scores is exact, that of their products is not.
    row_max: __m512,
    factor: __m512,
}

impl Exponent {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq")]
    fn raise(&self, x: __m512) -> __m512 {
        exp2(_mm512_mul_ps(_mm512_sub_ps(x, self.row_max), self.factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::convert::to_bf16::values_of;
    use crate::engine::kernels::reference::numbers;

    #[test]
    fn probabilities_are_exponentials_rounded_once() {
        let Some(bf16_isa) = Bf16Isa::all().pop() else {
            return;
        };
        for len in [1, 2, 15, 16, 17, 31, 32, 33, 49, 64, 77] {
            let mut scores: Vec<f32> = numbers(len, 3).iter().map(|x| x * 60.0).collect();
            scores[len / 2] = -1e30;
            let row_max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut pairs = vec![u32::MAX; len.div_ceil(2)];
            let sum = bf16_isa.exp_to_bf16(&scores, row_max, 0.25, &mut pairs);
            let expected: Vec<f64> = scores
                .iter()
                .map(|score| (f64::from(score - row_max) * 0.25).exp())
                .collect();
            let total: f64 = expected.iter().sum();
            assert!((f64::from(sum) / total - 1.0).abs() < 1e-4, "{sum} {total}");
            let got = pairs.iter().flat_map(|pair| values_of(*pair));
            for (at, got) in got.enumerate() {
                // Half a unit of bf16's last place, and a little of the exponential's own error.
                let expected = expected.get(at).copied().unwrap_or(0.0);
                let apart = (f64::from(got) - expected).abs();
                assert!(
                    apart <= expected * 0.004 + 1e-30,
                    "{len} {at}: {got} {expected}"
                );
            }
        }
    }
}
