//! Pruning while a net trains: weights below a rising threshold become zero and stay zero (Narang et al. 2017, arXiv
//! 1704.05119), single ones or whole blocks (Narang, Undersander and Diamos 2017, arXiv 1711.02782), or some of every
//! few at once (N:M).
//!
//! The zeros are all the state there is: what is zero before a step is zero after it, so that a checkpoint needs no
//! masks and a resumed run goes on exactly.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stonechat_model::{Family, FamilySpec, Kind, Sparse};

use crate::TrainError;
use crate::checkpoint::Checkpoint;
use crate::net::Net;
use crate::parameters::{Parameter, Parameters};

/// How the maps of a stage are pruned. Names and defaults are those of Narang et al. 2017, table 2.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// Kinds of maps; biases and batch norms never are.
    #[serde(default = "large")]
    pub maps: Vec<Kind>,
    /// Rows and columns of what is kept or zeroed together; a block counts by the root mean square of its weights.
    #[serde(default = "single")]
    pub block: [usize; 2],
    /// `[n, m]`: of every `m` blocks in a row the `n` largest are kept, all at once at `start_epoch`; no thresholds then.
    #[serde(default)]
    pub n_of_m: Option<[usize; 2]>,
    /// `q`, where the threshold ends, is this quantile of the sizes of the blocks of a trained dense net, for each kind.
    #[serde(default = "nine_tenths")]
    pub quantile: f64,
    /// A checkpoint of that net; without one it is the net that the stage begins with.
    #[serde(default)]
    pub reference: Option<PathBuf>,
    /// Epochs after which pruning begins.
    #[serde(default = "one")]
    pub start_epoch: f64,
    /// Epochs after which the threshold rises faster; a quarter of the stage by default.
    #[serde(default)]
    pub ramp_epoch: Option<f64>,
    /// Epochs after which no more is pruned; half of the stage by default.
    #[serde(default)]
    pub end_epoch: Option<f64>,
    /// Steps from one pruning to the next.
    #[serde(default = "hundred")]
    pub every: usize,
    /// How much faster the threshold rises behind the ramp.
    #[serde(default = "one_and_a_half")]
    pub ramp_multiplier: f64,
}

fn large() -> Vec<Kind> {
    vec![Kind::Nonrecurrent, Kind::Recurrent, Kind::FullyConnected]
}
fn single() -> [usize; 2] {
    [1, 1]
}
fn nine_tenths() -> f64 {
    0.9
}
fn one() -> f64 {
    1.0
}
fn hundred() -> usize {
    100
}
fn one_and_a_half() -> f64 {
    1.5
}

/// The thresholds of a stage in its steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Step after which pruning begins.
    pub start: usize,
    /// Step from which on the threshold rises faster.
    pub ramp: usize,
    /// Step from which on there is no pruning.
    pub end: usize,
    /// Steps from one pruning to the next.
    pub every: usize,
    /// How much faster it rises behind the ramp.
    pub ramp_multiplier: f64,
}

impl Schedule {
    /// The threshold at `step` on the way to `q`:
    ///
    /// ```text
    /// theta = 2 q every / (2 (ramp - start) + 3 (end - ramp))
    /// theta (step - start + 1) / every                                              before the ramp
    /// (theta (ramp - start + 1) + multiplier theta (step - ramp + 1)) / every       behind it
    /// ```
    ///
    /// It ends at `q` for a multiplier of 1.5.
    pub fn threshold(&self, step: usize, q: f64) -> f64 {
        let steps = |from: usize, to: usize| to as f64 - from as f64;
        let every = self.every as f64;
        let theta = 2.0 * q * every
            / (2.0 * steps(self.start, self.ramp) + 3.0 * steps(self.ramp, self.end));
        if step < self.ramp {
            return theta * (steps(self.start, step) + 1.0) / every;
        }
        let before = theta * (steps(self.start, self.ramp) + 1.0);
        (before + self.ramp_multiplier * theta * (steps(self.ramp, step) + 1.0)) / every
    }

    /// Is anything pruned at `step`?
    pub fn is_due(&self, step: usize) -> bool {
        step > self.start && step < self.end && step.is_multiple_of(self.every)
    }
}

