//! One block of memory for many matrices.
//!
//! Only matrices of at least about 1.5 MB have their own huge pages (see `aligned.rs`). A network
//! consists of smaller ones, and weights on 4 KB pages are read from memory at half the speed. In
//! an arena they follow one another on huge pages.

use crate::Packed;
use crate::aligned::{Aligned, Allocation, HUGE_PAGE, LINE, Plain};
use alloc::sync::Arc;

/// Memory into which packed matrices can be moved, in the order in which a program reads them.
///
/// The memory is freed when the arena and all matrices in it are dropped. Results do not depend on
/// where a matrix is.
///
/// ```
/// use stonechat_kernels::{Arena, PackedF32};
///
/// let mut first = PackedF32::pack(&[1.0; 6], 2, 3)?;
/// let mut second = PackedF32::pack(&[2.0; 6], 2, 3)?;
/// let arena = Arena::of(&mut [&mut first, &mut second]);
/// assert_eq!(arena.room(), 0);
/// # Ok::<(), stonechat_kernels::Error>(())
/// ```
pub struct Arena {
    /// None if the capacity is 0.
    allocation: Option<Arc<Allocation>>,
    /// Bytes.
    capacity: usize,
    /// How many bytes are taken, from the start.
    taken: usize,
}

impl Arena {
    /// Room for `bytes`: the sum of the `bytes()` of the matrices is enough. The rest of the last
    /// huge page, at most half of it, is wasted.
    ///
    /// # Panics
    /// If that is more than half the address space.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        let capacity =
            bytes.checked_next_multiple_of(LINE).expect("an arena smaller than the address space");
        let allocation =
            (capacity > 0).then(|| Arc::new(Allocation::zeroed(capacity, HUGE_PAGE / 2)));
        Self { allocation, capacity, taken: 0 }
    }

    /// An arena with all of these, in this order.
    pub fn of(matrices: &mut [&mut dyn Packed]) -> Self {
        let mut arena = Self::with_capacity(matrices.iter().map(|matrix| matrix.bytes()).sum());
        matrices.iter_mut().for_each(|matrix| matrix.move_into(&mut arena));
        arena
    }

    /// Bytes that are left.
    #[must_use]
    pub fn room(&self) -> usize {
        self.capacity - self.taken
    }

    /// Moves a buffer here; it stays where it is if it does not fit.
    pub(crate) fn take_in<T: Plain>(&mut self, buffer: &mut Aligned<T>) {
        let bytes = size_of_val(buffer.as_slice()).next_multiple_of(LINE);
        let Some(allocation) = &self.allocation else { return };
        if bytes == 0 || bytes > self.room() {
            return;
        }
        // SAFETY: `taken` counts whole lines; as many as needed are left from there on, and each is
        // given away once.
        *buffer = unsafe { Aligned::copied_into(allocation, self.taken, buffer.as_slice()) };
        self.taken += bytes;
    }
}

impl core::fmt::Debug for Arena {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Arena")
            .field("capacity", &self.capacity)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}
