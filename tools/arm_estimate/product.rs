//! Runs one product a few times and prints a checksum: what `estimate.py` counts the instructions of.
//!
//!     product ISA KIND ROWS COLS BATCH REPETITIONS
//!
//! KIND is `sums` (8-bit integers in, 32-bit sums out, as farm and gemmlowp are measured), `int8` (floats in and out: quantiser, scales and
//! bias included), `int4` (the same with weights of 4 bits) or `f32`. `product list` prints the instruction sets of the processor.

use stonechat_kernels::quantize::GROUP;
use stonechat_kernels::{Activation, IntegerProduct, Isa, PackedF32, PackedI4, PackedI8, Product, Scratch};

const USAGE: &str = "usage: product ISA sums|int8|int4|f32 ROWS COLS BATCH REPETITIONS, or: product list";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["list"] {
        Isa::available().iter().for_each(|isa| println!("{isa}"));
        return;
    }
    let [isa, kind, numbers @ ..] = &arguments[..] else { panic!("{USAGE}") };
    let isa: Isa = isa.parse().expect(USAGE);
    let numbers: Vec<usize> = numbers.iter().map(|n| n.parse().expect(USAGE)).collect();
    let &[rows, cols, batch, repetitions] = &numbers[..] else { panic!("{USAGE}") };

    let weights: Vec<i8> = (0..rows * cols).map(|i| ((i * 7919) % 255) as i8).map(|w| w.max(-127)).collect();
    let floats: Vec<f32> = (0..batch * cols).map(|i| ((i * 7919) % 2003) as f32 - 1001.0).collect();
    let bytes: Vec<i8> = (0..batch * cols).map(|i| ((i * 7919) % 251) as i8).collect();
    let bias = vec![0.5; rows];
    let mut sums = vec![0; batch * rows];
    let mut y = vec![0.0; batch * rows];
    let mut scratch = Scratch::new();
    match kind.as_str() {
        "sums" | "int8" => {
            let matrix = PackedI8::pack_for(isa, &weights, &vec![0.01; rows], rows, cols).expect("packs");
            for _ in 0..repetitions {
                if kind == "sums" {
                    matrix.matmul_i32(&bytes, batch, &mut scratch, &mut sums);
                } else {
                    matrix.matmul(&floats, batch, Some(&bias), Activation::None, &mut scratch, &mut y);
                }
            }
        }
        "int4" => {
            let weights: Vec<i8> = weights.iter().map(|w| w >> 4).collect();
            let (groups, scales) = (vec![3; rows * cols.div_ceil(GROUP)], vec![0.01; rows]);
            let matrix = PackedI4::pack_for(isa, &weights, &groups, &scales, rows, cols).expect("packs");
            for _ in 0..repetitions {
                matrix.matmul(&floats, batch, Some(&bias), Activation::None, &mut scratch, &mut y);
            }
        }
        "f32" => {
            let weights: Vec<f32> = weights.iter().map(|&w| f32::from(w)).collect();
            let matrix = PackedF32::pack_for(isa, &weights, rows, cols).expect("packs");
            for _ in 0..repetitions {
                matrix.matmul(&floats, batch, Some(&bias), Activation::None, &mut scratch, &mut y);
            }
        }
        _ => panic!("{USAGE}"),
    }
    println!("{} {}", sums.iter().map(|&s| i64::from(s)).sum::<i64>(), y.iter().map(|&v| f64::from(v)).sum::<f64>());
}