impl Prune {
    /// What is wrong with it in a stage of `epochs`.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self, epochs: usize) -> Result<(), String> {
        let [start, ramp, end] = self.epochs(epochs);
        if !(start >= 0.0 && start <= ramp && ramp < end && end <= epochs as f64) {
            return Err(format!(
                "prune: start_epoch {start}, ramp_epoch {ramp} and end_epoch {end} must follow each other within the stage"
            ));
        }
        if !(self.quantile > 0.0 && self.quantile < 1.0) {
            return Err(format!("prune: quantile is {}, must be in (0, 1)", self.quantile));
        }
        if self.every == 0
            || self.block.contains(&0)
            || self.ramp_multiplier.is_nan()
            || self.ramp_multiplier <= 0.0
        {
            return Err("prune: every, block and ramp_multiplier must be positive".into());
        }
        match self.n_of_m {
            Some([n, m]) if n == 0 || n > m => {
                Err(format!("prune: n_of_m is [{n}, {m}], must keep 1 to {m}"))
            }
            _ => Ok(()),
        }
    }

    fn epochs(&self, epochs: usize) -> [f64; 3] {
        let epochs = epochs as f64;
        [
            self.start_epoch,
            self.ramp_epoch.unwrap_or(0.25 * epochs).max(self.start_epoch),
            self.end_epoch.unwrap_or(0.5 * epochs),
        ]
    }

    /// Its steps in a stage of `epochs` of `batches` each.
    pub fn schedule(&self, epochs: usize, batches: usize) -> Schedule {
        let [start, ramp, end] = self.epochs(epochs).map(|at| (at * batches as f64).round());
        Schedule {
            start: start as usize,
            ramp: ramp as usize,
            end: end as usize,
            every: self.every,
            ramp_multiplier: self.ramp_multiplier,
        }
    }

    /// Where the threshold of each kind ends, by the kind's name: the quantile over the reference, or over `net`.
    ///
    /// # Errors
    /// A reference that cannot be read or belongs to another net.
    pub fn targets(&self, net: &Net) -> Result<BTreeMap<String, f64>, TrainError> {
        let reference;
        let net = match &self.reference {
            None => net,
            Some(path) => {
                reference = restored(net, path)?;
                &reference
            }
        };
        let mut sizes: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (name, kind) in self.pruned(net) {
            let parameter = &net.parameters[&name];
            sizes.entry(key(kind)).or_default().extend(block_sizes(parameter, self.block));
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

    /// Names of the matrices that are pruned, with the kinds of their maps.
    fn pruned(&self, net: &Net) -> Vec<(String, Kind)> {
        let maps = net.config.linear_maps(net.symbols).into_iter();
        maps.filter(|map| self.maps.contains(&map.kind) && !net.families.contains_key(&map.name))
            .flat_map(|map| {
                ["weight", "u", "v"].map(|part| (format!("{}.{part}", map.name), map.kind))
            })
            .filter(|(name, _)| net.parameters.contains_key(name))
            .collect()
    }

    /// Which values of the pruned matrices are not zero: to be restored by [`mask`] after a step.
    pub fn kept(&self, net: &Net) -> Masks {
        let names = self.pruned(net).into_iter();
        names
            .map(|(name, _)| {
                let values = &net.parameters[&name].values;
                (name, values.iter().map(|w| *w != 0.0).collect())
            })
            .collect()
    }

    /// Zeros what is due after `step` steps of the stage; `targets` are those of [`targets`](Self::targets).
    pub fn prune(
        &self,
        net: &mut Net,
        step: usize,
        schedule: &Schedule,
        targets: &BTreeMap<String, f64>,
    ) -> Result<(), TrainError> {
        for (name, kind) in self.pruned(net) {
            let Some(parameter) = net.parameters.get_mut(&name) else { continue };
            if let Some([n, m]) = self.n_of_m {
                if step == schedule.start.max(1) {
                    keep_n_of_m(&name, parameter, self.block, n, m)?;
                }
            } else if schedule.is_due(step) {
                let q = targets.get(&key(kind)).copied().unwrap_or(0.0);
                keep_above(parameter, self.block, schedule.threshold(step, q));
            }
        }
        Ok(())
    }
}

/// For each pruned matrix which of its values are kept.
pub type Masks = BTreeMap<String, Vec<bool>>;

/// Zeros what `masks` do not keep.
pub fn mask(parameters: &mut Parameters, masks: &Masks) {
    for (name, kept) in masks {
        let Some(parameter) = parameters.get_mut(name) else { continue };
        for (w, kept) in parameter.values.iter_mut().zip(kept) {
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

fn restored(net: &Net, path: &Path) -> Result<Net, TrainError> {
    let mut reference = net.clone();
    Checkpoint::load(path)?.0.restore(&mut reference, path)?;
    Ok(reference)
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
    name: &str,
    parameter: &mut Parameter,
    block: [usize; 2],
    n: usize,
    m: usize,
) -> Result<(), TrainError> {
    let block = [block[0].min(parameter.rows), block[1].min(parameter.columns)];
    let family = Sparse { density: n as f64 / m as f64, block, of_every: m };
    let spec = FamilySpec::new(name, Family::Sparse(family), parameter.rows, parameter.columns)?;
    let mut parts = [std::mem::take(&mut parameter.values)];
    spec.admit(&mut parts);
    let [values] = parts;
    parameter.values = values;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule =
        Schedule { start: 1000, ramp: 5000, end: 10_000, every: 100, ramp_multiplier: 1.5 };

    #[test]
    fn the_threshold_rises_to_the_quantile() {
        let at = |step| SCHEDULE.threshold(step, 0.8);
        assert!((at(10_000) / 0.8 - 1.0).abs() < 1e-3, "{}", at(10_000));
        let due: Vec<usize> = (0..20_000).filter(|&step| SCHEDULE.is_due(step)).collect();
        assert_eq!((due[0], due.last(), due.len()), (1100, Some(&9900), 89));
        assert!(due.windows(2).all(|pair| at(pair[0]) < at(pair[1])));
        // With a multiplier of 2 it overshoots.
        let steep = Schedule { ramp_multiplier: 2.0, ..SCHEDULE };
        let end = steep.threshold(10_000, 0.8);
        assert!(end > 1.15 * 0.8 && end < 1.3 * 0.8, "{end}");
        // Behind the ramp it rises one and a half times as fast.
        let slope = |step: usize| at(step + 100) - at(step);
        assert!((slope(7000) / slope(2000) - 1.5).abs() < 1e-9);
    }

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
        keep_n_of_m("w", &mut p, [1, 1], 2, 4).unwrap();
        assert_eq!(p.values, [3.0, 0.0, 0.0, 2.0, 1.0, -4.0, 0.0, 0.0]);
    }

    #[test]
    fn the_target_is_a_quantile_of_each_kind() {
        let config = serde_json::from_str(r#"{"input": 20, "gru": [16]}"#).unwrap();
        let mut net = Net::new(config, 5, crate::net::Parametrisation::Dense, 1).unwrap();
        for (name, scale) in [("gru.0.rec.weight", 1.0), ("gru.0.nonrec.weight", 3.0)] {
            let values = &mut net.parameters.get_mut(name).unwrap().values;
            let n = values.len() as f32;
            values.iter_mut().enumerate().for_each(|(i, w)| *w = scale * i as f32 / n);
        }
        let prune: Prune = toml::from_str("").unwrap();
        let targets = prune.targets(&net).unwrap();
        assert!((targets["recurrent"] - 0.9).abs() < 2e-3, "{targets:?}");
        assert!((targets["nonrecurrent"] - 2.7).abs() < 6e-3, "{targets:?}");
        let schedule = Schedule { start: 0, ramp: 1000, end: 2000, every: 1, ramp_multiplier: 1.5 };
        let before = prune.kept(&net);
        prune.prune(&mut net, 1999, &schedule, &targets).unwrap();
        for (name, kept) in prune.kept(&net) {
            let share = kept.iter().filter(|kept| **kept).count() as f64 / kept.len() as f64;
            assert!((0.09..0.15).contains(&share), "{name}: {share}");
            assert!(kept.iter().zip(&before[&name]).all(|(after, before)| *before || !after));
        }
        assert!(net.parameters["output.weight"].values.iter().all(|w| *w != 0.0));
    }
}
