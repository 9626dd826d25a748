//! Measures the numbers of the cost model.

use super::{Calibration, Rate};
use crate::fft::{BlockCirculant, ToeplitzLike};
use crate::quantize::{GROUP, quantize_vector};
use crate::{Activation, BlockSparseI8, Error, PackedF32, PackedI4, PackedI8, Product, Scratch};
use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

/// Rows and columns of the matrix for measuring a kernel: small enough for the second cache in any
/// form.
const SIDE: usize = 384;
/// Matrices for measuring bandwidths, `(rows, 1024)`: inside the second cache, inside the third,
/// and beyond.
const ROWS: [usize; 4] = [256, 2048, 12_288, 65_536];
/// Lengths for measuring transforms.
const LENGTHS: [usize; 4] = [64, 256, 1024, 4096];
/// Number of measurements that share the time.
const MEASUREMENTS: u32 = 20;

impl Calibration {
    /// Measures this machine, on this thread, for about `budget`; a second is enough on a quiet
    /// machine. Each time is the shortest of many, because other programs can only lengthen it.
    /// Temporarily needs 130 MB of memory.
    ///
    /// # Panics
    /// Never: all shapes are valid.
    #[must_use]
    pub fn measure(budget: Duration) -> Self {
        Self::try_measure(budget / MEASUREMENTS).expect("the shapes are right")
    }

    fn try_measure(slice: Duration) -> Result<Self, Error> {
        let mut clock = Clock::new(slice);
        let ends = Ends::measure(&mut clock)?;
        let values = vec![0.5; SIDE * SIDE];
        let float32 = PackedF32::pack(&values, SIDE, SIDE)?;
        let int4 = PackedI4::pack(
            &vec![3; SIDE * SIDE],
            &vec![1; SIDE * (SIDE / GROUP)],
            &vec![1.0; SIDE],
            SIDE,
            SIDE,
        )?;
        let mask: Vec<bool> = (0..SIDE / 32 * 2 * (SIDE / 4)).map(|i| i % 2 == 0).collect();
        // Half of the blocks of twice the columns.
        let sparse = BlockSparseI8::pack(
            &vec![3; 2 * SIDE * SIDE],
            &vec![1.0; SIDE],
            &mask,
            SIDE,
            2 * SIDE,
        )?;
        let transforms = transforms(&mut clock, &values, ends.per_call)?;
        Ok(Self {
            bandwidths: bandwidths(&mut clock, &ends)?,
            float32: ends.rate(&mut clock, &float32, 0.0),
            int8: ends.rate(&mut clock, &int8(SIDE, SIDE)?, ends.per_input),
            int4: ends.rate(&mut clock, &int4, ends.per_input),
            sparse: ends.rate(&mut clock, &sparse, ends.per_input),
            per_input: ends.per_input,
            per_row: ends.per_row,
            per_output: ends.per_output,
            per_call: ends.per_call,
            transforms,
            per_bin: per_bin(&mut clock, &values, ends.per_call, transforms[0].1)?,
        })
    }
}

/// Times products.
struct Clock {
    /// Time for each product.
    slice: Duration,
    scratch: Scratch,
    x: Vec<f32>,
    y: Vec<f32>,
}

impl Clock {
    fn new(slice: Duration) -> Self {
        let x = (0..8 * 1024).map(|i| (i % 201) as f32 / 100.0 - 1.0).collect();
        Self { slice, scratch: Scratch::new(), x, y: vec![0.0; ROWS[3].max(8 * 2048)] }
    }

    /// Seconds of a product of `batch` vectors.
    fn seconds(&mut self, matrix: &dyn Product, batch: usize) -> f64 {
        let (x, y) = (&self.x[..batch * matrix.cols()], &mut self.y[..batch * matrix.rows()]);
        let (act, scratch) = (Activation::None, &mut self.scratch);
        shortest(self.slice, &mut || matrix.matmul(black_box(x), batch, None, act, scratch, y))
    }
}

