//! Exponentials of attention's scores, rounded to pairs where they are made.

use std::arch::x86_64::{
    __m512, __mmask16, _mm512_add_ps, _mm512_cvtne2ps_pbh, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_maskz_loadu_ps, _mm512_maskz_mov_ps, _mm512_mul_ps, _mm512_reduce_add_ps,
    _mm512_reduce_ps, _mm512_scalef_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_sub_ps,
};

use super::bf16_isa::assert_room;
use super::vectors::{count, store};
use super::{LANES, Bf16Isa};

/// 2^x for x between 0 and 1 as a polynomial, the constant first: within 8e-5 of it, a fiftieth of a
/// bf16's last place, by least squares weighted anew until the relative error is the same everywhere
/// (Lawson 1961).
const EXP2_POLYNOMIAL: [f32; 4] = [0.999_925_2, 0.695_833_5, 0.226_067_19, 0.078_024_55];

impl Bf16Isa {
    /// exp((score − largest) · scale) of each of `scores`, rounded to pairs, of which `to` has room for
    /// [as many](Self::pairs_of); returns the sum of what was not rounded yet. No score is above `largest`.
    #[expect(
        clippy::unused_self,
        reason = "`self` is the proof of the instructions"
    )]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn shares(
        self,
        scores: &[f32],
        largest: f32,
        scale: f32,
        to: &mut [u32],
    ) -> f32 {
        assert_room(scores.len(), to.len());
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { shares(scores, largest, scale, to) }
    }
}

#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512dq,avx512bf16")]
fn shares(scores: &[f32], largest: f32, scale: f32, to: &mut [u32]) -> f32 {
    let exponent = Exponent {
        largest: _mm512_set1_ps(largest),
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
            store(to.as_mut_ptr(), pairs, __mmask16::MAX);
        }
    }
    if !rest.is_empty() {
        let (low, high) = (count(rest.len()), count(rest.len().saturating_sub(LANES)));
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
            store(to_rest.as_mut_ptr(), pairs, count(to_rest.len()));
        }
    }
    _mm512_reduce_add_ps(_mm512_add_ps(sums[0], sums[1]))
}

/// 2 to the power of `x`, for x that are not above what f32 can hold; 0 for x far below.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) fn exp2(x: __m512) -> __m512 {
    /// What a number is above the whole number below it, without an exception.
    const ABOVE_WHOLE: i32 = 0x09;
    let part = _mm512_reduce_ps::<ABOVE_WHOLE>(x);
    let [constant, coefficients @ .., last] = EXP2_POLYNOMIAL;
    let mut series = _mm512_set1_ps(last);
    for coefficient in coefficients.into_iter().rev() {
        series = _mm512_fmadd_ps(series, part, _mm512_set1_ps(coefficient));
    }
    series = _mm512_fmadd_ps(series, part, _mm512_set1_ps(constant));
    // Times 2 to the power of the whole number below.
    _mm512_scalef_ps(series, x)
}

/// e to the power of (x − `largest`) · a scale, as 2 to that of (x − `largest`) · `factor`.
struct Exponent {
    /// Subtracted first: the difference of large scores is exact, that of their products is not.
    largest: __m512,
    factor: __m512,
}

impl Exponent {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq")]
    fn raise(&self, x: __m512) -> __m512 {
        exp2(_mm512_mul_ps(_mm512_sub_ps(x, self.largest), self.factor))
    }
}

#[cfg(test)]
mod tests {
    use super::super::numbers_of;
    use super::*;
    use crate::engine::kernels::reference::numbers;

    #[test]
    fn shares_are_exponentials_rounded_once() {
        let Some(bf16_isa) = Bf16Isa::all().pop() else {
            return;
        };
        for len in [1, 2, 15, 16, 17, 31, 32, 33, 49, 64, 77] {
            let mut scores: Vec<f32> = numbers(len, 3).iter().map(|x| x * 60.0).collect();
            scores[len / 2] = -1e30;
            let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut pairs = vec![u32::MAX; len.div_ceil(2)];
            let sum = bf16_isa.shares(&scores, largest, 0.25, &mut pairs);
            let expected: Vec<f64> = scores
                .iter()
                .map(|score| (f64::from(score - largest) * 0.25).exp())
                .collect();
            let total: f64 = expected.iter().sum();
            assert!((f64::from(sum) / total - 1.0).abs() < 1e-4, "{sum} {total}");
            let got = pairs.iter().flat_map(|pair| numbers_of(*pair));
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
