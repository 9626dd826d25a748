//! Measuring the numbers of the cost model.

use super::{Calibration, Rate};
use crate::fft::{BlockCirculant, FftScratch, ToeplitzLike};
use crate::quantize::{GROUP, Grouped, quantize_vector};
use crate::{Activation, BlockSparseI8, Error, PackedF32, PackedI4, PackedI8, Scratch};
use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

/// Rows and columns of the matrix that the work of a kernel is measured with: small enough for the second cache in any form.
const SIDE: usize = 384;
/// Matrices that the bandwidths are measured with, `(rows, 1024)`: within the second cache, within the third, and beyond.
const ROWS: [usize; 4] = [256, 2048, 12_288, 65_536];
/// Lengths that the transforms are measured with.
const LENGTHS: [usize; 4] = [64, 256, 1024, 4096];
/// Measurements, which share the time.
const MEASUREMENTS: u32 = 20;

impl Calibration {
    /// Measures this machine, on this thread, for about `budget`; a second is enough on a quiet machine. Each time is the shortest of many,
    /// for other programs can only lengthen it. Needs 130 MB of memory for a moment.
    ///
    /// # Panics
    /// Never: all shapes are right.
    #[must_use]
    pub fn measure(budget: Duration) -> Self {
        Self::try_measure(budget / MEASUREMENTS).expect("the shapes are right")
    }

