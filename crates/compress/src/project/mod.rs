//! From a dense matrix to the closest member of a family: moves a trained map into another
//! parametrisation.

mod fit;

use crate::{Error, Result, truncated_svd};
use fit::{Problem, minimise};
use stonechat_model::{FamilySpec, Nearest};

/// The most steps of the fit.
const STEPS: usize = 250;

/// A matrix in a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// Values of the family's parts, in the order of [`FamilySpec::parts`], row-major.
    pub parts: Vec<Vec<f32>>,
    /// `|F(parts) - W|^2 / |W|^2` in the chosen norm; 0 is a perfect fit.
    pub error: f64,
}

/// Finds the parts for which the family is close to `w` (row-major, `spec.rows() x spec.cols()`):
/// the least `|F(parts) - W|^2` or, given the second moments `moments = sum of x x^T` of the map's
/// inputs (row-major, `cols x cols`), the least error of its outputs `sum of |F(parts) x - W x|^2`.
///
/// Low rank and families that are linear in their parts have a closed form. All others start from
/// one (Toeplitz-like: the truncated displacement, Sindhwani et al. 2015) or from small random
/// values and are fitted by L-BFGS, which finds a local optimum.
///
/// # Errors
/// [`Error::Svd`] with `name` if `w` or `moments` does not have that size or is not finite.
pub fn project(
    name: &str,
    w: &[f32],
    spec: &FamilySpec,
    moments: Option<&[f64]>,
) -> Result<Projection> {
    let (rows, cols) = (spec.rows(), spec.cols());
    if w.len() != rows * cols || !w.iter().all(|w| w.is_finite()) {
        let reason = format!("needs {rows} x {cols} finite values, has {}", w.len());
        return Err(Error::svd(name, reason));
    }
    if let Some(moments) = moments
        && (moments.len() != cols * cols || !moments.iter().all(|m| m.is_finite()))
    {
        let reason = format!("its moments need {cols} x {cols} finite values");
        return Err(Error::svd(name, reason));
    }
    let problem = Problem { spec, w, moments };
    let size = problem.size();
    let Nearest { mut parts, exact } = spec.nearest(w, truncated_svd)?;
    if moments.is_some() || !exact {
        parts = minimise(&problem, parts, STEPS);
    }
    let error = if size > 0.0 { problem.value(&parts) / size } else { 0.0 };
    Ok(Projection { parts, error })
}
