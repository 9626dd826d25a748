//! Products on several threads, and the pool that runs them. Needs no dependencies.

mod common;

use common::{ACTIVATIONS, Numbers, bits, instruction_sets, pack_i4};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use stonechat_kernels::{
    BlockDiagonalF32, BlockSize, BlockSparseI8, Epilogue, Error, Isa, PackedF32, PackedI8,
    PackedLowRank, Pool, Product, Scratch, ThreadPool, Weights,
};

/// Runs the jobs one by one, last first, and claims to have many threads.
struct Backwards {
    threads: usize,
    /// The jobs of each run.
    runs: Mutex<Vec<usize>>,
}

impl Backwards {
    fn new(threads: usize) -> Self {
        Self { threads, runs: Mutex::new(Vec::new()) }
    }
}

impl Pool for Backwards {
    fn threads(&self) -> usize {
        self.threads
    }

    fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        self.runs.lock().expect("no panic").push(jobs);
        (0..jobs).rev().for_each(job);
    }
}

/// Every form of matrix.
fn forms(isa: Isa, rows: usize, cols: usize) -> Vec<(&'static str, Box<dyn Product>)> {
    let mut numbers = Numbers::new(7);
    let (w, scales) = (numbers.weights(rows * cols), numbers.floats(rows.max(cols)));
    let (floats, mask) = (numbers.floats(rows * cols), numbers.mask(rows, cols, 60));
    let groups = numbers.groups(rows, cols);
    let scales = &scales[..];
    let rank = rows.min(cols) / 2;
    let (u, v) = (&w[..rows * rank], &w[..rank * cols]);
    let u = Weights::I8 { values: u, scales: &scales[..rows] };
    let v = Weights::I8 { values: v, scales: &scales[..rank] };
    let blocks: Vec<BlockSize> = vec![(rows / 2, cols / 3), (rows - rows / 2, cols - cols / 3)];
    let inside = blocks.iter().map(|(m, k)| m * k).sum();
    let (w_inside, floats_inside): (&[i8], &[f32]) = (&w[..inside], &floats[..inside]);
    let row_scales = &scales[..rows];
    fn boxed<P: Product + 'static>(packed: Result<P, Error>) -> Box<dyn Product> {
        Box::new(packed.expect("packs"))
    }
    vec![
        ("int8", boxed(PackedI8::pack_for(isa, &w, row_scales, rows, cols))),
        ("int4", boxed(pack_i4(isa, &groups))),
        ("f32", boxed(PackedF32::pack_for(isa, &floats, rows, cols))),
        ("low rank", boxed(PackedLowRank::pack_for(isa, u, v, rows, rank, cols))),
        ("block sparse", boxed(BlockSparseI8::pack_for(isa, &w, row_scales, &mask, rows, cols))),
        (
            "block diagonal",
            boxed(BlockSparseI8::pack_diagonal_for(isa, w_inside, row_scales, &blocks)),
        ),
        ("block diagonal f32", boxed(BlockDiagonalF32::pack_for(isa, floats_inside, &blocks))),
    ]
}

