//! [`BlockAllocator`]: large blocks of memory, kept for the next of their size.
//!
//! A step of a network takes and gives back the same hundreds of large blocks as the step before.
//! Given back to the system, each comes again as zeroed pages that are mapped one by one; keeping them
//! took about a tenth off a step where it was measured (benches/peers). So large blocks go to a free list
//! and are handed out again; small ones are the system allocator's alone.

#![expect(
    clippy::disallowed_types,
    reason = "an allocator belongs to all threads; its lock is held for a few comparisons"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes from which a block is large. Below, the system allocator keeps blocks itself.
const LARGE: usize = 1 << 18;
/// Alignment of every large block; nothing here asks for more.
const ALIGNMENT: usize = 64;
/// Most bytes in the free list.
pub(crate) const MAX_BYTES: usize = 640 << 20;
/// Bytes from which a new block evicts free ones: blocks of that size are few and hardly twice the same,
/// and the free list would come on top of them.
pub(crate) const VERY_LARGE: usize = 128 << 20;
/// Most blocks in the free list.
const MAX_BLOCKS: usize = 128;

static FREE_LIST: Mutex<FreeList> = Mutex::new(FreeList::new(MAX_BYTES));

/// The allocator of the program: the system's, with a free list of large blocks.
#[derive(Debug, Clone, Copy)]
pub struct BlockAllocator;

impl BlockAllocator {
    /// Gives the free list back to the system: when a model was read or goes, other sizes are needed. After a
    /// run it stays: pages that are new in every run took 6 % of an edit of four steps (benches/peers).
    pub fn release_all() {
        while let Some(old) = Self::evict_surplus(usize::MAX) {
            free(old);
        }
        trim();
    }

    /// Evicts about as much as a new block of `size` is going to take, if that is very large.
    fn evict_for(size: usize) {
        let mut freed = 0;
        while let Some(old) = Self::evict(size, freed) {
            freed += old.size;
            free(old);
        }
    }

    /// The oldest block, while less than `size` was freed. The list is not locked while the caller frees
    /// it.
    fn evict(size: usize, freed: usize) -> Option<Block> {
        free_list().evict(size, freed)
    }

    /// The oldest block, while there is no room for another of `size`. The list is not locked while the
    /// caller frees it.
    fn evict_surplus(size: usize) -> Option<Block> {
        free_list().evict_surplus(size)
    }
}

fn free_list() -> MutexGuard<'static, FreeList> {
    FREE_LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The size of the block that is taken for `layout`, where it is a large one: rounded up by at most
/// a sixteenth, so that nearly equal sizes can follow each other.
fn block_size(layout: Layout) -> Option<usize> {
    if layout.size() < LARGE || layout.align() > ALIGNMENT {
        return None;
    }
    let grain = (1 << layout.size().ilog2()) / 16;
    layout.size().checked_next_multiple_of(grain)
}

/// What the system is asked for when a large block is.
fn layout_of(size: usize) -> Option<Layout> {
    Layout::from_size_align(size, ALIGNMENT).ok()
}

/// Asks Linux for pages of 2 MiB where a block has room for some
/// ([`madvise`](https://man7.org/linux/man-pages/man2/madvise.2.html)): there are five hundred times fewer
/// to map and to look up.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call")]
fn in_huge_pages(first: *mut u8, size: usize) -> *mut u8 {
    const HUGE: usize = 2 << 20;
    const PAGE: usize = 4 << 10;
    if !first.is_null() && size >= 2 * HUGE {
        let before = first.align_offset(PAGE);
        // SAFETY: whole pages within a block that nobody uses yet; the call changes how they are mapped
        // and not what they hold. Where it fails, pages stay small.
        unsafe {
            let pages = first.wrapping_add(before).cast();
            libc::madvise(pages, (size - before) & !(PAGE - 1), libc::MADV_HUGEPAGE);
        }
    }
    first
}

/// How other systems are asked was not looked into.
#[cfg(not(target_os = "linux"))]
fn in_huge_pages(first: *mut u8, _: usize) -> *mut u8 {
    first
}

