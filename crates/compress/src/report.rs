//! What each linear map of a network costs, and how near to low rank it is.

use crate::{Result, displacement_rank90, nu, rank_at_variance, singular_values_of};
use serde::Serialize;
use stonechat_model::{Family, Kind, Matrix, Network};

/// One linear map in figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MapReport {
    /// Its name, as in the package.
    pub name: String,
    /// What it does in the network.
    pub kind: Kind,
    /// How it is parametrised.
    pub family: &'static str,
    /// Its family with the hyperparameters.
    pub hyperparameters: Family,
    /// Whether weights of it are int8.
    pub int8: bool,
    /// How its parts are stored, each storage once: `f32`, `int8`, `int4`, or several joined by `+`.
    pub storage: String,
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
    /// Largest rank that its parametrisation allows.
    pub rank: usize,
    /// Stored weights.
    pub parameters: usize,
    /// Bytes of them in a package, scales included.
    pub bytes: usize,
    /// [`nu`](fn@nu) of its dense view: 0 is rank one, 1 is all singular values equal.
    pub nu: f64,
    /// Rank that keeps 90 % of the variance.
    pub rank90: usize,
    /// Displacement rank that keeps 90 % of the variance of the displacement, if the family has one.
    pub displacement_rank90: Option<usize>,
}

/// A report on every map of the network, bottom to top. It takes a decomposition of each: seconds for large ones.
///
/// # Errors
/// If a map is not valid.
pub fn map_report(network: &Network) -> Result<Vec<MapReport>> {
    let maps = network.maps();
    let report = maps.iter().map(|entry| {
        let map = entry.map;
        let sigma = singular_values_of(map)?;
        Ok(MapReport {
            name: entry.name(),
            kind: entry.kind,
            family: map.family().name(),
            hyperparameters: map.family().clone(),
            int8: map.parts().iter().any(Matrix::is_int8),
            storage: map.storage(),
            rows: map.rows(),
            cols: map.cols(),
            rank: map.rank(),
            parameters: map.params(),
            bytes: map.bytes(),
            nu: nu(&sigma, map.rows().min(map.cols())),
            rank90: rank_at_variance(&sigma, 0.9),
            displacement_rank90: displacement_rank90(map.spec(), &map.to_dense())?,
        })
    });
    report.collect()
}
