//! Where packed weights are: in memory of their own, or in bytes that belong to somebody else as well.

use crate::Arena;
use crate::aligned::{Aligned, Plain};
use alloc::sync::Arc;
use core::ops::Range;
use core::slice;

/// Bytes that several owners share: a mapped file, an `Arc<Vec<u8>>`, a constant in read-only memory.
///
/// What [`AsRef::as_ref`] gives must always be the same bytes. Where they change behind the back of a matrix, its results become
/// meaningless, or a product panics.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// The 8-bit integers.
///
/// # Safety
/// An implementer must have the size of a byte.
pub(crate) unsafe trait Byte: Plain {}
// SAFETY: one byte.
unsafe impl Byte for i8 {}
// SAFETY: one byte.
unsafe impl Byte for u8 {}

/// All panels of a matrix.
#[derive(Clone)]
pub(crate) enum Panels<T: Plain> {
    /// On cache lines, and on huge pages where there are many.
    Own(Aligned<T>),
    /// A part of shared bytes.
    Shared(SharedBytes, Range<usize>),
}

impl<T: Byte> Panels<T> {
    /// Those that are not shared move.
    pub(crate) fn move_into(&mut self, arena: &mut Arena) {
        if let Self::Own(weights) = self {
            arena.take_in(weights);
        }
    }

    /// The weights.
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::Own(weights) => weights.as_slice(),
            Self::Shared(bytes, range) => from_bytes(&(**bytes).as_ref()[range.clone()]),
        }
    }
}

impl<T: Plain> From<Aligned<T>> for Panels<T> {
    fn from(weights: Aligned<T>) -> Self {
        Self::Own(weights)
    }
}

/// Bytes as another type of them.
pub(crate) fn from_bytes<T: Byte>(bytes: &[u8]) -> &[T] {
    // SAFETY: T has the size of a byte, so any alignment is right, and takes any bit pattern.
    unsafe { slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

/// Another type of bytes as bytes.
pub(crate) fn to_bytes<T: Byte>(values: &[T]) -> &[u8] {
    // SAFETY: T has the size of a byte and no padding.
    unsafe { slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
}
