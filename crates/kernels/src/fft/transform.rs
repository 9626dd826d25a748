//! The transform that makes a circulant or skew-circulant matrix diagonal: its values are those of
//! the polynomial `sum of v[k] X^k` at half the roots of `X^n = 1` or `X^n = -1`. At the other half
//! they are the conjugates, because `v` is real.

use crate::aligned::Aligned;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::f64::consts::PI;
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

/// The ring: polynomials modulo `X^n - 1` or `X^n + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ring {
    /// Circulant matrices.
    Cyclic,
    /// Skew-circulant matrices.
    Skew,
}

/// Forward and inverse transform of real vectors of one length.
#[derive(Clone)]
pub(super) struct Transform {
    n: usize,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// A real transform of length `n`. For the skew ring with odd `n`, `X -> -X` turns `X^n = -1`
    /// into `X^n = 1`: the signs of the odd places alternate in the input and the output.
    Real {
        forward: Arc<dyn RealToComplex<f32>>,
        inverse: Arc<dyn ComplexToReal<f32>>,
        alternate: bool,
    },
    /// Skew and even: a complex transform of half the length. At the roots with `X^(n/2) = i` the
    /// second half of the vector is the imaginary part of the first, and `twist[k] = exp(i pi k /
    /// n)` moves these roots to those of 1.
    Half { forward: Arc<dyn Fft<f32>>, inverse: Arc<dyn Fft<f32>>, twist: Vec<Complex<f32>> },
}

impl Transform {
    pub(super) fn new(n: usize, ring: Ring) -> Self {
        let kind = if ring == Ring::Skew && n.is_multiple_of(2) {
            let mut planner = FftPlanner::new();
            let twist = (0..n / 2)
                .map(|k| {
                    let (sin, cos) = (PI * k as f64 / n as f64).sin_cos();
                    Complex::new(cos as f32, sin as f32)
                })
                .collect();
            Kind::Half {
                forward: planner.plan_fft_forward(n / 2),
                inverse: planner.plan_fft_inverse(n / 2),
                twist,
            }
        } else {
            let mut planner = RealFftPlanner::new();
            Kind::Real {
                forward: planner.plan_fft_forward(n),
                inverse: planner.plan_fft_inverse(n),
                alternate: ring == Ring::Skew,
            }
        };
        Self { n, kind }
    }

    /// Length of a vector.
    pub(super) fn len(&self) -> usize {
        self.n
    }

    /// Length of its spectrum.
    pub(super) fn bins(&self) -> usize {
        match self.kind {
            Kind::Real { .. } => self.n / 2 + 1,
            Kind::Half { .. } => self.n / 2,
        }
    }

    /// Forward and inverse together multiply by the inverse of this.
    fn scale(&self) -> f32 {
        match self.kind {
            Kind::Real { .. } => 1.0 / self.n as f32,
            Kind::Half { .. } => 2.0 / self.n as f32,
        }
    }

    /// Length of the working memory.
    pub(super) fn inner_len(&self) -> usize {
        match &self.kind {
            Kind::Real { forward, inverse, .. } => {
                forward.get_scratch_len().max(inverse.get_scratch_len())
            }
            Kind::Half { forward, inverse, .. } => {
                forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len())
            }
        }
    }

    /// The spectra of consecutive vectors, multiplied by the scale of the transform.
    pub(super) fn spectra(&self, vectors: &[f32]) -> Aligned<Complex<f32>> {
        let mut spectra = Aligned::zeroed(vectors.len() / self.n * self.bins());
        let (mut real, mut inner) = (vec![0.0; self.n], vec![Complex::default(); self.inner_len()]);
        let each = spectra.as_mut_slice().chunks_exact_mut(self.bins());
        for (vector, spectrum) in vectors.chunks_exact(self.n).zip(each) {
            real.copy_from_slice(vector);
            self.forward(&mut real, spectrum, &mut inner);
            spectrum.iter_mut().for_each(|v| *v *= self.scale());
        }
        spectra
    }

    /// The spectrum of `x`, which is overwritten. Lengths: `len`, `bins`, `inner_len`.
    pub(super) fn forward(
        &self,
        x: &mut [f32],
        spectrum: &mut [Complex<f32>],
        inner: &mut [Complex<f32>],
    ) {
        match &self.kind {
            Kind::Real { forward, alternate, .. } => {
                if *alternate {
                    negate_odd(x);
                }
                let inner = &mut inner[..forward.get_scratch_len()];
                let done = forward.process_with_scratch(x, spectrum, inner);
                done.expect("the lengths are those of the plan");
            }
            Kind::Half { forward, twist, .. } => {
                let (first, second) = x.split_at(self.n / 2);
                for (((s, t), re), im) in spectrum.iter_mut().zip(twist).zip(first).zip(second) {
                    *s = Complex::new(*re, *im) * t;
                }
                let inner = &mut inner[..forward.get_inplace_scratch_len()];
                forward.process_with_scratch(spectrum, inner);
            }
        }
    }

    /// The vector of a spectrum, which is overwritten, divided by `scale`. Lengths as above.
    pub(super) fn inverse(
        &self,
        spectrum: &mut [Complex<f32>],
        y: &mut [f32],
        inner: &mut [Complex<f32>],
    ) {
        match &self.kind {
            Kind::Real { inverse, alternate, .. } => {
                // The values at 1 and -1 are real.
                spectrum[0].im = 0.0;
                if self.n.is_multiple_of(2) {
                    spectrum[self.n / 2].im = 0.0;
                }
                let inner = &mut inner[..inverse.get_scratch_len()];
                let done = inverse.process_with_scratch(spectrum, y, inner);
                done.expect("the lengths are those of the plan");
                if *alternate {
                    negate_odd(y);
                }
            }
            Kind::Half { inverse, twist, .. } => {
                let inner = &mut inner[..inverse.get_inplace_scratch_len()];
                inverse.process_with_scratch(spectrum, inner);
                let (first, second) = y.split_at_mut(self.n / 2);
                for (((s, t), re), im) in spectrum.iter().zip(twist).zip(first).zip(second) {
                    let v = s * t.conj();
                    (*re, *im) = (v.re, v.im);
                }
            }
        }
    }
}

impl core::fmt::Debug for Transform {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Transform").field("n", &self.n).finish_non_exhaustive()
    }
}

fn negate_odd(values: &mut [f32]) {
    values.iter_mut().skip(1).step_by(2).for_each(|v| *v = -*v);
}
