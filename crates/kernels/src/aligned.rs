//! Buffers that start on a cache line, so that no vector load of packed weights straddles two lines.

use alloc::vec;
use alloc::vec::Vec;
use core::marker::PhantomData;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Element types for which every bit pattern is a value and whose size divides a cache line.
///
/// # Safety
/// An implementer must have no padding and no invalid bit patterns, an alignment of at most 64, and a size that divides 64.
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

/// A zeroed buffer of `T` that starts on a cache line.
#[derive(Clone)]
pub(crate) struct Aligned<T> {
    lines: Vec<Line>,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Plain> Aligned<T> {
    /// `len` zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        let lines = vec![Line([0; 64]); (len * size_of::<T>()).div_ceil(64)];
        Self { lines, len, element: PhantomData }
    }

    /// Makes room for at least `len` elements; what was stored is lost where it grows. Never shrinks.
    pub(crate) fn grow(&mut self, len: usize) {
        if len > self.len {
            *self = Self::zeroed(len);
        }
    }

    /// The elements.
    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: the lines hold at least `len * size_of::<T>()` initialised bytes, are aligned for T, and T takes any bit pattern.
        unsafe { core::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    /// The elements, to be written.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as in `as_slice`; the borrow of `self` is exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
