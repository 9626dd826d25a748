//! The int4 product compared with a triple loop, on every instruction set of this machine. Needs no
//! dependencies.

mod common;

use common::{
    ACTIVATIONS, LAYERS, Numbers, activate, bits, instruction_sets, pack_i4, product_i4, shapes,
};
use stonechat_kernels::quantize::{GROUP, Grouped, quantize_groups, quantize_vector};
use stonechat_kernels::{
    Activation, Error, IntegerProduct, Isa, Packed, PackedI4, Product, Scratch,
};

fn pack(isa: Isa, groups: &Grouped) -> PackedI4 {
    pack_i4(isa, groups).expect("the shape is right and the processor has the instructions")
}

#[test]
fn sums_are_exact_for_odd_shapes_and_batches() {
    let mut numbers = Numbers::new(1);
    for (rows, cols) in shapes() {
        let groups = numbers.groups(rows, cols);
        let x = numbers.bytes(17 * cols);
        let expected = product_i4(&groups, &x, 17);
        for isa in instruction_sets() {
            let packed = pack(isa, &groups);
            for batch in 0..=17 {
                let mut out = vec![i32::MIN; batch * rows];
                packed.matmul_i32(&x[..batch * cols], batch, &mut Scratch::new(), &mut out);
                assert_eq!(out, expected[..batch * rows], "{isa}: {rows} x {cols}, batch {batch}");
            }
        }
    }
}

#[test]
fn sums_are_exact_for_layers() {
    let mut numbers = Numbers::new(2);
    for (rows, cols) in LAYERS {
        let groups = numbers.groups(rows, cols);
        let x = numbers.bytes(9 * cols);
        let expected = product_i4(&groups, &x, 9);
        for isa in instruction_sets() {
            let packed = pack(isa, &groups);
            for batch in [1, 2, 3, 4, 8, 9] {
                let mut out = vec![i32::MIN; batch * rows];
                packed.matmul_i32(&x[..batch * cols], batch, &mut Scratch::new(), &mut out);
                assert_eq!(out, expected[..batch * rows], "{isa}: {rows} x {cols}, batch {batch}");
            }
        }
    }
}

