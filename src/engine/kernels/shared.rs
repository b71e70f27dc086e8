//! Results that are written once, by many threads.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Memory for a result, every number of which is about to be written: it is not filled with zeros
/// before, which would cost as much as the writing.
pub(super) struct Unwritten(Box<[MaybeUninit<f32>]>);

impl Unwritten {
    /// Room for that many numbers.
    pub(super) fn new(len: usize) -> Self {
        let mut numbers = Box::new_uninit_slice(len);
        // A number that is forgotten is seen by tests.
        if cfg!(debug_assertions) {
            numbers.fill(MaybeUninit::new(f32::NAN));
        }
        Self(numbers)
    }

    /// All of it, to be written.
    pub(super) fn numbers(&mut self) -> &mut [MaybeUninit<f32>] {
        &mut self.0
    }

    /// What was written.
    ///
    /// # Safety
    /// Every number was.
    #[expect(unsafe_code, reason = "the caller has written it")]
    pub(super) unsafe fn written(self) -> Vec<f32> {
        // SAFETY: as the caller promises.
        unsafe { self.0.assume_init() }.into_vec()
    }
}

/// A slice whose parts are handed to threads by the index of their numbers. Parts of a picture
/// (some channels of some pixels) are no slices, so they cannot be lent out by the borrow checker.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedOutput<'a> {
    first: *mut MaybeUninit<f32>,
    len: usize,
    lent: PhantomData<&'a mut [f32]>,
}

#[expect(unsafe_code, reason = "see the type")]
// SAFETY: it stands for an exclusive borrow of the slice; every access goes through `part`, whose
// caller promises that no two threads hold overlapping parts.
unsafe impl Send for SharedOutput<'_> {}
#[expect(unsafe_code, reason = "see the type")]
// SAFETY: as above.
unsafe impl Sync for SharedOutput<'_> {}

impl<'a> SharedOutput<'a> {
    pub(super) fn new(output: &'a mut Unwritten) -> Self {
        let output = output.numbers();
        Self {
            first: output.as_mut_ptr(),
            len: output.len(),
            lent: PhantomData,
        }
    }

    /// The numbers `start .. start + len`, to be written.
    ///
    /// # Safety
    /// While the part lives, no other part that overlaps it may be alive.
    #[expect(unsafe_code, reason = "the caller keeps the parts apart")]
    pub(super) unsafe fn part(&self, start: usize, len: usize) -> &'a mut [MaybeUninit<f32>] {
        assert!(start <= self.len && len <= self.len - start);
        // SAFETY: within the slice, as just checked; not aliased, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(start), len) }
    }
    /// Fetches the numbers `start .. start + len` into the cache, which is worth it a while before
    /// they are written: lines far apart are foreseen by no processor.
    pub(super) fn fetch(&self, start: usize, len: usize) {
        fetch(self.first.wrapping_add(start), len);
    }
}

/// Fetches numbers into the cache ahead of their use.
pub(super) fn fetch_ahead(numbers: &[f32]) {
    fetch(numbers.as_ptr().cast(), numbers.len());
}

/// Fetches pairs into the second cache long ahead of their use.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "a hint")]
pub(super) fn fetch_far_ahead(pairs: &[u32]) {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
    for line in pairs.chunks(16) {
        // SAFETY: a hint that reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn fetch_far_ahead(_: &[u32]) {}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "a hint")]
fn fetch(first: *const MaybeUninit<f32>, len: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    for line in (0..len).step_by(16) {
        // SAFETY: a hint that reads nothing, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(line).cast()) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn fetch(_: *const MaybeUninit<f32>, _: usize) {}
