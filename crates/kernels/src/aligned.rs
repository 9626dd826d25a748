//! Buffers that start on a cache line, so that no vector load of packed weights crosses a line;
//! large ones are on huge pages.
//!
//! For a matrix that comes from memory in every product, page walks cost as much as reading the
//! lines: with pages of 2 MiB, one core reads about a quarter faster. Such pages are requested if
//! the system provides them on request (Linux); otherwise, or if it refuses, everything works the
//! same.

use alloc::alloc::{alloc_zeroed, dealloc, handle_alloc_error};
use alloc::sync::Arc;
use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;
/// Bytes of a huge page.
pub(crate) const HUGE_PAGE: usize = 2 << 20;

/// Element types for which every bit pattern is valid and whose size divides a cache line.
///
/// # Safety
/// An implementer must have no padding and no invalid bit patterns, an alignment of at most 64, and
/// a size that divides 64.
pub(crate) unsafe trait Plain: Copy {}
// SAFETY: an integer of one byte.
unsafe impl Plain for i8 {}
// SAFETY: an integer of one byte.
unsafe impl Plain for u8 {}
// SAFETY: an integer of two bytes.
unsafe impl Plain for i16 {}
// SAFETY: an integer of four bytes.
unsafe impl Plain for i32 {}
// SAFETY: a float of four bytes.
unsafe impl Plain for f32 {}

/// Zeroed bytes from the system that start on a cache line, and on a huge page if there are enough
/// of them.
pub(crate) struct Allocation {
    /// The allocator's pointer, and its layout.
    memory: NonNull<u8>,
    layout: Layout,
    /// The first byte that is used.
    start: NonNull<u8>,
}

// SAFETY: it owns its memory and does not read or write it by itself.
unsafe impl Send for Allocation {}
// SAFETY: as above.
unsafe impl Sync for Allocation {}

impl Allocation {
    /// `bytes` zeros, at least one. The last huge page is used if at least `least` bytes would be
    /// on it; the rest of it is then wasted.
    ///
    /// # Panics
    /// If they would fill more than half the address space.
    pub(crate) fn zeroed(bytes: usize, least: usize) -> Self {
        // Ask for room to move the start, not for alignment: only then does the allocator pass on
        // zeroed pages from the system instead of writing zeros. Skipped bytes are never touched,
        // so they cost addresses, not memory.
        let huge = huge_pages(bytes, least) * HUGE_PAGE;
        let alignment = if huge > 0 { HUGE_PAGE } else { LINE };
        let layout = bytes
            .max(huge)
            .max(1)
            .checked_add(alignment)
            .and_then(|room| Layout::from_size_align(room, 1).ok())
            .expect("a buffer smaller than the address space");
        // SAFETY: the size of the layout is not zero.
        let Some(memory) = NonNull::new(unsafe { alloc_zeroed(layout) }) else {
            handle_alloc_error(layout)
        };
        let skipped = memory.as_ptr().addr().wrapping_neg() % alignment;
        // SAFETY: fewer than `alignment` bytes are skipped, and so many more than needed were
        // allocated.
        let start = unsafe { memory.add(skipped) };
        if huge > 0 {
            ask_for_huge_pages(start, huge);
        }
        Self { memory, layout, start }
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this layout, and freed once.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) };
    }
}

/// The owner of a buffer's memory.
#[expect(dead_code, reason = "held to be dropped")]
enum Memory {
    /// Nobody: the buffer is empty.
    None,
    /// This buffer.
    Own(Allocation),
    /// Several buffers; the last one frees it.
    Shared(Arc<Allocation>),
}

/// A zeroed buffer of `T` that starts on a cache line.
pub(crate) struct Aligned<T> {
    /// The first element, on a cache line; dangling if there are none.
    start: NonNull<T>,
    len: usize,
    _memory: Memory,
    element: PhantomData<T>,
}

// SAFETY: the buffer owns its elements, like a `Vec`.
unsafe impl<T: Send> Send for Aligned<T> {}
// SAFETY: as above; a shared reference only reads.
unsafe impl<T: Sync> Sync for Aligned<T> {}

impl<T: Plain> Aligned<T> {
    /// `len` zeros.
    ///
    /// # Panics
    /// If they would fill more than half the address space.
    pub(crate) fn zeroed(len: usize) -> Self {
        let bytes =
            len.checked_mul(size_of::<T>()).expect("a buffer smaller than the address space");
        if bytes == 0 {
            let (start, _memory) = (NonNull::dangling(), Memory::None);
            return Self { start, len: 0, _memory, element: PhantomData };
        }
        // At most a quarter of the last huge page may be wasted: a matrix of 6144 x 320, the
        // largest of a small model, is just below one page.
        let allocation = Allocation::zeroed(bytes, HUGE_PAGE / 4 * 3);
        let start = allocation.start.cast();
        Self { start, len, _memory: Memory::Own(allocation), element: PhantomData }
    }

