//! f32 to bf16, rounded to the nearest, ties to even (`vcvtne2ps2bf16`): one by one, as pairs in a `u32` (the
//! first in its lower half), or in VNNI layout, interleaved from two rows along K.

#![expect(
    clippy::unused_self,
    reason = "a value of Bf16Isa is the proof that the instructions are there"
)]

use std::arch::x86_64::{
    __m256bh, __m256i, __m512bh, __m512i, _mm256_storeu_si256, _mm512_and_si512,
    _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_mask_storeu_epi32, _mm512_maskz_loadu_ps, _mm512_or_si512,
    _mm512_set1_epi32, _mm512_slli_epi32, _mm512_storeu_si512,
};
use std::mem::MaybeUninit;

use half::bf16;

use crate::engine::kernels::isa::{Bf16Isa, LANES};

impl Bf16Isa {
    /// Rounds `values` to pairs; an odd one is paired with zero, and up to a whole vector `to` is filled
    /// with zeros.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn to_bf16x2(self, values: &[f32], to: &mut [u32]) {
        assert_room(values.len(), to.len());
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { to_bf16x2(values, to) }
    }

    /// Rounds `values` one by one; `to` is as long.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn to_bf16(self, values: &[f32], to: &mut [MaybeUninit<bf16>]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { to_bf16(values, to) }
    }

    /// Rounds and interleaves two rows of whole vectors to one row in VNNI layout.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn vnni_interleave(self, first: &[f32], second: &[f32], to: &mut [u32]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vnni_interleave(first, second, to) }
    }

    /// [`vnni_interleave`](Self::vnni_interleave) of every two of the rows of `width` values in `rows`; the
    /// results lie `stride` apart.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn vnni_interleave_rows(
        self,
        rows: &[f32],
        width: usize,
        to: &mut [u32],
        stride: usize,
    ) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vnni_interleave_rows(rows, width, to, stride) }
    }

    /// The two rows of a row in VNNI layout, widened.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn vnni_deinterleave(self, pairs: &[u32], first: &mut [f32], second: &mut [f32]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { vnni_deinterleave(pairs, first, second) }
    }
}

/// Panics where that many pairs do not hold `len` values, or more than a whole vector beyond.
pub(crate) fn assert_room(len: usize, pairs: usize) {
    let least = len.div_ceil(2);
    assert!((least..=least.next_multiple_of(LANES)).contains(&pairs));
}

/// Rounds `values` to pairs, and pads `to` with zeros.
#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn to_bf16x2(values: &[f32], to: &mut [u32]) {
    let (whole, rest) = values.as_chunks::<{ 2 * LANES }>();
    let (to_whole, to_rest) = to.split_at_mut(whole.len() * LANES);
    for (values, to) in whole.iter().zip(to_whole.as_chunks_mut::<LANES>().0) {
        // SAFETY: 32 values, and room for 16 pairs.
        unsafe {
            let first = _mm512_loadu_ps(values.as_ptr());
            let second = _mm512_loadu_ps(values.as_ptr().add(LANES));
            let pairs = _mm512_cvtne2ps_pbh(second, first);
            store_bf16x2(to.as_mut_ptr(), pairs, u16::MAX);
        }
    }
    if rest.is_empty() {
        return;
    }
    let (low, high) = (
        lane_mask(rest.len()),
        lane_mask(rest.len().saturating_sub(LANES)),
    );
    // SAFETY: only values that are there are read and only pairs that have room are written: at most
    // a vector of them. `min` keeps the second address within the slice.
    unsafe {
        let first = _mm512_maskz_loadu_ps(low, rest.as_ptr());
        let after = rest.as_ptr().add(rest.len().min(LANES));
        let second = _mm512_maskz_loadu_ps(high, after);
        let pairs = _mm512_cvtne2ps_pbh(second, first);
        store_bf16x2(to_rest.as_mut_ptr(), pairs, lane_mask(to_rest.len()));
    }
}

