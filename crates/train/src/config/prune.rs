//! How a stage prunes: see [`crate::stages::prune`].

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stonechat_model::Kind;

use super::error::{RecipeError, wrong};

/// How the maps of a stage are pruned. Names and defaults are those of Narang et al. 2017, table 2.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// Kinds of maps; biases and batch norms are never pruned.
    #[serde(default = "large")]
    pub maps: Vec<Kind>,
    /// Rows and columns that are kept or zeroed together; the size of a block is the root mean
    /// square of its weights.
    #[serde(default = "single")]
    pub block: [usize; 2],
    /// `[n, m]`: of every `m` blocks in a row, the `n` largest are kept, all at once at
    /// `start_epoch` and without thresholds.
    #[serde(default)]
    pub n_of_m: Option<[usize; 2]>,
    /// The final threshold `q` is this quantile of the block sizes of a trained dense net, for each
    /// kind.
    #[serde(default = "nine_tenths")]
    pub quantile: f64,
    /// A checkpoint of that net; if absent, it is the net with which the stage begins.
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
    /// How much faster the threshold rises after the ramp.
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

/// The thresholds of a stage, by step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Step after which pruning begins.
    pub start: usize,
    /// Step from which the threshold rises faster.
    pub ramp: usize,
    /// Step from which nothing is pruned.
    pub end: usize,
    /// Steps from one pruning to the next.
    pub every: usize,
    /// How much faster it rises after the ramp.
    pub ramp_multiplier: f64,
}

impl Schedule {
    /// The threshold at `step` on the way to `q`:
    ///
    /// ```text
    /// theta = 2 q every / (2 (ramp - start) + 3 (end - ramp))
    /// theta (step - start + 1) / every                                              before the ramp
    /// (theta (ramp - start + 1) + multiplier theta (step - ramp + 1)) / every       after it
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

    /// Whether anything is pruned at `step`.
    pub fn is_due(&self, step: usize) -> bool {
        step > self.start && step < self.end && step.is_multiple_of(self.every)
    }
}

impl Prune {
    /// Checks it for a stage of `epochs`.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self, epochs: usize) -> Result<(), RecipeError> {
        let [start, ramp, end] = self.epochs(epochs);
        if !(start >= 0.0 && start <= ramp && ramp < end && end <= epochs as f64) {
            let problem = format!(
                "has start_epoch {start}, ramp_epoch {ramp} and end_epoch {end}, which must follow each other within \
                 the stage"
            );
            return Err(wrong("prune", problem));
        }
        if !(self.quantile > 0.0 && self.quantile < 1.0) {
            let problem = format!("is {}, must be in (0, 1)", self.quantile);
            return Err(wrong("prune.quantile", problem));
        }
        if self.every == 0
            || self.block.contains(&0)
            || self.ramp_multiplier.is_nan()
            || self.ramp_multiplier <= 0.0
        {
            return Err(wrong("prune", "needs an every, block and ramp_multiplier above 0"));
        }
        match self.n_of_m {
            Some([n, m]) if n == 0 || n > m => {
                Err(wrong("prune.n_of_m", format!("is [{n}, {m}], must keep 1 to {m}")))
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

    /// The steps for a stage of `epochs` of `batches` each.
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
        // After the ramp it rises one and a half times as fast.
        let slope = |step: usize| at(step + 100) - at(step);
        assert!((slope(7000) / slope(2000) - 1.5).abs() < 1e-9);
    }
}