/// Has glibc return what it keeps of freed blocks
/// ([`malloc_trim`](https://man7.org/linux/man-pages/man3/malloc_trim.3.html)): those below 32 MiB may lie
/// between others, and would be held until those are free.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a call of the C library")]
fn trim() {
    // SAFETY: the call takes pages that no block lies in, under the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

/// Others were not seen to keep them.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[expect(unsafe_code, reason = "this is an allocator")]
fn free(block: Block) {
    if let Some(layout) = layout_of(block.size) {
        // SAFETY: blocks in the free list came from the system with this layout, and nobody else has
        // them: `dealloc` gave them up.
        unsafe { System.dealloc(block.address as *mut u8, layout) }
    }
}

#[expect(unsafe_code, reason = "this is an allocator")]
// SAFETY: small blocks are the system's, called as we are called. A large block is at least as large
// and as aligned as its layout asks; its size follows from the layout alone, so `dealloc` and
// `realloc` know it again; it is in the free list or with one owner, never both.
unsafe impl GlobalAlloc for BlockAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(size) = block_size(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { System.alloc(layout) };
        };
        if let Some(block) = free_list().take(size) {
            return block.address as *mut u8;
        }
        Self::evict_for(size);
        match layout_of(size) {
            // SAFETY: the size is not zero.
            Some(layout) => in_huge_pages(unsafe { System.alloc(layout) }, size),
            None => std::ptr::null_mut(),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(size) = block_size(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { System.alloc_zeroed(layout) };
        };
        if let Some(block) = free_list().take(size) {
            let first = block.address as *mut u8;
            // SAFETY: a block of `size` bytes that is ours now; the layout asks for no more.
            unsafe { first.write_bytes(0, layout.size()) };
            return first;
        }
        Self::evict_for(size);
        match layout_of(size) {
            // SAFETY: the size is not zero.
            Some(layout) => in_huge_pages(unsafe { System.alloc_zeroed(layout) }, size),
            None => std::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        let Some(size) = block_size(layout) else {
            // SAFETY: as the caller promises; small blocks are the system's.
            return unsafe { System.dealloc(address, layout) };
        };
        let block = Block {
            address: address as usize,
            size,
        };
        while size <= MAX_BYTES
            && let Some(old) = Self::evict_surplus(size)
        {
            free(old);
        }
        if !free_list().put(block) {
            free(block);
        }
    }

    unsafe fn realloc(&self, address: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size, rounded up to the alignment, is a layout's.
        let wanted = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (block_size(layout), block_size(wanted)) {
            (Some(size), Some(new)) if size == new => address,
            // SAFETY: as the caller promises; both are the system's.
            (None, None) => unsafe { System.realloc(address, layout, new_size) },
            // The system moves large blocks by their pages, without a copy.
            (Some(size), Some(new)) => match layout_of(size) {
                // SAFETY: the block came from the system with this layout; the new size is not zero.
                Some(layout) => unsafe { System.realloc(address, layout, new) },
                None => std::ptr::null_mut(),
            },
            (None, Some(_)) | (Some(_), None) => {
                // SAFETY: `wanted` is a layout of more than zero bytes.
                let moved = unsafe { self.alloc(wanted) };
                if !moved.is_null() {
                    // SAFETY: both blocks hold the smaller of the sizes and are not the same; the
                    // old one was the caller's.
                    unsafe {
                        moved.copy_from_nonoverlapping(address, layout.size().min(new_size));
                        self.dealloc(address, layout);
                    }
                }
                moved
            }
        }
    }
}

/// A block that nobody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    address: usize,
    size: usize,
}

/// Free blocks, oldest first.
#[derive(Debug)]
struct FreeList {
    blocks: [Block; MAX_BLOCKS],
    count: usize,
    bytes: usize,
    most_bytes: usize,
}

impl FreeList {
    const fn new(most_bytes: usize) -> Self {
        let none = Block {
            address: 0,
            size: 0,
        };
        Self {
            blocks: [none; MAX_BLOCKS],
            count: 0,
            bytes: 0,
            most_bytes,
        }
    }

    /// The newest block of that size.
    fn take(&mut self, size: usize) -> Option<Block> {
        let kept = self.blocks.get(..self.count)?;
        let at = kept.iter().rposition(|block| block.size == size)?;
        self.remove(at)
    }

    /// Removes the oldest block, if one of `size` has no room yet.
    fn evict_surplus(&mut self, size: usize) -> Option<Block> {
        if self.has_room(size) {
            return None;
        }
        self.remove(0)
    }

    /// Removes the oldest block, while less than a very large `size` was freed for it.
    fn evict(&mut self, size: usize, freed: usize) -> Option<Block> {
        if size < VERY_LARGE || freed >= size {
            return None;
        }
        self.remove(0)
    }

    fn remove(&mut self, at: usize) -> Option<Block> {
        let later = self.blocks.get_mut(at..self.count)?;
        let removed = *later.first()?;
        later.rotate_left(1);
        self.count -= 1;
        self.bytes -= removed.size;
        Some(removed)
    }

    /// Keeps `block` as the newest, if it has room.
    fn put(&mut self, block: Block) -> bool {
        if !self.has_room(block.size) {
            return false;
        }
        let Some(place) = self.blocks.get_mut(self.count) else {
            return false;
        };
        *place = block;
        self.count += 1;
        self.bytes += block.size;
        true
    }

