//! Results that are written once, by many threads.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use half::bf16;

use super::elementwise::MAX_LANES;
use super::isa::Bf16Isa;
use super::prefetch::prefetch;

/// What results are made of.
pub(crate) trait Number: Copy {
    /// What stands where none was written; no number.
    const POISON: Self;
}

impl Number for f32 {
    const POISON: Self = Self::NAN;
}

impl Number for bf16 {
    const POISON: Self = Self::NAN;
}

/// Memory for a result, every number of which is about to be written: it is not filled with zeros
/// before, which would cost as much as the writing.
pub(crate) struct UninitBuffer<T = f32>(Box<[MaybeUninit<T>]>);

impl<T: Number> UninitBuffer<T> {
    /// Room for that many numbers.
    pub(crate) fn new(len: usize) -> Self {
        let mut numbers = Box::new_uninit_slice(len);
        // A number that is forgotten is seen by tests.
        if cfg!(debug_assertions) {
            numbers.fill(MaybeUninit::new(T::POISON));
        }
        Self(numbers)
    }

    /// All of it, to be written.
    pub(crate) fn numbers(&mut self) -> &mut [MaybeUninit<T>] {
        &mut self.0
    }

    /// What was written.
    ///
    /// # Safety
    /// Every number was.
    #[expect(unsafe_code, reason = "the caller has written it")]
    pub(crate) unsafe fn assume_init(self) -> Vec<T> {
        // SAFETY: as the caller promises.
        unsafe { self.0.assume_init() }.into_vec()
    }
}

/// A slice whose parts are handed to threads by the index of their numbers. Parts of a picture
/// (some channels of some pixels) are no slices, so they cannot be lent out by the borrow checker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DisjointOutput<'a, T = f32> {
    first: *mut MaybeUninit<T>,
    len: usize,
    lent: PhantomData<&'a mut [T]>,
}

#[expect(unsafe_code, reason = "see the type")]
// SAFETY: it stands for an exclusive borrow of the slice; every access goes through `part`, whose
// caller promises that no two threads hold overlapping parts.
unsafe impl<T: Send> Send for DisjointOutput<'_, T> {}
#[expect(unsafe_code, reason = "see the type")]
// SAFETY: as above.
unsafe impl<T: Send> Sync for DisjointOutput<'_, T> {}

impl<'a, T: Number> DisjointOutput<'a, T> {
    pub(crate) fn new(output: &'a mut UninitBuffer<T>) -> Self {
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
    pub(crate) unsafe fn slice(&self, start: usize, len: usize) -> &'a mut [MaybeUninit<T>] {
        assert!(start <= self.len && len <= self.len - start);
        // SAFETY: within the slice, as just checked; not aliased, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(start), len) }
    }

    /// Fetches the numbers `start .. start + len` into the cache, which is worth it a while before
    /// they are written: lines far apart are foreseen by no processor.
    pub(crate) fn prefetch(&self, start: usize, len: usize) {
        prefetch(self.first.wrapping_add(start).cast(), len * size_of::<T>());
    }
}

/// Numbers that are written at once at the most where they are rounded.
pub(crate) const MAX_CHUNK: usize = 2 * MAX_LANES;

/// Where numbers go, and what rounds them before.
pub(crate) enum Output<'a> {
    F32(DisjointOutput<'a>),
    Bf16(Bf16Isa, DisjointOutput<'a, bf16>),
}

impl Output<'_> {
    /// Lets `make` write the numbers `start .. start + len`, [`MAX_CHUNK`] at the most.
    ///
    /// # Safety
    /// Nobody else may be writing any of them.
    #[inline(always)]
    #[expect(unsafe_code, reason = "the caller keeps the parts apart")]
    pub(crate) unsafe fn write(
        &self,
        start: usize,
        len: usize,
        make: impl for<'to> FnOnce(&'to mut [MaybeUninit<f32>]) -> &'to mut [f32],
    ) {
        match self {
            Self::F32(output) => {
                // SAFETY: as the caller promises.
                make(unsafe { output.slice(start, len) });
            }
            Self::Bf16(bf16_isa, output) => {
                let mut wide = [MaybeUninit::uninit(); MAX_CHUNK];
                let wide = make(&mut wide[..len]);
                // SAFETY: as the caller promises.
                bf16_isa.to_bf16(wide, unsafe { output.slice(start, len) });
            }
        }
    }

    /// See [`DisjointOutput::prefetch`].
    pub(crate) fn prefetch(&self, start: usize, len: usize) {
        match self {
            Self::F32(output) => output.prefetch(start, len),
            Self::Bf16(_, output) => output.prefetch(start, len),
        }
    }
}
