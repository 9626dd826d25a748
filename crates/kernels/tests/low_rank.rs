//! Low-rank products compared with two products, on every instruction set of this machine. Needs no
//! dependencies.

mod common;

use common::{ACTIVATIONS, Numbers, bits, instruction_sets};
use stonechat_kernels::quantize::quantize_rows;
use stonechat_kernels::{
    Activation, Error, Isa, Packed, PackedF32, PackedI8, PackedLowRank, Product, Scratch, Weights,
};

/// A matrix in both storages.
struct Matrix {
    rows: usize,
    cols: usize,
    floats: Vec<f32>,
    values: Vec<i8>,
    scales: Vec<f32>,
}

impl Matrix {
    fn new(numbers: &mut Numbers, rows: usize, cols: usize) -> Self {
        let floats = numbers.floats(rows * cols);
        let (values, scales) = quantize_rows(&floats, rows, cols);
        Self { rows, cols, floats, values, scales }
    }

    fn weights(&self, int8: bool) -> Weights<'_> {
        match int8 {
            true => Weights::I8 { values: &self.values, scales: &self.scales },
            false => Weights::F32(&self.floats),
        }
    }

    /// One vector at a time, so that nothing is shared with the batches of the tested call.
    fn product(&self, isa: Isa, int8: bool, x: &[f32], act: Activation) -> Vec<f32> {
        let (rows, cols) = (self.rows, self.cols);
        let mut y = vec![f32::NAN; x.len() / cols * rows];
        for (x, y) in x.chunks_exact(cols).zip(y.chunks_exact_mut(rows)) {
            if int8 {
                let packed = PackedI8::pack_for(isa, &self.values, &self.scales, rows, cols);
                packed.expect("packs").matmul(x, 1, None, act, &mut Scratch::new(), y);
            } else {
                let packed = PackedF32::pack_for(isa, &self.floats, rows, cols);
                packed.expect("packs").matmul(x, 1, None, act, &mut Scratch::new(), y);
            }
        }
        y
    }
}

#[test]
fn one_call_gives_the_bits_of_two() {
    let mut numbers = Numbers::new(1);
    for (rows, rank, cols) in
        [(1, 1, 1), (7, 3, 5), (33, 31, 65), (32, 32, 32), (70, 33, 9), (96, 40, 80)]
    {
        let (u, v) = (Matrix::new(&mut numbers, rows, rank), Matrix::new(&mut numbers, rank, cols));
        let x = numbers.floats(17 * cols);
        for isa in instruction_sets() {
            let mut scratch = Scratch::new();
            for (u_int8, v_int8) in [(true, true), (false, false), (true, false), (false, true)] {
                let middle = v.product(isa, v_int8, &x, Activation::None);
                let packed = PackedLowRank::pack_for(
                    isa,
                    u.weights(u_int8),
                    v.weights(v_int8),
                    rows,
                    rank,
                    cols,
                )
                .expect("packs");
                assert_eq!((packed.rows(), packed.cols()), (rows, cols));
                assert_eq!(packed.isa(), isa);
                for act in ACTIVATIONS {
                    let expected = u.product(isa, u_int8, &middle, act);
                    for batch in [0, 1, 2, 3, 4, 7, 8, 9, 17] {
                        let x = &x[x.len() - batch * cols..];
                        let mut y = vec![f32::NAN; batch * rows];
                        packed.matmul(x, batch, None, act, &mut scratch, &mut y);
                        assert_eq!(
                            bits(&y),
                            bits(&expected[expected.len() - batch * rows..]),
                            "{isa}: {rows} x {rank} x {cols}, int8 {u_int8} {v_int8}, {act:?}, batch {batch}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn bias_is_added_and_slices_need_no_alignment() {
    let mut numbers = Numbers::new(2);
    let (rows, rank, cols, batch) = (41, 19, 37, 5);
    let (u, v) = (Matrix::new(&mut numbers, rows, rank), Matrix::new(&mut numbers, rank, cols));
    let (x, bias) = (numbers.floats(batch * cols + 1), numbers.floats(rows + 1));
    let (x, bias) = (&x[1..], &bias[1..]);
    for isa in instruction_sets() {
        for int8 in [true, false] {
            let middle = v.product(isa, int8, x, Activation::None);
            let plain = u.product(isa, int8, &middle, Activation::None);
            let (u, v) = (u.weights(int8), v.weights(int8));
            let packed = PackedLowRank::pack_for(isa, u, v, rows, rank, cols).expect("packs");
            let mut y = vec![f32::NAN; batch * rows + 1];
            let act = Activation::ClippedRelu(0.5);
            packed.matmul(x, batch, Some(bias), act, &mut Scratch::new(), &mut y[1..]);
            for (i, (y, plain)) in y[1..].iter().zip(&plain).enumerate() {
                let expected = (plain + bias[i % rows]).clamp(0.0, 0.5);
                assert_eq!(*y, expected, "{isa}: int8 {int8}, element {i}");
            }
        }
    }
}

#[test]
fn packing_names_what_is_wrong() {
    let ok = Weights::F32(&[1.0; 6]);
    let short = Weights::I8 { values: &[1; 5], scales: &[1.0; 3] };
    let length = Error::Length { what: "weights", expected: 6, found: 5 };
    assert_eq!(PackedLowRank::pack(ok, short, 2, 3, 2).map(|_| ()), Err(length.clone()));
    assert_eq!(PackedLowRank::pack(short, ok, 3, 2, 3).map(|_| ()), Err(length));
    let empty = PackedLowRank::pack(Weights::F32(&[]), Weights::F32(&[]), 2, 0, 3);
    assert_eq!(empty.map(|_| ()), Err(Error::Empty { rows: 2, cols: 0 }));
}
