//! An output that threads write different parts of.

use std::marker::PhantomData;

/// A slice whose parts are handed to threads by the index of their numbers. Parts of a picture
/// (some channels of some pixels) are no slices, so they cannot be lent out by the borrow checker.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedOutput<'a> {
    first: *mut f32,
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
    pub(super) fn new(output: &'a mut [f32]) -> Self {
        Self {
            first: output.as_mut_ptr(),
            len: output.len(),
            lent: PhantomData,
        }
    }

    /// The numbers `start .. start + len`.
    ///
    /// # Safety
    /// While the part lives, no other part that overlaps it may be alive.
    #[expect(unsafe_code, reason = "the caller keeps the parts apart")]
    pub(super) unsafe fn part(&self, start: usize, len: usize) -> &'a mut [f32] {
        assert!(start <= self.len && len <= self.len - start);
        // SAFETY: within the slice, as just checked; not aliased, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(start), len) }
    }
}
