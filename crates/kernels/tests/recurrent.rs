//! The fused GRU and LSTM steps compared with product, gates and state one after another, on every
//! instruction set of this machine. Needs no dependencies.

mod common;

use common::{Numbers, bits, instruction_sets, pack_i4};
use stonechat_kernels::quantize::{Grouped, quantize_groups, quantize_rows};
use stonechat_kernels::{
    Activation, Error, Isa, Packed, PackedF32, PackedGru, PackedI8, PackedLowRank, PackedLstm,
    Product, Recurrent, Scratch, Weights, math,
};

/// A recurrent matrix in every storage.
struct Matrices {
    hidden: usize,
    rows: usize,
    rank: usize,
    dense: Stored,
    u: Stored,
    v: Stored,
}

struct Stored {
    floats: Vec<f32>,
    values: Vec<i8>,
    scales: Vec<f32>,
    groups: Grouped,
}

impl Stored {
    fn new(numbers: &mut Numbers, rows: usize, cols: usize) -> Self {
        let floats = numbers.floats(rows * cols);
        let (values, scales) = quantize_rows(&floats, rows, cols);
        let groups = quantize_groups(&floats, rows, cols);
        Self { floats, values, scales, groups }
    }

    fn weights(&self, number: Number) -> Weights<'_> {
        let groups = &self.groups;
        match number {
            Number::I8 => Weights::I8 { values: &self.values, scales: &self.scales },
            Number::F32 => Weights::F32(&self.floats),
            Number::I4 => Weights::I4 {
                values: &groups.weights,
                group_scales: &groups.group_scales,
                scales: &groups.row_scales,
            },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    F32,
    I8,
    I4,
}

/// Dense or low rank, and the storage.
#[derive(Clone, Copy, Debug)]
struct Form {
    low_rank: bool,
    number: Number,
}

const FORMS: [Form; 6] = [
    Form { low_rank: false, number: Number::I8 },
    Form { low_rank: false, number: Number::F32 },
    Form { low_rank: false, number: Number::I4 },
    Form { low_rank: true, number: Number::I8 },
    Form { low_rank: true, number: Number::F32 },
    Form { low_rank: true, number: Number::I4 },
];

impl Matrices {
    fn new(numbers: &mut Numbers, gates: usize, hidden: usize) -> Self {
        let (rows, rank) = (gates * hidden, hidden.div_ceil(3));
        let dense = Stored::new(numbers, rows, hidden);
        let u = Stored::new(numbers, rows, rank);
        let v = Stored::new(numbers, rank, hidden);
        Self { hidden, rows, rank, dense, u, v }
    }

    fn recurrent(&self, form: Form) -> Recurrent<'_> {
        match form.low_rank {
            false => Recurrent::Dense(self.dense.weights(form.number)),
            true => Recurrent::LowRank {
                u: self.u.weights(form.number),
                v: self.v.weights(form.number),
                rank: self.rank,
            },
        }
    }

    /// `U h` for one sequence, by the separate product.
    fn product(&self, isa: Isa, form: Form, h: &[f32]) -> Vec<f32> {
        let (rows, hidden) = (self.rows, self.hidden);
        let mut y = vec![f32::NAN; rows];
        let (none, mut scratch) = (Activation::None, Scratch::new());
        match (form.low_rank, form.number) {
            (false, Number::I8) => {
                let Stored { values, scales, .. } = &self.dense;
                let packed = PackedI8::pack_for(isa, values, scales, rows, hidden);
                packed.expect("packs").matmul(h, 1, None, none, &mut scratch, &mut y);
            }
            (false, Number::I4) => {
                let packed = pack_i4(isa, &self.dense.groups);
                packed.expect("packs").matmul(h, 1, None, none, &mut scratch, &mut y);
            }
            (false, Number::F32) => {
                let packed = PackedF32::pack_for(isa, &self.dense.floats, rows, hidden);
                packed.expect("packs").matmul(h, 1, None, none, &mut scratch, &mut y);
            }
            (true, number) => {
                let (u, v) = (self.u.weights(number), self.v.weights(number));
                let packed = PackedLowRank::pack_for(isa, u, v, rows, self.rank, hidden);
                packed.expect("packs").matmul(h, 1, None, none, &mut scratch, &mut y);
            }
        }
        y
    }
}