/// If 16 bits overflow or an instruction saturates, it happens here: the largest sums of each sign,
/// up to the limit of 32 bits.
#[test]
fn extremes_do_not_saturate() {
    for (rows, cols, batch) in [(1, 1, 8), (33, 32, 5), (32, 64, 1), (40, 70, 4), (1, 16_352, 2)] {
        for weight in [-8, 7] {
            for scale in [-128, 127] {
                for x in [-128i8, -127, 0, 127] {
                    let groups = Grouped {
                        rows,
                        cols,
                        weights: vec![weight; rows * cols],
                        group_scales: vec![scale; rows * cols.div_ceil(GROUP)],
                        row_scales: vec![1.0; rows],
                    };
                    let sum =
                        i32::from(weight) * i32::from(scale) * i32::from(x.max(-127)) * cols as i32;
                    for isa in instruction_sets() {
                        let mut out = vec![0; batch * rows];
                        pack(isa, &groups).matmul_i32(
                            &vec![x; batch * cols],
                            batch,
                            &mut Scratch::new(),
                            &mut out,
                        );
                        assert_eq!(
                            out,
                            vec![sum; batch * rows],
                            "{isa}: all weights {weight}, scales {scale}, inputs {x}, {rows} x {cols}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn float_results_are_the_formula_and_the_same_bits_everywhere() {
    let mut numbers = Numbers::new(3);
    let mut scratch = Scratch::new();
    for (rows, cols) in [(1, 1), (7, 9), (32, 32), (33, 65), (70, 31), (192, 256)] {
        let groups = quantize_groups(&numbers.floats(rows * cols), rows, cols);
        let x: Vec<f32> = numbers.floats(17 * cols).iter().map(|v| v * 4.0).collect();
        let bias = numbers.floats(rows);
        for act in ACTIVATIONS {
            let mut expected = Vec::new();
            for vector in x.chunks_exact(cols) {
                let mut q = vec![0; cols];
                let scale = quantize_vector(vector, &mut q);
                for (m, sum) in product_i4(&groups, &q, 1).into_iter().enumerate() {
                    let v = sum as f32 * (groups.row_scales[m] * scale) + bias[m];
                    expected.push((v, activate(act, f64::from(v))));
                }
            }
            let mut first: Option<Vec<u32>> = None;
            for isa in instruction_sets() {
                let packed = pack(isa, &groups);
                let mut y = vec![f32::NAN; 17 * rows];
                packed.matmul(&x, 17, Some(&bias), act, &mut scratch, &mut y);
                for (i, (got, (v, exact))) in y.iter().zip(&expected).enumerate() {
                    let close = match act {
                        Activation::None => got == v,
                        _ => (f64::from(*got) - exact).abs() <= 2e-7,
                    };
                    assert!(
                        close,
                        "{isa}: {rows} x {cols}, {act:?}, element {i}: {got}, not {exact}"
                    );
                }
                let all = bits(&y);
                assert_eq!(
                    first.get_or_insert_with(|| all.clone()),
                    &all,
                    "{isa}: {rows} x {cols}"
                );
                for batch in [1, 2, 3, 5, 8, 16] {
                    let mut part = vec![f32::NAN; batch * rows];
                    let x = &x[cols..(batch + 1) * cols];
                    packed.matmul(x, batch, Some(&bias), act, &mut scratch, &mut part);
                    assert_eq!(bits(&part), all[rows..(batch + 1) * rows], "{isa}: batch {batch}");
                }
            }
        }
    }
}

/// Slices that start anywhere, and a scratch filled by an earlier, larger product.
#[test]
fn neither_alignment_nor_an_earlier_product_matters() {
    let mut numbers = Numbers::new(4);
    for isa in instruction_sets() {
        let mut used = Scratch::new();
        for (rows, cols, batch) in [(70, 69, 9), (5, 3, 2), (33, 66, 1), (64, 1, 17), (37, 45, 5)] {
            let groups = numbers.groups(rows, cols);
            let packed = pack(isa, &groups);
            for shift in 0..5 {
                let x = numbers.floats(shift + batch * cols);
                let (mut y, mut fresh) = (vec![0.0; shift + batch * rows], vec![0.0; batch * rows]);
                packed.matmul(
                    &x[shift..],
                    batch,
                    None,
                    Activation::None,
                    &mut used,
                    &mut y[shift..],
                );
                let copy = x[shift..].to_vec();
                packed.matmul(
                    &copy,
                    batch,
                    None,
                    Activation::None,
                    &mut Scratch::new(),
                    &mut fresh,
                );
                assert_eq!(
                    bits(&y[shift..]),
                    bits(&fresh),
                    "{isa}: {rows} x {cols}, shift {shift}"
                );
            }
        }
    }
}

#[test]
fn packing_names_what_is_wrong() {
    let good = Numbers::new(5).groups(2, 33);
    type Spoil = fn(&mut Grouped);
    let cases: [(Spoil, Error, &str); 7] = [
        (|g| g.rows = 0, Error::Empty { rows: 0, cols: 33 }, "0 x 33"),
        (
            |g| g.weights.truncate(65),
            Error::Length { what: "weights", expected: 66, found: 65 },
            "`weights` has 65",
        ),
        (
            |g| g.group_scales.truncate(2),
            Error::Length { what: "group_scales", expected: 4, found: 2 },
            "`group_scales` has 2",
        ),
        (
            |g| g.row_scales.push(1.0),
            Error::Length { what: "row_scales", expected: 2, found: 3 },
            "`row_scales` has 3",
        ),
        (|g| g.weights[40] = 8, Error::NotFourBits { offset: 40 }, "offset 40"),
        (|g| g.row_scales[1] = f32::INFINITY, Error::ScaleNotFinite { row: 1 }, "row 1"),
        (|g| g.cols = 16_353, Error::TooManyColumns { cols: 16_353, limit: 16_352 }, "16352"),
    ];
    assert!(pack_i4(Isa::detect(), &good).is_ok());
    for (spoil, expected, words) in cases {
        let mut groups = good.clone();
        spoil(&mut groups);
        let error = pack_i4(Isa::detect(), &groups).expect_err(words);
        assert_eq!(error, expected);
        assert!(error.to_string().contains(words), "`{error}` lacks `{words}`");
    }
}

/// 4 bits per weight, 8 per group, 32 per row.
#[test]
fn a_packed_matrix_tells_its_shape() {
    for (rows, cols, bytes) in
        [(64, 320, 64 * 160 + 64 * 10 + 64 * 4), (33, 5, 64 * 16 + 2 * 64 + 64 * 4)]
    {
        let packed = pack(Isa::detect(), &Numbers::new(6).groups(rows, cols));
        assert_eq!((packed.rows(), packed.cols(), packed.isa()), (rows, cols, Isa::detect()));
        assert_eq!(packed.bytes(), bytes, "{rows} x {cols}");
    }
}

/// Root mean square of the error as a share of that of the weights.
fn relative_error(w: &[f32], rows: usize, cols: usize) -> f64 {
    let back = quantize_groups(w, rows, cols).to_f32();
    let square = |v: f64| v * v;
    let error: f64 = w.iter().zip(&back).map(|(w, b)| square(f64::from(w - b))).sum();
    (error / w.iter().map(|w| square(f64::from(*w))).sum::<f64>()).sqrt()
}

#[test]
fn quantising_loses_as_little_as_the_documentation_says() {
    let mut numbers = Numbers::new(7);
    let uniform = numbers.floats(64 * 320);
    let sums = numbers.floats(12 * 64 * 320);
    let normal: Vec<f32> = sums.chunks_exact(12).map(|v| v.iter().sum()).collect();
    // Rows and groups of very different sizes, as in trained matrices.
    let uneven: Vec<f32> = normal
        .iter()
        .enumerate()
        .map(|(i, v)| v * 10f32.powi((i / GROUP % 3 + i / 320 % 5) as i32))
        .collect();
    for (name, w, most) in
        [("uniform", uniform, 0.07), ("normal", normal, 0.09), ("uneven", uneven, 0.09)]
    {
        let error = relative_error(&w, 64, 320);
        println!("{name}: {error:.4}");
        assert!(error < most, "{name}: {error}");
    }
}

#[test]
fn quantising_takes_what_is_not_finite_as_zero() {
    let mut w = vec![0.5f32; 2 * 40];
    (w[0], w[1], w[39], w[45]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e38);
    let back = quantize_groups(&w, 2, 40).to_f32();
    assert!(back.iter().all(|v| v.is_finite()), "{back:?}");
    assert_eq!((back[0], back[1], back[39]), (0.0, 0.0, 0.0));
    let none = quantize_groups(&[1e-38, f32::NAN], 1, 2);
    assert_eq!((none.weights, none.row_scales), (vec![0, 0], vec![0.0]));
}
