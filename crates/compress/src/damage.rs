//! The damage that compression does to each map of a network.

use crate::whiten::{difference, output_power};
use crate::{Calibration, Result};
use serde::Serialize;
use stonechat_model::{MapRef, Network, VectorId};

/// The damage to one map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MapDamage {
    /// The map.
    pub name: String,
    /// `|W - W'|^2 / |W|^2`.
    pub weight_error: f64,
    /// Mean square error of `W x + b` on the calibration audio, as a share of the variance of `W
    /// x`; `None` without such audio.
    pub output_error: Option<f64>,
}

/// The damage to every map of `before` in `after`, its compressed form, bottom to top. Maps that
/// are gone or have another shape are left out.
///
/// # Errors
/// If `inputs` do not belong to `before`.
pub fn map_damage(
    before: &Network,
    after: &Network,
    inputs: Option<&Calibration>,
) -> Result<Vec<MapDamage>> {
    let maps = after.maps();
    let same = |old: &MapRef<'_>, new: &MapRef<'_>| {
        let shape = |map: &MapRef<'_>| (map.map.rows(), map.map.cols());
        old.name() == new.name() && shape(old) == shape(new)
    };
    let pairs = before.maps().into_iter().filter_map(|old| {
        let new = maps.iter().find(|new| same(&old, new))?;
        Some((old, new))
    });
    let damage = pairs.map(|(old, new)| {
        let lost = difference(old.map, new.map)?;
        let whole: Vec<f64> = old.map.to_dense().into_iter().map(f64::from).collect();
        let squares = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
        let share = |lost: f64, whole: f64| if whole > 0.0 { (lost / whole).max(0.0) } else { 0.0 };
        let output_error = match inputs {
            None => None,
            Some(inputs) => {
                let moment = inputs.get(&old.name())?;
                let (spread, mean) = (moment.centred(), moment.mean());
                let mut shift: Vec<f64> = lost
                    .chunks_exact(mean.len())
                    .map(|row| row.iter().zip(&mean).map(|(w, m)| w * m).sum())
                    .collect();
                let bias = VectorId::Bias(old.id());
                if let (Some(b), Some(a)) = (before.vector(bias), after.vector(bias)) {
                    for (shift, (b, a)) in shift.iter_mut().zip(b.iter().zip(a)) {
                        *shift += f64::from(*b) - f64::from(*a);
                    }
                }
                let lost = output_power(&lost, &spread)? + squares(&shift);
                Some(share(lost, output_power(&whole, &spread)?))
            }
        };
        let weight_error = share(squares(&lost), squares(&whole));
        Ok(MapDamage { name: old.name(), weight_error, output_error })
    });
    damage.collect()
}
