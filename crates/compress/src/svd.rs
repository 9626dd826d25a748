//! Singular value decomposition of matrices and of linear maps, by faer, in `f64`.

use crate::{Error, Result};
use faer::{Mat, MatRef};
use stonechat_model::LinearMap;

/// Thin singular value decomposition `W = U diag(sigma) V^T` of a `rows x cols` matrix.
///
/// `d = sigma.len()` is `min(rows, cols)`, or the inner size of a low-rank map if that is smaller
/// (its other singular values are zero).
#[derive(Debug, Clone, PartialEq)]
pub struct Svd {
    /// Rows of `W`.
    pub rows: usize,
    /// Columns of `W`.
    pub cols: usize,
    /// Singular values, largest first, none negative.
    pub sigma: Vec<f64>,
    /// Left singular vectors, row-major `rows x d`, orthonormal columns.
    pub u: Vec<f64>,
    /// Right singular vectors, row-major `d x cols`, orthonormal rows (except for
    /// [`Svd::whitened`]).
    pub vt: Vec<f64>,
}

impl Svd {
    /// Decomposes a row-major `rows x cols` matrix.
    ///
    /// # Errors
    /// If `w` does not hold `rows * cols >= 1` finite values.
    pub fn new(w: &[f32], rows: usize, cols: usize) -> Result<Self> {
        let w = matrix("matrix", w, rows, cols)?;
        Self::of_mat("matrix", w.as_ref())
    }

    /// Decomposes a linear map of any family; a low-rank map through its factors, without forming
    /// `W`.
    ///
    /// # Errors
    /// If its values are not finite.
    pub fn of(map: &LinearMap) -> Result<Self> {
        match Factors::of(map)? {
            Factors::Whole(w) => Self::of_mat(map.family().name(), w.as_ref()),
            Factors::Orthogonal { left, core, right } => {
                let inner = Self::of_mat(map.family().name(), core.as_ref())?;
                let d = inner.sigma.len();
                let u = left * MatRef::from_row_major_slice(&inner.u, core.nrows(), d);
                let vt =
                    MatRef::from_row_major_slice(&inner.vt, d, core.ncols()) * right.transpose();
                Ok(Self {
                    rows: map.rows(),
                    cols: map.cols(),
                    sigma: inner.sigma,
                    u: row_major(u.as_ref()),
                    vt: row_major(vt.as_ref()),
                })
            }
        }
    }

    /// The factors `(U sqrt(S), sqrt(S) V^T)` of the closest matrix of rank `rank` (Eckart and
    /// Young 1936), row-major `rows x rank` and `rank x cols`. They are balanced: `A^T A = B B^T`.
    /// `rank` is limited to 1 to `sigma.len()`.
    pub fn truncate(&self, rank: usize) -> (Vec<f32>, Vec<f32>) {
        let d = self.sigma.len();
        let rank = rank.clamp(1, d);
        let roots: Vec<f64> = self.sigma[..rank].iter().map(|s| s.sqrt()).collect();
        let scaled = |(x, root): (&f64, &f64)| (x * root) as f32;
        let u_rows = self.u.chunks_exact(d);
        let u = u_rows.flat_map(|row| row.iter().zip(&roots).map(scaled)).collect();
        let vt_rows = self.vt.chunks_exact(self.cols).zip(&roots);
        let v =
            vt_rows.flat_map(|(row, root)| row.iter().map(move |x| (x * root) as f32)).collect();
        (u, v)
    }

    fn of_mat(name: &str, w: MatRef<'_, f64>) -> Result<Self> {
        let svd = w.thin_svd().map_err(|e| Error::svd(name, format!("{e:?}")))?;
        Ok(Self {
            rows: w.nrows(),
            cols: w.ncols(),
            sigma: clean(svd.S().column_vector().iter().copied()),
            u: row_major(svd.U()),
            vt: row_major(svd.V().transpose()),
        })
    }
}

/// Singular values of a row-major `rows x cols` matrix, largest first, `min(rows, cols)` of them.
///
/// # Errors
/// If `w` does not hold `rows * cols >= 1` finite values.
pub fn singular_values(w: &[f32], rows: usize, cols: usize) -> Result<Vec<f64>> {
    values("matrix", matrix("matrix", w, rows, cols)?.as_ref())
}

