//! Normalized channels, rounded to bf16 where they are computed.

use std::arch::x86_64::{
    __m512, _mm256_loadu_si256, _mm512_castsi512_ps, _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_slli_epi32, _mm512_sub_ps,
};

use half::bf16;

use crate::engine::kernels::activation::avx512::silu;
use crate::engine::kernels::convert::to_bf16::{lane_mask, store_bf16x2};
use crate::engine::kernels::dtype::DtypeSlice;
use crate::engine::kernels::isa::{Bf16Isa, LANES};

/// Values of a vector of pairs.
const PAIRED: usize = 2 * LANES;

impl Bf16Isa {
    /// (x − shift) · scale + offset of every channel of a pixel, through SiLU where `silu`, rounded to bf16
    /// pairs and padded with zeros. Shift, scale and offset are as long as `pixel`.
    #[expect(
        clippy::unused_self,
        reason = "`self` is the proof of the instructions"
    )]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn normalize_to_bf16(
        self,
        pixel: DtypeSlice<'_>,
        transform: [&[f32]; 3],
        silu: bool,
        to: &mut [u32],
    ) {
        let channels = pixel.len();
        assert!(transform.iter().all(|part| part.len() == channels));
        assert!(to.len() >= channels.div_ceil(2));
        // SAFETY: a value of `Self` is only made where the processor has the instructions; lengths are as
        // they must be.
        unsafe {
            match (pixel, silu) {
                (DtypeSlice::F32(pixel), true) => {
                    normalize_to_bf16::<_, true>(pixel, transform, to);
                }
                (DtypeSlice::F32(pixel), false) => {
                    normalize_to_bf16::<_, false>(pixel, transform, to);
                }
                (DtypeSlice::Bf16(pixel), true) => {
                    normalize_to_bf16::<_, true>(pixel, transform, to);
                }
                (DtypeSlice::Bf16(pixel), false) => {
                    normalize_to_bf16::<_, false>(pixel, transform, to);
                }
            }
        }
    }
}

/// Elements that are loaded to a vector of f32.
trait Channel: Copy {
    const ZERO: Self;

    /// 16 channels.
    ///
    /// # Safety
    /// There must be as many at `from`, and the processor must have AVX-512.
    #[expect(unsafe_code, reason = "a load")]
    unsafe fn vector(from: *const Self) -> __m512;
}

impl Channel for f32 {
    const ZERO: Self = 0.0;

    #[inline(always)]
    #[expect(unsafe_code, reason = "a load")]
    unsafe fn vector(from: *const Self) -> __m512 {
        // SAFETY: as the caller promises.
        unsafe { _mm512_loadu_ps(from) }
    }
}

impl Channel for bf16 {
    const ZERO: Self = Self::ZERO;

    #[inline(always)]
    #[expect(unsafe_code, reason = "a load")]
    unsafe fn vector(from: *const Self) -> __m512 {
        // SAFETY: as the caller promises. A bf16 is the upper half of an f32.
        unsafe {
            let halves = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(halves))
        }
    }
}

