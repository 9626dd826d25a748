//! Matrices of circulant blocks: one block is a circulant or skew-circulant matrix, a corner of one is a Toeplitz matrix.

use super::transform::{Ring, Transform};
use super::{FftScratch, copy_padded, multiply_add, room, smooth};
use crate::Error;
use crate::lengths::Lengths;
use alloc::vec;
use alloc::vec::Vec;
use realfft::num_complex::Complex;

/// A `rows x cols` matrix of square blocks, each circulant (or each skew-circulant), the last ones cut off where they do not fit. As in
/// C-LSTM: `rows * cols / block` parameters.
#[derive(Clone, Debug)]
pub struct BlockCirculant {
    transform: Transform,
    /// The spectrum of each block, those of the first rows first, times the scale of the transform.
    spectra: Vec<Complex<f32>>,
    rows: usize,
    cols: usize,
}

impl BlockCirculant {
    /// From the first columns of the blocks, `ceil(rows / block) x ceil(cols / block) x block` values, row-major.
    ///
    /// # Errors
    /// [`Error::Empty`] where a size is 0, [`Error::Length`].
    pub fn new(columns: &[f32], block: usize, rows: usize, cols: usize) -> Result<Self, Error> {
        Self::of(Ring::Cyclic, columns, block, rows, cols)
    }

    /// `Z_1(column)`: the circulant matrix with this first column.
    ///
    /// # Errors
    /// [`Error::Empty`] without a value.
    pub fn circulant(column: &[f32]) -> Result<Self, Error> {
        let n = column.len();
        Self::of(Ring::Cyclic, column, n, n, n)
    }

    /// `Z_-1(column)`: the skew-circulant matrix with this first column; what comes round from the bottom to the top changes its sign.
    ///
    /// # Errors
    /// [`Error::Empty`] without a value.
    pub fn skew_circulant(column: &[f32]) -> Result<Self, Error> {
        let n = column.len();
        Self::of(Ring::Skew, column, n, n, n)
    }

    /// The Toeplitz matrix with this first column and first row, whose first value is that of the column and not looked at: constant along
    /// every diagonal. It is the corner of a circulant matrix of at least `rows + cols - 1`, a length without large prime factors.
    ///
    /// # Errors
    /// [`Error::Empty`] without a value.
    pub fn toeplitz(column: &[f32], row: &[f32]) -> Result<Self, Error> {
        let (rows, cols) = (column.len(), row.len());
        if rows == 0 || cols == 0 {
            return Err(Error::Empty { rows, cols });
        }
        let n = smooth(rows + cols - 1);
        let mut whole = vec![0.0; n];
        whole[..rows].copy_from_slice(column);
        for j in 1..cols {
            whole[n - j] = row[j];
        }
        Self::of(Ring::Cyclic, &whole, n, rows, cols)
    }

    fn of(
        ring: Ring,
        columns: &[f32],
        block: usize,
        rows: usize,
        cols: usize,
    ) -> Result<Self, Error> {
        if block == 0 || rows == 0 || cols == 0 {
            return Err(Error::Empty { rows, cols });
        }
        let blocks = rows.div_ceil(block).saturating_mul(cols.div_ceil(block));
        let expected = blocks.saturating_mul(block);
        if columns.len() != expected {
            return Err(Error::Length { what: "columns", expected, found: columns.len() });
        }
        let transform = Transform::new(block, ring);
        let spectra = vec![Complex::default(); blocks * transform.bins()];
        let mut matrix = Self { transform, spectra, rows, cols };
        matrix.fill(columns, &mut FftScratch::new());
        Ok(matrix)
    }

    /// Replaces the first columns of the blocks without allocating, once `scratch` is warm. For training, where they change at every step.
    ///
    /// Not for what [`toeplitz`](Self::toeplitz) made, whose blocks are not its parameters: make it anew.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn repack(&mut self, columns: &[f32], scratch: &mut FftScratch) -> Result<(), Error> {
        let expected = self.spectra.len() / self.transform.bins() * self.transform.len();
        if columns.len() != expected {
            return Err(Error::Length { what: "columns", expected, found: columns.len() });
        }
        self.fill(columns, scratch);
        Ok(())
    }

    fn fill(&mut self, columns: &[f32], scratch: &mut FftScratch) {
        let Self { transform, spectra, .. } = self;
        let real = room(&mut scratch.real, transform.len());
        let inner = room(&mut scratch.inner, transform.inner_len());
        let blocks = columns.chunks_exact(transform.len());
        for (column, spectrum) in blocks.zip(spectra.chunks_exact_mut(transform.bins())) {
            real.copy_from_slice(column);
            transform.forward(real, spectrum, inner);
            spectrum.iter_mut().for_each(|v| *v *= transform.scale());
        }
    }

    /// Rows of the matrix: elements of a result.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of the matrix: elements of an input vector.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Bytes of the spectra.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.spectra.as_slice())
    }

    /// `y = W x` for `batch` vectors: `x` is `batch x cols`, `y` is `batch x rows`. Allocates only to grow `scratch`.
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for.
    pub fn matmul(&self, x: &[f32], batch: usize, scratch: &mut FftScratch, y: &mut [f32]) {
        self.multiply::<false>(x, batch, self.cols, self.rows, scratch, y);
    }

    /// `x = W^T y` for `batch` vectors: `y` is `batch x rows`, `x` is `batch x cols`. Allocates only to grow `scratch`.
    ///
    /// The gradient with respect to the first column of a circulant or skew-circulant matrix is such a product, too: that of
    /// `Z_f(x)^T dy` for an input `x` and the gradient `dy` of its result, for `Z_f(v) x = Z_f(x) v`.
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for.
    pub fn matmul_transposed(
        &self,
        y: &[f32],
        batch: usize,
        scratch: &mut FftScratch,
        x: &mut [f32],
    ) {
        self.multiply::<true>(y, batch, self.rows, self.cols, scratch, x);
    }

    /// The matrix or its transpose, whose blocks are the conjugates.
    fn multiply<const TRANSPOSED: bool>(
        &self,
        x: &[f32],
        batch: usize,
        cols: usize,
        rows: usize,
        scratch: &mut FftScratch,
        y: &mut [f32],
    ) {
        Lengths { rows, cols, batch }.check("BlockCirculant", x.len(), y.len());
        let (n, bins) = (self.transform.len(), self.transform.bins());
        let (blocks_in, blocks_out) = (cols.div_ceil(n), rows.div_ceil(n));
        let real = room(&mut scratch.real, n);
        let spectra = room(&mut scratch.spectra, blocks_in * bins);
        let sum = room(&mut scratch.sum, bins);
        let inner = room(&mut scratch.inner, self.transform.inner_len());
        for (x, y) in x.chunks_exact(cols).zip(y.chunks_exact_mut(rows)) {
            for (part, spectrum) in x.chunks(n).zip(spectra.chunks_exact_mut(bins)) {
                copy_padded(part, real);
                self.transform.forward(real, spectrum, inner);
            }
            for (out, part) in y.chunks_mut(n).enumerate() {
                sum.fill(Complex::default());
                for (input, spectrum) in spectra.chunks_exact(bins).enumerate() {
                    let block =
                        if TRANSPOSED { input * blocks_out + out } else { out * blocks_in + input };
                    let weights = &self.spectra[block * bins..][..bins];
                    multiply_add::<TRANSPOSED>(weights, spectrum, sum);
                }
                self.transform.inverse(sum, real, inner);
                part.copy_from_slice(&real[..part.len()]);
            }
        }
    }
}
