//! Pruning during training: weights below a rising threshold become zero and stay zero (Narang et
//! al. 2017, arXiv 1704.05119), single ones or whole blocks (Narang, Undersander and Diamos 2017,
//! arXiv 1711.02782), or a number of every few at once (N:M).
//!
//! The zeros are the only state: what is zero before a step is zero after it, so that a checkpoint
//! needs no masks and a resumed run continues exactly.

use std::collections::BTreeMap;

use stonechat_model::{Family, FamilySpec, Kind, LinearMap, ParameterId, Sparse};

use crate::TrainError;
use crate::config::{Prune, PruneSchedule};
use crate::engine::net::{Net, is_structured};
use crate::engine::parameters::{Parameter, Place};
use crate::saved::checkpoint::Checkpoint;

impl Prune {
    /// The final threshold of each kind, by the kind's name: the quantile over the reference, or
    /// over `net`.
    ///
    /// # Errors
    /// A reference that cannot be read or belongs to another net.
    pub fn targets(&self, net: &Net) -> Result<BTreeMap<String, f64>, TrainError> {
        let reference;
        let net = match &self.reference {
            None => net,
            Some(path) => {
                reference = Checkpoint::load(path)?.0.net(net.config(), path)?;
                &reference
            }
        };
        let mut sizes: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for entry in net.network.maps().iter().filter(|entry| self.means(entry.kind, entry.map)) {
            let sizes = sizes.entry(key(entry.kind)).or_default();
            for part in entry.map.parts() {
                sizes.extend(block_sizes(part, self.block));
            }
        }
        Ok(sizes
            .into_iter()
            .map(|(kind, mut sizes)| {
                sizes.sort_by(f64::total_cmp);
                let at = (self.quantile * sizes.len() as f64) as usize;
                (kind, sizes[at.min(sizes.len() - 1)])
            })
            .collect())
    }

    /// Whether a map is pruned.
    fn means(&self, kind: Kind, map: &LinearMap<Parameter>) -> bool {
        self.maps.contains(&kind) && !is_structured(map)
    }

    /// Which values of the pruned matrices are nonzero: `mask` restores these zeros after a step.
    pub fn kept(&self, net: &Net) -> Masks {
        let mut masks = Masks::new();
        for entry in net.network.maps().iter().filter(|entry| self.means(entry.kind, entry.map)) {
            for (i, part) in entry.map.parts().iter().enumerate() {
                let place = Place::Network(ParameterId::Part(entry.id(), i));
                masks.insert(place, part.values.iter().map(|w| *w != 0.0).collect());
            }
        }
        masks
    }

    /// Zeros what is due after `step` steps of the stage; `targets` are those of
    /// [`targets`](Self::targets).
    pub fn prune(
        &self,
        net: &mut Net,
        step: usize,
        schedule: &PruneSchedule,
        targets: &BTreeMap<String, f64>,
    ) -> Result<(), TrainError> {
        let maps = net.network.maps_mut().into_iter();
        for (id, map) in maps.filter(|(id, map)| self.means(id.kind, map)) {
            for part in map.parts_mut() {
                if let Some([n, m]) = self.n_of_m {
                    if step == schedule.start.max(1) {
                        keep_n_of_m(part, self.block, n, m)?;
                    }
                } else if schedule.is_due(step) {
                    let q = targets.get(&key(id.kind)).copied().unwrap_or(0.0);
                    keep_above(part, self.block, schedule.threshold(step, q));
                }
            }
        }
        Ok(())
    }
}

/// For each pruned matrix which of its values are kept.
pub type Masks = BTreeMap<Place, Vec<bool>>;

/// Zeros what `masks` do not keep, in values with the sizes of the parameters.
pub fn mask<'a>(all: impl IntoIterator<Item = (Place, &'a mut Vec<f32>)>, masks: &Masks) {
    for (place, values) in all {
        let Some(kept) = masks.get(&place) else { continue };
        for (w, kept) in values.iter_mut().zip(kept) {
            if !kept {
                *w = 0.0;
            }
        }
    }
}

