//! Statistics of the large weights: how concentrated their singular values are.

use serde::{Deserialize, Serialize};
use stonechat_model::Kind;

use crate::TrainError;
use crate::config::{Measure, Until};
use crate::engine::net::{Net, dense_view, is_structured};
use crate::engine::parameters::Parameter;

/// Statistics of one large weight.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Map, as in the package.
    pub name: String,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Trainable values.
    pub parameters: usize,
    /// Normalised trace norm, 0 (rank 1) to 1 (all singular values equal); definition 1 with its
    /// erratum.
    pub nu: f64,
    /// Rank that keeps 90 % of the sum of squared singular values.
    pub rank90: usize,
    /// Share of the trainable values that are exactly zero.
    #[serde(default)]
    pub zeros: f64,
    /// `||gradient of the loss with respect to W|| / lambda`, in the operator norm. Above 1 with
    /// the trace norm, a larger rank would help (Ciliberto et al. 2017). Absent without trace norm.
    #[serde(default)]
    pub optimality: Option<f64>,
    /// Displacement rank that keeps 90 % of the variance of the displacement, if the map's family
    /// has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub displacement_rank90: Option<usize>,
}

/// Diagnoses every recurrent, non-recurrent and fully connected weight.
///
/// # Errors
/// A weight that is not finite.
pub fn diagnose(net: &Net) -> Result<Vec<Diagnosis>, TrainError> {
    let maps = net.network.maps().into_iter();
    maps.filter(|map| !matches!(map.kind, Kind::Conv | Kind::Output))
        .map(|entry| {
            let (map, w) = (entry.map, dense_view(entry.map).values);
            let (rows, cols) = (map.rows(), map.cols());
            let sigma = stonechat_compress::singular_values(&w, rows, cols)?;
            let displaced = is_structured(map)
                .then(|| stonechat_compress::displacement_rank90(map.spec(), &w))
                .transpose()?;
            Ok(Diagnosis {
                name: entry.name(),
                rows,
                cols,
                parameters: map.parts().iter().map(|p| p.values.len()).sum(),
                nu: stonechat_compress::nu(&sigma, rows.min(cols)),
                rank90: stonechat_compress::rank_at_variance(&sigma, 0.9),
                zeros: share_of_zeros(map.parts()),
                optimality: None,
                displacement_rank90: displaced.flatten(),
            })
        })
        .collect()
}

fn share_of_zeros(parts: &[Parameter]) -> f64 {
    let (zeros, count) = parts
        .iter()
        .flat_map(|p| &p.values)
        .fold((0, 0), |(zeros, count), value| (zeros + usize::from(*value == 0.0), count + 1));
    zeros as f64 / f64::from(count.max(1))
}

/// The measures for `until`, for every weight.
pub fn measure(until: &Until, weights: &[Diagnosis]) -> Vec<f64> {
    let Until::Settled(settled) = until;
    let of = |weight: &Diagnosis| match settled.of {
        Measure::Nu => weight.nu,
        Measure::Rank => weight.rank90 as f64 / weight.rows.min(weight.cols) as f64,
    };
    weights.iter().map(of).collect()
}
