//! Learning rates for the parts of structured maps.
//!
//! An entry of a part affects many entries of its matrix `W`. In a Toeplitz-like map a step of
//! `rate` in every entry of `G` changes the entries of `W` by `rate |H|` (root mean square), which
//! is ten times as much if a fit has left large factors; a recurrence trained in this way explodes.
//! [`part_rates`] measures the effect: `c = |dW/dpart|_F / sqrt(rows cols)`, which is 1 for a dense
//! matrix.

use std::collections::BTreeMap;

use stonechat_model::{FamilySpec, ParameterId};

use crate::config::{OptimizerConfig, Stage};
use crate::engine::net::{Net, is_structured};
use crate::engine::parameters::Place;
use crate::random;

/// Factors of the learning rate, by parameter; others use the rate as it is.
///
/// `stage.structured_rate` or, if absent, `min(1, 1 / c)` for Adam, whose steps do not depend on
/// the size of the gradient, and `min(1, 1 / c^2)` for SGD, whose gradient is also `c` times as
/// large.
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

/// `c` of part `i`. `W` is linear in each part, so with random signs in place of the part, `W` has,
/// in expectation, the norm of the derivative.
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