/// The cost of a product apart from its weights.
struct Ends {
    per_input: f64,
    per_row: f64,
    per_output: f64,
    per_call: f64,
}

impl Ends {
    fn measure(clock: &mut Clock) -> Result<Self, Error> {
        let (x, mut quantized) = (&clock.x[..1024], vec![0; 1024]);
        let per_input = shortest(clock.slice, &mut || {
            black_box(quantize_vector(black_box(x), &mut quantized));
        }) / 1024.0;
        let per_call = clock.seconds(&int8(1, 4)?, 1);
        let thin = int8(2048, 4)?;
        let (one, eight) = (clock.seconds(&thin, 1) - per_call, clock.seconds(&thin, 8) - per_call);
        let per_output = positive((eight - one) / (7.0 * 2048.0));
        let per_row = (one / 2048.0 - per_output).max(0.0);
        Ok(Self { per_input, per_row, per_output, per_call })
    }

    /// The speed of a kernel, from products with one and with eight vectors of a matrix of `SIDE *
    /// SIDE` weights.
    fn rate(&self, clock: &mut Clock, matrix: &dyn Product, per_input: f64) -> Rate {
        let weights = (SIDE * SIDE) as f64;
        let mut work = |batch: usize| {
            let outputs = SIDE as f64 * (self.per_row + batch as f64 * self.per_output);
            let inputs = (batch * matrix.cols()) as f64 * per_input;
            clock.seconds(matrix, batch) - self.per_call - outputs - inputs
        };
        let (one, eight) = (work(1), work(8));
        let per_mac = positive((eight - one) / (7.0 * weights));
        Rate { per_weight: (one / weights - per_mac).max(0.0), per_mac }
    }
}

/// The smallest matrix is as fast as the kernel; larger ones show the read speed.
fn bandwidths(clock: &mut Clock, ends: &Ends) -> Result<[(f64, f64); 4], Error> {
    let mut points = [(0.0, 0.0); 4];
    for (point, rows) in points.iter_mut().zip(ROWS) {
        let seconds = clock.seconds(&int8(rows, 1024)?, 1);
        let outputs = rows as f64 * (ends.per_row + ends.per_output);
        let bytes = (rows * 1024) as f64;
        let reading = seconds - ends.per_call - 1024.0 * ends.per_input - outputs;
        *point = (bytes, bytes / positive(reading));
    }
    Ok(points)
}

/// A Toeplitz-like product of rank 1 consists of four transforms.
fn transforms(clock: &mut Clock, values: &[f32], per_call: f64) -> Result<[(f64, f64); 4], Error> {
    let mut points = [(0.0, 0.0); 4];
    for (point, n) in points.iter_mut().zip(LENGTHS) {
        let matrix = ToeplitzLike::new(&values[..n], &values[..n], 1, n, n)?;
        *point = (n as f64, positive(clock.seconds(&matrix, 1) - per_call) / 4.0);
    }
    Ok(points)
}

/// Many small blocks: besides 64 transforms, 1024 products of spectra with 33 values.
fn per_bin(clock: &mut Clock, values: &[f32], per_call: f64, transform: f64) -> Result<f64, Error> {
    let blocks = BlockCirculant::new(&values[..64 * 1024], 64, 2048, 2048)?;
    let rest = per_call + 64.0 * transform;
    Ok(positive((clock.seconds(&blocks, 1) - rest) / (1024.0 * 33.0)))
}

/// A matrix with arbitrary values.
fn int8(rows: usize, cols: usize) -> Result<PackedI8, Error> {
    PackedI8::pack(&vec![3; rows * cols], &vec![1.0; rows], rows, cols)
}

/// The difference of two measured times, made positive.
fn positive(seconds: f64) -> f64 {
    seconds.max(1e-14)
}

/// The shortest time of a call, out of as many as fit the slice of time, at least three; very short
/// calls are timed together.
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
