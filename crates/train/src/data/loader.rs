//! Batches, prefetched on separate threads.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use super::augment::Augmentation;
use super::dataset::Dataset;
use super::error::DataError;

/// Utterances padded to one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `batch x t_max x dim`, zeros after the end of each utterance.
    pub features: Vec<f32>,
    /// Frames of each utterance.
    pub frames: Vec<usize>,
    /// Frames of the longest one.
    pub t_max: usize,
    /// Features per frame.
    pub dim: usize,
    /// Labels of each utterance.
    pub labels: Vec<Vec<u16>>,
    /// The items (see [`Dataset`]) in the batch.
    pub utterances: Vec<usize>,
}

impl Dataset {
    /// The batch of some items, on the calling thread: all of them in one view, then all in the
    /// next.
    ///
    /// # Errors
    /// The audio can no longer be read, or the cache cannot be written.
    pub fn batch(
        &self,
        items: &[usize],
        augmentation: Option<&Augmentation>,
    ) -> Result<Batch, DataError> {
        let dim = self.dim();
        let views = augmentation.map_or(1, |augmentation| augmentation.views);
        let each = items.iter().map(|&item| self.item_views(item, augmentation));
        let each = each.collect::<Result<Vec<_>, _>>()?;
        let parts: Vec<&Vec<f32>> =
            (0..views).flat_map(|view| each.iter().map(move |views| &views[view])).collect();
        let items = items.repeat(views);
        let frames: Vec<usize> = parts.iter().map(|part| part.len() / dim).collect();
        let t_max = frames.iter().copied().max().unwrap_or(0);
        let mut features = vec![0.0; items.len() * t_max * dim];
        for (row, part) in features.chunks_exact_mut((t_max * dim).max(1)).zip(&parts) {
            row[..part.len()].copy_from_slice(part);
        }
        let labels = items.iter().map(|&item| self.labels(item).to_vec()).collect();
        Ok(Batch { features, frames, t_max, dim, labels, utterances: items })
    }
}

/// How far the loader runs ahead.
#[derive(Clone, Copy, Debug)]
pub struct Prefetch {
    /// Loader threads, at least 1.
    pub threads: usize,
    /// Finished batches that may wait per thread; one more is being made.
    pub waiting: usize,
}

impl Default for Prefetch {
    fn default() -> Self {
        Self { threads: 1, waiting: 2 }
    }
}

/// The batches of a plan in order, starting at a given one, made ahead by background threads.
///
/// Thread k of n makes batches k, k + n, ..., so order and content do not depend on the threads.
/// Dropping the loader stops them.
pub struct BatchLoader {
    /// One queue per thread; empty after the loader is dropped.
    queues: Vec<Receiver<Result<Batch, DataError>>>,
    threads: Vec<JoinHandle<()>>,
    next: usize,
    end: usize,
    first: usize,
}

impl BatchLoader {
    /// Starts at batch `first` of `plan` (to resume an epoch, the number of batches already done).
    pub fn start(
        dataset: &Arc<Dataset>,
        plan: Vec<Vec<usize>>,
        first: usize,
        augmentation: Option<Augmentation>,
        prefetch: Prefetch,
    ) -> Self {
        let end = plan.len();
        let plan = Arc::new(plan);
        let count = prefetch.threads.clamp(1, end.saturating_sub(first).max(1));
        let mut loader = Self { queues: Vec::new(), threads: Vec::new(), next: first, end, first };
        for offset in 0..count {
            let (sender, queue) = sync_channel(prefetch.waiting);
            let (dataset, plan, augmentation) =
                (Arc::clone(dataset), Arc::clone(&plan), augmentation.clone());
            loader.queues.push(queue);
            loader.threads.push(thread::spawn(move || {
                for items in plan.iter().skip(first + offset).step_by(count) {
                    // The other end closes when the loader is dropped.
                    if sender.send(dataset.batch(items, augmentation.as_ref())).is_err() {
                        return;
                    }
                }
            }));
        }
        loader
    }

    /// Batches not yet delivered.
    pub fn remaining(&self) -> usize {
        self.end.saturating_sub(self.next)
    }
}

impl Iterator for BatchLoader {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let queue = &self.queues[(number - self.first) % self.queues.len()];
        Some(queue.recv().unwrap_or(Err(DataError::LoaderStopped { batch: number })))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining(), Some(self.remaining()))
    }
}

impl ExactSizeIterator for BatchLoader {}

impl Drop for BatchLoader {
    fn drop(&mut self) {
        self.queues.clear();
        for thread in self.threads.drain(..) {
            // A panic in the thread was already reported as `LoaderStopped`.
            let _ = thread.join();
        }
    }
}
