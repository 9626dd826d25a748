//! Toeplitz-like matrices, the low displacement rank family of Sindhwani, Sainath and Kumar (2015):
//! `M = sum over i of Z_1(g_i) Z_-1(h_i)`.
//!
//! Rank 1 holds the circulant and the skew-circulant matrices, rank 2 the Toeplitz matrices and their inverses, rank `n` every matrix.

use super::transform::{Ring, Transform};
use super::{FftScratch, copy_padded, multiply_add, room};
use crate::Error;
use crate::lengths::Lengths;
use alloc::vec;
use alloc::vec::Vec;
use realfft::num_complex::Complex;

/// A `rows x cols` matrix: the first rows and columns of the sum of `rank` products of a circulant and a skew-circulant matrix of
/// `n = max(rows, cols)`. It has `2 * rank * n` parameters; a product takes `2 * rank + 2` transforms.
#[derive(Clone, Debug)]
pub struct ToeplitzLike {
    cyclic: Transform,
    skew: Transform,
    /// Spectra of the `g`, times the scale of the transform.
    g: Vec<Complex<f32>>,
    /// Spectra of the `h`, times the scale of the transform.
    h: Vec<Complex<f32>>,
    rank: usize,
    rows: usize,
    cols: usize,
}

impl ToeplitzLike {
    /// From `g` and `h`, both `rank x max(rows, cols)`, each vector contiguous.
    ///
    /// # Errors
    /// [`Error::Empty`] where a size is 0, [`Error::Length`].
    pub fn new(g: &[f32], h: &[f32], rank: usize, rows: usize, cols: usize) -> Result<Self, Error> {
        if rank == 0 || rows == 0 || cols == 0 {
            return Err(Error::Empty { rows, cols });
        }
        let n = rows.max(cols);
        let cyclic = Transform::new(n, Ring::Cyclic);
        let skew = Transform::new(n, Ring::Skew);
        check_lengths(g, h, rank.saturating_mul(n))?;
        let mut matrix = Self {
            g: vec![Complex::default(); rank * cyclic.bins()],
            h: vec![Complex::default(); rank * skew.bins()],
            cyclic,
            skew,
            rank,
            rows,
            cols,
        };
        matrix.fill(g, h, &mut FftScratch::new());
        Ok(matrix)
    }

