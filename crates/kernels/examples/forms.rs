//! Speed of the forms of a matrix beside the dense int8 product, hot and cold:
//! `cargo run --release -p stonechat-kernels --example forms [-- SHAPE...]`, a shape being `6144x320`.
//!
//! One thread, float in and out. Hot: one matrix again and again. Cold: as many copies as are 256 MB, one after the other, so that each
//! comes from memory. The forms take turns and each figure is the best of the rounds, for other programs disturb; compare only within a run.

use std::hint::black_box;
use std::time::Instant;
use stonechat_kernels::quantize::{quantize_groups, quantize_rows};
use stonechat_kernels::{Activation, Isa, PackedI4, PackedI8, Scratch};

const BATCHES: [usize; 5] = [1, 2, 3, 4, 8];
const SHAPES: [(usize, usize); 3] = [(6144, 320), (2304, 768), (1280, 320)];

/// Seconds a call, for each call the best of 15 rounds in which they take turns.
fn seconds(calls: &mut [Box<dyn FnMut() + '_>]) -> Vec<f64> {
    let mut best = vec![f64::INFINITY; calls.len()];
    for _ in 0..15 {
        for (call, best) in calls.iter_mut().zip(&mut best) {
            let (start, mut count) = (Instant::now(), 0);
            while count == 0 || start.elapsed().as_secs_f64() < 2e-3 {
                call();
                count += 1;
            }
            *best = best.min(start.elapsed().as_secs_f64() / f64::from(count));
        }
    }
    best
}

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 2003) as f32 / 1001.5 - 1.0).collect()
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
    for cold in [false, true] {
        println!("\nint8 and int4, {}: microseconds and ratio", if cold { "cold" } else { "hot" });
        for &(rows, cols) in &shapes {
            let w = numbers(rows * cols);
            let (weights, scales) = quantize_rows(&w, rows, cols);
            let groups = quantize_groups(&w, rows, cols);
            for isa in Isa::available().into_iter().skip(usize::from(cold)) {
                let int8 = PackedI8::pack_for(isa, &weights, &scales, rows, cols).expect("packs");
                let int4 = PackedI4::pack_for(isa, &groups).expect("packs");
                let copies = |bytes: usize| if cold { (256usize << 20).div_ceil(bytes) } else { 1 };
                let int8 = vec![int8.clone(); copies(int8.bytes())];
                let int4 = vec![int4.clone(); copies(int4.bytes())];
                print!("{:>10} {:>12}", format!("{rows}x{cols}"), isa.name());
                for batch in BATCHES {
                    let x = numbers(batch * cols);
                    let (mut y8, mut y4) = (vec![0.0; batch * rows], vec![0.0; batch * rows]);
                    let (mut s8, mut s4) = (Scratch::new(), Scratch::new());
                    let mut turn8 = int8.iter().cycle();
                    let mut turn4 = int4.iter().cycle();
                    let x = black_box(&x);
                    let times = seconds(&mut [
                        Box::new(|| {
                            let matrix = turn8.next().expect("cycles");
                            matrix.matmul(
                                x,
                                batch,
                                None,
                                Activation::None,
                                &mut s8,
                                black_box(&mut y8),
                            );
                        }),
                        Box::new(|| {
                            let matrix = turn4.next().expect("cycles");
                            matrix.matmul(
                                x,
                                batch,
                                None,
                                Activation::None,
                                &mut s4,
                                black_box(&mut y4),
                            );
                        }),
                    ]);
                    print!(
                        "  {batch}: {:6.1} {:6.1} {:5.2}",
                        times[0] * 1e6,
                        times[1] * 1e6,
                        times[0] / times[1]
                    );
                }
                println!();
            }
        }
    }
}
