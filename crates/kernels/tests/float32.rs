//! The float product compared with a triple loop in f64, on every instruction set of this machine.
//! Needs no dependencies.

mod common;

use common::{ACTIVATIONS, LAYERS, Numbers, activate, bits, instruction_sets, product_f64, shapes};
use stonechat_kernels::{Activation, Error, Isa, Packed, PackedF32, Product, Scratch};

/// The error of a chain of n roundings is at most n units in the last place of the sum of
/// magnitudes.
fn assert_close(y: &[f32], expected: &[(f64, f64)], cols: usize, case: &str) {
    assert_eq!(y.len(), expected.len());
    for (i, (got, (exact, magnitude))) in y.iter().zip(expected).enumerate() {
        let bound = magnitude * (cols as f64 + 2.0) * f64::from(f32::EPSILON) / 2.0;
        assert!(
            (f64::from(*got) - exact).abs() <= bound,
            "{case}: element {i} is {got}, not {exact} within {bound}"
        );
    }
}

#[test]
fn products_are_right_for_odd_shapes_and_do_not_depend_on_the_batch() {
    let mut numbers = Numbers::new(1);
    for (rows, cols) in shapes() {
        let w = numbers.floats(rows * cols);
        let x = numbers.floats(17 * cols);
        let expected = product_f64(&w, &x, rows, cols, 17);
        let mut fused: Option<Vec<u32>> = None;
        for isa in instruction_sets() {
            let packed = PackedF32::pack_for(isa, &w, rows, cols).expect("packs");
            let mut whole = vec![f32::NAN; 17 * rows];
            packed.matmul(&x, 17, None, Activation::None, &mut Scratch::new(), &mut whole);
            assert_close(&whole, &expected, cols, &format!("{isa}: {rows} x {cols}"));
            for batch in 0..=17 {
                let mut part = vec![f32::NAN; batch * rows];
                let skipped = 17 - batch;
                packed.matmul(
                    &x[skipped * cols..],
                    batch,
                    None,
                    Activation::None,
                    &mut Scratch::new(),
                    &mut part,
                );
                assert_eq!(
                    bits(&part),
                    bits(&whole[skipped * rows..]),
                    "{isa}: {rows} x {cols}: batch {batch} differs"
                );
            }
            if isa != Isa::Portable {
                let whole = bits(&whole);
                assert_eq!(
                    fused.get_or_insert_with(|| whole.clone()),
                    &whole,
                    "{isa}: {rows} x {cols}: fused paths differ"
                );
            }
        }
    }
}

#[test]
fn products_are_right_for_layers() {
    let mut numbers = Numbers::new(2);
    for (rows, cols) in LAYERS {
        let w = numbers.floats(rows * cols);
        let x = numbers.floats(9 * cols);
        let expected = product_f64(&w, &x, rows, cols, 9);
        for isa in instruction_sets() {
            let packed = PackedF32::pack_for(isa, &w, rows, cols).expect("packs");
            for batch in [1, 4, 8, 9] {
                let mut y = vec![f32::NAN; batch * rows];
                packed.matmul(
                    &x[..batch * cols],
                    batch,
                    None,
                    Activation::None,
                    &mut Scratch::new(),
                    &mut y,
                );
                assert_close(
                    &y,
                    &expected[..batch * rows],
                    cols,
                    &format!("{isa}: {rows} x {cols}, batch {batch}"),
                );
            }
        }
    }
}

#[test]
fn bias_and_activation_are_applied() {
    let mut numbers = Numbers::new(3);
    let batch = 3;
    for (rows, cols) in [(1, 1), (31, 20), (32, 5), (33, 17), (70, 64)] {
        let (w, x, bias) =
            (numbers.floats(rows * cols), numbers.floats(batch * cols), numbers.floats(rows));
        for isa in instruction_sets() {
            let packed = PackedF32::pack_for(isa, &w, rows, cols).expect("packs");
            let mut plain = vec![0.0; batch * rows];
            packed.matmul(&x, batch, None, Activation::None, &mut Scratch::new(), &mut plain);
            for act in ACTIVATIONS {
                let mut y = vec![f32::NAN; batch * rows];
                packed.matmul(&x, batch, Some(&bias), act, &mut Scratch::new(), &mut y);
                for i in 0..y.len() {
                    let exact = activate(act, f64::from(plain[i] + bias[i % rows]));
                    assert!(
                        (f64::from(y[i]) - exact).abs() <= 2e-7,
                        "{isa}: {rows} x {cols}, {act:?}, element {i}: {}, not {exact}",
                        y[i]
                    );
                }
            }
        }
    }
}

#[test]
fn the_transpose_gives_what_packing_it_gives() {
    let mut numbers = Numbers::new(5);
    let batch = 5;
    for (rows, cols) in [(1, 1), (7, 40), (33, 32), (64, 65), (96, 33)] {
        let (w, x) = (numbers.floats(rows * cols), numbers.floats(batch * rows));
        let transpose: Vec<f32> =
            (0..rows * cols).map(|i| w[(i % rows) * cols + i / rows]).collect();
        let packed = PackedF32::pack_transposed(&w, rows, cols).expect("packs");
        assert_eq!((packed.rows(), packed.cols()), (cols, rows));
        let twin = PackedF32::pack(&transpose, cols, rows).expect("packs");
        let [product, expected] = [packed, twin].map(|packed| {
            let mut y = vec![f32::NAN; batch * cols];
            packed.matmul(&x, batch, None, Activation::None, &mut Scratch::new(), &mut y);
            bits(&y)
        });
        assert_eq!(product, expected, "{rows} x {cols} transposed");
    }
}

#[test]
fn slices_need_no_alignment() {
    let mut numbers = Numbers::new(6);
    let (rows, cols, batch) = (37, 45, 5);
    for isa in instruction_sets() {
        let w = numbers.floats(rows * cols);
        let packed = PackedF32::pack_for(isa, &w, rows, cols).expect("packs");
        for shift in 0..17 {
            let (x, mut y) =
                (numbers.floats(shift + batch * cols), vec![0.0; shift + batch * rows]);
            packed.matmul(
                &x[shift..],
                batch,
                None,
                Activation::None,
                &mut Scratch::new(),
                &mut y[shift..],
            );
            let expected = product_f64(&w, &x[shift..], rows, cols, batch);
            assert_close(&y[shift..], &expected, cols, &format!("{isa}: shift {shift}"));
        }
    }
}

#[test]
fn packing_names_what_is_wrong() {
    assert_eq!(PackedF32::pack(&[], 0, 3).unwrap_err(), Error::Empty { rows: 0, cols: 3 });
    assert_eq!(
        PackedF32::pack(&[0.0; 5], 2, 3).unwrap_err(),
        Error::Length { what: "weights", expected: 6, found: 5 }
    );
    assert_eq!(
        PackedF32::pack(&[], usize::MAX, 2).unwrap_err(),
        Error::Length { what: "weights", expected: usize::MAX, found: 0 }
    );
    assert_eq!(
        PackedF32::pack_transposed(&[0.0; 5], 2, 3).unwrap_err(),
        Error::Length { what: "weights", expected: 6, found: 5 }
    );
    let packed = PackedF32::pack(&[1.0; 6], 2, 3).expect("packs");
    assert_eq!(packed.bytes(), 32 * 3 * 4);
    for isa in Isa::ALL {
        assert_eq!(
            PackedF32::pack_for(isa, &[1.0], 1, 1).is_ok(),
            Isa::available().contains(&isa),
            "{isa}"
        );
    }
}