/// # Safety
/// Parts of `transform` must be as long as `pixel`, and `to` must have room for half as many pairs.
#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512dq,avx512bf16")]
unsafe fn normalize_to_bf16<T: Channel, const SILU: bool>(
    pixel: &[T],
    transform: [&[f32]; 3],
    to: &mut [u32],
) {
    let pairs = |pixel: *const T, transform: [*const f32; 3]| {
        let half = |at: usize| {
            // SAFETY: both halves of 32 channels are there, as `pairs` is called.
            let (x, [shift, scale, offset]) = unsafe {
                let part = transform.map(|part| _mm512_loadu_ps(part.add(at)));
                (T::vector(pixel.add(at)), part)
            };
            let normal = _mm512_fmadd_ps(_mm512_sub_ps(x, shift), scale, offset);
            if SILU { silu(normal) } else { normal }
        };
        _mm512_cvtne2ps_pbh(half(LANES), half(0))
    };
    let rest = pixel.len() % PAIRED;
    let whole = pixel.len() - rest;
    for first in (0..whole).step_by(PAIRED) {
        // SAFETY: 32 channels from `first` on, and room for their 16 pairs.
        unsafe {
            let transform = transform.map(|part| part.as_ptr().add(first));
            let pairs = pairs(pixel.as_ptr().add(first), transform);
            store_bf16x2(to.as_mut_ptr().add(first / 2), pairs, u16::MAX);
        }
    }
    let to = &mut to[whole / 2..];
    if rest > 0 {
        // Filled up with zeros, which stay zeros.
        let mut last = [T::ZERO; PAIRED];
        last[..rest].copy_from_slice(&pixel[whole..]);
        let transform = transform.map(|part| {
            let mut last = [0.0; PAIRED];
            last[..rest].copy_from_slice(&part[whole..]);
            last
        });
        let pairs = pairs(
            last.as_ptr(),
            transform.each_ref().map(|part| part.as_ptr()),
        );
        // SAFETY: only pairs of which there is a number are written.
        unsafe { store_bf16x2(to.as_mut_ptr(), pairs, lane_mask(rest.div_ceil(2))) };
    }
    to[rest.div_ceil(2)..].fill(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::convert::to_bf16::values_of;

    fn some(count: usize, seed: f32) -> Vec<f32> {
        let at = (0..count).map(|at| at as f32);
        at.map(|at| (at * seed).sin() * 3.0).collect()
    }

    /// In f64: (x − shift) · scale + offset, through SiLU where `silu`.
    fn expected(numbers: [f32; 4], silu: bool) -> f64 {
        let [x, shift, scale, offset] = numbers.map(f64::from);
        let y = (x - shift) * scale + offset;
        if silu { y / (1.0 + (-y).exp()) } else { y }
    }

    fn check(bf16_isa: Bf16Isa, pixel: &[bf16], silu: bool) {
        let channels = pixel.len();
        let [shift, scale, offset] = [0.7, 1.3, 2.9].map(|seed| some(channels, seed));
        let wide: Vec<f32> = pixel.iter().map(|x| x.to_f32()).collect();
        let [of_f32, of_bf16] = [DtypeSlice::F32(&wide), DtypeSlice::Bf16(pixel)].map(|pixel| {
            let mut to = vec![u32::MAX; channels.div_ceil(2) + 3];
            bf16_isa.normalize_to_bf16(pixel, [&shift, &scale, &offset], silu, &mut to);
            to
        });
        assert_eq!(of_f32, of_bf16);
        for (at, got) in of_f32.into_iter().flat_map(values_of).enumerate() {
            let expected = wide.get(at).map_or(0.0, |x| {
                expected([*x, shift[at], scale[at], offset[at]], silu)
            });
            // Half a unit of the last of 8 digits, what the reciprocal and the power are off by, and
            // what differences lose.
            let close = expected.abs() * (1.0 / 256.0 + 2e-4) + 2e-5;
            assert!(
                (f64::from(got) - expected).abs() <= close,
                "{at}: {got} {expected}"
            );
        }
    }

    #[test]
    fn channels_are_normalised_as_written_down() {
        let Some(bf16_isa) = Bf16Isa::all().pop() else {
            return;
        };
        for channels in [1, 2, 31, 32, 33, 64, 77, 320] {
            for factor in [1.0, 40.0] {
                let pixel = some(channels, 1.9).into_iter();
                let pixel: Vec<bf16> = pixel.map(|x| bf16::from_f32(x * factor)).collect();
                check(bf16_isa, &pixel, false);
                check(bf16_isa, &pixel, true);
            }
        }
    }

    #[test]
    fn silu_of_what_is_far_below_is_nothing() {
        let Some(bf16_isa) = Bf16Isa::all().pop() else {
            return;
        };
        for x in [-1e30, -1e4, -90.0] {
            let mut to = [u32::MAX];
            bf16_isa.normalize_to_bf16(
                DtypeSlice::F32(&[x]),
                [&[0.0], &[1.0], &[0.0]],
                true,
                &mut to,
            );
            let [got, _] = values_of(to[0]);
            assert!(got <= 0.0 && got > -1e-7, "{x}: {got}");
        }
    }
}
