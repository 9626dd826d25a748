//! Toeplitz-like matrices, the low displacement rank family of Sindhwani, Sainath and Kumar (2015):
//! `M = sum over i of Z_1(g_i) Z_-1(h_i)`.
//!
//! Rank 1 includes the circulant and the skew-circulant matrices, rank 2 the Toeplitz matrices and
//! their inverses, rank `n` every matrix.

use super::transform::{Ring, Transform};
use super::{FftScratch, copy_padded, multiply_add, room};
use crate::aligned::Aligned;
use crate::product::sealed::{Call, Form, Sealed};
use crate::{Arena, Error, Isa, Packed, Product, Scratch};
use realfft::num_complex::Complex;

/// A `rows x cols` matrix: the first rows and columns of the sum of `rank` products of a circulant
/// and a skew-circulant matrix of `n = max(rows, cols)`. It has `2 * rank * n` parameters; a
/// product takes `2 * rank + 2` transforms.
#[derive(Clone, Debug)]
pub struct ToeplitzLike {
    cyclic: Transform,
    skew: Transform,
    /// Spectra of the `g`, multiplied by the scale of the transform.
    g: Aligned<Complex<f32>>,
    /// Spectra of the `h`, multiplied by the scale of the transform.
    h: Aligned<Complex<f32>>,
    rows: usize,
    cols: usize,
}

impl ToeplitzLike {
    /// From `g` and `h`, both `rank x max(rows, cols)`, each vector contiguous.
    ///
    /// # Errors
    /// [`Error::Empty`] if a size is 0, [`Error::Length`].
    pub fn new(g: &[f32], h: &[f32], rank: usize, rows: usize, cols: usize) -> Result<Self, Error> {
        if rank == 0 || rows == 0 || cols == 0 {
            return Err(Error::Empty { rows, cols });
        }
        let n = rows.max(cols);
        let cyclic = Transform::new(n, Ring::Cyclic);
        let skew = Transform::new(n, Ring::Skew);
        check_lengths(g, h, rank.saturating_mul(n))?;
        let (g, h) = (cyclic.spectra(g), skew.spectra(h));
        Ok(Self { cyclic, skew, g, h, rows, cols })
    }
}

impl Sealed for ToeplitzLike {}

impl Packed for ToeplitzLike {
    fn bytes(&self) -> usize {
        size_of_val(self.g.as_slice()) + size_of_val(self.h.as_slice())
    }

    fn isa(&self) -> Isa {
        Isa::Portable
    }

    fn move_into(&mut self, arena: &mut Arena) {
        arena.take_in(&mut self.h);
        arena.take_in(&mut self.g);
    }
}

impl Product for ToeplitzLike {}

impl Form for ToeplitzLike {
    fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    fn run(&self, call: Call<'_>, scratch: &mut Scratch) {
        let Call { x, y, epilogue, .. } = call;
        let first = Side { transform: &self.skew, weights: self.h.as_slice() };
        let second = Side { transform: &self.cyclic, weights: self.g.as_slice() };
        for (x, y) in x.chunks_exact(self.cols).zip(y.chunks_exact_mut(self.rows)) {
            multiply(first, second, x, &mut scratch.fft, y);
        }
        epilogue.apply(y, self.rows);
    }
}

/// One of the two matrices of each term: the transform that makes it diagonal, and the diagonals of
/// all terms.
#[derive(Clone, Copy)]
struct Side<'a> {
    transform: &'a Transform,
    weights: &'a [Complex<f32>],
}

/// `y = sum over i of second_i first_i x`.
fn multiply(first: Side, second: Side, x: &[f32], scratch: &mut FftScratch, y: &mut [f32]) {
    let (bins_in, bins_out) = (first.transform.bins(), second.transform.bins());
    let inner_len = first.transform.inner_len().max(second.transform.inner_len());
    let FftScratch { real, spectra, sum, product, inner } = scratch;
    let real = room(real, first.transform.len());
    let inner = room(inner, inner_len);
    let (input, between) = room(spectra, bins_in + bins_out).split_at_mut(bins_in);
    let sum = room(sum, bins_out);
    let product = room(product, bins_in);
    copy_padded(x, real);
    first.transform.forward(real, input, inner);
    sum.fill(Complex::default());
    let terms = first.weights.chunks_exact(bins_in).zip(second.weights.chunks_exact(bins_out));
    for (inner_weights, outer_weights) in terms {
        product.fill(Complex::default());
        multiply_add(inner_weights, input, product);
        first.transform.inverse(product, real, inner);
        second.transform.forward(real, between, inner);
        multiply_add(outer_weights, between, sum);
    }
    second.transform.inverse(sum, real, inner);
    y.copy_from_slice(&real[..y.len()]);
}

fn check_lengths(g: &[f32], h: &[f32], expected: usize) -> Result<(), Error> {
    for (what, found) in [("g", g.len()), ("h", h.len())] {
        if found != expected {
            return Err(Error::Length { what, expected, found });
        }
    }
    Ok(())
}
