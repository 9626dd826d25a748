//! Truncation that minimises the error of a map's outputs on real inputs, not that of its weights.
//!
//! With `H = E[x x^T] = S S^T` the error of the output is `E |(W - W') x|^2 = |(W - W') S|_F^2`. So
//! the singular value decomposition `W S = U diag(sigma) V^T` gives the best `W' = U_r
//! diag(sigma_r) V_r^T S^-1`, and its error is exactly the sum of the dropped `sigma^2`. (The root
//! is that of Wang et al. 2024, "SVD-LLM", arXiv 2403.07378; any other root gives the same `W'`.)

use crate::{Error, Result, SecondMoment, Svd};
use faer::{Mat, MatRef, Side};
use stonechat_model::LinearMap;

/// Share of the mean power of an input that is added to the power of each input, so that directions
/// that do not occur in the calibration audio still count a little.
pub const DAMPING: f64 = 1e-3;

/// A direction below this share of the largest eigenvalue (or squared pivot) counts as having no
/// inputs.
const SINGULAR: f64 = 1e-12;

/// `S` with `S S^T = H`.
enum Root {
    /// Lower triangular.
    Cholesky(Mat<f64>),
    /// `Q diag(roots)`, the eigenvectors with positive eigenvalues: for a singular `H`.
    Eigen { vectors: Mat<f64>, roots: Vec<f64> },
}

impl Root {
    fn of(moment: &SecondMoment, damping: f64) -> Result<Self> {
        let cols = moment.cols();
        let damped = moment.damped(damping);
        let h = Mat::from_fn(cols, cols, |i, j| damped[i * cols + j]);
        if let Ok(cholesky) = h.llt(Side::Lower) {
            let lower = cholesky.L();
            let pivots = (0..cols).map(|i| lower[(i, i)] * lower[(i, i)]);
            let (low, high) = pivots.fold((f64::MAX, 0f64), |(l, h), p| (l.min(p), h.max(p)));
            if low > SINGULAR * high {
                return Ok(Root::Cholesky(lower.to_owned()));
            }
        }
        let eigen = h
            .self_adjoint_eigen(Side::Lower)
            .map_err(|e| Error::svd("second moment", format!("{e:?}")))?;
        let values: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
        let largest = values.iter().copied().fold(0.0, f64::max);
        let kept: Vec<usize> =
            (0..cols).filter(|&i| values[i] > SINGULAR * largest && values[i] > 0.0).collect();
        if kept.is_empty() {
            let reason = "all inputs are zero: calibrate with audio that has speech in it";
            return Err(Error::Calibration(reason.into()));
        }
        let vectors = Mat::from_fn(cols, kept.len(), |i, k| eigen.U()[(i, kept[k])]);
        Ok(Root::Eigen { vectors, roots: kept.iter().map(|&i| values[i].sqrt()).collect() })
    }

    /// `W S`.
    fn after(&self, w: MatRef<'_, f64>) -> Mat<f64> {
        match self {
            Root::Cholesky(lower) => w * lower,
            Root::Eigen { vectors, roots } => {
                let mut product = w * vectors;
                for (k, root) in roots.iter().enumerate() {
                    product.col_mut(k).iter_mut().for_each(|x| *x *= root);
                }
                product
            }
        }
    }

    /// `V^T S^-1`; zero in directions without inputs.
    fn divide(&self, vt: MatRef<'_, f64>) -> Mat<f64> {
        match self {
            // X L = V^T, transposed.
            Root::Cholesky(lower) => {
                let mut x = vt.transpose().to_owned();
                lower.transpose().solve_upper_triangular_in_place(x.as_mut());
                x.transpose().to_owned()
            }
            Root::Eigen { vectors, roots } => {
                let scaled = Mat::from_fn(vt.nrows(), vt.ncols(), |i, k| vt[(i, k)] / roots[k]);
                scaled * vectors.transpose()
            }
        }
    }
}