const BATCHES: [usize; 6] = [0, 1, 2, 3, 8, 11];
const HIDDEN: [usize; 7] = [1, 5, 31, 32, 33, 64, 70];
const STEPS: usize = 3;

/// Eq. (10) of arXiv 1710.09026, term by term.
fn gru_step(x: &[f32], product: &[f32], candidate: Activation, h: &mut [f32]) {
    let n = h.len();
    for j in 0..n {
        let z = math::sigmoid_scalar(x[j] + product[j]);
        let r = math::sigmoid_scalar(x[n + j] + product[n + j]);
        let sum = x[2 * n + j] + r * product[2 * n + j];
        let c = match candidate {
            Activation::Tanh => math::tanh_scalar(sum),
            Activation::ClippedRelu(clip) => sum.clamp(0.0, clip),
            other => panic!("{other:?} is not tested"),
        };
        h[j] = (1.0 - z) * h[j] + z * c;
    }
}

fn lstm_step(x: &[f32], product: &[f32], h: &mut [f32], c: &mut [f32]) {
    let n = h.len();
    for j in 0..n {
        let sum = |gate: usize| x[gate * n + j] + product[gate * n + j];
        let (i, f) = (math::sigmoid_scalar(sum(0)), math::sigmoid_scalar(sum(1)));
        let (g, o) = (math::tanh_scalar(sum(2)), math::sigmoid_scalar(sum(3)));
        c[j] = f * c[j] + i * g;
        h[j] = o * math::tanh_scalar(c[j]);
    }
}

/// The same bits on every path with the same integers (or fused multiply-adds).
fn assert_same_everywhere(all: &[(Isa, Vec<u32>)], form: Form, case: &str) {
    for pair in all.windows(2) {
        let ((before, a), (isa, b)) = (&pair[0], &pair[1]);
        if form.number != Number::F32 || *before != Isa::Portable {
            assert_eq!(a, b, "{before} and {isa} differ: {form:?}, {case}");
        }
    }
}

#[test]
fn gru_steps_are_the_bits_of_the_separate_steps() {
    let mut numbers = Numbers::new(1);
    for hidden in HIDDEN {
        let matrices = Matrices::new(&mut numbers, 3, hidden);
        let x = numbers.floats(STEPS * 11 * 3 * hidden);
        let start = numbers.floats(11 * hidden);
        for form in FORMS {
            for candidate in [Activation::Tanh, Activation::ClippedRelu(0.75)] {
                let mut all = Vec::new();
                for isa in instruction_sets() {
                    let packed =
                        PackedGru::pack_for(isa, matrices.recurrent(form), hidden, candidate)
                            .expect("packs");
                    assert_eq!((packed.hidden(), packed.isa()), (hidden, isa));
                    let mut expected = start.clone();
                    for x in x.chunks_exact(11 * 3 * hidden) {
                        let sequences = x.chunks_exact(3 * hidden);
                        for (x, h) in sequences.zip(expected.chunks_exact_mut(hidden)) {
                            let product = matrices.product(isa, form, h);
                            gru_step(x, &product, candidate, h);
                        }
                    }
                    let mut scratch = Scratch::new();
                    for batch in BATCHES {
                        let mut h = start[..batch * hidden].to_vec();
                        for x in x.chunks_exact(11 * 3 * hidden) {
                            let x = &x[..batch * 3 * hidden];
                            packed.step(x, batch, &mut h, &mut scratch);
                        }
                        assert_eq!(
                            bits(&h),
                            bits(&expected[..batch * hidden]),
                            "{isa}: {hidden} units, {form:?}, {candidate:?}, batch {batch}"
                        );
                    }
                    all.push((isa, bits(&expected)));
                }
                assert_same_everywhere(&all, form, &format!("{hidden} units, {candidate:?}"));
            }
        }
    }
}