    fn has_room(&self, size: usize) -> bool {
        self.count < MAX_BLOCKS && size <= self.most_bytes.saturating_sub(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(address: usize, size: usize) -> Block {
        Block { address, size }
    }

    #[test]
    fn the_newest_of_a_size_is_reused_and_the_oldest_evicted() {
        let mut free_list = FreeList::new(100);
        assert!(
            free_list.put(block(1, 30))
                && free_list.put(block(2, 40))
                && free_list.put(block(3, 30))
        );
        assert!(!free_list.put(block(4, 1)), "it is full");
        assert_eq!(free_list.take(30), Some(block(3, 30)));
        assert_eq!(free_list.take(50), None);
        assert_eq!(free_list.evict_surplus(30), None, "there is room");
        assert_eq!(free_list.evict_surplus(31), Some(block(1, 30)));
        assert_eq!(free_list.evict_surplus(31), None);
        assert!(free_list.put(block(5, 31)));
        assert_eq!(free_list.take(40), Some(block(2, 40)));
        assert_eq!(free_list.evict_surplus(usize::MAX), Some(block(5, 31)));
        assert_eq!(free_list.evict_surplus(usize::MAX), None);
        assert_eq!((free_list.count, free_list.bytes), (0, 0));
    }

    #[test]
    fn only_very_large_blocks_evict_others() {
        let mut free_list = FreeList::new(MAX_BYTES);
        let block = |index: usize| Block {
            address: index,
            size: VERY_LARGE / 2,
        };
        for index in 0..3 {
            assert!(free_list.put(block(index)));
        }
        assert_eq!(free_list.evict(VERY_LARGE - 1, 0), None);
        assert_eq!(free_list.evict(VERY_LARGE, 0), Some(block(0)));
        assert_eq!(free_list.evict(VERY_LARGE, VERY_LARGE / 2), Some(block(1)));
        assert_eq!(free_list.evict(VERY_LARGE, VERY_LARGE), None);
        assert_eq!(free_list.take(VERY_LARGE / 2), Some(block(2)));
    }

    #[test]
    fn many_small_blocks_fill_the_list_too() {
        let mut free_list = FreeList::new(usize::MAX);
        assert!((0..MAX_BLOCKS).all(|at| free_list.put(block(at, 1))));
        assert!(!free_list.put(block(MAX_BLOCKS, 1)));
        assert_eq!(free_list.evict_surplus(1), Some(block(0, 1)));
        assert!(free_list.put(block(MAX_BLOCKS, 1)));
    }

    #[test]
    fn sizes_are_rounded_up_by_at_most_a_sixteenth() {
        let mut size = LARGE;
        while size < 1 << 34 {
            let layout = Layout::from_size_align(size, 4).unwrap();
            let rounded = block_size(layout).unwrap();
            assert!(
                rounded >= size && rounded - size <= size / 16,
                "{size} to {rounded}"
            );
            size += size / 7 + 1;
        }
        let small = Layout::from_size_align(LARGE - 1, 4).unwrap();
        assert_eq!(block_size(small), None);
        let page = Layout::from_size_align(LARGE, 4096).unwrap();
        assert_eq!(block_size(page), None, "the system's own");
    }

    /// Owners of blocks of random sizes write them full, grow, shrink and drop them, in four
    /// threads: nobody may ever see another's bytes, and zeros must be zeros.
    #[test]
    #[expect(unsafe_code, reason = "the allocator is called as a program calls it")]
    fn no_two_owners_share_a_block() {
        let churn = |seed: u64| {
            let mut state = seed;
            let mut random = move |below: usize| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                usize::try_from(state >> 33).unwrap() % below
            };
            let mut owned: Vec<(*mut u8, Layout, u8)> = Vec::new();
            let whole = |(first, layout, mark): (*mut u8, Layout, u8)| {
                // SAFETY: our block of that size, written when it was taken.
                let bytes = unsafe { std::slice::from_raw_parts(first, layout.size()) };
                bytes.iter().all(|byte| *byte == mark)
            };
            for turn in 0..400 {
                let mark = u8::try_from(turn % 251 + 1).unwrap();
                let layout = Layout::from_size_align(LARGE / 2 + random(3 * LARGE), 8).unwrap();
                if owned.len() < 8 {
                    let zeroed = random(2) == 0;
                    // SAFETY: the layout is not of zero bytes; the block is written before it is read.
                    let first = unsafe {
                        let first = if zeroed {
                            BlockAllocator.alloc_zeroed(layout)
                        } else {
                            BlockAllocator.alloc(layout)
                        };
                        assert!(!first.is_null());
                        assert!(!zeroed || whole((first, layout, 0)));
                        first.write_bytes(mark, layout.size());
                        first
                    };
                    owned.push((first, layout, mark));
                    continue;
                }
                let (first, old, mark) = owned.swap_remove(random(8));
                assert!(whole((first, old, mark)));
                if random(2) == 0 {
                    // SAFETY: our block, not used again.
                    unsafe { BlockAllocator.dealloc(first, old) };
                    continue;
                }
                // SAFETY: our block, of `old`; the new one is written whole before it is read whole.
                unsafe {
                    let moved = BlockAllocator.realloc(first, old, layout.size());
                    assert!(!moved.is_null());
                    let kept = Layout::from_size_align(old.size().min(layout.size()), 8).unwrap();
                    assert!(whole((moved, kept, mark)));
                    moved.write_bytes(mark, layout.size());
                    owned.push((moved, layout, mark));
                }
            }
            for (first, layout, mark) in owned {
                assert!(whole((first, layout, mark)));
                // SAFETY: our block, not used again.
                unsafe { BlockAllocator.dealloc(first, layout) };
            }
        };
        std::thread::scope(|scope| {
            for seed in 1..=4 {
                scope.spawn(move || churn(seed));
            }
        });
        BlockAllocator::release_all();
    }
}
