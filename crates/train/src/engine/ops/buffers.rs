//! Large buffers, reused by later operations and steps.
//!
//! The system zeroes a fresh large vector page by page, and takes its pages back when it is
//! dropped, which takes an eighth of the time of a training step. So operations give used
//! activations and gradients to this store, and take new buffers from it. It holds about as much as
//! one step needs at its peak, which the next step would need anyway.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The smallest buffers worth keeping: 64 KiB, from which allocators ask the system.
const LARGE: usize = 1 << 14;
/// The most buffers kept. A batch needs about a dozen of its shape per layer.
const MOST: usize = 64;

static SPARE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

fn spare() -> MutexGuard<'static, Vec<Vec<f32>>> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `len` arbitrary values, for a buffer that is written before it is read.
pub fn unwritten(len: usize) -> Vec<f32> {
    if len < LARGE {
        return vec![0.0; len];
    }
    let mut spare = spare();
    let capacity = |i: &usize| spare[*i].capacity();
    let fits = |i: &usize| (len..=4 * len).contains(&capacity(i));
    if let Some(best) = (0..spare.len()).filter(fits).min_by_key(capacity) {
        let mut buffer = spare.swap_remove(best);
        buffer.resize(len, 0.0);
        return buffer;
    }
    // Batches have grown: drop one of the buffers that are now too small.
    let short = |i: &usize| (len / 4..len).contains(&capacity(i));
    if let Some(largest) = (0..spare.len()).filter(short).max_by_key(capacity) {
        spare.swap_remove(largest);
    }
    drop(spare);
    vec![0.0; len]
}

/// A copy of `values`.
pub fn copy_of(values: &[f32]) -> Vec<f32> {
    let mut copy = unwritten(values.len());
    copy.copy_from_slice(values);
    copy
}

/// Keeps a buffer that is no longer needed for [`unwritten`].
pub fn keep(buffer: Vec<f32>) {
    if buffer.capacity() < LARGE {
        return;
    }
    let mut spare = spare();
    if spare.len() < MOST {
        spare.push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_have_the_length_asked_for() {
        for len in [0, 1, LARGE - 1, LARGE, 3 * LARGE, 2 * LARGE + 7, LARGE + 1, 9 * LARGE] {
            let buffer = unwritten(len);
            assert_eq!(buffer.len(), len);
            keep(buffer);
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        for _ in 0..2 * MOST {
            keep(vec![1.0; LARGE]);
        }
        assert!(spare().len() <= MOST);
        assert_eq!(unwritten(LARGE + 5).len(), LARGE + 5);
    }
}
