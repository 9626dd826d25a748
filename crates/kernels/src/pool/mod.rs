//! Threads for large products: the interface of the caller's pool, and how a product is divided.
//!
//! A product is divided at panels, and every panel is computed as it would be alone, so that the
//! results are the same bits for any number of threads.

#[cfg(feature = "std")]
mod threads;

#[cfg(feature = "std")]
pub use threads::ThreadPool;

use crate::drive::PANEL_ROWS;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The least bytes of weights per thread: with fewer, waking it costs more than it saves. (Under
/// Miri this many would take a minute.)
const BYTES_A_PART: usize = if cfg!(miri) { 256 } else { 128 << 10 };

/// Something that runs jobs on several threads: [`ThreadPool`], or a pool that the program already
/// has.
pub trait Pool: Sync {
    /// How many threads work on a [`run`](Self::run), including the caller's.
    fn threads(&self) -> usize;

    /// Calls `job(0)`, `job(1)` to `job(jobs - 1)`, each once, on any threads and in any order;
    /// returns when all have returned.
    fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync));
}

/// Consecutive panels of a matrix.
pub(crate) struct Part {
    /// Which panels.
    pub(crate) panels: Range<usize>,
    /// The rows of the matrix: those of the panels, without padding.
    pub(crate) rows: Range<usize>,
}

impl Part {
    /// These panels, with their padding counted as rows.
    pub(crate) fn padded(panels: Range<usize>) -> Self {
        let rows = padded_rows(&panels);
        Self { panels, rows }
    }

    /// The rows of the panels, padding included: a range of any padded data.
    pub(crate) fn padded_rows(&self) -> Range<usize> {
        padded_rows(&self.panels)
    }
}

fn padded_rows(panels: &Range<usize>) -> Range<usize> {
    panels.start * PANEL_ROWS..panels.end * PANEL_ROWS
}

/// The whole of something that is processed in parts.
#[derive(Clone, Copy)]
pub(crate) struct Whole {
    /// Rows of the matrix, without padding.
    pub(crate) rows: usize,
    /// Bytes of all packed weights.
    pub(crate) bytes: usize,
}

impl Whole {
    /// Calls `work` for parts that together are the whole, each once: one part per thread of the
    /// pool if there are enough weights, otherwise for everything at once.
    pub(crate) fn split(self, pool: Option<&dyn Pool>, work: impl Fn(Part) + Sync) {
        split(pool, self.rows.div_ceil(PANEL_ROWS), self.bytes, |panels| {
            let rows = panels.start * PANEL_ROWS..(panels.end * PANEL_ROWS).min(self.rows);
            work(Part { panels, rows });
        });
    }
}

/// Calls `work` for ranges that together are `0..count`, each once: one range per thread of the
/// pool if the weights have enough bytes, otherwise for everything at once.
pub(crate) fn split(
    pool: Option<&dyn Pool>,
    count: usize,
    bytes: usize,
    work: impl Fn(Range<usize>) + Sync,
) {
    let most = (usize::BITS as usize).min(count).min(bytes / BYTES_A_PART);
    let (pool, parts) = match pool {
        Some(pool) if pool.threads().min(most) > 1 => (pool, pool.threads().min(most)),
        _ => return work(0..count),
    };
    // Each part writes where no other part does. That must not depend on the pool, which is safe
    // code of others.
    let taken = AtomicUsize::new(0);
    pool.run(parts, &|index| {
        assert!(index < parts, "Pool::run: there is no job {index}");
        let before = taken.fetch_or(1 << index, Ordering::Relaxed);
        assert!(before & (1 << index) == 0, "Pool::run: job {index} was run twice");
        work(index * count / parts..(index + 1) * count / parts);
    });
    assert!(
        taken.load(Ordering::Relaxed).count_ones() as usize == parts,
        "Pool::run: a job was left out"
    );
}
