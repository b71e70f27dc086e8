//! exp2, SiLU and GELU in AVX-512, to bf16's digits: for what is rounded to bf16 next.

use std::arch::x86_64::{
    __m512, _CMP_LT_OQ, _mm512_abs_ps, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_fmadd_ps,
    _mm512_mask_mov_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_rcp14_ps, _mm512_reduce_ps,
    _mm512_scalef_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_sub_ps,
};

/// 2^x for x between 0 and 1 as a polynomial, the constant first: within 8e-5 of it, a fiftieth of a
/// bf16's last place, by least squares weighted anew until the relative error is the same everywhere
/// (Lawson 1961).
const EXP2_POLYNOMIAL: [f32; 4] = [0.999_925_2, 0.695_833_5, 0.226_067_19, 0.078_024_55];

/// 2 to the power of `x`, for x that are not above what f32 can hold; 0 for x far below.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(crate) fn exp2(x: __m512) -> __m512 {
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

/// As [`activation::gelu`](super::gelu), by the same formula with a reciprocal of 14
/// bits and a power of two within 8e-5: a fortieth of a bf16's last place.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(crate) fn gelu(x: __m512) -> __m512 {
    let splat = |number| _mm512_set1_ps(number);
    let z = _mm512_mul_ps(_mm512_abs_ps(x), splat(std::f32::consts::FRAC_1_SQRT_2));
    let t = _mm512_rcp14_ps(_mm512_fmadd_ps(z, splat(0.327_591_1), splat(1.0)));
    let mut series = splat(1.061_405_4);
    for coefficient in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        series = _mm512_fmadd_ps(series, t, splat(coefficient));
    }
    let exponent = _mm512_mul_ps(_mm512_mul_ps(z, z), splat(-std::f32::consts::LOG2_E));
    let halved = _mm512_mul_ps(_mm512_mul_ps(series, t), splat(0.5));
    let tail = _mm512_mul_ps(halved, exp2(exponent));
    let below = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(x, _mm512_setzero_ps());
    let phi = _mm512_mask_mov_ps(_mm512_sub_ps(splat(1.0), tail), below, tail);
    _mm512_mul_ps(x, phi)
}

/// As [`activation::silu`](super::silu), with a reciprocal of 14 bits and a power of two
/// within 8e-5: a fortieth of a bf16's last place.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(crate) fn silu(x: __m512) -> __m512 {
    let exponent = _mm512_mul_ps(x, _mm512_set1_ps(-std::f32::consts::LOG2_E));
    // What is above is 0 when x was divided by it, to all digits there are.
    let exponent = _mm512_min_ps(exponent, _mm512_set1_ps(126.0));
    let below = _mm512_add_ps(exp2(exponent), _mm512_set1_ps(1.0));
    _mm512_mul_ps(x, _mm512_rcp14_ps(below))
}
