//! How near to low rank a matrix is, and which rank to cut it to.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `nu = (|sigma|_1 / |sigma|_2 - 1) / (sqrt(d) - 1)` for singular values `sigma` of a matrix with smaller side
/// `d` (Kliegl et al. 2017, Definition 1): 0 for rank one, 1 where all `d` are equal, whatever the scale.
///
/// `sigma` may be shorter than `d`, the rest being zeros. A zero matrix, or `d` below 2, gives 0.
pub fn nu(sigma: &[f64], d: usize) -> f64 {
    let l1: f64 = sigma.iter().sum();
    let l2 = sigma.iter().map(|s| s * s).sum::<f64>().sqrt();
    if d < 2 || l2 == 0.0 {
        return 0.0;
    }
    ((l1 / l2 - 1.0) / ((d as f64).sqrt() - 1.0)).clamp(0.0, 1.0)
}

/// Smallest rank that keeps the share `tau` of the variance, the sum of squares of `sigma` (largest first;
/// Prabhavalkar et al. 2016). At least 1, at most `sigma.len()` (for `tau` of 1 and more).
pub fn rank_at_variance(sigma: &[f64], tau: f64) -> usize {
    let total: f64 = sigma.iter().map(|s| s * s).sum();
    let mut kept = 0.0;
    for (i, s) in sigma.iter().enumerate() {
        kept += s * s;
        if kept >= tau * total {
            return i + 1;
        }
    }
    sigma.len().max(1)
}

/// Which rank each map is cut to. In TOML: `{ variance = 0.9 }`, `{ list = { "gru.0.rec" = 64 } }` or
/// `{ budget = { parameters = 3_000_000 } }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RankRule {
    /// The smallest rank that keeps this share of each map's variance, in 0..=1.
    Variance(f64),
    /// These ranks for the maps of these names; all others stay as they are.
    List(BTreeMap<String, usize>),
    /// As much variance as a number of parameters can hold.
    Budget {
        /// Parameters of the whole network, biases and maps that are not factored included.
        parameters: usize,
    },
}

/// Shape and singular values of a map whose rank is to be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// Name of the map.
    pub name: String,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Singular values, largest first.
    pub sigma: Vec<f64>,
}

impl Spectrum {
    /// Parameters of the map at `rank`: factored, or dense where that is no more and `force` is off.
    fn parameters(&self, rank: usize, force: bool) -> usize {
        let factored = rank * (self.rows + self.cols);
        if force { factored } else { factored.min(self.rows * self.cols) }
    }

    /// Largest rank to choose.
    fn full(&self) -> usize {
        self.sigma.len()
    }

    /// What a greedy choice does next from `rank`: the new rank, and the share of the map's variance won for
    /// each parameter added. Where one more rank would make the factors as large as the dense map, all
    /// remaining ranks come for the price of that. `None` at full rank.
    fn next(&self, rank: usize, force: bool) -> Option<(usize, f64)> {
        let next = rank + 1;
        if next > self.full() {
            return None;
        }
        let dense = !force && next * (self.rows + self.cols) >= self.rows * self.cols;
        let next = if dense { self.full() } else { next };
        let total: f64 = self.sigma.iter().map(|s| s * s).sum();
        let won: f64 = self.sigma[rank..next].iter().map(|s| s * s).sum();
        let added = self.parameters(next, force) - self.parameters(rank, force);
        let share = if total > 0.0 { won / total } else { 0.0 };
        Some((next, share / added.max(1) as f64))
    }
}

impl RankRule {
    /// Checks the rule by itself.
    ///
    /// # Errors
    /// Names the value at fault and its bounds.
    pub fn validate(&self) -> Result<()> {
        match self {
            RankRule::Variance(tau) if !(0.0..=1.0).contains(tau) => {
                Err(Error::Rank(format!("variance is {tau}, must be in 0..=1")))
            }
            RankRule::List(ranks) => match ranks.iter().find(|(_, rank)| **rank == 0) {
                Some((name, _)) => {
                    Err(Error::Rank(format!("the rank of `{name}` is 0, must be at least 1")))
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// A rank for each of `maps`. `fixed` is the number of the network's parameters outside of them; `force`
    /// says that maps are factored even where that saves nothing. (Rules of names take no part here: a listed
    /// rank is taken as it is, a map that is not listed gets its full rank.)
    ///
    /// The budget is spent greedily: the next rank goes to the map where it wins the largest share of that
    /// map's variance for each parameter. Shares make layers of different scale comparable, as
    /// [`RankRule::Variance`] does.
    ///
    /// # Errors
    /// If a listed rank is larger than the map allows, or the budget is below that of rank 1 everywhere.
    pub fn choose(&self, maps: &[Spectrum], fixed: usize, force: bool) -> Result<Vec<usize>> {
        self.validate()?;
        match self {
            RankRule::Variance(tau) => {
                Ok(maps.iter().map(|m| rank_at_variance(&m.sigma, *tau)).collect())
            }
            RankRule::List(ranks) => maps.iter().map(|m| listed(m, ranks)).collect(),
            RankRule::Budget { parameters } => spend(maps, fixed, *parameters, force),
        }
    }
}

fn listed(map: &Spectrum, ranks: &BTreeMap<String, usize>) -> Result<usize> {
    let rank = ranks.get(&map.name).copied().unwrap_or(map.full());
    if rank <= map.full() {
        return Ok(rank);
    }
    Err(Error::Rank(format!(
        "the rank of `{}` is {rank}, must be at most {}",
        map.name,
        map.full()
    )))
}

fn spend(maps: &[Spectrum], fixed: usize, budget: usize, force: bool) -> Result<Vec<usize>> {
    let mut ranks = vec![1; maps.len()];
    let mut used = fixed + maps.iter().map(|m| m.parameters(1, force)).sum::<usize>();
    if used > budget {
        return Err(Error::Rank(format!(
            "a budget of {budget} parameters is too small: with every factored map at rank 1 the network has {used}"
        )));
    }
    loop {
        let mut best: Option<(usize, usize, usize, f64)> = None;
        for (i, map) in maps.iter().enumerate() {
            let Some((next, gain)) = map.next(ranks[i], force) else {
                continue;
            };
            let total = used - map.parameters(ranks[i], force) + map.parameters(next, force);
            if total <= budget && best.is_none_or(|(.., best_gain)| gain > best_gain) {
                best = Some((i, next, total, gain));
            }
        }
        let Some((i, next, total, _)) = best else {
            return Ok(ranks);
        };
        (ranks[i], used) = (next, total);
    }
}
