//! f32 to bf16, rounded to the nearest, ties to even (`vcvtne2ps2bf16`); alone, as pairs that lie in a
//! `u32` (the first in its lower half), or interleaved from two rows of a panel.

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
    /// Rounds `numbers` to pairs; an odd one is paired with zero. `to` has room for as many.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn to_bf16_pairs(self, numbers: &[f32], to: &mut [u32]) {
        assert_room(numbers.len(), to.len());
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { to_bf16_pairs(numbers, to) }
    }

    /// Rounds `numbers` one by one; `to` is as long.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn to_bf16(self, numbers: &[f32], to: &mut [MaybeUninit<bf16>]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { to_bf16(numbers, to) }
    }

    /// Rounds `first` and `second`, lines of whole vectors, to pairs of one number of each.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn interleave_bf16(self, first: &[f32], second: &[f32], to: &mut [u32]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { interleave_bf16(first, second, to) }
    }

    /// [`interleave_bf16`](Self::interleave_bf16) of every two of the lines of `width` numbers in `lines`; the pairs
    /// of two begin `stride` behind those of the two before.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn interleave_bf16_rows(
        self,
        lines: &[f32],
        width: usize,
        to: &mut [u32],
        stride: usize,
    ) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { interleave_bf16_rows(lines, width, to, stride) }
    }

    /// Takes pairs apart, a line of whole vectors: all first numbers, all second ones.
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(crate) fn deinterleave_bf16(self, pairs: &[u32], first: &mut [f32], second: &mut [f32]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { deinterleave_bf16(pairs, first, second) }
    }
}

/// Panics where that many pairs do not hold `numbers` numbers, or more than a whole vector.
pub(crate) fn assert_room(numbers: usize, pairs: usize) {
    let least = numbers.div_ceil(2);
    assert!((least..=least.next_multiple_of(LANES)).contains(&pairs));
}

/// Rounds `numbers` to pairs, and what room `to` has for more to zeros.
#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn to_bf16_pairs(numbers: &[f32], to: &mut [u32]) {
    let (whole, rest) = numbers.as_chunks::<{ 2 * LANES }>();
    let (to_whole, to_rest) = to.split_at_mut(whole.len() * LANES);
    for (numbers, to) in whole.iter().zip(to_whole.as_chunks_mut::<LANES>().0) {
        // SAFETY: 32 numbers, and room for 16 pairs.
        unsafe {
            let first = _mm512_loadu_ps(numbers.as_ptr());
            let second = _mm512_loadu_ps(numbers.as_ptr().add(LANES));
            let pairs = _mm512_cvtne2ps_pbh(second, first);
            store_pairs(to.as_mut_ptr(), pairs, u16::MAX);
        }
    }
    if rest.is_empty() {
        return;
    }
    let (low, high) = (
        lane_mask(rest.len()),
        lane_mask(rest.len().saturating_sub(LANES)),
    );
    // SAFETY: only numbers that are there are read and only pairs that have room are written: at most
    // a vector of them. `min` keeps the second address within the slice.
    unsafe {
        let first = _mm512_maskz_loadu_ps(low, rest.as_ptr());
        let after = rest.as_ptr().add(rest.len().min(LANES));
        let second = _mm512_maskz_loadu_ps(high, after);
        let pairs = _mm512_cvtne2ps_pbh(second, first);
        store_pairs(to_rest.as_mut_ptr(), pairs, lane_mask(to_rest.len()));
    }
}

/// Rounds `numbers`, for each of which `to` has room.
#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn to_bf16(numbers: &[f32], to: &mut [MaybeUninit<bf16>]) {
    assert_eq!(numbers.len(), to.len());
    let (whole, rest) = numbers.as_chunks::<LANES>();
    let (to_whole, to_rest) = to.as_chunks_mut::<LANES>();
    for (numbers, to) in whole.iter().zip(to_whole) {
        // SAFETY: 16 numbers, and room for as many rounded ones; the two vector types are 32 bytes of
        // which every pattern is a value, as is every pattern of 16 bits a bf16.
        unsafe {
            let rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(numbers.as_ptr()));
            let bits = std::mem::transmute::<__m256bh, __m256i>(rounded);
            _mm256_storeu_si256(to.as_mut_ptr().cast(), bits);
        }
    }
    for (number, to) in rest.iter().zip(to_rest) {
        to.write(bf16::from_f32(*number));
    }
}

#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn interleave_bf16(first: &[f32], second: &[f32], to: &mut [u32]) {
    assert!(first.len() == to.len() && second.len() == to.len());
    let first = first.as_chunks::<LANES>().0.iter();
    let second = second.as_chunks::<LANES>().0;
    let lines = first.zip(second).zip(to.as_chunks_mut::<LANES>().0);
    for ((first, second), to) in lines {
        // SAFETY: 16 numbers of each line and room for 16 pairs; the two vector types are 32 bytes
        // of which every pattern is a value.
        unsafe {
            let halves = |numbers: &[f32; LANES]| {
                let rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(numbers.as_ptr()));
                _mm512_cvtepu16_epi32(std::mem::transmute::<__m256bh, __m256i>(rounded))
            };
            let upper = _mm512_slli_epi32::<16>(halves(second));
            let pairs = _mm512_or_si512(halves(first), upper);
            _mm512_storeu_si512(to.as_mut_ptr().cast(), pairs);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) fn interleave_bf16_rows(lines: &[f32], width: usize, to: &mut [u32], stride: usize) {
    let twos = lines.chunks_exact(2 * width);
    for (two, to) in twos.zip(to.chunks_mut(stride)) {
        let (first, second) = two.split_at(width);
        interleave_bf16(first, second, &mut to[..width]);
    }
}

#[expect(unsafe_code, reason = "loads and stores of whole arrays")]
#[target_feature(enable = "avx512f")]
pub(crate) fn deinterleave_bf16(pairs: &[u32], first: &mut [f32], second: &mut [f32]) {
    assert!(first.len() == pairs.len() && second.len() == pairs.len());
    let first = first.as_chunks_mut::<LANES>().0;
    let second = second.as_chunks_mut::<LANES>().0.iter_mut();
    let lines = pairs.as_chunks::<LANES>().0.iter().zip(first).zip(second);
    for ((pairs, first), second) in lines {
        // SAFETY: 16 pairs, and room for 16 numbers of each line.
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

/// The mask of a vector's first `len` numbers, or of all.
pub(crate) fn lane_mask(len: usize) -> u16 {
    ((1u32 << len.min(LANES)) - 1) as u16
}

/// Writes the pairs of a vector that `which` has set.
///
/// # Safety
/// There must be room for them at `to`.
#[expect(unsafe_code, reason = "there is no cast between these types")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(crate) unsafe fn store_pairs(to: *mut u32, pairs: __m512bh, which: u16) {
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

/// Two numbers rounded to bf16.
#[cfg(test)]
pub(crate) fn pair(first: f32, second: f32) -> u32 {
    let bits = |number| u32::from(bf16::from_f32(number).to_bits());
    bits(first) | bits(second) << 16
}

/// The two numbers of a pair.
#[cfg(test)]
pub(crate) fn numbers_of(pair: u32) -> [f32; 2] {
    [pair << 16, pair & 0xffff_0000].map(f32::from_bits)
}