/// Singular values of a linear map of any family, as in [`Svd::of`], without the vectors.
///
/// # Errors
/// If its values are not finite.
pub fn singular_values_of(map: &LinearMap) -> Result<Vec<f64>> {
    match Factors::of(map)? {
        Factors::Whole(w) => values(map.family().name(), w.as_ref()),
        Factors::Orthogonal { core, .. } => values(map.family().name(), core.as_ref()),
    }
}

/// Factors `(U sqrt(S), sqrt(S) V^T)` of the best approximation of rank `rank` to a row-major `rows
/// x cols` matrix: `rows x rank` and `rank x cols` (Kliegl et al. 2017, section 3.2; see
/// [`Svd::truncate`]).
///
/// # Errors
/// If `w` does not hold `rows * cols >= 1` finite values, or `rank` is not in `1..=min(rows,
/// cols)`.
pub fn truncated_svd(
    w: &[f32],
    rows: usize,
    cols: usize,
    rank: usize,
) -> Result<(Vec<f32>, Vec<f32>)> {
    if !(1..=rows.min(cols)).contains(&rank) {
        let reason = format!(
            "rank {rank} of a {rows} x {cols} matrix must be at least 1 and at most its smaller side"
        );
        return Err(Error::Rank(reason));
    }
    Svd::new(w, rows, cols).map(|svd| svd.truncate(rank))
}

/// A map in a form whose singular values can be computed.
enum Factors {
    Whole(Mat<f64>),
    /// `W = left core right^T` with orthonormal columns on both sides: `core` has the singular
    /// values of `W`.
    Orthogonal {
        left: Mat<f64>,
        core: Mat<f64>,
        right: Mat<f64>,
    },
}

impl Factors {
    fn of(map: &LinearMap) -> Result<Self> {
        map.validate(map.family().name())?;
        match map.factors() {
            Some((u, v)) => {
                // U = Q R and V^T = P S give W = Q (R S^T) P^T: a product no larger than the rank.
                let u = matrix("u", &u.to_dense(), u.rows(), u.cols())?;
                let v = matrix("v", &v.to_dense(), v.rows(), v.cols())?;
                let (qr_u, qr_v) = (u.qr(), v.transpose().qr());
                Ok(Factors::Orthogonal {
                    left: qr_u.compute_thin_Q(),
                    core: qr_u.thin_R() * qr_v.thin_R().transpose(),
                    right: qr_v.compute_thin_Q(),
                })
            }
            None => matrix(map.family().name(), &map.to_dense(), map.rows(), map.cols())
                .map(Factors::Whole),
        }
    }
}

fn values(name: &str, w: MatRef<'_, f64>) -> Result<Vec<f64>> {
    let sigma = w.singular_values().map_err(|e| Error::svd(name, format!("{e:?}")))?;
    Ok(clean(sigma.into_iter()))
}

/// Rounding may make a zero singular value slightly negative.
fn clean(sigma: impl Iterator<Item = f64>) -> Vec<f64> {
    sigma.map(|s| s.max(0.0)).collect()
}

pub(crate) fn matrix(name: &str, w: &[f32], rows: usize, cols: usize) -> Result<Mat<f64>> {
    if w.is_empty() || rows.checked_mul(cols) != Some(w.len()) {
        let reason = format!("{} values cannot be a {rows} x {cols} matrix", w.len());
        return Err(Error::svd(name, reason));
    }
    if let Some(i) = w.iter().position(|x| !x.is_finite()) {
        return Err(Error::svd(name, format!("value {i} is {}, must be finite", w[i])));
    }
    Ok(Mat::from_fn(rows, cols, |i, j| f64::from(w[i * cols + j])))
}

pub(crate) fn row_major(matrix: MatRef<'_, f64>) -> Vec<f64> {
    let rows = 0..matrix.nrows();
    rows.flat_map(|i| (0..matrix.ncols()).map(move |j| matrix[(i, j)])).collect()
}
