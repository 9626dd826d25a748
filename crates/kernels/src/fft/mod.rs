//! Products with matrices that the Fourier transform makes (nearly) diagonal: circulant,
//! skew-circulant, block-circulant, Toeplitz and Toeplitz-like. They have few parameters, and a
//! product takes `n log n` time instead of `n^2`.
//!
//! Inputs and outputs are real, so transforms have half the length: a circulant of `n` takes real
//! transforms of `n`, a skew-circulant takes complex ones of `n / 2`. Those of the weights are
//! computed once. Any length is allowed; products of 2, 3 and 5 are fast. The results are those of
//! the dense matrix, up to about 1e-6 of its norm times that of the vector.
//!
//! `Z_f(v)`, the f-circulant with first column `v`, is the matrix with `v[i - j]` at `(i, j)` for
//! `i >= j` and `f v[n + i - j]` above the diagonal: circulant for f = 1, skew-circulant for f =
//! -1.

mod circulant;
mod toeplitz_like;
mod transform;

pub use circulant::BlockCirculant;
pub use toeplitz_like::ToeplitzLike;

use crate::aligned::Plain;
use alloc::vec::Vec;
use realfft::num_complex::Complex;

/// Working memory of the products of this module.
#[derive(Clone, Default)]
pub(crate) struct FftScratch {
    /// A vector on its way in or out.
    real: Vec<f32>,
    /// The spectra of the input.
    spectra: Vec<Complex<f32>>,
    /// A product, or a sum of products, of spectra.
    sum: Vec<Complex<f32>>,
    /// Another product.
    product: Vec<Complex<f32>>,
    /// Working memory of the transforms.
    inner: Vec<Complex<f32>>,
}

// SAFETY: two floats without padding.
unsafe impl Plain for Complex<f32> {}

/// The first `len` elements, after making room for them; their values are arbitrary.
fn room<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
    &mut buffer[..len]
}

/// `to = from`, and zeros after it.
fn copy_padded(from: &[f32], to: &mut [f32]) {
    to[..from.len()].copy_from_slice(from);
    to[from.len()..].fill(0.0);
}

/// `sum += weights * x`.
fn multiply_add(weights: &[Complex<f32>], x: &[Complex<f32>], sum: &mut [Complex<f32>]) {
    for ((w, x), s) in weights.iter().zip(x).zip(sum) {
        *s = Complex::new(s.re + w.re * x.re - w.im * x.im, s.im + w.re * x.im + w.im * x.re);
    }
}