#[test]
fn results_are_the_same_bits_for_any_number_of_threads() {
    let mut numbers = Numbers::new(1);
    let shapes: &[(usize, usize)] =
        if cfg!(miri) { &[(97, 9)] } else { &[(70, 33), (97, 4096), (1500, 421)] };
    for (isa, &(rows, cols)) in
        instruction_sets().iter().flat_map(|isa| shapes.iter().map(move |shape| (isa, shape)))
    {
        let (x, bias) = (numbers.floats(9 * cols), numbers.floats(rows));
        let own = ThreadPool::new(3).expect("threads");
        for (name, product) in forms(*isa, rows, cols) {
            let product = |pool: Option<&dyn Pool>, x: &[f32], batch, act, y: &mut [f32]| {
                let epilogue = Epilogue { bias: Some(&bias), act };
                product.multiply(pool, x, batch, epilogue, &mut Scratch::new(), y);
            };
            for (batch, act) in [1, 2, 5, 9].into_iter().zip(ACTIVATIONS) {
                let x = &x[..batch * cols];
                let mut expected = vec![f32::NAN; batch * rows];
                product(None, x, batch, act, &mut expected);
                let pools = [1, 2, 3, 1000].map(Backwards::new);
                for pool in pools.iter().map(|pool| pool as &dyn Pool).chain([&own as &dyn Pool]) {
                    let mut y = vec![f32::NAN; batch * rows];
                    product(Some(pool), x, batch, act, &mut y);
                    let threads = pool.threads();
                    assert_eq!(
                        bits(&y),
                        bits(&expected),
                        "{isa}, {name}: {rows} x {cols}, {threads}"
                    );
                }
                let asked = pools[3].runs.lock().expect("no panic").len();
                // All forms of the last shape except 4-bit weights have at least 256 KB (that with
                // two blocks in total).
                assert!(asked > 0 || rows < 1000, "{name}: the pool was not asked");
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "under Miri, small products are cut up")]
fn only_large_products_are_cut_up() {
    // Rows, columns, threads of the pool; jobs that the pool gets, none if it is not used.
    let cases = [
        (1024, 240, 8, None),
        (1024, 256, 8, Some(2)),
        (1024, 512, 8, Some(4)),
        (1024, 4096, 8, Some(8)),
        (1024, 4096, 1, None),
        (32, 132_096, 8, None),
        (33, 132_096, 8, Some(2)),
    ];
    for (rows, cols, threads, jobs) in cases {
        let packed = PackedI8::pack(&vec![1; rows * cols], &vec![1.0; rows], rows, cols);
        let (x, mut y) = (vec![1.0; cols], vec![0.0; rows]);
        let pool = Backwards::new(threads);
        let (packed, mut scratch) = (packed.expect("packs"), Scratch::new());
        packed.multiply(Some(&pool), &x, 1, Epilogue::NONE, &mut scratch, &mut y);
        let runs = pool.runs.into_inner().expect("no panic");
        assert_eq!(runs, Vec::from_iter(jobs), "{rows} x {cols} on {threads} threads");
    }
}

/// A pool is safe code of others: its mistakes must not give wrong results.
#[test]
fn a_pool_that_breaks_its_word_is_found_out() {
    struct Wrong(fn(usize, &(dyn Fn(usize) + Sync)));
    impl Pool for Wrong {
        fn threads(&self) -> usize {
            2
        }
        fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
            (self.0)(jobs, job);
        }
    }
    let (rows, cols) = if cfg!(miri) { (64, 9) } else { (64, 4096) };
    let packed =
        PackedI8::pack(&vec![1; rows * cols], &vec![1.0; rows], rows, cols).expect("packs");
    let wrongs: [(&str, Wrong); 4] = [
        ("was left out", Wrong(|_, _| ())),
        ("was left out", Wrong(|_, job| job(1))),
        ("was run twice", Wrong(|_, job| (0..2).for_each(|_| job(0)))),
        ("there is no job 2", Wrong(|jobs, job| (0..=jobs).for_each(job))),
    ];
    for (words, pool) in wrongs {
        let (x, mut y) = (vec![1.0; cols], vec![0.0; rows]);
        let product = catch_unwind(AssertUnwindSafe(|| {
            let mut scratch = Scratch::new();
            packed.multiply(Some(&pool), &x, 1, Epilogue::NONE, &mut scratch, &mut y);
        }));
        let panic = product.expect_err(words);
        let message = panic.downcast::<String>().map_or_else(
            |panic| (*panic.downcast::<&str>().expect("a message")).to_owned(),
            |message| *message,
        );
        assert!(message.contains(words), "`{message}` lacks `{words}`");
    }
}

#[test]
fn every_job_is_run_once() {
    for threads in [0, 1, 2, 3, 5] {
        let pool = ThreadPool::new(threads).expect("threads");
        assert_eq!(pool.threads(), threads.max(1));
        let runs = if cfg!(miri) { 10 } else { 2000 };
        for run in 0..runs {
            let jobs = run % 40;
            let counts: Vec<AtomicUsize> = (0..jobs).map(|_| AtomicUsize::new(0)).collect();
            pool.run(jobs, &|job| {
                counts[job].fetch_add(1, Ordering::Relaxed);
            });
            let counts: Vec<usize> = counts.into_iter().map(AtomicUsize::into_inner).collect();
            assert_eq!(counts, vec![1; jobs], "{threads} threads, run {run}");
        }
    }
}

#[test]
fn a_pool_in_use_works_on_without_its_threads() {
    let pool = ThreadPool::new(3).expect("threads");
    let count = AtomicUsize::new(0);
    // From inside a job, and from many threads at once.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                pool.run(5, &|_| {
                    pool.run(7, &|_| {
                        count.fetch_add(1, Ordering::Relaxed);
                    });
                });
            });
        }
    });
    assert_eq!(count.into_inner(), 4 * 5 * 7);
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
    let pool = ThreadPool::new(3).expect("threads");
    for bad in 0..6 {
        let count = AtomicUsize::new(0);
        let run = catch_unwind(AssertUnwindSafe(|| {
            pool.run(6, &|job| {
                assert!(job != bad, "job {job} fails");
                count.fetch_add(1, Ordering::Relaxed);
            });
        }));
        assert!(run.is_err(), "job {bad}");
        let count = AtomicUsize::new(0);
        pool.run(6, &|_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 6, "after job {bad} failed");
    }
}
