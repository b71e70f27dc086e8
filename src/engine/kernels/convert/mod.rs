//! Conversions of dtype: f16 and bf16 to f32, exactly; `to_bf16` rounds f32 to bf16.

#[cfg(target_arch = "x86_64")]
pub(crate) mod to_bf16;

use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};
use pulp::{Simd, WithSimd};

use super::isa::Isa;

impl Isa {
    /// Widens `from` to `to`, which is as long; exactly.
    pub(crate) fn widen_f16(self, from: &[f16], to: &mut [f32]) {
        assert_eq!(from.len(), to.len());
        #[cfg(target_arch = "x86_64")]
        if !matches!(self, Self::Portable(_)) && is_x86_feature_detected!("f16c") {
            #[expect(unsafe_code, reason = "instructions that were just found")]
            // SAFETY: the processor has them; every vector ISA here has AVX.
            return unsafe { by_eight(from, to) };
        }
        from.convert_to_f32_slice(to);
    }

    /// Widens `from` to `to`, which is as long; exactly.
    pub(crate) fn widen_bf16(self, from: &[bf16], to: &mut [f32]) {
        assert_eq!(from.len(), to.len());
        self.run(WidenBf16 { from, to });
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads and stores of whole arrays")]
#[target_feature(enable = "avx,f16c")]
fn by_eight(from: &[f16], to: &mut [f32]) {
    use std::arch::x86_64::{_mm_loadu_si128, _mm256_cvtph_ps, _mm256_storeu_ps};
    let (eights, rest) = from.as_chunks::<8>();
    let (to_eights, to_rest) = to.as_chunks_mut::<8>();
    for (eight, to) in eights.iter().zip(to_eights) {
        // SAFETY: 16 bytes are read, eight numbers of 4 bytes written.
        unsafe {
            let eight = _mm_loadu_si128(eight.as_ptr().cast());
            _mm256_storeu_ps(to.as_mut_ptr(), _mm256_cvtph_ps(eight));
        }
    }
    rest.convert_to_f32_slice(to_rest);
}

/// A bf16 is the upper half of an f32; the compiler vectorizes this.
struct WidenBf16<'a> {
    from: &'a [bf16],
    to: &'a mut [f32],
}

impl WithSimd for WidenBf16<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        widen(self.from, self.to);
    }
}

/// Widens `from` to `to`, which is as long; with the vectors of the caller's ISA.
#[inline(always)]
pub(crate) fn widen<'to>(from: &[bf16], to: &'to mut [f32]) -> &'to [f32] {
    for (to, from) in to.iter_mut().zip(from) {
        *to = f32::from_bits(u32::from(from.to_bits()) << 16);
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_becomes_the_number_it_is() {
        let all: Vec<u16> = (0..=u16::MAX).chain([7, 8, 9]).collect();
        let f16s: Vec<f16> = all.iter().map(|bits| f16::from_bits(*bits)).collect();
        let bf16s: Vec<bf16> = all.iter().map(|bits| bf16::from_bits(*bits)).collect();
        for isa in Isa::all() {
            let mut widened = vec![0.0; all.len()];
            isa.widen_f16(&f16s, &mut widened);
            let expected = f16s.iter().map(|number| number.to_f32());
            assert!(widened.iter().zip(expected).all(same), "{}", isa.name());
            isa.widen_bf16(&bf16s, &mut widened);
            let expected = bf16s.iter().map(|number| number.to_f32());
            assert!(widened.iter().zip(expected).all(same), "{}", isa.name());
        }
    }

    fn same((widened, expected): (&f32, f32)) -> bool {
        *widened == expected || widened.is_nan() && expected.is_nan()
    }
}
