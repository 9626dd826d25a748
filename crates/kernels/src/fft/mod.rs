//! Products with matrices that the Fourier transform makes (nearly) diagonal: circulant, skew-circulant, block-circulant, Toeplitz and
//! Toeplitz-like ones. They have few parameters, and a product takes time in `n log n` instead of `n^2`.
//!
//! Everything is real on the outside, so no transform is longer than half the length: a circulant of `n` takes real transforms of `n`, a
//! skew-circulant complex ones of `n / 2`. Those of the weights are made once. Any length is allowed; lengths that are products of 2, 3 and
//! 5 are the fast ones. The results are those of the dense matrix within about 1e-6 of its norm times that of the vector.
//!
//! `Z_f(v)`, the f-circulant of first column `v`, is the matrix with `v[i - j]` at `(i, j)` for `i >= j` and `f v[n + i - j]` above:
//! circulant for f = 1, skew-circulant for f = -1.

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
    /// A product or a sum of products of spectra.
    sum: Vec<Complex<f32>>,
    /// Another one.
    product: Vec<Complex<f32>>,
    /// What the transforms ask for.
    inner: Vec<Complex<f32>>,
}

// SAFETY: two floats without padding.
unsafe impl Plain for Complex<f32> {}

/// At least `len` elements, of which the first `len`; what they hold is of no matter.
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
