//! Learning rates for the parts of structured maps.
//!
//! An entry of a part stands behind many entries of its matrix `W`. In a Toeplitz-like map a step of `rate` in every entry
//! of `G` moves the entries of `W` by `rate |H|` (root mean square), ten times as far where a fit has left large factors,
//! and a recurrence that is trained so explodes. [`part_rates`] measures how far: `c = |dW/dpart|_F / sqrt(rows cols)`,
//! 1 for a dense matrix.

use std::collections::BTreeMap;

use crate::net::Net;
use crate::optimizer::OptimizerConfig;
use crate::random;
use crate::recipe::Stage;

/// What the rate of a parameter is multiplied with, by its name; others take the rate as it is.
///
/// `stage.structured_rate`, or where there is none `min(1, 1 / c)` under Adam, whose steps do not know the size of the
/// gradient, and `min(1, 1 / c^2)` under SGD, whose gradient is `c` times as large, too.
pub fn part_rates(net: &Net, stage: &Stage) -> BTreeMap<String, f64> {
    let mut rates = BTreeMap::new();
    for (name, spec) in &net.families {
        let mut parts: Vec<Vec<f32>> = spec
            .parts()
            .iter()
            .map(|part| net.parameters[&format!("{name}.{}", part.name)].values.clone())
            .collect();
        for (i, part) in spec.parts().iter().enumerate() {
            let moved = |part: Vec<f32>, parts: &mut Vec<Vec<f32>>| {
                let kept = std::mem::replace(&mut parts[i], part);
                let slices: Vec<&[f32]> = parts.iter().map(Vec::as_slice).collect();
                let w = spec.to_dense(&slices);
                parts[i] = kept;
                w
            };
            // W is linear in each part: what random signs do is the norm of the derivative, in expectation.
            let count = part.rows * part.cols;
            let sign = |i| if random::unit(i as u64, 0) < 0.5 { -1.0 } else { 1.0 };
            let with = moved((0..count).map(sign).collect(), &mut parts);
            let without = moved(vec![0.0; count], &mut parts);
            let square: f64 =
                with.iter().zip(&without).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            let reach = (square / with.len() as f64).sqrt().max(1.0);
            let share = match stage.optimizer {
                OptimizerConfig::Adam { .. } => 1.0 / reach,
                OptimizerConfig::Sgd { .. } => 1.0 / (reach * reach),
            };
            let share = stage.structured_rate.unwrap_or(share);
            rates.insert(format!("{name}.{}", part.name), share);
        }
    }
    rates
}
