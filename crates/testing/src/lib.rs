//! Shared by the tests of several crates. It depends on none of them, so that each can also use it
//! in unit tests.
//!
//! - [`Random`]: numbers that are the same for a seed everywhere.
//! - [`sound`], [`tone`], [`wav`]: audio in memory.
//! - [`Counting`]: an allocator that counts, and its counts.
//! - `Folder` (feature `files`): a temporary folder with the files of one test.
//! - [`SMALL_RECIPE`]: the shortest valid recipe.

mod allocator;
#[cfg(feature = "files")]
mod folder;
mod random;
mod recipe;
mod sound;

pub use allocator::{Counting, allocations, live_bytes, peak_bytes};
#[cfg(feature = "files")]
pub use folder::Folder;
pub use random::Random;
pub use recipe::SMALL_RECIPE;
pub use sound::{noise, pcm, sound, tone, wav, wav_i16};

/// The largest difference between two slices of the same length, element by element.
///
/// # Panics
/// If the lengths differ.
pub fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "lengths differ");
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
