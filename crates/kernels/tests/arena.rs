//! Matrices in an arena: the same results, wherever the weights are. Needs no dependencies.

mod common;

use common::{Numbers, bits, pack_i4};
use std::sync::Arc;
use stonechat_kernels::{
    Activation, Arena, BlockDiagonalF32, BlockSparseI8, Isa, Packed, PackedF32, PackedGru,
    PackedI4, PackedI8, PackedLowRank, PackedLstm, Product, Recurrent, Scratch, Weights,
};

const HIDDEN: usize = 40;

/// One matrix of every form, all `4 HIDDEN x HIDDEN` or recurrent of `HIDDEN` units.
struct All {
    int8: PackedI8,
    int4: PackedI4,
    float32: PackedF32,
    low_rank: PackedLowRank,
    sparse: BlockSparseI8,
    diagonal: BlockSparseI8,
    diagonal_f32: BlockDiagonalF32,
    gru: PackedGru,
    lstm: PackedLstm,
}

impl All {
    fn new() -> Self {
        let mut numbers = Numbers::new(1);
        let (rows, cols) = (4 * HIDDEN, HIDDEN);
        let (w, scales) = (numbers.weights(rows * cols), numbers.floats(rows));
        let floats = numbers.floats(rows * cols);
        let dense = Weights::I8 { values: &w, scales: &scales };
        let three = Weights::F32(&floats[..3 * HIDDEN * HIDDEN]);
        let v = Weights::F32(&floats[..cols * cols]);
        let blocks = [(rows / 2, cols / 2); 2];
        let mask = numbers.mask(rows, cols, 50);
        Self {
            int8: PackedI8::pack(&w, &scales, rows, cols).expect("packs"),
            int4: pack_i4(Isa::detect(), &numbers.groups(rows, cols)).expect("packs"),
            float32: PackedF32::pack(&floats, rows, cols).expect("packs"),
            low_rank: PackedLowRank::pack(dense, v, rows, cols, cols).expect("packs"),
            sparse: BlockSparseI8::pack(&w, &scales, &mask, rows, cols).expect("packs"),
            diagonal: BlockSparseI8::pack_diagonal(&w[..rows * cols / 2], &scales, &blocks)
                .expect("packs"),
            diagonal_f32: BlockDiagonalF32::pack(&floats[..rows * cols / 2], &blocks)
                .expect("packs"),
            gru: PackedGru::pack(Recurrent::Dense(three), HIDDEN, Activation::Tanh).expect("packs"),
            lstm: PackedLstm::pack(Recurrent::Dense(dense), HIDDEN).expect("packs"),
        }
    }

    fn packed(&mut self) -> [&mut dyn Packed; 9] {
        [
            &mut self.int8,
            &mut self.int4,
            &mut self.float32,
            &mut self.low_rank,
            &mut self.sparse,
            &mut self.diagonal,
            &mut self.diagonal_f32,
            &mut self.gru,
            &mut self.lstm,
        ]
    }

    /// The results of all of them.
    fn results(&self) -> Vec<u32> {
        let x = Numbers::new(2).floats(4 * HIDDEN);
        let (act, s) = (Activation::None, &mut Scratch::new());
        let mut all = Vec::new();
        let mut y = vec![0.0; 4 * HIDDEN];
        let (short, mut h, mut c) = (&x[..HIDDEN], x[..HIDDEN].to_vec(), vec![0.5; HIDDEN]);
        let products: [&dyn Product; 7] = [
            &self.int8,
            &self.int4,
            &self.float32,
            &self.low_rank,
            &self.sparse,
            &self.diagonal,
            &self.diagonal_f32,
        ];
        for product in products {
            product.matmul(short, 1, None, act, s, &mut y);
            all.extend(bits(&y));
        }
        self.gru.step(&x[..3 * HIDDEN], 1, &mut h, s);
        self.lstm.step(&x, 1, &mut h, &mut c, s);
        all.extend(bits(&h));
        all.extend(bits(&c));
        all
    }
}

#[test]
fn results_are_the_same_in_an_arena_and_out_of_it() {
    let mut all = All::new();
    let expected = all.results();
    let arena = Arena::of(&mut all.packed());
    // The places of sparse blocks do not move.
    assert!(arena.room() < 2048, "{} bytes left", arena.room());
    assert_eq!(all.results(), expected);
    // The memory lives as long as a matrix in it does.
    drop(arena);
    let All { int8, .. } = all;
    let copy = int8.clone();
    assert_eq!(copy.to_bytes(), int8.to_bytes());
    drop(int8);
    assert_eq!(copy.rows(), 4 * HIDDEN);
}

#[test]
fn what_does_not_fit_stays_where_it_is() {
    let expected = All::new().results();
    for capacity in [0, 1, 64, 5000, 30_000] {
        let (mut all, mut arena) = (All::new(), Arena::with_capacity(capacity));
        all.packed().into_iter().for_each(|matrix| matrix.move_into(&mut arena));
        assert!(arena.room() <= capacity.next_multiple_of(64), "capacity {capacity}");
        assert_eq!(all.results(), expected, "capacity {capacity}");
        // A second time, because nothing ties them to their place.
        Arena::of(&mut all.packed());
        assert_eq!(all.results(), expected, "capacity {capacity}");
    }
}

#[test]
fn an_arena_serves_several_threads() {
    let mut all = All::new();
    let expected = all.results();
    Arena::of(&mut all.packed());
    let (all, expected) = (Arc::new(all), Arc::new(expected));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(all.results(), *expected));
        }
    });
}