    /// A copy of `values` in an allocation, `offset` bytes from its start. The copy keeps the
    /// allocation alive.
    ///
    /// # Safety
    /// `offset` must be a multiple of a cache line. The bytes from there on, as many as the values
    /// have, must be inside the allocation and not used by anything else.
    pub(crate) unsafe fn copied_into(
        allocation: &Arc<Allocation>,
        offset: usize,
        values: &[T],
    ) -> Self {
        // SAFETY: within the allocation, by the caller's promise.
        let start = unsafe { allocation.start.add(offset) }.cast();
        let _memory = Memory::Shared(Arc::clone(allocation));
        let mut copy = Self { start, len: values.len(), _memory, element: PhantomData };
        copy.as_mut_slice().copy_from_slice(values);
        copy
    }

    /// Makes room for at least `len` elements; the contents are lost if it grows. Never shrinks.
    pub(crate) fn grow(&mut self, len: usize) {
        if len > self.len {
            *self = Self::zeroed(len);
        }
    }

    /// The elements.
    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: from `start` on there are `len` initialised elements, aligned for T (or none),
        // and T takes any bit pattern.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// The elements, mutable.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as in `as_slice`; the borrow of `self` is exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T: Plain> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed(self.len);
        copy.as_mut_slice().copy_from_slice(self.as_slice());
        copy
    }
}

impl<T> core::fmt::Debug for Aligned<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} elements", self.len)
    }
}

/// The number of huge pages at the start of a buffer of this size. The rest is on small pages if it
/// is less than `least` bytes.
fn huge_pages(bytes: usize, least: usize) -> usize {
    if cfg!(all(feature = "std", target_os = "linux")) {
        bytes / HUGE_PAGE + usize::from(bytes % HUGE_PAGE >= least)
    } else {
        0
    }
}

/// Requests huge pages for this range.
#[cfg(all(feature = "std", target_os = "linux", not(miri)))]
fn ask_for_huge_pages(start: NonNull<u8>, bytes: usize) {
    use core::ffi::{c_int, c_void};
    const MADV_HUGEPAGE: c_int = 14;
    unsafe extern "C" {
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }
    // SAFETY: the range is part of an allocation of ours, and the advice changes how it is backed,
    // never what it holds. A refusal changes nothing.
    unsafe { madvise(start.as_ptr().cast(), bytes, MADV_HUGEPAGE) };
}

#[cfg(not(all(feature = "std", target_os = "linux", not(miri))))]
fn ask_for_huge_pages(_: NonNull<u8>, _: usize) {}

#[cfg(test)]
mod tests {
    use super::{Aligned, HUGE_PAGE, LINE, huge_pages};

    #[test]
    fn buffers_are_zeroed_aligned_and_cloned() {
        let page = HUGE_PAGE / 4;
        for len in [0, 1, 15, 16, 17, 1000, page / 4 * 3 - 1, page / 4 * 3, page, page + 12345] {
            let mut buffer = Aligned::<i32>::zeroed(len);
            assert_eq!(buffer.as_slice().len(), len);
            let alignment =
                if huge_pages(len * 4, HUGE_PAGE / 4 * 3) > 0 { HUGE_PAGE } else { LINE };
            if len > 0 {
                assert_eq!(buffer.as_slice().as_ptr().addr() % alignment, 0, "{len} elements");
            }
            // Only a few elements: under Miri each one takes time.
            for i in [0, len / 2, len.saturating_sub(1)].into_iter().filter(|&i| i < len) {
                assert!([0, 7].contains(&buffer.as_slice()[i]));
                buffer.as_mut_slice()[i] = 7;
            }
            let copy = buffer.clone();
            assert!(copy.as_slice() == buffer.as_slice(), "{len} elements");
        }
    }

    #[test]
    fn buffers_grow_and_never_shrink() {
        let mut buffer = Aligned::<u8>::zeroed(3);
        buffer.as_mut_slice()[2] = 7;
        buffer.grow(2);
        assert_eq!(buffer.as_slice(), [0, 0, 7]);
        buffer.grow(5);
        assert_eq!(buffer.as_slice(), [0; 5]);
    }
}
