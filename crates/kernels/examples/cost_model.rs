//! The cost model compared with measured times, and where the FFT products overtake the dense one:
//! `cargo run --release -p stonechat-kernels --example cost_model`.
//!
//! Prints the calibration of this machine; for every form, shape and batch the measured time and
//! the predicted one as a share of it; and for square matrices the times of the dense and the
//! Toeplitz-like products. One thread, hot weights.

use std::hint::black_box;
use std::time::{Duration, Instant};
use stonechat_kernels::cost_model::{Calibration, Form, Product as Shape};
use stonechat_kernels::fft::{BlockCirculant, ToeplitzLike};
use stonechat_kernels::quantize::{Grouped, quantize_groups, quantize_rows};
use stonechat_kernels::{
    Activation, BLOCK_COLS, BLOCK_ROWS, BlockSparseI8, Error, PackedF32, PackedI4, PackedI8,
    PackedLowRank, Product, Scratch, Weights,
};

const SHAPES: [(usize, usize); 4] = [(512, 512), (1024, 1024), (2304, 768), (6144, 320)];
const BATCHES: [usize; 3] = [1, 4, 8];
const FORMS: [Form; 10] = [
    Form::Float32,
    Form::Int8,
    Form::Int4,
    Form::LowRank { rank: 96 },
    Form::BlockSparse { density: 0.5 },
    Form::BlockSparse { density: 0.1 },
    Form::BlockDiagonal { groups: 4 },
    Form::BlockCirculant { block: 64 },
    Form::ToeplitzLike { rank: 1 },
    Form::ToeplitzLike { rank: 4 },
];

/// Seconds of the shortest of many calls.
fn shortest(mut call: impl FnMut()) -> f64 {
    call();
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    while begin.elapsed() < Duration::from_millis(25) {
        let (start, mut count) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_micros(200) {
            call();
            count += 1;
        }
        best = best.min(start.elapsed().as_secs_f64() / f64::from(count));
    }
    best
}

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 2003) as f32 / 1001.5 - 1.0).collect()
}

fn measured(form: Form, product: Shape) -> Result<f64, Error> {
    let Shape { rows, cols, batch, .. } = product;
    let (x, mut y) = (numbers(batch * cols), vec![0.0; batch * rows]);
    let w = numbers(rows * cols);
    let (weights, scales) = quantize_rows(&w, rows, cols);
    let matrix: Box<dyn Product> = match form {
        Form::Float32 => Box::new(PackedF32::pack(&w, rows, cols)?),
        Form::Int4 => {
            let Grouped { weights, group_scales, row_scales, .. } = quantize_groups(&w, rows, cols);
            Box::new(PackedI4::pack(&weights, &group_scales, &row_scales, rows, cols)?)
        }
        Form::LowRank { rank } => {
            let u = Weights::I8 { values: &weights[..rows * rank], scales: &scales };
            let v = Weights::I8 { values: &weights[..rank * cols], scales: &scales[..rank] };
            Box::new(PackedLowRank::pack(u, v, rows, rank, cols)?)
        }
        Form::BlockSparse { density } => {
            let blocks = rows.div_ceil(BLOCK_ROWS) * cols.div_ceil(BLOCK_COLS);
            let kept = (density * 1000.0) as usize;
            let mask: Vec<bool> = (0..blocks).map(|i| (i * 7919) % 1000 < kept).collect();
            Box::new(BlockSparseI8::pack(&weights, &scales, &mask, rows, cols)?)
        }
        Form::BlockDiagonal { groups } => {
            let sizes = vec![(rows / groups, cols / groups); groups];
            let weights = &weights[..rows * cols / groups];
            Box::new(BlockSparseI8::pack_diagonal(weights, &scales, &sizes)?)
        }
        Form::BlockCirculant { block } => {
            let columns = rows.div_ceil(block) * cols.div_ceil(block) * block;
            Box::new(BlockCirculant::new(&w[..columns], block, rows, cols)?)
        }
        Form::ToeplitzLike { rank } => {
            let len = rank * rows.max(cols);
            Box::new(ToeplitzLike::new(&w[..len], &w[..len], rank, rows, cols)?)
        }
        _ => Box::new(PackedI8::pack(&weights, &scales, rows, cols)?),
    };
    let (mut s, act) = (Scratch::new(), Activation::None);
    Ok(shortest(|| matrix.matmul(black_box(&x), batch, None, act, &mut s, black_box(&mut y))))
}

fn main() -> Result<(), Error> {
    let model = Calibration::measure(Duration::from_secs(2));
    println!("{model:#?}\n\nmeasured microseconds, and the predicted time as a share of them");
    print!("{:>34}", "");
    BATCHES.iter().for_each(|batch| print!("{:>17}", format!("batch {batch}")));
    println!();
    let mut ratios = Vec::new();
    for (rows, cols) in SHAPES {
        for form in FORMS {
            print!("{:>10} {:<24}", format!("{rows}x{cols}"), format!("{form:?}"));
            for batch in BATCHES {
                let product = Shape { rows, cols, batch, others: 0 };
                let time = measured(form, product)?;
                let ratio = model.predict(form, product) / time;
                ratios.push(ratio);
                print!("{:>10.2} {ratio:>6.2}", time * 1e6);
            }
            println!();
        }
    }
    ratios.sort_by(f64::total_cmp);
    let at = |share: f64| ratios[((ratios.len() - 1) as f64 * share) as usize];
    println!(
        "predicted / measured: smallest {:.2}, 10 % {:.2}, median {:.2}, 90 % {:.2}, largest {:.2}",
        at(0.0),
        at(0.1),
        at(0.5),
        at(0.9),
        at(1.0)
    );
    println!("\nn x n, one vector: measured microseconds and what the model would take");
    let forms = [
        Form::Int8,
        Form::ToeplitzLike { rank: 1 },
        Form::ToeplitzLike { rank: 2 },
        Form::ToeplitzLike { rank: 4 },
        Form::BlockCirculant { block: 64 },
    ];
    for n in [256, 512, 1024, 2048, 4096] {
        print!("{n:>6}");
        let product = Shape { rows: n, cols: n, batch: 1, others: 0 };
        for form in forms {
            print!("  {form:?} {:.1}", measured(form, product)? * 1e6);
        }
        // Of the dense and the Toeplitz-like forms: the block-circulant has other parameters.
        let fastest = forms[..4]
            .iter()
            .min_by(|a, b| model.predict(**a, product).total_cmp(&model.predict(**b, product)));
        println!("  -> {fastest:?}");
    }
    Ok(())
}
