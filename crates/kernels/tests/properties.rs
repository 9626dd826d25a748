//! Random products. (Needs proptest; the other test files need no crate.)

mod common;

use common::{Numbers, bits, masked, pack_i4, product_f64, product_i4, product_i32};
use proptest::prelude::*;
use stonechat_kernels::quantize::{quantize_groups, quantize_rows, quantize_vector};
use stonechat_kernels::{
    Activation, BlockSparseI8, IntegerProduct, Isa, PackedF32, PackedI8, Product, Scratch,
};

/// Shape and batch, then as many values as they require.
fn product<T: std::fmt::Debug>(
    weight: impl Strategy<Value = T> + Clone,
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = (usize, usize, usize, Vec<T>, Vec<T>)> {
    (1usize..=100, 1usize..=100, 1usize..=17).prop_flat_map(move |(rows, cols, batch)| {
        let w = prop::collection::vec(weight.clone(), rows * cols);
        let x = prop::collection::vec(value.clone(), batch * cols);
        (Just(rows), Just(cols), Just(batch), w, x)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn integer_sums_equal_the_triple_loop((rows, cols, batch, w, x) in product(-127i8..=127, i8::MIN..=i8::MAX)) {
        let expected = product_i32(&w, &x, rows, cols, batch);
        for isa in Isa::available() {
            let packed = PackedI8::pack_for(isa, &w, &vec![1.0; rows], rows, cols).unwrap();
            let mut out = vec![0; batch * rows];
            packed.matmul_i32(&x, batch, &mut Scratch::new(), &mut out);
            prop_assert_eq!(&out, &expected, "{}", isa);
        }
    }

    #[test]
    fn float_products_are_close_to_the_triple_loop((rows, cols, batch, w, x) in product(-1e3f32..1e3, -1e3f32..1e3)) {
        let expected = product_f64(&w, &x, rows, cols, batch);
        for isa in Isa::available() {
            let packed = PackedF32::pack_for(isa, &w, rows, cols).unwrap();
            let mut y = vec![0.0; batch * rows];
            packed.matmul(&x, batch, None, Activation::None, &mut Scratch::new(), &mut y);
            for (got, (exact, magnitude)) in y.iter().zip(&expected) {
                let bound = magnitude * (cols as f64 + 2.0) * f64::from(f32::EPSILON) / 2.0;
                prop_assert!((f64::from(*got) - exact).abs() <= bound, "{}: {} is not {}", isa, got, exact);
            }
        }
    }

    /// Any bit pattern is allowed as an input; the results are finite and the same everywhere.
    #[test]
    fn quantised_products_take_any_float((rows, cols, batch, w, x) in product(any::<i8>().prop_map(|w| f32::from(w) * 1e-3), any::<u32>().prop_map(f32::from_bits))) {
        let (w, scales) = quantize_rows(&w, rows, cols);
        let mut first = None;
        for isa in Isa::available() {
            let packed = PackedI8::pack_for(isa, &w, &scales, rows, cols).unwrap();
            let mut y = vec![f32::NAN; batch * rows];
            packed.matmul(&x, batch, None, Activation::Tanh, &mut Scratch::new(), &mut y);
            prop_assert!(y.iter().all(|v| v.abs() <= 1.0), "{}", isa);
            let y = bits(&y);
            prop_assert_eq!(first.get_or_insert_with(|| y.clone()), &y, "{}", isa);
        }
    }

    /// The error of a quantized value is at most half a step, plus a little for the rounding of the
    /// quotient.
    #[test]
    fn quantising_moves_a_value_by_half_a_step_at_most(x in prop::collection::vec(-1e6f32..1e6, 1..200)) {
        let mut q = vec![0; x.len()];
        let scale = quantize_vector(&x, &mut q);
        for (v, q) in x.iter().zip(&q) {
            prop_assert!((v - f32::from(*q) * scale).abs() <= scale * 0.5001, "{} became {} x {}", v, q, scale);
        }
    }

    /// Through bytes, and from the order of any instruction set to that of any other, nothing is
    /// lost.
    #[test]
    fn packed_bytes_hold_the_matrix((rows, cols, _, w, _) in product(-127i8..=127, 0i8..=0), scale in -1e3f32..1e3) {
        let scales: Vec<f32> = (0..rows).map(|row| scale * row as f32).collect();
        for from in Isa::available() {
            let bytes = PackedI8::pack_for(from, &w, &scales, rows, cols).unwrap().to_bytes();
            for to in Isa::available() {
                let unpacked = PackedI8::from_bytes_for(to, &bytes).unwrap().unpack();
                prop_assert_eq!(&unpacked, &(w.clone(), scales.clone()), "{} to {}", from, to);
            }
        }
    }

    #[test]
    fn four_bit_sums_equal_the_triple_loop(rows in 1usize..=100, cols in 1usize..=100, batch in 1usize..=17, seed in any::<u64>()) {
        let mut numbers = Numbers::new(seed);
        let groups = numbers.groups(rows, cols);
        let x = numbers.bytes(batch * cols);
        let expected = product_i4(&groups, &x, batch);
        for isa in Isa::available() {
            let mut out = vec![0; batch * rows];
            pack_i4(isa, &groups).unwrap().matmul_i32(&x, batch, &mut Scratch::new(), &mut out);
            prop_assert_eq!(&out, &expected, "{}", isa);
        }
    }

    /// A weight changes by at most half a step, or is clipped; the row's largest magnitude bounds
    /// the step.
    #[test]
    fn quantising_to_four_bits_stays_near(w in prop::collection::vec(-1e6f32..1e6, 1..200)) {
        let groups = quantize_groups(&w, 1, w.len());
        let largest = w.iter().fold(0f32, |most, v| most.max(v.abs()));
        for (v, back) in w.iter().zip(groups.to_f32()) {
            prop_assert!((v - back).abs() <= 0.35 * largest, "{} became {}", v, back);
        }
    }

    #[test]
    fn block_sparse_sums_equal_the_triple_loop(rows in 1usize..=100, cols in 1usize..=100, batch in 1usize..=17, percent in 0u32..=100, seed in any::<u64>()) {
        let mut numbers = Numbers::new(seed);
        let mask = numbers.mask(rows, cols, percent);
        let (w, x) = (numbers.weights(rows * cols), numbers.bytes(batch * cols));
        let expected = product_i32(&masked(&w, &mask, cols), &x, rows, cols, batch);
        for isa in Isa::available() {
            let packed = BlockSparseI8::pack_for(isa, &w, &vec![1.0; rows], &mask, rows, cols).unwrap();
            let mut out = vec![0; batch * rows];
            packed.matmul_i32(&x, batch, &mut Scratch::new(), &mut out);
            prop_assert_eq!(&out, &expected, "{}", isa);
        }
    }
}
