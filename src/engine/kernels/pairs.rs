//! Products of numbers rounded to bf16, two at a time and summed in f32: AVX-512-BF16's
//! `vdpbf16ps`. For each number of a result it multiplies two pairs where f32 multiplies one.
//!
//! bf16 is the upper half of an f32: its range with 8 of its 24 digits. Rows are rounded (to the
//! nearest, ties to even) where a tile's worth of them is gathered; weights are rounded once, when
//! they are packed. The lower half of each `u32` is the number that comes first.

#![cfg_attr(
    target_arch = "x86_64",
    expect(
        clippy::unused_self,
        reason = "a value of PairProducts is the proof that the instructions are there"
    )
)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256bh, __m256i, __m512, __m512bh, __m512i, _mm512_and_si512, _mm512_cvtepu16_epi32,
    _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_mask_storeu_epi32, _mm512_maskz_loadu_ps, _mm512_or_si512, _mm512_reduce_add_ps,
    _mm512_set1_epi32, _mm512_setzero_ps, _mm512_slli_epi32, _mm512_storeu_ps, _mm512_storeu_si512,
};

/// Rows of a tile.
pub(super) const TILE_ROWS: usize = 12;
/// Numbers of a vector of sums.
pub(super) const LANES: usize = 16;

/// The proof that this processor multiplies pairs of bf16.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairProducts(Proof);

#[cfg(target_arch = "x86_64")]
type Proof = ();
/// There is none.
#[cfg(not(target_arch = "x86_64"))]
type Proof = std::convert::Infallible;

impl PairProducts {
    /// Where the processor has them.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn try_new() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16");
        has.then_some(Self(()))
    }

    /// True where they are faster than products of f32. AMD's do twice as much (Zen 4: 205 against
    /// 117 GFLOP/s were measured); Intel's, on a Xeon of 2023, half as much. By who made the
    /// processor and not by the clock, so that a machine always gives the same picture.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn are_fast(self) -> bool {
        let vendor = std::arch::x86_64::__cpuid(0);
        let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
        name.as_flattened() == b"AuthenticAMD"
    }

    /// Multiplies [`TILE_ROWS`] rows with a panel of `vectors` (1 or 2) vectors of pairs.
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(super) fn multiply(
        self,
        vectors: usize,
        rows: PairTile<'_>,
        panel: &[u32],
        sums: &mut TileSums<'_>,
    ) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe {
            if vectors == 1 {
                multiply_tile::<1>(rows, panel, sums);
            } else {
                multiply_tile::<2>(rows, panel, sums);
            }
        }
    }

    /// Takes pairs apart, a line of whole vectors: all first numbers, all second ones.
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(super) fn take_apart(self, pairs: &[u32], first: &mut [f32], second: &mut [f32]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { take_apart(pairs, first, second) }
    }

    /// [`pair_up`](Self::pair_up) of every two of the lines of `width` numbers in `lines`; the pairs
    /// of two begin `stride` behind those of the two before.
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(super) fn pair_up_lines(self, lines: &[f32], width: usize, to: &mut [u32], stride: usize) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { pair_up_lines(lines, width, to, stride) }
    }

    /// There is no value of this type here.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn take_apart(self, _: &[u32], _: &mut [f32], _: &mut [f32]) {
        match self.0 {}
    }

    /// There is no value of this type here.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn pair_up_lines(self, _: &[f32], _: usize, _: &mut [u32], _: usize) {
        match self.0 {}
    }

    /// Rounds `numbers` to pairs; an odd one is paired with zero. `to` has room for exactly them.
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(super) fn round(self, numbers: &[f32], to: &mut [u32]) {
        assert_eq!(to.len(), numbers.len().div_ceil(2));
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { round(numbers, to) }
    }

    /// Rounds `first` and `second`, lines of whole vectors, to pairs of one number of each.
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(super) fn pair_up(self, first: &[f32], second: &[f32], to: &mut [u32]) {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { pair_up(first, second, to) }
    }

    /// There is no value of this type here.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn pair_up(self, _: &[f32], _: &[f32], _: &mut [u32]) {
        match self.0 {}
    }

    /// `SUMS` vectors, to each of which `rounds` products of pairs are added; for measuring.
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "instructions that are proven to be there")]
    pub(super) fn multiply_adds<const SUMS: usize>(self, rounds: u64) -> f32 {
        // SAFETY: a value of `Self` is only made where the processor has the instructions.
        unsafe { multiply_adds::<SUMS>(rounds) }
    }

    /// There is no value of this type here.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn multiply_adds<const SUMS: usize>(self, _: u64) -> f32 {
        match self.0 {}
    }

    /// There is no value of this type here.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn multiply(self, _: usize, _: PairTile<'_>, _: &[u32], _: &mut TileSums<'_>) {
        match self.0 {}
    }

    /// There is no value of this type here.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn round(self, _: &[f32], _: &mut [u32]) {
        match self.0 {}
    }
}

/// Two numbers rounded to bf16.
#[cfg(test)]
fn pair(first: f32, second: f32) -> u32 {
    let bits = |number| u32::from(half::bf16::from_f32(number).to_bits());
    bits(first) | bits(second) << 16
}

/// The two numbers of a pair.
#[cfg(test)]
pub(super) fn numbers_of(pair: u32) -> [f32; 2] {
    [pair << 16, pair & 0xffff_0000].map(f32::from_bits)
}

/// Rows of pairs, room for which is kept from one use to the next.
#[derive(Debug, Default)]
pub(super) struct PairRows {
    pairs: Vec<u32>,
    /// Pairs from one row to the next.
    stride: usize,
    /// Pairs of a row, all taps together.
    depth: usize,
    /// Pairs of a tap.
    tap_len: usize,
}

