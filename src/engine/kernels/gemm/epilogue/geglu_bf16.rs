//! The GEGLU epilogue in AVX-512-BF16: value · GELU(gate), rounded to bf16 where it is computed.

use std::arch::x86_64::{
    __m256bh, __m256i, _mm256_storeu_si256, _mm512_add_ps, _mm512_cvtneps_pbh, _mm512_loadu_ps,
    _mm512_mul_ps,
};
use std::mem::MaybeUninit;

use half::bf16;

use crate::engine::kernels::activation::avx512::gelu;
use crate::engine::kernels::isa::{Bf16Isa, LANES};

impl Bf16Isa {
    /// (value + bias) · GELU(gate + bias) of 16 values and of their gates after them, rounded to bf16.
    #[expect(
        clippy::unused_self,
        reason = "`self` is the proof of the instructions"
    )]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn geglu(
        self,
        c: &[f32; 2 * LANES],
        bias: &[f32; 2 * LANES],
        to: &mut [MaybeUninit<bf16>; LANES],
    ) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { geglu(c, bias, to) }
    }
}

#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512dq,avx512bf16")]
fn geglu(c: &[f32; 2 * LANES], bias: &[f32; 2 * LANES], to: &mut [MaybeUninit<bf16>; LANES]) {
    // SAFETY: two vectors of each, and room for one that is rounded; the two vector types are 32 bytes
    // of which every pattern is a value, as is every pattern of 16 bits a bf16.
    unsafe {
        let biased = |at: usize| {
            let c = _mm512_loadu_ps(c.as_ptr().add(at));
            _mm512_add_ps(c, _mm512_loadu_ps(bias.as_ptr().add(at)))
        };
        let geglu = _mm512_mul_ps(biased(0), gelu(biased(LANES)));
        let rounded = _mm512_cvtneps_pbh(geglu);
        let bits = std::mem::transmute::<__m256bh, __m256i>(rounded);
        _mm256_storeu_si256(to.as_mut_ptr().cast(), bits);
    }
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
            let mut c = [1.5; 2 * LANES];
            c[LANES..].copy_from_slice(&gates);
            let mut bias = [0.25; 2 * LANES];
            bias[LANES..].fill(0.125);
            let mut to = [MaybeUninit::new(bf16::NAN); LANES];
            bf16_isa.geglu(&c, &bias, &mut to);
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
