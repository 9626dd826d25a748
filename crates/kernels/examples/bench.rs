//! Speed of the products on this machine: `cargo run --release -p stonechat-kernels --example bench
//! [-- SHAPE...]`, where a shape is `6144x320`.
//!
//! One thread, hot weights (in whatever cache they fit), floats in and out, so quantization and
//! epilogue count. A figure is `2 * rows * cols * batch / time`, the best of 22 rounds; a round
//! takes at least 5 ms. Figures drift between runs on a shared machine: compare only those of one
//! run.

use std::hint::black_box;
use std::time::Instant;
use stonechat_kernels::{Activation, Isa, PackedF32, PackedI8, Product, Scratch, math};

const BATCHES: [usize; 9] = [1, 2, 3, 4, 5, 6, 8, 12, 16];
const SHAPES: [(usize, usize); 4] = [(768, 256), (1152, 384), (384, 1152), (6144, 320)];

/// The shortest time of a call, in seconds.
fn seconds(mut call: impl FnMut()) -> f64 {
    let mut calls = 1u32;
    let mut time = |calls: u32| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed().as_secs_f64()
    };
    while time(calls) < 5e-3 {
        calls *= 2;
    }
    (0..22).map(|_| time(calls)).fold(f64::INFINITY, f64::min) / f64::from(calls)
}

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 2003) as f32 / 1001.5 - 1.0).collect()
}

fn header(title: &str) {
    println!("\n{title}");
    print!("{:>10} {:>12}", "shape", "batch");
    BATCHES.iter().for_each(|b| print!("{b:>8}"));
    println!();
}

/// Billions of operations per second of a product at every batch.
fn row(isa: Isa, product: &impl Product, bias: &[f32]) {
    let (rows, cols) = (product.rows(), product.cols());
    print!("{:>10} {:>12}", format!("{rows}x{cols}"), isa.name());
    let mut scratch = Scratch::new();
    for batch in BATCHES {
        let (x, mut y) = (numbers(batch * cols), vec![0.0; batch * rows]);
        let time = seconds(|| {
            let (x, y) = (black_box(&x), black_box(&mut y[..]));
            product.matmul(x, batch, Some(bias), Activation::None, &mut scratch, y);
        });
        print!("{:>8.1}", 2e-9 * (rows * cols * batch) as f64 / time);
    }
    println!();
}

fn main() {
    let mut shapes: Vec<(usize, usize)> = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.split_once('x').map(|(rows, cols)| (rows.parse(), cols.parse())) {
            Some((Ok(rows), Ok(cols))) if rows > 0 && cols > 0 => shapes.push((rows, cols)),
            _ => {
                eprintln!("`{argument}` is not a shape such as 6144x320");
                std::process::exit(2);
            }
        }
    }
    if shapes.is_empty() {
        shapes = SHAPES.to_vec();
    }

    header("int8, float in and out, GOP/s");
    for &(rows, cols) in &shapes {
        let w: Vec<i8> =
            (0..rows * cols).map(|i| ((i * 7919) % 255) as u8 as i8).map(|w| w.max(-127)).collect();
        let (scales, bias) = (vec![0.01; rows], numbers(rows));
        for isa in Isa::available() {
            row(isa, &PackedI8::pack_for(isa, &w, &scales, rows, cols).expect("packs"), &bias);
        }
    }

    header("f32, GFLOP/s");
    for &(rows, cols) in &shapes {
        let (w, bias) = (numbers(rows * cols), numbers(rows));
        for isa in Isa::available() {
            row(isa, &PackedF32::pack_for(isa, &w, rows, cols).expect("packs"), &bias);
        }
    }

    println!("\nfunctions of 1152 values, ns a value");
    for isa in Isa::available() {
        let x: Vec<f32> = numbers(1152).iter().map(|v| v * 6.0).collect();
        let mut y = x.clone();
        let mut time = |function: fn(Isa, &mut [f32])| {
            1e9 / 1152.0
                * seconds(|| {
                    y.copy_from_slice(black_box(&x));
                    function(isa, &mut y);
                    black_box(&y);
                })
        };
        let sigmoid = time(|isa, v| math::sigmoid_for(isa, v).expect("available"));
        let tanh = time(|isa, v| math::tanh_for(isa, v).expect("available"));
        println!("{:>12}  sigmoid {sigmoid:.3}  tanh {tanh:.3}", isa.name());
    }
}