    /// Replaces the parameters without allocating, once `scratch` is warm. For training, where they change at every step.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn repack(&mut self, g: &[f32], h: &[f32], scratch: &mut FftScratch) -> Result<(), Error> {
        check_lengths(g, h, self.rank * self.cyclic.len())?;
        self.fill(g, h, scratch);
        Ok(())
    }

    fn fill(&mut self, g: &[f32], h: &[f32], scratch: &mut FftScratch) {
        let n = self.cyclic.len();
        let real = room(&mut scratch.real, n);
        let inner = room(&mut scratch.inner, self.inner_len());
        for (transform, vectors, spectra) in
            [(&self.cyclic, g, &mut self.g), (&self.skew, h, &mut self.h)]
        {
            for (vector, spectrum) in
                vectors.chunks_exact(n).zip(spectra.chunks_exact_mut(transform.bins()))
            {
                real.copy_from_slice(vector);
                transform.forward(real, spectrum, inner);
                spectrum.iter_mut().for_each(|v| *v *= transform.scale());
            }
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

    /// Products of a circulant and a skew-circulant matrix: the displacement rank, or more.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Bytes of the spectra.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.g.as_slice()) + size_of_val(self.h.as_slice())
    }

    /// `y = M x` for `batch` vectors: `x` is `batch x cols`, `y` is `batch x rows`. Allocates only to grow `scratch`.
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for.
    pub fn matmul(&self, x: &[f32], batch: usize, scratch: &mut FftScratch, y: &mut [f32]) {
        let lengths = Lengths { rows: self.rows, cols: self.cols, batch };
        lengths.check("ToeplitzLike", x.len(), y.len());
        let first = Side { transform: &self.skew, weights: &self.h };
        let second = Side { transform: &self.cyclic, weights: &self.g };
        for (x, y) in x.chunks_exact(self.cols).zip(y.chunks_exact_mut(self.rows)) {
            multiply::<false>(first, second, x, scratch, y);
        }
    }

    /// `x = M^T y` for `batch` vectors: `y` is `batch x rows`, `x` is `batch x cols`. Allocates only to grow `scratch`.
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
        let transposed = Lengths { rows: self.cols, cols: self.rows, batch };
        transposed.check("ToeplitzLike, transposed", y.len(), x.len());
        let first = Side { transform: &self.cyclic, weights: &self.g };
        let second = Side { transform: &self.skew, weights: &self.h };
        for (y, x) in y.chunks_exact(self.rows).zip(x.chunks_exact_mut(self.cols)) {
            multiply::<true>(first, second, y, scratch, x);
        }
    }

    /// The gradients of `g` and `h` (each `rank x max(rows, cols)`), to which they are added, from `batch` inputs `x` (`batch x cols`) and
    /// the gradients `dy` of their results (`batch x rows`). That of `x` is [`matmul_transposed`](Self::matmul_transposed).
    ///
    /// `dg_i = Z_1(Z_-1(h_i) x)^T dy` and `dh_i = Z_-1(x)^T Z_1(g_i)^T dy`, for such matrices commute. Allocates its working memory.
    ///
    /// # Panics
    /// Where a slice has not the length its shape calls for.
    pub fn add_gradients(
        &self,
        x: &[f32],
        dy: &[f32],
        batch: usize,
        dg: &mut [f32],
        dh: &mut [f32],
    ) {
        let n = self.cyclic.len();
        assert_eq!(
            (Some(x.len()), Some(dy.len()), dg.len(), dh.len()),
            (
                batch.checked_mul(self.cols),
                batch.checked_mul(self.rows),
                self.rank * n,
                self.rank * n
            ),
            "ToeplitzLike: `x` and `dy` must be {batch} x {} and {batch} x {}, `dg` and `dh` {} x {n}",
            self.cols,
            self.rows,
            self.rank
        );
        let zeros = |len: usize| vec![Complex::default(); len];
        let (cyclic, skew) = (self.cyclic.bins(), self.skew.bins());
        let (mut real, mut inner) = (vec![0.0; n], zeros(self.inner_len()));
        let (mut sums_g, mut sums_h) = (zeros(self.rank * cyclic), zeros(self.rank * skew));
        let (mut x_skew, mut dy_cyclic) = (zeros(skew), zeros(cyclic));
        let (mut in_skew, mut in_cyclic) = (zeros(skew), zeros(cyclic));
        for (x, dy) in x.chunks_exact(self.cols).zip(dy.chunks_exact(self.rows)) {
            copy_padded(x, &mut real);
            self.skew.forward(&mut real, &mut x_skew, &mut inner);
            copy_padded(dy, &mut real);
            self.cyclic.forward(&mut real, &mut dy_cyclic, &mut inner);
            for i in 0..self.rank {
                // u = Z_-1(h) x, then conj(u) dy.
                in_skew.fill(Complex::default());
                multiply_add::<false>(&self.h[i * skew..][..skew], &x_skew, &mut in_skew);
                self.skew.inverse(&mut in_skew, &mut real, &mut inner);
                self.cyclic.forward(&mut real, &mut in_cyclic, &mut inner);
                multiply_add::<true>(&in_cyclic, &dy_cyclic, &mut sums_g[i * cyclic..][..cyclic]);
                // p = Z_1(g)^T dy, then conj(x) p.
                in_cyclic.fill(Complex::default());
                multiply_add::<true>(&self.g[i * cyclic..][..cyclic], &dy_cyclic, &mut in_cyclic);
                self.cyclic.inverse(&mut in_cyclic, &mut real, &mut inner);
                self.skew.forward(&mut real, &mut in_skew, &mut inner);
                multiply_add::<true>(&x_skew, &in_skew, &mut sums_h[i * skew..][..skew]);
            }
        }
        for (transform, sums, gradient) in
            [(&self.cyclic, &mut sums_g, dg), (&self.skew, &mut sums_h, dh)]
        {
            let sums = sums.chunks_exact_mut(transform.bins());
            for (sum, gradient) in sums.zip(gradient.chunks_exact_mut(n)) {
                transform.inverse(sum, &mut real, &mut inner);
                let scale = transform.scale();
                gradient.iter_mut().zip(&real).for_each(|(d, v)| *d += v * scale);
            }
        }
    }

    fn inner_len(&self) -> usize {
        self.cyclic.inner_len().max(self.skew.inner_len())
    }
}

/// One of the two matrices of a term: how it is made diagonal, and the diagonals of all terms.
#[derive(Clone, Copy)]
struct Side<'a> {
    transform: &'a Transform,
    weights: &'a [Complex<f32>],
}

/// `y = sum over i of second_i first_i x`, or with the transposes of either.
fn multiply<const CONJ: bool>(
    first: Side,
    second: Side,
    x: &[f32],
    scratch: &mut FftScratch,
    y: &mut [f32],
) {
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
        multiply_add::<CONJ>(inner_weights, input, product);
        first.transform.inverse(product, real, inner);
        second.transform.forward(real, between, inner);
        multiply_add::<CONJ>(outer_weights, between, sum);
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
