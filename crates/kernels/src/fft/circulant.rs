//! Matrices of circulant blocks; one block is a circulant or skew-circulant matrix.

use super::transform::{Ring, Transform};
use super::{FftScratch, copy_padded, multiply_add, room};
use crate::aligned::Aligned;
use crate::product::sealed::{Call, Form, Sealed};
use crate::{Arena, Error, Isa, Packed, Product, Scratch};
use realfft::num_complex::Complex;

/// A `rows x cols` matrix of square blocks, all circulant or all skew-circulant; the last ones are
/// cut off if they do not fit. As in C-LSTM: `rows * cols / block` parameters.
#[derive(Clone, Debug)]
pub struct BlockCirculant {
    transform: Transform,
    /// The spectrum of each block, those of the first rows first, multiplied by the scale of the
    /// transform.
    spectra: Aligned<Complex<f32>>,
    rows: usize,
    cols: usize,
}

impl BlockCirculant {
    /// From the first columns of the blocks, `ceil(rows / block) x ceil(cols / block) x block`
    /// values, row-major.
    ///
    /// # Errors
    /// [`Error::Empty`] if a size is 0, [`Error::Length`].
    pub fn new(columns: &[f32], block: usize, rows: usize, cols: usize) -> Result<Self, Error> {
        Self::of(Ring::Cyclic, columns, block, rows, cols)
    }

    /// `Z_-1(column)`: the skew-circulant matrix with this first column; entries that wrap around
    /// from the bottom to the top change their sign.
    ///
    /// # Errors
    /// [`Error::Empty`] without a value.
    pub fn skew_circulant(column: &[f32]) -> Result<Self, Error> {
        let n = column.len();
        Self::of(Ring::Skew, column, n, n, n)
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
        let spectra = transform.spectra(columns);
        Ok(Self { transform, spectra, rows, cols })
    }
}

impl Sealed for BlockCirculant {}

impl Packed for BlockCirculant {
    fn bytes(&self) -> usize {
        size_of_val(self.spectra.as_slice())
    }

    fn isa(&self) -> Isa {
        Isa::Portable
    }

    fn move_into(&mut self, arena: &mut Arena) {
        arena.take_in(&mut self.spectra);
    }
}

impl Product for BlockCirculant {}

impl Form for BlockCirculant {
    fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    fn run(&self, call: Call<'_>, scratch: &mut Scratch) {
        let Call { x, y, epilogue, .. } = call;
        let Self { transform, spectra: weights, rows, cols } = self;
        let (n, bins) = (transform.len(), transform.bins());
        let (blocks_in, blocks_out) = (cols.div_ceil(n), rows.div_ceil(n));
        let FftScratch { real, spectra, sum, inner, .. } = &mut scratch.fft;
        let real = room(real, n);
        let spectra = room(spectra, blocks_in * bins);
        let sum = room(sum, bins);
        let inner = room(inner, transform.inner_len());
        for (x, y) in x.chunks_exact(*cols).zip(y.chunks_exact_mut(*rows)) {
            for (part, spectrum) in x.chunks(n).zip(spectra.chunks_exact_mut(bins)) {
                copy_padded(part, real);
                transform.forward(real, spectrum, inner);
            }
            let weights = weights.as_slice().chunks_exact(blocks_in * bins).take(blocks_out);
            for (weights, part) in weights.zip(y.chunks_mut(n)) {
                sum.fill(Complex::default());
                for (weights, x) in weights.chunks_exact(bins).zip(spectra.chunks_exact(bins)) {
                    multiply_add(weights, x, sum);
                }
                transform.inverse(sum, real, inner);
                part.copy_from_slice(&real[..part.len()]);
            }
        }
        epilogue.apply(y, *rows);
    }
}
