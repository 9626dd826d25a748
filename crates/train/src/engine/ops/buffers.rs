//! Large buffers, kept from operation to operation and from step to step.
//!
//! A fresh large vector comes from the system page by page and zeroed, and its pages go back when
//! it is dropped: in a training step that takes an eighth of the time. So the operations hand the
//! activations and gradients that they have used up to this store, and take the next ones out of it.
//! It holds about what one step needs at its peak, which would be needed in the next step anyway.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Values from which on a buffer is worth keeping: 64 KiB, where allocators begin to ask the system.
const LARGE: usize = 1 << 14;
/// The most buffers kept. Those of a batch's shape are a dozen per layer.
const MOST: usize = 64;

static SPARE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

fn spare() -> MutexGuard<'static, Vec<Vec<f32>>> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `len` values of no meaning, for a buffer that is written before it is read.
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
    // Batches have grown: one of the buffers that are too small by now makes room.
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