impl Svd {
    /// Decomposes `W S` for the inputs of the map: [`truncate`](Self::truncate) then gives the
    /// matrix of that rank with the least mean square error of the output, which is the sum of the
    /// squares of the dropped `sigma`. Here `vt` is `V^T S^-1`: its rows are orthonormal with
    /// respect to the inputs, `vt H vt^T = I`, and `U diag(sigma) vt` is `W` again (if the inputs
    /// are singular and `damping` is 0: `W` on their span).
    ///
    /// `damping` (see [`DAMPING`]) adds this share of the inputs' mean power to the power of each;
    /// the errors are those with this noise in the inputs.
    ///
    /// # Errors
    /// If the moments belong to other inputs or are empty, or values are not finite.
    pub fn whitened(map: &LinearMap, moment: &SecondMoment, damping: f64) -> Result<Self> {
        let (rows, cols) = (map.rows(), map.cols());
        if moment.cols() != cols || moment.vectors() == 0 || damping.is_nan() || damping < 0.0 {
            return Err(Error::Calibration(format!(
                "{} inputs of {} with damping {damping} do not fit a map of {cols} columns",
                moment.vectors(),
                moment.cols()
            )));
        }
        map.validate(map.family().name())?;
        let w: Vec<f64> = map.to_dense().into_iter().map(f64::from).collect();
        let root = Root::of(moment, damping)?;
        let product = root.after(MatRef::from_row_major_slice(&w, rows, cols));
        let svd =
            product.thin_svd().map_err(|e| Error::svd(map.family().name(), format!("{e:?}")))?;
        let sigma = svd.S().column_vector();
        // Factors of a smaller inner size leave only zeros beyond it.
        let d = sigma.nrows().min(map.rank());
        let vt = root.divide(svd.V().subcols(0, d).transpose());
        let u = svd.U();
        Ok(Self {
            rows,
            cols,
            sigma: (0..d).map(|k| sigma[k].max(0.0)).collect(),
            u: (0..rows).flat_map(|i| (0..d).map(move |k| u[(i, k)])).collect(),
            vt: (0..d)
                .flat_map(|k| (0..cols).map(move |j| (k, j)))
                .map(|place| vt[place])
                .collect(),
        })
    }
}

/// Mean square error of the output of `changed` against that of `map`, as a share of the mean
/// square of the latter, on inputs with these moments: 0 is exact, 1 is as bad as zeros. With
/// [centred](SecondMoment::centred) moments the mean of the output does not count, because a bias
/// takes care of it.
///
/// # Errors
/// If shapes do not fit.
pub fn output_error(map: &LinearMap, changed: &LinearMap, moment: &SecondMoment) -> Result<f64> {
    let lost = difference(map, changed)?;
    let whole: Vec<f64> = map.to_dense().into_iter().map(f64::from).collect();
    let total = output_power(&whole, moment)?;
    let lost = output_power(&lost, moment)?;
    Ok(if total > 0.0 { (lost / total).max(0.0) } else { 0.0 })
}

/// `W - W'`, row-major.
pub(crate) fn difference(map: &LinearMap, changed: &LinearMap) -> Result<Vec<f64>> {
    let (rows, cols) = (map.rows(), map.cols());
    if (changed.rows(), changed.cols()) != (rows, cols) {
        let (others, across) = (changed.rows(), changed.cols());
        let reason = format!("maps of {rows} x {cols} and {others} x {across} cannot be compared");
        return Err(Error::Calibration(reason));
    }
    let (before, after) = (map.to_dense(), changed.to_dense());
    let pairs = before.iter().zip(&after);
    Ok(pairs.map(|(b, a)| f64::from(*b) - f64::from(*a)).collect())
}

/// `E |M x|^2 = tr(M H M^T)` of a row-major matrix.
pub(crate) fn output_power(m: &[f64], moment: &SecondMoment) -> Result<f64> {
    let cols = moment.cols();
    if cols == 0 || !m.len().is_multiple_of(cols) {
        let reason = format!("inputs of {cols} do not fit a matrix of {} values", m.len());
        return Err(Error::Calibration(reason));
    }
    let rows = m.len() / cols;
    let matrix = moment.matrix();
    let h = MatRef::from_row_major_slice(&matrix, cols, cols);
    let m = MatRef::from_row_major_slice(m, rows, cols);
    let image = m * h;
    let places = (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j)));
    Ok(places.map(|place| image[place] * m[place]).sum())
}