#[test]
fn lstm_steps_are_the_bits_of_the_separate_steps() {
    let mut numbers = Numbers::new(2);
    for hidden in HIDDEN {
        let matrices = Matrices::new(&mut numbers, 4, hidden);
        let x = numbers.floats(STEPS * 11 * 4 * hidden);
        let start = numbers.floats(2 * 11 * hidden);
        let (start_h, start_c) = start.split_at(11 * hidden);
        for form in FORMS {
            let mut all = Vec::new();
            for isa in instruction_sets() {
                let packed = PackedLstm::pack_for(isa, matrices.recurrent(form), hidden);
                let packed = packed.expect("packs");
                assert_eq!((packed.hidden(), packed.isa()), (hidden, isa));
                let (mut h, mut c) = (start_h.to_vec(), start_c.to_vec());
                for x in x.chunks_exact(11 * 4 * hidden) {
                    let states = h.chunks_exact_mut(hidden).zip(c.chunks_exact_mut(hidden));
                    for (x, (h, c)) in x.chunks_exact(4 * hidden).zip(states) {
                        lstm_step(x, &matrices.product(isa, form, h), h, c);
                    }
                }
                let (expected_h, expected_c) = (h, c);
                let mut scratch = Scratch::new();
                for batch in BATCHES {
                    let mut h = start_h[..batch * hidden].to_vec();
                    let mut c = start_c[..batch * hidden].to_vec();
                    for x in x.chunks_exact(11 * 4 * hidden) {
                        let x = &x[..batch * 4 * hidden];
                        packed.step(x, batch, &mut h, &mut c, &mut scratch);
                    }
                    let case = format!("{isa}: {hidden} units, {form:?}, batch {batch}");
                    assert_eq!(bits(&h), bits(&expected_h[..batch * hidden]), "{case}");
                    assert_eq!(bits(&c), bits(&expected_c[..batch * hidden]), "{case}");
                }
                all.push((isa, bits(&expected_h)));
            }
            assert_same_everywhere(&all, form, &format!("{hidden} units"));
        }
    }
}

/// Gates that are wide open or shut, and states of any size: nothing becomes NaN, and slices may
/// start anywhere.
#[test]
fn steps_take_extremes_and_any_alignment() {
    let hidden = 33;
    let (values, scales) = (vec![127i8; 3 * hidden * hidden], vec![1.0; 3 * hidden]);
    let weights = Weights::I8 { values: &values, scales: &scales };
    for isa in instruction_sets() {
        let packed = PackedGru::pack_for(isa, Recurrent::Dense(weights), hidden, Activation::Tanh)
            .expect("packs");
        for (size, shift) in [(1.0, 0), (-1.0, 1), (1e30, 2), (-1e30, 3)] {
            let x = vec![size; shift + 3 * hidden];
            let mut h = vec![size; shift + hidden];
            let mut aligned = h[shift..].to_vec();
            let mut scratch = Scratch::new();
            packed.step(&x[shift..], 1, &mut h[shift..], &mut scratch);
            let copy = x[shift..].to_vec(); // which starts elsewhere
            packed.step(&copy, 1, &mut aligned, &mut scratch);
            assert_eq!(bits(&h[shift..]), bits(&aligned), "{isa}: {size}");
            assert!(aligned.iter().all(|h| h.is_finite()), "{isa}: {size}: {aligned:?}");
        }
    }
}

#[test]
fn packing_names_what_is_wrong() {
    let short = Recurrent::Dense(Weights::F32(&[0.0; 11]));
    let length = Error::Length { what: "weights", expected: 12, found: 11 };
    assert_eq!(PackedGru::pack(short, 2, Activation::Tanh).map(|_| ()), Err(length));
    let length = Error::Length { what: "weights", expected: 16, found: 11 };
    assert_eq!(PackedLstm::pack(short, 2).map(|_| ()), Err(length));
    let mut values = [1; 12];
    values[7] = -128;
    let weights = Weights::I8 { values: &values, scales: &[1.0; 6] };
    let error = PackedGru::pack(Recurrent::Dense(weights), 2, Activation::Tanh).map(|_| ());
    assert_eq!(error, Err(Error::WeightOutOfRange { offset: 7 }), "in the order of the caller");
    let none = PackedLstm::pack(Recurrent::Dense(Weights::F32(&[])), 0).map(|_| ());
    assert_eq!(none, Err(Error::Empty { rows: 0, cols: 0 }));
}
