//! A persistent pool of threads for work of microseconds.
//!
//! A job always goes to the same thread, so that it finds its weights in that thread's cache. A
//! thread that has no jobs left takes those of others, so that nobody waits for a thread that the
//! system has not woken yet.

use super::Pool;
use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::panic::{catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle, yield_now};

/// How often a thread looks for work before it sleeps: tens of microseconds, the time between two
/// products of a network.
const LOOKS: usize = 1000;

/// Threads that wait for work and first spin for a short time, so that two products in a row need
/// no system call.
pub struct ThreadPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Whether a `run` is in progress.
    busy: AtomicBool,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    /// `State::round`, for reading without the lock.
    round: AtomicUsize,
    /// For each thread, how many of its jobs have been taken.
    lanes: Box<[Lane]>,
    /// Threads other than the caller's that are working on the current task. Increases only under
    /// the lock.
    inside: AtomicUsize,
    panicked: AtomicBool,
}

/// On its own cache line, because each thread mostly counts its own jobs.
#[repr(align(64))]
struct Lane(AtomicUsize);

struct State {
    /// Counts the tasks.
    round: usize,
    /// The current task; none once the caller has found no job left.
    task: Option<Task>,
    sleeping: usize,
    closing: bool,
}

#[derive(Clone, Copy)]
struct Task {
    /// Lives until `run` returns, and `run` returns only when no thread is inside.
    job: *const (dyn Fn(usize) + Sync),
    jobs: usize,
}

// SAFETY: the pointer is to something that may be called from any thread.
unsafe impl Send for Task {}

impl ThreadPool {
    /// A pool of `threads` threads, including the one that calls [`run`](Pool::run): `threads - 1`
    /// are started. 0 counts as 1.
    ///
    /// # Errors
    /// The system's error if it refuses a thread.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let threads = threads.max(1);
        let shared = Arc::new(Shared {
            state: Mutex::new(State { round: 0, task: None, sleeping: 0, closing: false }),
            wake: Condvar::new(),
            round: AtomicUsize::new(0),
            lanes: (0..threads).map(|_| Lane(AtomicUsize::new(0))).collect(),
            inside: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
        });
        // The pool comes first, so that an error stops the threads that were already started.
        let mut pool = Self { shared, workers: Vec::new(), busy: AtomicBool::new(false) };
        for lane in 1..threads {
            let shared = Arc::clone(&pool.shared);
            let worker = Builder::new()
                .name(format!("stonechat {lane}"))
                .spawn(move || shared.serve(lane))?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }
}

impl Pool for ThreadPool {
    fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// While the pool is busy with another `run`, the calling thread does all jobs.
    ///
    /// # Panics
    /// If a job panics, after all others have ended.
    fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        if jobs <= 1 || self.workers.is_empty() || self.busy.swap(true, Ordering::Acquire) {
            return (0..jobs).for_each(job);
        }
        let shared = &*self.shared;
        // SAFETY: only the lifetime changes. The pointer is used by this thread in `work`, and by
        // other threads while they are inside; this function waits for them before it returns or
        // unwinds.
        let job = unsafe {
            core::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(job)
        };
        let task = Task { job, jobs };
        // No thread is inside, so none is counting.
        shared.lanes.iter().for_each(|lane| lane.0.store(0, Ordering::Relaxed));
        let sleeping = {
            let mut state = shared.lock();
            state.task = Some(task);
            state.round = state.round.wrapping_add(1);
            shared.round.store(state.round, Ordering::Release);
            state.sleeping
        };
        if sleeping > 0 {
            shared.wake.notify_all();
        }
        let mine = catch_unwind(AssertUnwindSafe(|| shared.work(0, task)));
        // From here on no thread enters; those inside are at their last job.
        shared.lock().task = None;
        let mut looks = 0;
        while shared.inside.load(Ordering::Acquire) != 0 {
            looks += 1;
            if looks < LOOKS { core::hint::spin_loop() } else { yield_now() }
        }
        let theirs = shared.panicked.swap(false, Ordering::Relaxed);
        self.busy.store(false, Ordering::Release);
        if let Err(panic) = mine {
            resume_unwind(panic);
        }
        assert!(!theirs, "a job of the thread pool panicked");
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The main loop of a thread of the pool.
    fn serve(&self, lane: usize) {
        let mut seen = 0;
        loop {
            for _ in 0..LOOKS {
                if self.round.load(Ordering::Acquire) != seen {
                    break;
                }
                core::hint::spin_loop();
            }
            let mut state = self.lock();
            while state.round == seen && !state.closing {
                state.sleeping += 1;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.sleeping -= 1;
            }
            if state.closing {
                return;
            }
            seen = state.round;
            let Some(task) = state.task else { continue };
            self.inside.fetch_add(1, Ordering::Relaxed);
            drop(state);
            if catch_unwind(AssertUnwindSafe(|| self.work(lane, task))).is_err() {
                self.panicked.store(true, Ordering::Relaxed);
            }
            self.inside.fetch_sub(1, Ordering::Release);
        }
    }

    /// Does the jobs of a lane, then those left in the others.
    fn work(&self, own: usize, task: Task) {
        let threads = self.lanes.len();
        for lane in (own..threads).chain(0..own) {
            loop {
                let turn = self.lanes[lane].0.fetch_add(1, Ordering::Relaxed);
                let index = lane + turn * threads;
                if index >= task.jobs {
                    break;
                }
                // SAFETY: the task is the current one, whose `run` has not returned (see `Task`).
                unsafe { (*task.job)(index) };
            }
        }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.closing = true;
            state.round = state.round.wrapping_add(1);
            self.shared.round.store(state.round, Ordering::Release);
        }
        self.shared.wake.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its jobs.
            let _ = worker.join();
        }
    }
}

impl core::fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ThreadPool").field("threads", &self.threads()).finish_non_exhaustive()
    }
}
