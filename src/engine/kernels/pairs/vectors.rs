//! AVX-512-BF16: the products, and the rounding that all of them need.

use std::arch::x86_64::{
    __m256bh, __m256i, __m512, __m512bh, __m512i, _mm256_storeu_si256, _mm512_and_si512,
    _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_dpbf16_ps,
    _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_storeu_epi32, _mm512_maskz_loadu_ps,
    _mm512_or_si512, _mm512_reduce_add_ps, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_slli_epi32,
    _mm512_storeu_ps, _mm512_storeu_si512,
};

use std::mem::MaybeUninit;

use half::bf16;

use super::super::tile::MicroTile;
use super::{LANES, Bf16RowTile};

/// Rows of a tile.
pub(super) const MR: usize = 12;
/// Vectors that are summed side by side for measuring: more than any processor has products under
/// way.
pub(super) const PEAK_ACCUMULATORS: usize = 12;

/// Multiplies [`MR`] rows with a panel of that many vectors.
#[expect(unsafe_code, reason = "loads that are checked once a tile")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn microkernel<const VECTORS: usize>(
    rows: Bf16RowTile<'_>,
    panel: &[u32],
    out: &mut MicroTile<'_>,
) {
    let Bf16RowTile { pairs, stride, .. } = rows;
    rows.assert_fits(MR, panel, VECTORS * LANES, out);
    let from_row_to_row = out.stride;
    let zero: __m512 = _mm512_setzero_ps();
    let mut sums = [[zero; VECTORS]; MR];
    if out.accumulate {
        for (row, sums) in sums.iter_mut().enumerate() {
            for (vector, sum) in sums.iter_mut().enumerate() {
                let at = row * from_row_to_row + vector * LANES;
                // SAFETY: a whole vector of a row, of which there are as many, as was checked.
                *sum = unsafe { _mm512_loadu_ps(out.numbers.as_ptr().add(at)) };
            }
        }
    }
    for (at, weights) in panel.chunks_exact(VECTORS * LANES).enumerate() {
        let mut vectors = [as_pairs(_mm512_set1_epi32(0)); VECTORS];
        for (vector, weights) in vectors.iter_mut().zip(weights.as_chunks::<LANES>().0) {
            // SAFETY: a whole vector of the panel.
            *vector = as_pairs(unsafe { _mm512_loadu_si512(weights.as_ptr().cast()) });
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `at < depth`, as the panel's length says, and there are `depth` pairs from the
            // beginning of the last row on.
            let number = unsafe { *pairs.as_ptr().add(row * stride + at) };
            let number = as_pairs(_mm512_set1_epi32(number.cast_signed()));
            for (sum, vector) in sums.iter_mut().zip(vectors) {
                *sum = _mm512_dpbf16_ps(*sum, number, vector);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (vector, sum) in sums.iter().enumerate() {
            let at = row * from_row_to_row + vector * LANES;
            // SAFETY: a whole vector of a row, as above.
            unsafe { _mm512_storeu_ps(out.numbers.as_mut_ptr().add(at), *sum) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn fma_rounds(rounds: u64) -> f32 {
    // Products of ½ and −½, which cancel: the sums stay where they are.
    let halves = as_pairs(_mm512_set1_epi32(std::hint::black_box(0x3f00_3f00)));
    let signs = as_pairs(_mm512_set1_epi32(std::hint::black_box(
        0x3f00_bf00u32.cast_signed(),
    )));
    let mut sums = [_mm512_setzero_ps(); PEAK_ACCUMULATORS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbf16_ps(*sum, halves, signs);
        }
    }
    sums.into_iter().map(|sum| _mm512_reduce_add_ps(sum)).sum()
}

/// The same bits, seen as pairs.
#[expect(unsafe_code, reason = "there is no cast between these types")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn as_pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of which every pattern is a value.
    unsafe { std::mem::transmute(bits) }
}

/// Rounds `numbers` to pairs, and what room `to` has for more to zeros.
#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn to_bf16_pairs(numbers: &[f32], to: &mut [u32]) {
    let (whole, rest) = numbers.as_chunks::<{ 2 * LANES }>();
    let (to_whole, to_rest) = to.split_at_mut(whole.len() * LANES);
    for (numbers, to) in whole.iter().zip(to_whole.as_chunks_mut::<LANES>().0) {
        // SAFETY: 32 numbers, and room for 16 pairs.
        unsafe {
            let first = _mm512_loadu_ps(numbers.as_ptr());
            let second = _mm512_loadu_ps(numbers.as_ptr().add(LANES));
            let pairs = _mm512_cvtne2ps_pbh(second, first);
            store(to.as_mut_ptr(), pairs, u16::MAX);
        }
    }
    if rest.is_empty() {
        return;
    }
    let (low, high) = (count(rest.len()), count(rest.len().saturating_sub(LANES)));
    // SAFETY: only numbers that are there are read and only pairs that have room are written: at most
    // a vector of them. `min` keeps the second address within the slice.
    unsafe {
        let first = _mm512_maskz_loadu_ps(low, rest.as_ptr());
        let after = rest.as_ptr().add(rest.len().min(LANES));
        let second = _mm512_maskz_loadu_ps(high, after);
        let pairs = _mm512_cvtne2ps_pbh(second, first);
        store(to_rest.as_mut_ptr(), pairs, count(to_rest.len()));
    }
}

/// Rounds `numbers`, for each of which `to` has room.
#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn to_bf16(numbers: &[f32], to: &mut [MaybeUninit<bf16>]) {
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
pub(super) fn interleave_bf16(first: &[f32], second: &[f32], to: &mut [u32]) {
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
pub(super) fn interleave_bf16_rows(lines: &[f32], width: usize, to: &mut [u32], stride: usize) {
    let twos = lines.chunks_exact(2 * width);
    for (two, to) in twos.zip(to.chunks_mut(stride)) {
        let (first, second) = two.split_at(width);
        interleave_bf16(first, second, &mut to[..width]);
    }
}

#[expect(unsafe_code, reason = "loads and stores of whole arrays")]
#[target_feature(enable = "avx512f")]
pub(super) fn deinterleave_bf16(pairs: &[u32], first: &mut [f32], second: &mut [f32]) {
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
pub(super) fn count(len: usize) -> u16 {
    ((1u32 << len.min(LANES)) - 1) as u16
}

/// Writes the pairs of a vector that `which` has set.
///
/// # Safety
/// There must be room for them at `to`.
#[expect(unsafe_code, reason = "there is no cast between these types")]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn store(to: *mut u32, pairs: __m512bh, which: u16) {
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