impl PairRows {
    /// Makes room for `rows` rows of that many taps of `inputs` numbers each.
    pub(super) fn begin(&mut self, rows: usize, taps: usize, inputs: usize) {
        self.tap_len = inputs.div_ceil(2);
        self.depth = taps * self.tap_len;
        // An odd number of cache lines, so that the rows of a tile do not meet in the same places
        // of the first cache.
        self.stride = (self.depth.div_ceil(LANES) | 1) * LANES;
        let len = rows.next_multiple_of(TILE_ROWS) * self.stride;
        if self.pairs.len() < len {
            self.pairs.resize(len, 0);
        }
    }

    /// The rows from `first` on.
    pub(super) fn tile(&self, first: usize) -> PairTile<'_> {
        PairTile {
            pairs: &self.pairs[first * self.stride..],
            stride: self.stride,
            depth: self.depth,
        }
    }

    /// Rounds the numbers of a row under a tap.
    pub(super) fn set(&mut self, products: PairProducts, row: usize, tap: usize, numbers: &[f32]) {
        let start = row * self.stride + tap * self.tap_len;
        products.round(numbers, &mut self.pairs[start..start + self.tap_len]);
    }
}

/// Rows of a tile of a product: one every `stride` pairs, of `depth` pairs each.
#[derive(Debug, Clone, Copy)]
pub(super) struct PairTile<'a> {
    pub(super) pairs: &'a [u32],
    pub(super) stride: usize,
    pub(super) depth: usize,
}

/// Where the sums of a tile are written: a row every `stride` numbers.
#[derive(Debug)]
pub(super) struct TileSums<'a> {
    pub(super) numbers: &'a mut [f32],
    pub(super) stride: usize,
    /// Whether they are added to what is there.
    pub(super) onto: bool,
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads that are checked once a tile")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn multiply_tile<const VECTORS: usize>(rows: PairTile<'_>, panel: &[u32], out: &mut TileSums<'_>) {
    let PairTile {
        pairs,
        stride,
        depth,
    } = rows;
    assert!(pairs.len() >= (TILE_ROWS - 1) * stride + depth);
    assert_eq!(panel.len(), depth * VECTORS * LANES);
    let from_row_to_row = out.stride;
    assert!(VECTORS * LANES <= from_row_to_row);
    assert!(out.numbers.len() >= (TILE_ROWS - 1) * from_row_to_row + VECTORS * LANES);
    let zero: __m512 = _mm512_setzero_ps();
    let mut sums = [[zero; VECTORS]; TILE_ROWS];
    if out.onto {
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

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn multiply_adds<const SUMS: usize>(rounds: u64) -> f32 {
    // Products of ½ and −½, which cancel: the sums stay where they are.
    let halves = as_pairs(_mm512_set1_epi32(std::hint::black_box(0x3f00_3f00)));
    let signs = as_pairs(_mm512_set1_epi32(std::hint::black_box(
        0x3f00_bf00u32.cast_signed(),
    )));
    let mut sums = [_mm512_setzero_ps(); SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbf16_ps(*sum, halves, signs);
        }
    }
    sums.into_iter().map(|sum| _mm512_reduce_add_ps(sum)).sum()
}

/// The same bits, seen as pairs.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "there is no cast between these types")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn as_pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of which every pattern is a value.
    unsafe { std::mem::transmute(bits) }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn round(numbers: &[f32], to: &mut [u32]) {
    let (whole, rest) = numbers.as_chunks::<{ 2 * LANES }>();
    let (to_whole, to_rest) = to.split_at_mut(whole.len() * LANES);
    for (numbers, to) in whole.iter().zip(to_whole.as_chunks_mut::<LANES>().0) {
        // SAFETY: 32 numbers, and room for 16 pairs.
        unsafe {
            let first = _mm512_loadu_ps(numbers.as_ptr());
            let second = _mm512_loadu_ps(numbers.as_ptr().add(LANES));
            store(
                to.as_mut_ptr(),
                _mm512_cvtne2ps_pbh(second, first),
                u16::MAX,
            );
        }
    }
    if rest.is_empty() {
        return;
    }
    let count = |len: usize| ((1u32 << len.min(LANES)) - 1) as u16;
    let (low, high) = (count(rest.len()), count(rest.len().saturating_sub(LANES)));
    // SAFETY: only numbers that are there are read and only pairs that have room are written:
    // `to_rest` is half as long as `rest`, rounded up, as the caller has checked. `min` keeps the
    // second address within the slice.
    unsafe {
        let first = _mm512_maskz_loadu_ps(low, rest.as_ptr());
        let after = rest.as_ptr().add(rest.len().min(LANES));
        let second = _mm512_maskz_loadu_ps(high, after);
        let pairs = _mm512_cvtne2ps_pbh(second, first);
        store(to_rest.as_mut_ptr(), pairs, count(to_rest.len()));
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads and stores of whole vectors")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn pair_up(first: &[f32], second: &[f32], to: &mut [u32]) {
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

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn pair_up_lines(lines: &[f32], width: usize, to: &mut [u32], stride: usize) {
    let twos = lines.chunks_exact(2 * width);
    for (two, to) in twos.zip(to.chunks_mut(stride)) {
        let (first, second) = two.split_at(width);
        pair_up(first, second, &mut to[..width]);
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads and stores of whole arrays")]
#[target_feature(enable = "avx512f")]
fn take_apart(pairs: &[u32], first: &mut [f32], second: &mut [f32]) {
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

/// Writes the pairs of a vector that `which` has set.
///
/// # Safety
/// There must be room for them at `to`.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "there is no cast between these types")]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn store(to: *mut u32, pairs: __m512bh, which: u16) {
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

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
