//! The cost model: what must hold for any calibration, and for one of this machine. No times are
//! tested.

#![cfg(feature = "fft")]

mod common;

use std::time::Duration;
use stonechat_kernels::cost_model::{Calibration, Form, Product, Rate, bytes};

/// Round numbers close to those of a desktop processor.
fn example() -> Calibration {
    Calibration {
        bandwidths: [(2.5e5, 1e11), (2e6, 8e10), (1.2e7, 5e10), (6e7, 2e10)],
        float32: Rate { per_weight: 2e-11, per_mac: 2e-11 },
        int8: Rate { per_weight: 5e-12, per_mac: 5e-12 },
        int4: Rate { per_weight: 3e-12, per_mac: 6e-12 },
        sparse: Rate { per_weight: 6e-12, per_mac: 5e-12 },
        per_input: 2e-10,
        per_row: 1e-10,
        per_output: 2e-10,
        per_call: 5e-8,
        transforms: [(64.0, 1e-7), (256.0, 5e-7), (1024.0, 3e-6), (4096.0, 1.5e-5)],
        per_bin: 5e-10,
    }
}

const FORMS: [Form; 8] = [
    Form::Float32,
    Form::Int8,
    Form::Int4,
    Form::LowRank { rank: 64 },
    Form::BlockSparse { density: 0.25 },
    Form::BlockDiagonal { groups: 4 },
    Form::BlockCirculant { block: 64 },
    Form::ToeplitzLike { rank: 2 },
];

fn product(rows: usize, cols: usize, batch: usize) -> Product {
    Product { rows, cols, batch, others: 0 }
}

#[test]
fn more_work_never_takes_less_time() {
    let model = example();
    for form in FORMS {
        for n in [64, 128, 256, 512, 1024, 2048] {
            for batch in 1..=17 {
                let time = model.predict(form, product(n, n, batch));
                assert!(time > 0.0 && time.is_finite(), "{form:?}");
                for (what, larger) in [
                    ("rows", product(2 * n, n, batch)),
                    ("columns", product(n, 2 * n, batch)),
                    ("vectors", product(n, n, batch + 1)),
                    ("others", Product { others: 100_000_000, ..product(n, n, batch) }),
                ] {
                    let more = model.predict(form, larger);
                    assert!(
                        more >= time,
                        "{form:?}, more {what} than {n} x {n}, {batch}: {more} < {time}"
                    );
                }
            }
        }
        assert_eq!(model.predict(form, product(64, 64, 0)), 0.0);
    }
}

#[test]
fn less_weight_never_takes_more_time() {
    let model = example();
    for batch in [1, 4, 8] {
        let product = product(1024, 768, batch);
        let ordered: [&[Form]; 4] = [
            &[0.1, 0.5, 0.9, 1.0].map(|density| Form::BlockSparse { density }),
            &[8, 4, 2, 1].map(|groups| Form::BlockDiagonal { groups }),
            &[16, 64, 256].map(|rank| Form::LowRank { rank }),
            &[1, 2, 10].map(|rank| Form::ToeplitzLike { rank }),
        ];
        for forms in ordered {
            for pair in forms.windows(2) {
                let times = [pair[0], pair[1]].map(|form| model.predict(form, product));
                assert!(times[0] <= times[1], "{pair:?}: {times:?}");
                assert!(bytes(pair[0], product) <= bytes(pair[1], product), "{pair:?}");
            }
        }
    }
}

/// The bytes are those reported by the packed matrices.
#[test]
fn bytes_are_those_of_the_packed_forms() {
    use stonechat_kernels::fft::{BlockCirculant, ToeplitzLike};
    use stonechat_kernels::quantize::quantize_groups;
    use stonechat_kernels::{BlockSparseI8, Isa, Packed, PackedF32, PackedI8};
    let (rows, cols) = (256, 128);
    let (floats, integers, scales) =
        (vec![0.5; rows * cols], vec![1; rows * cols], vec![1.0; rows]);
    let diagonal =
        BlockSparseI8::pack_diagonal(&integers[..rows * cols / 4], &scales, &[(64, 32); 4])
            .unwrap();
    let found = [
        (Form::Float32, PackedF32::pack(&floats, rows, cols).unwrap().bytes()),
        (Form::Int8, PackedI8::pack(&integers, &scales, rows, cols).unwrap().bytes()),
        (
            Form::Int4,
            common::pack_i4(Isa::detect(), &quantize_groups(&floats, rows, cols)).unwrap().bytes(),
        ),
        (
            Form::BlockSparse { density: 1.0 },
            BlockSparseI8::pack(&integers, &scales, &[true; 8 * 32], rows, cols).unwrap().bytes()
                - 64,
        ),
        (Form::BlockDiagonal { groups: 4 }, diagonal.bytes() - 64),
        (
            Form::BlockCirculant { block: 16 },
            BlockCirculant::new(&floats[..16 * 8 * 16], 16, rows, cols).unwrap().bytes(),
        ),
        (
            Form::ToeplitzLike { rank: 2 },
            ToeplitzLike::new(&floats[..512], &floats[..512], 2, rows, cols).unwrap().bytes() - 16,
        ),
    ];
    for (form, bytes_found) in found {
        assert_eq!(bytes(form, product(rows, cols, 1)), bytes_found as f64, "{form:?}");
    }
}

#[test]
fn a_calibration_of_this_machine_is_sane() {
    let model = Calibration::measure(Duration::from_millis(100));
    for (x, y) in model.bandwidths.iter().chain(&model.transforms) {
        assert!(*x > 0.0 && *y > 0.0 && y.is_finite(), "{model:?}");
    }
    for form in FORMS {
        let time = model.predict(form, product(512, 512, 1));
        assert!(time > 0.0 && time.is_finite(), "{form:?}: {model:?}");
    }
}
