//! A warmed-up product allocates nothing. Needs no dependencies.
#![allow(unsafe_code)]

mod common;

use common::{ACTIVATIONS, Numbers, instruction_sets, pack_i4};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use stonechat_kernels::{
    Activation, BlockDiagonalF32, BlockSparseI8, IntegerProduct, PackedF32, PackedGru, PackedI8,
    PackedLowRank, PackedLstm, Product, Recurrent, Scratch, Weights, math,
};

struct Counting;

thread_local! {
    /// Allocations of this thread: the test harness allocates in its own.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_warmed_up_product_allocates_nothing() {
    let mut numbers = Numbers::new(1);
    for isa in instruction_sets() {
        let mut scratch = Scratch::new();
        for (rows, cols) in [(96, 64), (33, 45)] {
            let integers = numbers.weights(rows * cols);
            let (floats, bias) = (numbers.floats(rows * cols), numbers.floats(rows));
            let int8 = PackedI8::pack_for(isa, &integers, &bias, rows, cols).expect("packs");
            let float32 = PackedF32::pack_for(isa, &floats, rows, cols).expect("packs");
            let int4 = pack_i4(isa, &numbers.groups(rows, cols)).expect("packs");
            let mask = numbers.mask(rows, cols, 50);
            let sparse =
                BlockSparseI8::pack_for(isa, &integers, &bias, &mask, rows, cols).expect("packs");
            let blocks = [(rows - 1, 1), (1, cols - 1)];
            let diagonal = BlockDiagonalF32::pack_for(isa, &floats[..rows + cols - 2], &blocks)
                .expect("packs");
            let (x, mut y) = (numbers.floats(9 * cols), vec![0.0; 9 * rows]);
            let (q, mut sums) = (numbers.bytes(9 * cols), vec![0; 9 * rows]);
            let mut all = |batch: usize| {
                let (x, y) = (&x[..batch * cols], &mut y[..batch * rows]);
                let (q, sums) = (&q[..batch * cols], &mut sums[..batch * rows]);
                int8.matmul_i32(q, batch, &mut scratch, sums);
                int4.matmul_i32(q, batch, &mut scratch, sums);
                sparse.matmul_i32(q, batch, &mut scratch, sums);
                for act in ACTIVATIONS {
                    int8.matmul(x, batch, Some(&bias), act, &mut scratch, y);
                    float32.matmul(x, batch, Some(&bias), act, &mut scratch, y);
                    int4.matmul(x, batch, Some(&bias), act, &mut scratch, y);
                    sparse.matmul(x, batch, Some(&bias), act, &mut scratch, y);
                    diagonal.matmul(x, batch, Some(&bias), act, &mut scratch, y);
                }
                math::sigmoid(y);
                math::tanh(y);
            };
            all(9);
            let before = ALLOCATIONS.get();
            [9, 1, 4].into_iter().for_each(&mut all);
            let after = ALLOCATIONS.get();
            assert_eq!(after, before, "{isa}: {rows} x {cols}");
            assert!(before > 0, "the allocator counts");
        }
    }
}

#[cfg(feature = "fft")]
#[test]
fn a_warmed_up_fft_product_allocates_nothing() {
    use stonechat_kernels::fft::{BlockCirculant, ToeplitzLike};
    let mut numbers = Numbers::new(2);
    let (v, x, mut y) = (numbers.floats(2 * 66), numbers.floats(2 * 66), vec![0.0; 2 * 66]);
    let mut scratch = Scratch::new();
    for n in [64, 33, 66] {
        let (x, y) = (&x[..2 * n], &mut y[..2 * n]);
        let circulant = BlockCirculant::new(&v[..n], n, n, n).expect("made");
        let skew = BlockCirculant::skew_circulant(&v[..n]).expect("made");
        let like = ToeplitzLike::new(&v[..2 * n], &v[..2 * n], 2, n, n).expect("made");
        let products: [&dyn Product; 3] = [&circulant, &skew, &like];
        let mut all = || {
            for product in products {
                product.matmul(x, 2, Some(&v[..n]), Activation::Tanh, &mut scratch, y);
            }
        };
        all();
        let before = ALLOCATIONS.get();
        all();
        assert_eq!(ALLOCATIONS.get(), before, "{n}");
    }
}

#[test]
fn a_warmed_up_step_allocates_nothing() {
    let mut numbers = Numbers::new(2);
    let (hidden, rank) = (48, 20);
    let (values, scales) = (numbers.weights(4 * hidden * hidden), numbers.floats(4 * hidden));
    let floats = numbers.floats(4 * hidden * hidden);
    let x = numbers.floats(9 * 4 * hidden);
    let (mut h, mut c) = (numbers.floats(9 * hidden), numbers.floats(9 * hidden));
    let stored = |int8: bool, rows: usize, cols: usize| match int8 {
        true => Weights::I8 { values: &values[..rows * cols], scales: &scales[..rows] },
        false => Weights::F32(&floats[..rows * cols]),
    };
    for isa in instruction_sets() {
        for int8 in [true, false] {
            let v = stored(int8, rank, hidden);
            let dense = |gates: usize| Recurrent::Dense(stored(int8, gates * hidden, hidden));
            let low_rank = |gates: usize| Recurrent::LowRank {
                u: stored(int8, gates * hidden, rank),
                v,
                rank,
            };
            let act = Activation::Tanh;
            let gru = [dense(3), low_rank(3)]
                .map(|u| PackedGru::pack_for(isa, u, hidden, act).expect("packs"));
            let lstm = [dense(4), low_rank(4)]
                .map(|u| PackedLstm::pack_for(isa, u, hidden).expect("packs"));
            let u = stored(int8, 2 * hidden, rank);
            let thin = PackedLowRank::pack_for(isa, u, v, 2 * hidden, rank, hidden).expect("packs");
            let mut y = vec![0.0; 9 * 2 * hidden];
            let mut scratch = Scratch::new();
            let mut all = |batch: usize| {
                let (h, c) = (&mut h[..batch * hidden], &mut c[..batch * hidden]);
                gru.iter()
                    .for_each(|gru| gru.step(&x[..batch * 3 * hidden], batch, h, &mut scratch));
                lstm.iter().for_each(|lstm| {
                    lstm.step(&x[..batch * 4 * hidden], batch, h, c, &mut scratch)
                });
                let y = &mut y[..batch * 2 * hidden];
                thin.matmul(h, batch, None, Activation::None, &mut scratch, y);
            };
            all(9);
            let before = ALLOCATIONS.get();
            [9, 1, 4].into_iter().for_each(&mut all);
            assert_eq!(ALLOCATIONS.get(), before, "{isa}: int8 {int8}");
        }
    }
}
