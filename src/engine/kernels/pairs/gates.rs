//! Gated outputs, rounded where they are made.

use std::arch::x86_64::{
    __m256bh, __m256i, __m512, _CMP_LT_OQ, _mm256_storeu_si256, _mm512_abs_ps, _mm512_add_ps,
    _mm512_cmp_ps_mask, _mm512_cvtneps_pbh, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_mov_ps,
    _mm512_mul_ps, _mm512_rcp14_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_sub_ps,
};
use std::mem::MaybeUninit;

use half::bf16;

use super::shares::exp2;
use super::{LANES, Bf16Isa};

impl Bf16Isa {
    /// value · gelu(gate) of the sums of 16 values and of their gates after them, to both of which the
    /// biases are added; rounded.
    #[expect(
        clippy::unused_self,
        reason = "`self` is the proof of the instructions"
    )]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(in super::super) fn geglu(
        self,
        sums: &[f32; 2 * LANES],
        bias: &[f32; 2 * LANES],
        to: &mut [MaybeUninit<bf16>; LANES],
    ) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { geglu(sums, bias, to) }
    }
}

#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512dq,avx512bf16")]
fn geglu(sums: &[f32; 2 * LANES], bias: &[f32; 2 * LANES], to: &mut [MaybeUninit<bf16>; LANES]) {
    // SAFETY: two vectors of each, and room for one that is rounded; the two vector types are 32 bytes
    // of which every pattern is a value, as is every pattern of 16 bits a bf16.
    unsafe {
        let biased = |at: usize| {
            let sum = _mm512_loadu_ps(sums.as_ptr().add(at));
            _mm512_add_ps(sum, _mm512_loadu_ps(bias.as_ptr().add(at)))
        };
        let geglu = _mm512_mul_ps(biased(0), gelu(biased(LANES)));
        let rounded = _mm512_cvtneps_pbh(geglu);
        let bits = std::mem::transmute::<__m256bh, __m256i>(rounded);
        _mm256_storeu_si256(to.as_mut_ptr().cast(), bits);
    }
}

/// As [`activation::gelu`](super::super::activation::gelu), by the same formula with a reciprocal of 14
/// bits and a power of two within 8e-5: a fortieth of a bf16's last place.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn gelu(x: __m512) -> __m512 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::reference::phi;

    #[test]
    #[expect(unsafe_code, reason = "what was just written is read")]
    fn gates_are_those_of_f32_rounded() {
        let Some(bf16_isa) = Bf16Isa::all().pop() else {
            return;
        };
        for first in -200..200 {
            // 16 gates around −50 to 50, among which are 0 and both tails.
            let gates: [f32; LANES] =
                std::array::from_fn(|at| (first * 16 + at as i32) as f32 / 64.0);
            let mut sums = [1.5; 2 * LANES];
            sums[LANES..].copy_from_slice(&gates);
            let mut bias = [0.25; 2 * LANES];
            bias[LANES..].fill(0.125);
            let mut to = [MaybeUninit::new(bf16::NAN); LANES];
            bf16_isa.geglu(&sums, &bias, &mut to);
            // SAFETY: all were made of numbers.
            let got = to.map(|to| unsafe { to.assume_init() }.to_f64());
            for (got, geglu) in got.into_iter().zip(gates) {
                let geglu = f64::from(geglu) + 0.125;
                let expected = 1.75 * geglu * phi(geglu);
                // Half a unit of the last of bf16's 8 digits, at most 2⁻⁸ of a number, and what Φ's
                // formula, the reciprocal and the power are off by.
                let close = expected.abs() * (1.0 / 256.0 + 2e-4) + 4e-7 * geglu.abs();
                assert!((got - expected).abs() <= close, "{geglu}: {got} {expected}");
            }
        }
    }
}