/// The kind's name in files.
fn key(kind: Kind) -> String {
    serde_json::to_value(kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Calls `visit(block, element)` for every element.
fn each(parameter: &Parameter, [height, width]: [usize; 2], mut visit: impl FnMut(usize, usize)) {
    let across = parameter.columns.div_ceil(width);
    for i in 0..parameter.rows {
        for j in 0..parameter.columns {
            visit(i / height * across + j / width, i * parameter.columns + j);
        }
    }
}

/// The root mean square of every block, row after row of blocks.
fn block_sizes(parameter: &Parameter, block: [usize; 2]) -> Vec<f64> {
    let count = parameter.rows.div_ceil(block[0]) * parameter.columns.div_ceil(block[1]);
    let mut sums = vec![(0f64, 0usize); count];
    each(parameter, block, |block, at| {
        let w = f64::from(parameter.values[at]);
        sums[block].0 += w * w;
        sums[block].1 += 1;
    });
    sums.into_iter().map(|(sum, count)| (sum / count as f64).sqrt()).collect()
}

/// Zeros the blocks that are not larger than `threshold`.
fn keep_above(parameter: &mut Parameter, block: [usize; 2], threshold: f64) {
    let sizes = block_sizes(parameter, block);
    let mut pruned = Vec::new();
    each(parameter, block, |block, at| {
        if sizes[block] <= threshold {
            pruned.push(at);
        }
    });
    pruned.into_iter().for_each(|at| parameter.values[at] = 0.0);
}

fn keep_n_of_m(
    parameter: &mut Parameter,
    block: [usize; 2],
    n: usize,
    m: usize,
) -> Result<(), TrainError> {
    let block = [block[0].min(parameter.rows), block[1].min(parameter.columns)];
    let family = Sparse { density: n as f64 / m as f64, block, of_every: m };
    let spec = FamilySpec::new("prune", Family::Sparse(family), parameter.rows, parameter.columns)?;
    let mut parts = [std::mem::take(&mut parameter.values)];
    spec.admit(&mut parts);
    let [values] = parts;
    parameter.values = values;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(rows: usize, columns: usize, values: &[f32]) -> Parameter {
        Parameter { rows, columns, values: values.to_vec() }
    }

    #[test]
    fn small_weights_and_small_blocks_become_zero() {
        let w = [3.0, -1.0, 0.5, 2.0, 1.0, -4.0, 0.5, -0.5];
        for (block, threshold, wanted) in [
            ([1, 1], 1.0, [3.0, 0.0, 0.0, 2.0, 0.0, -4.0, 0.0, 0.0]),
            ([2, 2], 1.5, [3.0, -1.0, 0.0, 0.0, 1.0, -4.0, 0.0, 0.0]),
            ([1, 3], 0.6, [3.0, -1.0, 0.5, 2.0, 1.0, -4.0, 0.5, 0.0]),
        ] {
            let mut p = parameter(2, 4, &w);
            keep_above(&mut p, block, threshold);
            assert_eq!(p.values, wanted, "{block:?} above {threshold}");
        }
        let mut p = parameter(1, 8, &w);
        keep_n_of_m(&mut p, [1, 1], 2, 4).unwrap();
        assert_eq!(p.values, [3.0, 0.0, 0.0, 2.0, 1.0, -4.0, 0.0, 0.0]);
    }

    #[test]
    fn the_target_is_a_quantile_of_each_kind() {
        let config = serde_json::from_str(r#"{"input": 20, "gru": [16]}"#).unwrap();
        let mut net = Net::new(config, 5, crate::config::Parametrisation::Dense, 1).unwrap();
        let layer = &mut net.network.recurrent[0];
        for (map, scale) in [(&mut layer.rec, 1.0), (&mut layer.nonrec.map, 3.0)] {
            let values = &mut map.parts_mut()[0].values;
            let n = values.len() as f32;
            values.iter_mut().enumerate().for_each(|(i, w)| *w = scale * i as f32 / n);
        }
        let prune: Prune = toml::from_str("").unwrap();
        let targets = prune.targets(&net).unwrap();
        assert!((targets["recurrent"] - 0.9).abs() < 2e-3, "{targets:?}");
        assert!((targets["nonrecurrent"] - 2.7).abs() < 6e-3, "{targets:?}");
        let schedule =
            PruneSchedule { start: 0, ramp: 1000, end: 2000, every: 1, ramp_multiplier: 1.5 };
        let before = prune.kept(&net);
        prune.prune(&mut net, 1999, &schedule, &targets).unwrap();
        for (place, kept) in prune.kept(&net) {
            let share = kept.iter().filter(|kept| **kept).count() as f64 / kept.len() as f64;
            assert!((0.09..0.15).contains(&share), "{place:?}: {share}");
            assert!(kept.iter().zip(&before[&place]).all(|(after, before)| *before || !after));
        }
        assert!(net.network.output.map.parts()[0].values.iter().all(|w| *w != 0.0));
    }
}
