//! Which form of a matrix is the fastest on this machine: predicts a product's time from a few
//! measured numbers.
//!
//! A product over packed weights takes the longer of two times, plus the cost of loading the
//! vectors and storing the results:
//!
//! ```text
//! max(bytes / bandwidth, weights * passes * per_weight + weights * batch * per_mac)
//!     + batch * (cols * per_input + rows * per_output) + passes * rows * per_row + per_call
//! ```
//!
//! where a pass is up to 8 vectors, and the bandwidth is that of the cache (or memory) that fits
//! everything read between two products. An FFT product takes its transforms and, if there are many
//! blocks, the products of their spectra. The numbers are measured once, by
//! [`Calibration::measure`], in about a second; they are plain data, so that a program can keep
//! them.

mod measure;

use crate::drive::{MAX_PASS, PANEL_ROWS};

/// A form of a matrix, and so the type that multiplies it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Form {
    /// [`PackedF32`](crate::PackedF32).
    Float32,
    /// [`PackedI8`](crate::PackedI8).
    Int8,
    /// [`PackedI4`](crate::PackedI4).
    Int4,
    /// Two [`PackedI8`](crate::PackedI8), `rows x rank` and `rank x cols`.
    LowRank {
        /// The rows of one and the columns of the other.
        rank: usize,
    },
    /// [`BlockSparseI8`](crate::BlockSparseI8).
    BlockSparse {
        /// The share of blocks that is stored, in 0..=1.
        density: f64,
    },
    /// [`BlockSparseI8::pack_diagonal`](crate::BlockSparseI8::pack_diagonal), for groups of equal
    /// size.
    BlockDiagonal {
        /// How many groups there are.
        groups: usize,
    },
    /// [`BlockCirculant`](crate::fft::BlockCirculant).
    BlockCirculant {
        /// Rows and columns of a block, preferably a product of 2, 3 and 5.
        block: usize,
    },
    /// [`ToeplitzLike`](crate::fft::ToeplitzLike); rows and columns are preferably products of 2, 3
    /// and 5.
    ToeplitzLike {
        /// Terms of the sum.
        rank: usize,
    },
}

/// A product whose time is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub cols: usize,
    /// Vectors.
    pub batch: usize,
    /// Bytes that the program reads between two of these products, without the matrix itself (for
    /// example the other layers). They determine where the weights come from. 0 if the product is
    /// repeated.
    pub others: usize,
}

/// The work of a kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Seconds per weight and pass of vectors: loading and unpacking.
    pub per_weight: f64,
    /// Seconds per weight and vector: multiplying.
    pub per_mac: f64,
}

/// The measurements of a machine. All times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Read speeds of a product that reads a number of bytes again and again: `(bytes, bytes per
    /// second)`, ascending.
    pub bandwidths: [(f64, f64); 4],
    /// Float weights.
    pub float32: Rate,
    /// 8-bit weights.
    pub int8: Rate,
    /// 4-bit weights.
    pub int4: Rate,
    /// The 8-bit weights of block-sparse matrices.
    pub sparse: Rate,
    /// Per element of an input vector: quantizing it.
    pub per_input: f64,
    /// Per row and pass of vectors: the ends of the loops.
    pub per_row: f64,
    /// Per element of a result: scale, bias, activation.
    pub per_output: f64,
    /// Per product, however small.
    pub per_call: f64,
    /// Real transforms: `(length, seconds)`, ascending.
    pub transforms: [(f64, f64); 4],
    /// Per product of two values of spectra.
    pub per_bin: f64,
}

impl Calibration {
    /// The predicted seconds of a product in this form, on one thread.
    #[must_use]
    pub fn predict(&self, form: Form, product: Product) -> f64 {
        let Product { rows, cols, batch, .. } = product;
        if batch == 0 {
            return 0.0;
        }
        let n = batch as f64;
        match form {
            Form::Float32 => self.packed(self.float32, form, product, self.outputs(product)),
            Form::Int8 => self.packed(self.int8, form, product, self.ends(product)),
            Form::Int4 => self.packed(self.int4, form, product, self.ends(product)),
            Form::BlockSparse { .. } | Form::BlockDiagonal { .. } => {
                self.packed(self.sparse, form, product, self.ends(product))
            }
            Form::LowRank { rank } => {
                let (first, second) = halves(product, rank);
                self.predict(Form::Int8, first) + self.predict(Form::Int8, second)
            }
            Form::BlockCirculant { block } => {
                let (down, across) = (rows.div_ceil(block) as f64, cols.div_ceil(block) as f64);
                let bins = (block / 2 + 1) as f64;
                let transforms = (down + across) * self.transform(block);
                let spectra = (down * across * bins * self.per_bin)
                    .max(bytes(form, product) / self.bandwidth(form, product) / n);
                n * (transforms + spectra) + self.per_call
            }
            Form::ToeplitzLike { rank } => {
                let transforms = (2 * rank + 2) as f64 * self.transform(rows.max(cols));
                n * transforms + self.per_call
            }
        }
    }

