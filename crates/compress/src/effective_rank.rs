//! How close a map is to low rank.

use crate::{Result, displacement_rank90, nu, rank_at_variance, singular_values_of};
use serde::Serialize;
use stonechat_model::LinearMap;

/// How close a map is to low rank: nu and effective ranks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EffectiveRank {
    /// [`nu`](fn@nu) of its dense view: 0 is rank one, 1 is all singular values equal.
    pub nu: f64,
    /// Rank that keeps 90 % of the variance.
    pub rank90: usize,
    /// Displacement rank that keeps 90 % of the variance of the displacement, if the family has
    /// one.
    pub displacement_rank90: Option<usize>,
}

impl EffectiveRank {
    /// Measures a map of any family by a singular value decomposition, which takes seconds for a
    /// large one.
    ///
    /// # Errors
    /// If the map is not valid.
    pub fn of(map: &LinearMap) -> Result<Self> {
        let sigma = singular_values_of(map)?;
        Ok(Self {
            nu: nu(&sigma, map.rows().min(map.cols())),
            rank90: rank_at_variance(&sigma, 0.9),
            displacement_rank90: displacement_rank90(map.spec(), &map.to_dense())?,
        })
    }
}
