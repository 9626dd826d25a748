//! The threads that recognise.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::sync::{Semaphore, oneshot};

use crate::metrics::Metrics;

/// Jobs that may wait for each thread; who comes later waits outside, in order.
const WAITING: usize = 16;

type Job = Box<dyn FnOnce() + Send>;

/// What was being worked on is lost: there is a bug in what did the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Threads with one bounded queue.
pub(crate) struct Pool {
    queue: Arc<Queue>,
    room: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    /// None once there are no more to come.
    jobs: Mutex<Option<VecDeque<Job>>>,
    more: Condvar,
}

impl Queue {
    fn put(&self, job: Job) {
        if let Some(jobs) = &mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            jobs.push_back(job);
        }
        self.more.notify_one();
    }

    fn close(&self) {
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.more.notify_all();
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match jobs.as_mut()?.pop_front() {
                Some(job) => return Some(job),
                None => jobs = self.more.wait(jobs).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Pool {
    pub(crate) fn new(threads: usize, metrics: Arc<Metrics>) -> io::Result<Self> {
        let queue = Arc::new(Queue { jobs: Mutex::new(Some(VecDeque::new())), ..Queue::default() });
        let threads = threads.max(1);
        let mut pool = Self {
            queue: Arc::clone(&queue),
            room: Arc::new(Semaphore::new(threads * (WAITING + 1))),
            metrics,
            threads: Vec::new(),
        };
        for n in 0..threads {
            let queue = Arc::clone(&queue);
            let thread = thread::Builder::new().name(format!("recognise-{n}"));
            pool.threads.push(thread.spawn(move || {
                while let Some(job) = queue.next() {
                    // Its own panics are caught in it; this is for what it drops.
                    if let Err(payload) = catch_unwind(AssertUnwindSafe(job)) {
                        std::mem::forget(payload);
                    }
                }
            })?);
        }
        Ok(pool)
    }

    /// Does work on one of the threads and waits for it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let asked = Instant::now();
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| Panicked)?;
        let (send, done) = oneshot::channel();
        let metrics = Arc::clone(&self.metrics);
        self.queue.put(Box::new(move || {
            let begun = Instant::now();
            let worked = catch_unwind(AssertUnwindSafe(work));
            metrics.worked(begun - asked, begun.elapsed());
            drop(room);
            match worked {
                // Nobody waits for it any more if the client has gone.
                Ok(made) => drop(send.send(made)),
                // Dropping what somebody panicked with may panic, too.
                Err(payload) => std::mem::forget(payload),
            }
        }));
        done.await.map_err(|_| Panicked)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            // Each ends after its job, and none panics.
            let _ = thread.join();
        }
    }
}

/// Something that is worked on piece by piece, always by one thread at a time, and lost with the first panic.
pub(crate) struct Work<S> {
    pool: Arc<Pool>,
    state: Option<S>,
}

impl<S: Send + 'static> Work<S> {
    pub(crate) fn new(pool: Arc<Pool>, state: S) -> Self {
        Self { pool, state: Some(state) }
    }

    pub(crate) async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let mut state = self.state.take().ok_or(Panicked)?;
        let (state, made) = self
            .pool
            .run(move || {
                let made = work(&mut state);
                (state, made)
            })
            .await?;
        self.state = Some(state);
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    }

    #[test]
    fn a_panic_costs_one_session_and_no_thread() {
        let pool = Arc::new(Pool::new(1, Arc::new(Metrics::new())).unwrap());
        runtime().block_on(async {
            let mut broken = Work::new(Arc::clone(&pool), 1);
            let mut sound = Work::new(Arc::clone(&pool), 10);
            assert_eq!(broken.run(|n| *n + 1).await, Ok(2));
            let lost: Result<(), Panicked> = broken.run(|_| panic!("as this test wants it")).await;
            assert_eq!(lost, Err(Panicked));
            assert_eq!(broken.run(|n| *n).await, Err(Panicked), "it stays lost");
            for n in 11..20 {
                let counted = sound.run(|n| {
                    *n += 1;
                    *n
                });
                assert_eq!(counted.await, Ok(n));
            }
            // What is dropped because nobody waits for it may panic, too.
            struct Bomb;
            impl Drop for Bomb {
                fn drop(&mut self) {
                    panic!("as this test wants it");
                }
            }
            let (started, wait) = std::sync::mpsc::channel();
            let (go, gate) = std::sync::mpsc::channel::<()>();
            let task = tokio::spawn({
                let pool = Arc::clone(&pool);
                async move {
                    let _ = pool
                        .run(move || {
                            started.send(()).unwrap();
                            gate.recv().unwrap();
                            Bomb
                        })
                        .await
                        .map(std::mem::forget);
                }
            });
            wait.recv().unwrap();
            task.abort();
            let _ = task.await;
            go.send(()).unwrap();
            assert_eq!(sound.run(|n| *n).await, Ok(19), "the thread goes on");
        });
    }

    #[test]
    fn all_jobs_are_done_however_few_may_wait() {
        let pool = Arc::new(Pool::new(2, Arc::new(Metrics::new())).unwrap());
        let sum: u64 = runtime().block_on(async {
            let tasks: Vec<_> = (0..500u64)
                .map(|n| {
                    let pool = Arc::clone(&pool);
                    tokio::spawn(async move { pool.run(move || n).await })
                })
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap().unwrap();
            }
            sum
        });
        assert_eq!(sum, 499 * 500 / 2);
    }
}
