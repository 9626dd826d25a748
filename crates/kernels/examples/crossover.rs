//! The size from which a Toeplitz-like product by the Fourier transform is faster than the dense
//! ones, at batch 1: `cargo run --release -p stonechat-kernels --example crossover [-- LARGEST]`.
//!
//! One thread, square matrices, each multiplied again and again (so small ones stay in the caches).
//! The forms take turns, and each time is the shortest of the rounds, because other programs only
//! disturb; the median is also printed. Dense matrices of more than 1 GiB are left out. Prints one
//! JSON object, times in microseconds.

use std::hint::black_box;
use std::time::Instant;
use stonechat_kernels::fft::{BlockCirculant, ToeplitzLike};
use stonechat_kernels::{Activation, Error, Isa, PackedF32, PackedI8, Product, Scratch};

const SIZES: [usize; 15] =
    [256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384, 24_576, 32_768];
const RANKS: [usize; 3] = [1, 2, 10];
const ROUNDS: usize = 21;
const LARGEST_BYTES: usize = 1 << 30;

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 2003) as f32 / 1001.5 - 1.0).collect()
}

/// A form with its name.
type Named = (String, Box<dyn Product>);

fn forms(n: usize) -> Result<Vec<Named>, Error> {
    let mut forms: Vec<(String, Box<dyn Product>)> = Vec::new();
    if n * n <= LARGEST_BYTES {
        let weights: Vec<i8> =
            (0..n * n).map(|i| ((i * 7919) % 255) as i8).map(|w| w.max(-127)).collect();
        forms.push(("int8".into(), Box::new(PackedI8::pack(&weights, &vec![0.01; n], n, n)?)));
    }
    if 4 * n * n <= LARGEST_BYTES {
        forms.push(("f32".into(), Box::new(PackedF32::pack(&numbers(n * n), n, n)?)));
    }
    forms.push(("circulant".into(), Box::new(BlockCirculant::new(&numbers(n), n, n, n)?)));
    for rank in RANKS {
        let (g, h) = (numbers(rank * n), numbers(rank * n));
        forms.push((format!("rank {rank}"), Box::new(ToeplitzLike::new(&g, &h, rank, n, n)?)));
    }
    Ok(forms)
}

/// Median and shortest microseconds per call of each form, which take turns.
fn measure(forms: &[(String, Box<dyn Product>)], n: usize) -> Vec<(f64, f64)> {
    let (x, mut y, mut scratch) = (numbers(n), vec![0.0; n], Scratch::new());
    let mut times = vec![Vec::with_capacity(ROUNDS); forms.len()];
    // The first round warms up.
    for round in 0..=ROUNDS {
        for ((_, product), times) in forms.iter().zip(&mut times) {
            let (start, mut count) = (Instant::now(), 0);
            while count == 0 || start.elapsed().as_secs_f64() < 1e-3 {
                let (x, y) = (black_box(&x), black_box(&mut y));
                product.matmul(x, 1, None, Activation::None, &mut scratch, y);
                count += 1;
            }
            if round > 0 {
                times.push(1e6 * start.elapsed().as_secs_f64() / f64::from(count));
            }
        }
    }
    let summary = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[0])
    };
    times.into_iter().map(summary).collect()
}

fn main() -> Result<(), Error> {
    let largest = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    for n in SIZES.into_iter().filter(|&n| n <= largest) {
        let forms = forms(n)?;
        let times = measure(&forms, n);
        let cells: Vec<String> = forms
            .iter()
            .zip(times)
            .map(|((name, _), (median, least))| {
                format!("\"{name}\": {{\"median_us\": {median:.2}, \"least_us\": {least:.2}}}")
            })
            .collect();
        eprintln!("{n}: {}", cells.join(", "));
        rows.push(format!("  {{\"n\": {n}, {}}}", cells.join(", ")));
    }
    println!(
        "{{\"isa\": \"{:?}\", \"rounds\": {ROUNDS}, \"sizes\": [\n{}\n]}}",
        Isa::detect(),
        rows.join(",\n")
    );
    Ok(())
}
