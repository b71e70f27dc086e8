//! Software prefetch into L1 and L2.

/// Prefetches a slice into L1 ahead of its use.
pub(crate) fn prefetch_l1<T>(values: &[T]) {
    prefetch(values.as_ptr().cast(), size_of_val(values));
}

/// Prefetches packed weights into L2 long ahead of their use.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "a hint")]
pub(crate) fn prefetch_l2(pairs: &[u32]) {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
    for line in pairs.chunks(16) {
        // SAFETY: a hint that reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn prefetch_l2(_: &[u32]) {}

/// Prefetches bytes into L1; any address will do.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "a hint")]
pub(crate) fn prefetch(first: *const u8, bytes: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    for line in (0..bytes).step_by(64) {
        // SAFETY: a hint that reads nothing, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(line).cast()) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn prefetch(_: *const u8, _: usize) {}
