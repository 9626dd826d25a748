//! How close a map is to low displacement rank.

use crate::{Result, rank_at_variance, singular_values};
use stonechat_model::FamilySpec;

/// The singular values, largest first, of `G H^T` for every square that makes up `w` (row-major, of
/// the size of `spec`); empty for a family without a displacement (see
/// [`FamilySpec::displacements`]).
///
/// Their sum is the minimum of `(|G|^2 + |H|^2) / 2` over all `G` and `H` with `M(G, H) = W`, which
/// is the effect of l2 on `G` and `H`. For Toeplitz-like maps it is half the trace norm of `Z_1 M -
/// M Z_{-1}`.
///
/// # Errors
/// If `w` is not finite.
pub fn displacement_singular_values(spec: &FamilySpec, w: &[f32]) -> Result<Vec<Vec<f64>>> {
    let displacements = spec.displacements(w);
    displacements.iter().map(|d| singular_values(&d.values, d.side, d.side)).collect()
}

/// The displacement rank that keeps 90 % of the variance of the displacement, the largest over all
/// squares; `None` for a family without a displacement.
///
/// # Errors
/// If `w` is not finite.
pub fn displacement_rank90(spec: &FamilySpec, w: &[f32]) -> Result<Option<usize>> {
    let spectra = displacement_singular_values(spec, w)?;
    Ok(spectra.iter().map(|sigma| rank_at_variance(sigma, 0.9)).max())
}
