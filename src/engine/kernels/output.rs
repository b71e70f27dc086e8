//! Output buffers that are not initialized and are written once, by many threads.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use half::bf16;

use super::elementwise::MAX_LANES;
use super::isa::Bf16Isa;
use super::prefetch::prefetch;

/// An element of a result.
pub(crate) trait Element: Copy {
    /// NaN, where a test build finds elements that were not written.
    const POISON: Self;
}

impl Element for f32 {
    const POISON: Self = Self::NAN;
}

impl Element for bf16 {
    const POISON: Self = Self::NAN;
}

/// Memory for a result, every element of which is about to be written: it is not filled with zeros before,
/// which would cost as much as the writing.
pub(crate) struct UninitBuffer<T = f32>(Box<[MaybeUninit<T>]>);

impl<T: Element> UninitBuffer<T> {
    /// Room for that many elements.
    pub(crate) fn new(len: usize) -> Self {
        let mut numbers = Box::new_uninit_slice(len);
        // An element that is forgotten is seen by tests.
        if cfg!(debug_assertions) {
            numbers.fill(MaybeUninit::new(T::POISON));
        }
        Self(numbers)
    }

    /// All of it, to be written.
    pub(crate) fn elements(&mut self) -> &mut [MaybeUninit<T>] {
        &mut self.0
    }

    /// What was written.
    ///
    /// # Safety
    /// Every element was.
    #[expect(unsafe_code, reason = "the caller has written it")]
    pub(crate) unsafe fn assume_init(self) -> Vec<T> {
        // SAFETY: as the caller promises.
        unsafe { self.0.assume_init() }.into_vec()
    }
}

/// A slice that threads write disjoint parts of. Parts of a picture (some channels of some pixels) are no
/// slices, so the borrow checker cannot lend them out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DisjointOutput<'a, T = f32> {
    first: *mut MaybeUninit<T>,
    len: usize,
    lent: PhantomData<&'a mut [T]>,
}

#[expect(unsafe_code, reason = "see the type")]
// SAFETY: it stands for an exclusive borrow of the slice; every access goes through `slice`, whose
// caller promises that no two threads hold overlapping parts.
unsafe impl<T: Send> Send for DisjointOutput<'_, T> {}
#[expect(unsafe_code, reason = "see the type")]
// SAFETY: as above.
unsafe impl<T: Send> Sync for DisjointOutput<'_, T> {}

impl<'a, T: Element> DisjointOutput<'a, T> {
    pub(crate) fn new(output: &'a mut UninitBuffer<T>) -> Self {
        let output = output.elements();
        Self {
            first: output.as_mut_ptr(),
            len: output.len(),
            lent: PhantomData,
        }
    }

    /// The elements `start .. start + len`, to be written.
    ///
    /// # Safety
    /// While the part lives, no other part that overlaps it may be alive.
    #[expect(unsafe_code, reason = "the caller keeps the parts apart")]
    pub(crate) unsafe fn slice(&self, start: usize, len: usize) -> &'a mut [MaybeUninit<T>] {
        assert!(start <= self.len && len <= self.len - start);
        // SAFETY: within the slice, as just checked; not aliased, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(start), len) }
    }

    /// Prefetches the elements `start .. start + len` a while before they are written: no hardware
    /// prefetcher foresees lines far apart.
    pub(crate) fn prefetch(&self, start: usize, len: usize) {
        prefetch(self.first.wrapping_add(start).cast(), len * size_of::<T>());
    }
}

/// Most elements of one write to a bf16 output.
pub(crate) const MAX_CHUNK: usize = 2 * MAX_LANES;

/// Where results go: f32, or rounded to bf16.
pub(crate) enum Output<'a> {
    F32(DisjointOutput<'a>),
    Bf16(Bf16Isa, DisjointOutput<'a, bf16>),
}

impl Output<'_> {
    /// Lets `make` write the elements `start .. start + len`, [`MAX_CHUNK`] at the most.
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
