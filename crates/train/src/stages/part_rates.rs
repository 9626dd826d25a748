//! Learning rates for the parts of structured maps.
//!
//! An entry of a part stands behind many entries of its matrix `W`. In a Toeplitz-like map a step of `rate` in every entry
//! of `G` moves the entries of `W` by `rate |H|` (root mean square), ten times as far where a fit has left large factors,
//! and a recurrence that is trained so explodes. [`part_rates`] measures how far: `c = |dW/dpart|_F / sqrt(rows cols)`,
//! 1 for a dense matrix.

use std::collections::BTreeMap;

use stonechat_model::{FamilySpec, ParameterId};

use crate::config::{OptimizerConfig, Stage};
use crate::engine::net::{Net, is_structured};
use crate::engine::parameters::Place;
use crate::random;

/// What the rate of a parameter is multiplied with; others take the rate as it is.
///
/// `stage.structured_rate`, or where there is none `min(1, 1 / c)` under Adam, whose steps do not know the size of the
/// gradient, and `min(1, 1 / c^2)` under SGD, whose gradient is `c` times as large, too.
pub fn part_rates(net: &Net, stage: &Stage) -> BTreeMap<Place, f64> {
    let mut rates = BTreeMap::new();
    for entry in net.network.maps().into_iter().filter(|entry| is_structured(entry.map)) {
        let parts: Vec<&[f32]> = entry.map.parts().iter().map(|part| &part.values[..]).collect();
        for i in 0..parts.len() {
            let reach = reach(entry.map.spec(), &parts, i).max(1.0);
            let share = match stage.optimizer {
                OptimizerConfig::Adam { .. } => 1.0 / reach,
                OptimizerConfig::Sgd { .. } => 1.0 / (reach * reach),
            };
            let place = Place::Network(ParameterId::Part(entry.id(), i));
            rates.insert(place, stage.structured_rate.unwrap_or(share));
        }
    }
    rates
}

/// `c` of part `i`. `W` is linear in each part, so that what random signs in the place of the part make of it has the
/// norm of the derivative, in expectation.
fn reach(spec: &FamilySpec, parts: &[&[f32]], i: usize) -> f64 {
    let with = |part: &[f32]| {
        let mut parts = parts.to_vec();
        parts[i] = part;
        spec.to_dense(&parts)
    };
    let sign = |k| if random::unit(k as u64, 0) < 0.5 { -1.0 } else { 1.0 };
    let signs: Vec<f32> = (0..parts[i].len()).map(sign).collect();
    let (moved, rest) = (with(&signs), with(&vec![0.0; signs.len()]));
    let square: f64 = moved.iter().zip(&rest).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (square / moved.len() as f64).sqrt()
}