    /// A product over packed weights.
    fn packed(&self, rate: Rate, form: Form, product: Product, ends: f64) -> f64 {
        let passes = product.batch.div_ceil(MAX_PASS) as f64;
        let work = rate.per_weight * passes + rate.per_mac * product.batch as f64;
        let reading = bytes(form, product) / self.bandwidth(form, product);
        reading.max(weights(form, product) * work) + ends + self.per_call
    }

    /// Quantizing the input and storing the result.
    fn ends(&self, product: Product) -> f64 {
        (product.batch * product.cols) as f64 * self.per_input + self.outputs(product)
    }

    /// Storing the result.
    fn outputs(&self, product: Product) -> f64 {
        let passes = product.batch.div_ceil(MAX_PASS) as f64;
        product.rows as f64 * (passes * self.per_row + product.batch as f64 * self.per_output)
    }

    fn bandwidth(&self, form: Form, product: Product) -> f64 {
        interpolate(&self.bandwidths, bytes(form, product) + product.others as f64)
    }

    /// A transform of length `n`; between and beyond the measured lengths, the time per step of `n
    /// log n` is interpolated.
    fn transform(&self, n: usize) -> f64 {
        let steps = |n: f64| n * n.max(2.0).log2();
        let rates = self.transforms.map(|(n, seconds)| (n, seconds / steps(n)));
        interpolate(&rates, n as f64) * steps(n as f64)
    }
}

/// Bytes of the weights of a form, scales included, which a product reads.
#[must_use]
pub fn bytes(form: Form, product: Product) -> f64 {
    let rows = product.rows.next_multiple_of(PANEL_ROWS) as f64;
    match form {
        Form::Float32 => 4.0 * weights(form, product),
        Form::Int8 | Form::BlockSparse { .. } | Form::BlockDiagonal { .. } => {
            let place = if form == Form::Int8 { 0.0 } else { 4.0 / 128.0 };
            (1.0 + place) * weights(form, product) + 8.0 * rows
        }
        Form::Int4 => 17.0 / 32.0 * weights(form, product) + 4.0 * rows,
        Form::LowRank { rank } => {
            let (first, second) = halves(product, rank);
            bytes(Form::Int8, first) + bytes(Form::Int8, second)
        }
        Form::BlockCirculant { block } => {
            let blocks = product.rows.div_ceil(block) * product.cols.div_ceil(block);
            8.0 * (blocks * (block / 2 + 1)) as f64
        }
        Form::ToeplitzLike { rank } => 8.0 * (rank * product.rows.max(product.cols)) as f64,
    }
}

/// Stored weights of a packed form, padding included.
fn weights(form: Form, product: Product) -> f64 {
    let Product { rows, cols, .. } = product;
    let rows = rows.next_multiple_of(PANEL_ROWS) as f64;
    match form {
        Form::BlockSparse { density } => density * rows * cols as f64,
        // Each panel stores the columns of all groups with rows in it.
        Form::BlockDiagonal { groups } => {
            let per_group = product.rows.div_ceil(groups);
            let share = (PANEL_ROWS - 1).div_ceil(per_group) + 1;
            let seen = if per_group.is_multiple_of(PANEL_ROWS) { 1 } else { share.min(groups) };
            rows * (cols.div_ceil(groups) * seen).min(cols) as f64
        }
        _ => rows * cols as f64,
    }
}

/// The two products of a low-rank form; each counts the bytes of the other.
fn halves(product: Product, rank: usize) -> (Product, Product) {
    let first = Product { rows: rank, ..product };
    let second = Product { cols: rank, ..product };
    let beside = |other: Product| product.others + bytes(Form::Int8, other) as usize;
    (Product { others: beside(second), ..first }, Product { others: beside(first), ..second })
}

/// The value at `x`, linear in the logarithm of `x` between the points, constant beyond them.
fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        if x <= x0 {
            return y0;
        }
        if x < x1 {
            return y0 + (y1 - y0) * (x / x0).ln() / (x1 / x0).ln();
        }
    }
    points[points.len() - 1].1
}
