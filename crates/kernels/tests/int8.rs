//! The int8 product compared with a triple loop, on every instruction set of this machine. Needs no
//! dependencies.

mod common;

use common::{ACTIVATIONS, LAYERS, Numbers, activate, bits, instruction_sets, product_i32, shapes};
use stonechat_kernels::quantize::{quantize_rows, quantize_vector};
use stonechat_kernels::{
    Activation, Error, IntegerProduct, Isa, Packed, PackedI8, Product, Scratch,
};

fn pack(isa: Isa, w: &[i8], rows: usize, cols: usize) -> PackedI8 {
    PackedI8::pack_for(isa, w, &vec![1.0; rows], rows, cols)
        .expect("the shape is right and the processor has the instructions")
}

#[test]
fn sums_are_exact_for_odd_shapes_and_batches() {
    let mut numbers = Numbers::new(1);
    for (rows, cols) in shapes() {
        let w = numbers.weights(rows * cols);
        let x = numbers.bytes(17 * cols);
        let expected = product_i32(&w, &x, rows, cols, 17);
        for isa in instruction_sets() {
            let packed = pack(isa, &w, rows, cols);
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
        let w = numbers.weights(rows * cols);
        let x = numbers.bytes(9 * cols);
        let expected = product_i32(&w, &x, rows, cols, 9);
        for isa in instruction_sets() {
            let packed = pack(isa, &w, rows, cols);
            for batch in [1, 2, 3, 4, 8, 9] {
                let mut out = vec![i32::MIN; batch * rows];
                packed.matmul_i32(&x[..batch * cols], batch, &mut Scratch::new(), &mut out);
                assert_eq!(out, expected[..batch * rows], "{isa}: {rows} x {cols}, batch {batch}");
            }
        }
    }
}

/// The most columns allowed; Miri would take an hour.
const LONGEST: usize = if cfg!(miri) { 99 } else { 132_104 };

/// If an instruction saturates, it happens here: the largest sums of each sign.
#[test]
fn extremes_do_not_saturate() {
    for (rows, cols, batches) in
        [(1, 1, [1, 8]), (33, 3, [3, 5]), (32, 64, [1, 8]), (40, 70, [2, 6]), (1, LONGEST, [1, 2])]
    {
        for w in [-127i8, 127] {
            for x in [-128i8, -127, 0, 127] {
                let sum = i32::from(w) * i32::from(x) * cols as i32;
                for isa in instruction_sets() {
                    let packed = pack(isa, &vec![w; rows * cols], rows, cols);
                    for batch in batches {
                        let mut out = vec![0; batch * rows];
                        packed.matmul_i32(
                            &vec![x; batch * cols],
                            batch,
                            &mut Scratch::new(),
                            &mut out,
                        );
                        assert_eq!(
                            out,
                            vec![sum; batch * rows],
                            "{isa}: all weights {w}, all inputs {x}, {rows} x {cols}, batch {batch}"
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
    let mut shapes = vec![(1, 1), (7, 9), (32, 32), (33, 65), (70, 31), (96, 80), (192, 256)];
    shapes.truncate(if cfg!(miri) { 2 } else { usize::MAX });
    for (rows, cols) in shapes {
        let (w, scales) = quantize_rows(&numbers.floats(rows * cols), rows, cols);
        let x: Vec<f32> = numbers.floats(17 * cols).iter().map(|v| v * 4.0).collect();
        let bias = numbers.floats(rows);
        for act in ACTIVATIONS {
            for bias in [None, Some(&bias[..])] {
                let mut expected = Vec::new();
                for vector in x.chunks_exact(cols) {
                    let mut q = vec![0; cols];
                    let scale = quantize_vector(vector, &mut q);
                    for (m, sum) in product_i32(&w, &q, rows, cols, 1).into_iter().enumerate() {
                        let v = sum as f32 * (scales[m] * scale) + bias.map_or(0.0, |bias| bias[m]);
                        expected.push((v, activate(act, f64::from(v))));
                    }
                }
                let mut first: Option<Vec<u32>> = None;
                for isa in instruction_sets() {
                    let packed = PackedI8::pack_for(isa, &w, &scales, rows, cols).expect("packs");
                    let mut y = vec![f32::NAN; 17 * rows];
                    packed.matmul(&x, 17, bias, act, &mut scratch, &mut y);
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
                    let y_bits = bits(&y);
                    assert_eq!(
                        first.get_or_insert_with(|| y_bits.clone()),
                        &y_bits,
                        "{isa}: {rows} x {cols}, {act:?}: not the bits of portable"
                    );
                    for batch in [1, 2, 3, 5, 8, 16] {
                        let mut part = vec![f32::NAN; batch * rows];
                        packed.matmul(
                            &x[cols..(batch + 1) * cols],
                            batch,
                            bias,
                            act,
                            &mut scratch,
                            &mut part,
                        );
                        assert_eq!(
                            bits(&part),
                            y_bits[rows..(batch + 1) * rows],
                            "{isa}: {rows} x {cols}, {act:?}: batch {batch} differs"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn slices_need_no_alignment() {
    let mut numbers = Numbers::new(4);
    let (rows, cols, batch) = (37, 45, 5);
    for isa in instruction_sets() {
        for shift in 0..9 {
            let w = numbers.weights(shift + rows * cols);
            let x = numbers.bytes(shift + batch * cols);
            let (w, x) = (&w[shift..], &x[shift..]);
            let mut out = vec![0; shift + batch * rows];
            pack(isa, w, rows, cols).matmul_i32(x, batch, &mut Scratch::new(), &mut out[shift..]);
            assert_eq!(out[shift..], product_i32(w, x, rows, cols, batch), "{isa}: shift {shift}");

            let x = numbers.floats(shift + batch * cols);
            let (mut y, mut aligned) = (vec![0.0; shift + batch * rows], vec![0.0; batch * rows]);
            let packed = pack(isa, w, rows, cols);
            packed.matmul(
                &x[shift..],
                batch,
                None,
                Activation::None,
                &mut Scratch::new(),
                &mut y[shift..],
            );
            let copy = x[shift..].to_vec(); // which starts elsewhere
            packed.matmul(&copy, batch, None, Activation::None, &mut Scratch::new(), &mut aligned);
            assert_eq!(bits(&y[shift..]), bits(&aligned), "{isa}: shift {shift}");
        }
    }
}

/// One scratch serves many matrices; what an earlier, larger product left in its padding must not
/// matter.
#[test]
fn scratch_keeps_nothing_between_products() {
    let mut numbers = Numbers::new(5);
    for isa in instruction_sets() {
        let mut used = Scratch::new();
        for (rows, cols, batch) in [(70, 69, 9), (5, 3, 2), (33, 66, 1), (64, 1, 17), (1, 7, 3)] {
            let w = numbers.weights(rows * cols);
            let x = numbers.floats(batch * cols);
            let packed = pack(isa, &w, rows, cols);
            let (mut y, mut fresh) = (vec![0.0; batch * rows], vec![0.0; batch * rows]);
            packed.matmul(&x, batch, None, Activation::None, &mut used, &mut y);
            packed.matmul(&x, batch, None, Activation::None, &mut Scratch::new(), &mut fresh);
            assert_eq!(bits(&y), bits(&fresh), "{isa}: {rows} x {cols}, batch {batch}");
        }
    }
}

#[test]
fn what_is_not_finite_counts_as_zero() {
    let (rows, cols) = (3, 40);
    let mut numbers = Numbers::new(6);
    let w = numbers.weights(rows * cols);
    let mut clean = numbers.floats(2 * cols);
    let mut dirty = clean.clone();
    for (i, bad) in [(0, f32::NAN), (7, f32::INFINITY), (33, f32::NEG_INFINITY), (39, -f32::NAN)] {
        (clean[i], dirty[i]) = (0.0, bad);
    }
    for isa in instruction_sets() {
        let packed = pack(isa, &w, rows, cols);
        let (mut y, mut expected) = (vec![0.0; 2 * rows], vec![0.0; 2 * rows]);
        packed.matmul(&dirty, 2, None, Activation::None, &mut Scratch::new(), &mut y);
        packed.matmul(&clean, 2, None, Activation::None, &mut Scratch::new(), &mut expected);
        assert_eq!(bits(&y), bits(&expected), "{isa}");

        let bias = [1.0, -2.0, 3.0];
        for empty in [0.0, f32::NAN, f32::INFINITY, 1e-38, 1e-45] {
            packed.matmul(
                &[empty; 40],
                1,
                Some(&bias),
                Activation::None,
                &mut Scratch::new(),
                &mut y[..rows],
            );
            assert_eq!(y[..rows], bias, "{isa}: all inputs {empty}");
        }
        let mut one = [0.0; 40];
        one[5] = f32::MAX;
        packed.matmul(&one, 1, None, Activation::None, &mut Scratch::new(), &mut y[..rows]);
        assert!(y[..rows].iter().all(|v| !v.is_nan()), "{isa}: {:?}", &y[..rows]);
    }
}

#[test]
fn packing_names_what_is_wrong() {
    type Case<'a> = (&'a [i8], &'a [f32], usize, usize, Error, &'a str);
    let cases: [Case; 7] = [
        (&[], &[], 0, 3, Error::Empty { rows: 0, cols: 3 }, "0 x 3"),
        (&[], &[1.0], 1, 0, Error::Empty { rows: 1, cols: 0 }, "1 x 0"),
        (
            &[0; 5],
            &[1.0; 2],
            2,
            3,
            Error::Length { what: "weights", expected: 6, found: 5 },
            "`weights` has 5",
        ),
        (
            &[0; 6],
            &[1.0; 3],
            2,
            3,
            Error::Length { what: "scales", expected: 2, found: 3 },
            "`scales` has 3",
        ),
        (
            &[0, 1, -127, 127, -128, 5],
            &[1.0; 2],
            2,
            3,
            Error::WeightOutOfRange { offset: 4 },
            "offset 4",
        ),
        (&[0; 6], &[1.0, f32::NAN], 2, 3, Error::ScaleNotFinite { row: 1 }, "row 1"),
        (
            &[],
            &[1.0],
            1,
            132_105,
            Error::TooManyColumns { cols: 132_105, limit: 132_104 },
            "132104",
        ),
    ];
    for (w, scales, rows, cols, expected, words) in cases {
        let error = PackedI8::pack(w, scales, rows, cols).expect_err(words);
        assert_eq!(error, expected);
        assert!(error.to_string().contains(words), "`{error}` lacks `{words}`");
    }
    let overflow = PackedI8::pack(&[], &[], usize::MAX, 2).expect_err("rows * cols overflows");
    assert_eq!(overflow, Error::Length { what: "weights", expected: usize::MAX, found: 0 });
    for isa in Isa::ALL {
        let packed = PackedI8::pack_for(isa, &[1], &[1.0], 1, 1);
        assert_eq!(packed.is_ok(), Isa::available().contains(&isa), "{isa}");
    }
}

#[test]
fn a_packed_matrix_tells_its_shape() {
    for (rows, cols) in [(32, 4), (33, 5), (1, 1), (64, 16)] {
        let (w, scales) = (vec![1; rows * cols], vec![1.0; rows]);
        let packed = PackedI8::pack(&w, &scales, rows, cols).expect("packs");
        assert_eq!((packed.rows(), packed.cols(), packed.isa()), (rows, cols, Isa::detect()));
        for isa in instruction_sets() {
            // Whole panels of 32 rows, with columns padded to what a kernel processes at once: 4
            // to 16. One scale and one offset per row.
            let padded_rows = rows.div_ceil(32) * 32;
            let least = padded_rows * (cols.div_ceil(4) * 4 + 8);
            let most = padded_rows * (cols.div_ceil(16) * 16 + 8);
            let bytes = PackedI8::pack_for(isa, &w, &scales, rows, cols).expect("packs").bytes();
            assert!((least..=most).contains(&bytes), "{isa}: {rows} x {cols} takes {bytes} bytes");
        }
    }
}

#[test]
fn names_of_instruction_sets_round_trip() {
    for isa in Isa::ALL {
        assert_eq!(isa.name().parse::<Isa>(), Ok(isa));
        assert_eq!(isa.to_string(), isa.name());
    }
    assert_eq!("sse9".parse::<Isa>(), Err(Error::UnknownIsa("sse9".to_owned())));
    assert_eq!(Isa::available().last(), Some(&Isa::detect()));
    assert_eq!(Isa::available().first(), Some(&Isa::Portable));
}

/// Reports the paths that the tests of this process run on. Scripts that switch instructions on and
/// off set `STONECHAT_PATHS` to the required ones, so that a path cannot drop out of CI unnoticed.
#[test]
fn paths_that_run() {
    let paths: Vec<&str> = Isa::available().iter().map(|isa| isa.name()).collect();
    let paths = paths.join(" ");
    println!("paths: {paths}");
    if let Ok(expected) = std::env::var("STONECHAT_PATHS") {
        assert_eq!(paths, expected);
    }
}