    fn try_measure(slice: Duration) -> Result<Self, Error> {
        let time = |call: &mut dyn FnMut()| shortest(slice, call);
        let mut scratch = Scratch::new();
        let mut y = vec![0.0; ROWS[3].max(8 * SIDE)];
        let x: Vec<f32> = (0..8 * 1024).map(|i| (i % 201) as f32 / 100.0 - 1.0).collect();

        // What does not depend on the weights.
        let mut quantised = vec![0; 1024];
        let per_input = time(&mut || {
            black_box(quantize_vector(black_box(&x[..1024]), &mut quantised));
        }) / 1024.0;
        let mut thin = |rows: usize, b: usize| -> Result<f64, Error> {
            let matrix = int8(rows, 4)?;
            let (x, act) = (&x[..b * 4], Activation::None);
            Ok(time(&mut || matrix.matmul(x, b, None, act, &mut scratch, &mut y[..b * rows])))
        };
        let per_call = thin(1, 1)?;
        let (one, eight) = (thin(2048, 1)? - per_call, thin(2048, 8)? - per_call);
        let per_output = positive((eight - one) / (7.0 * 2048.0));
        let per_row = (one / 2048.0 - per_output).max(0.0);

        // The work of the kernels, by one vector and by eight.
        let weights = (SIDE * SIDE) as f64;
        let outputs = |b: f64| SIDE as f64 * (per_row + b * per_output);
        let inputs = SIDE as f64 * per_input;
        let rate = |product: &mut dyn FnMut(usize), inputs: f64| {
            let one = time(&mut || product(1)) - per_call - outputs(1.0) - inputs;
            let eight = time(&mut || product(8)) - per_call - outputs(8.0) - 8.0 * inputs;
            let per_mac = positive((eight - one) / (7.0 * weights));
            Rate { per_weight: (one / weights - per_mac).max(0.0), per_mac }
        };
        let dense = int8(SIDE, SIDE)?;
        let values = vec![0.5; SIDE * SIDE];
        let float32 = PackedF32::pack(&values, SIDE, SIDE)?;
        let groups = SIDE / GROUP;
        let int4 = PackedI4::pack(&Grouped {
            rows: SIDE,
            cols: SIDE,
            weights: vec![3; SIDE * SIDE],
            group_scales: vec![1; SIDE * groups],
            row_scales: vec![1.0; SIDE],
        })?;
        let mask: Vec<bool> = (0..SIDE / 32 * 2 * (SIDE / 4)).map(|i| i % 2 == 0).collect();
        // Half of the blocks of twice the columns.
        let sparse = BlockSparseI8::pack(
            &vec![3; 2 * SIDE * SIDE],
            &vec![1.0; SIDE],
            &mask,
            SIDE,
            2 * SIDE,
        )?;
        let (act, none) = (Activation::None, None);
        let mut scratch = Scratch::new();
        let mut run = |b: usize| {
            dense.matmul(&x[..b * SIDE], b, none, act, &mut scratch, &mut y[..b * SIDE]);
        };
        let int8_rate = rate(&mut run, inputs);
        let mut run = |b: usize| {
            int4.matmul(&x[..b * SIDE], b, none, act, &mut scratch, &mut y[..b * SIDE]);
        };
        let int4_rate = rate(&mut run, inputs);
        let mut run = |b: usize| {
            sparse.matmul(&x[..b * 2 * SIDE], b, none, act, &mut scratch, &mut y[..b * SIDE]);
        };
        let sparse_rate = rate(&mut run, 2.0 * inputs);
        let mut run = |b: usize| float32.matmul(&x[..b * SIDE], b, none, act, &mut y[..b * SIDE]);
        let float32_rate = rate(&mut run, 0.0);

        // The smallest matrix is as fast as the kernel; from there on the reading shows.
        let mut bandwidths = [(0.0, 0.0); 4];
        for (point, rows) in bandwidths.iter_mut().zip(ROWS) {
            let matrix = int8(rows, 1024)?;
            let seconds = time(&mut || {
                matrix.matmul(&x[..1024], 1, none, act, &mut scratch, &mut y[..rows]);
            });
            let rest = per_call + 1024.0 * per_input + rows as f64 * (per_row + per_output);
            let bytes = (rows * 1024) as f64;
            *point = (bytes, bytes / positive(seconds - rest));
        }

        let mut fft = FftScratch::new();
        let mut transforms = [(0.0, 0.0); 4];
        for (point, n) in transforms.iter_mut().zip(LENGTHS) {
            let matrix = ToeplitzLike::new(&values[..n], &values[..n], 1, n, n)?;
            let seconds = time(&mut || matrix.matmul(&x[..n], 1, &mut fft, &mut y[..n]));
            *point = (n as f64, positive(seconds - per_call) / 4.0);
        }
        let blocks = BlockCirculant::new(&values[..64 * 1024], 64, 2048, 2048)?;
        let seconds = time(&mut || blocks.matmul(&x[..2048], 1, &mut fft, &mut y[..2048]));
        let rest = per_call + 64.0 * transforms[0].1;
        let per_bin = positive((seconds - rest) / (1024.0 * 33.0));

        Ok(Self {
            bandwidths,
            float32: float32_rate,
            int8: int8_rate,
            int4: int4_rate,
            sparse: sparse_rate,
            per_input,
            per_row,
            per_output,
            per_call,
            transforms,
            per_bin,
        })
    }
}

/// A matrix of no interest.
fn int8(rows: usize, cols: usize) -> Result<PackedI8, Error> {
    PackedI8::pack(&vec![3; rows * cols], &vec![1.0; rows], rows, cols)
}

/// A difference of two measured times that must be more than nothing.
fn positive(seconds: f64) -> f64 {
    seconds.max(1e-14)
}

/// The shortest time of a call, out of as many as the slice of time allows, at least three; very short calls are timed together.
fn shortest(slice: Duration, call: &mut dyn FnMut()) -> f64 {
    let begin = Instant::now();
    call();
    let mut together = 1u32;
    let mut best = f64::INFINITY;
    let mut rounds = 0;
    while rounds < 3 || begin.elapsed() < slice {
        let start = Instant::now();
        (0..together).for_each(|_| call());
        let elapsed = start.elapsed();
        if elapsed < Duration::from_micros(20) {
            together *= 2;
            continue;
        }
        best = best.min(elapsed.as_secs_f64() / f64::from(together));
        rounds += 1;
    }
    best
}
