//! Keeps in memory what fits.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that several caches may use together.
#[derive(Clone, Debug)]
pub struct MemoryBudget(Arc<AtomicUsize>);

impl MemoryBudget {
    /// A budget of `bytes`; 0 keeps nothing in memory.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// Bytes not yet taken.
    pub fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        self.0
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Arrays kept in memory until the budget is used up. Nothing is evicted: an epoch visits every
/// utterance once, and for such a scan keeping the first entries is better than replacing the
/// oldest, which would always miss.
#[derive(Debug)]
pub(super) struct Kept<K, T> {
    budget: MemoryBudget,
    arrays: Mutex<HashMap<K, Arc<[T]>>>,
}

impl<K: Eq + Hash, T> Kept<K, T> {
    pub(super) fn new(budget: MemoryBudget) -> Self {
        Self { budget, arrays: Mutex::new(HashMap::new()) }
    }

    pub(super) fn get(&self, key: &K) -> Option<Arc<[T]>> {
        // The map is valid even if the lock is poisoned: nothing panics in the middle of a change.
        self.arrays.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(super) fn offer(&self, key: K, array: &Arc<[T]>) {
        let bytes = std::mem::size_of_val::<[T]>(array);
        if !self.budget.take(bytes) {
            return;
        }
        let replaced = self
            .arrays
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, Arc::clone(array));
        if let Some(replaced) = replaced {
            self.budget.give_back(std::mem::size_of_val::<[T]>(&replaced));
        }
    }
}