/// Rounds `values`; `to` is as long.
#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn to_bf16(values: &[f32], to: &mut [MaybeUninit<bf16>]) {
    assert_eq!(values.len(), to.len());
    let (whole, rest) = values.as_chunks::<LANES>();
    let (to_whole, to_rest) = to.as_chunks_mut::<LANES>();
    for (values, to) in whole.iter().zip(to_whole) {
        // SAFETY: 16 values, and room for as many rounded ones; the two vector types are 32 bytes of
        // which every pattern is a value, as is every pattern of 16 bits a bf16.
        unsafe {
            let rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(values.as_ptr()));
            let bits = std::mem::transmute::<__m256bh, __m256i>(rounded);
            _mm256_storeu_si256(to.as_mut_ptr().cast(), bits);
        }
    }
    for (value, to) in rest.iter().zip(to_rest) {
        to.write(bf16::from_f32(*value));
    }
}

#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn vnni_interleave(first: &[f32], second: &[f32], to: &mut [u32]) {
    assert!(first.len() == to.len() && second.len() == to.len());
    let first = first.as_chunks::<LANES>().0.iter();
    let second = second.as_chunks::<LANES>().0;
    let rows = first.zip(second).zip(to.as_chunks_mut::<LANES>().0);
    for ((first, second), to) in rows {
        // SAFETY: 16 values of each line and room for 16 pairs; the two vector types are 32 bytes
        // of which every pattern is a value.
        unsafe {
            let halves = |values: &[f32; LANES]| {
                let rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(values.as_ptr()));
                _mm512_cvtepu16_epi32(std::mem::transmute::<__m256bh, __m256i>(rounded))
            };
            let upper = _mm512_slli_epi32::<16>(halves(second));
            let pairs = _mm512_or_si512(halves(first), upper);
            _mm512_storeu_si512(to.as_mut_ptr().cast(), pairs);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn vnni_interleave_rows(rows: &[f32], width: usize, to: &mut [u32], stride: usize) {
    let row_pairs = rows.chunks_exact(2 * width);
    for (row_pair, to) in row_pairs.zip(to.chunks_mut(stride)) {
        let (first, second) = row_pair.split_at(width);
        vnni_interleave(first, second, &mut to[..width]);
    }
}

#[expect(unsafe_code, reason = "loads and stores of whole arrays")]
#[target_feature(enable = "avx512f")]
pub(crate) fn vnni_deinterleave(pairs: &[u32], first: &mut [f32], second: &mut [f32]) {
    assert!(first.len() == pairs.len() && second.len() == pairs.len());
    let first = first.as_chunks_mut::<LANES>().0;
    let second = second.as_chunks_mut::<LANES>().0.iter_mut();
    let rows = pairs.as_chunks::<LANES>().0.iter().zip(first).zip(second);
    for ((pairs, first), second) in rows {
        // SAFETY: 16 pairs, and room for 16 values of each line.
        unsafe {
            let pairs = _mm512_loadu_si512(pairs.as_ptr().cast());
            let upper = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
            let (low, high) = (
                _mm512_slli_epi32::<16>(pairs),
                _mm512_and_si512(pairs, upper),
            );
            _mm512_storeu_si512(first.as_mut_ptr().cast(), low);
            _mm512_storeu_si512(second.as_mut_ptr().cast(), high);
        }
    }
}

/// The mask of a vector's first `len` lanes, or of all.
pub(crate) fn lane_mask(len: usize) -> u16 {
    ((1u32 << len.min(LANES)) - 1) as u16
}

/// Stores the pairs of a vector that `which` has set.
///
/// # Safety
/// There must be room for them at `to`.
#[expect(unsafe_code, reason = "there is no cast between these types")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) unsafe fn store_bf16x2(to: *mut u32, pairs: __m512bh, which: u16) {
    // SAFETY: both are 64 bytes of which every pattern is a value; the caller has the room.
    unsafe {
        let bits = std::mem::transmute::<__m512bh, __m512i>(pairs);
        if which == u16::MAX {
            _mm512_storeu_si512(to.cast(), bits);
        } else {
            _mm512_mask_storeu_epi32(to.cast(), which, bits);
        }
    }
}

/// Two values rounded to a bf16 pair.
#[cfg(test)]
pub(crate) fn pair(first: f32, second: f32) -> u32 {
    let bits = |value| u32::from(bf16::from_f32(value).to_bits());
    bits(first) | bits(second) << 16
}

/// The two values of a pair.
#[cfg(test)]
pub(crate) fn values_of(pair: u32) -> [f32; 2] {
    [pair << 16, pair & 0xffff_0000].map(f32::from_bits)
}
