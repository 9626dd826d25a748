//! How close a matrix is to low rank, and the choice of its rank.

use crate::{Budget, Choice, Cost, Error, Result, allocate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `nu = (|sigma|_1 / |sigma|_2 - 1) / (sqrt(d) - 1)` for the singular values `sigma` of a matrix
/// with smaller side `d` (Kliegl et al. 2017, Definition 1): 0 for rank one, 1 if all `d` are
/// equal, independent of the scale.
///
/// `sigma` may be shorter than `d`; the rest are zeros. A zero matrix, or `d` below 2, gives 0.
pub fn nu(sigma: &[f64], d: usize) -> f64 {
    let l1: f64 = sigma.iter().sum();
    let l2 = sigma.iter().map(|s| s * s).sum::<f64>().sqrt();
    if d < 2 || l2 == 0.0 {
        return 0.0;
    }
    ((l1 / l2 - 1.0) / ((d as f64).sqrt() - 1.0)).clamp(0.0, 1.0)
}

/// The smallest rank that keeps the share `tau` of the variance, the sum of squares of `sigma`
/// (largest first; Prabhavalkar et al. 2016). At least 1, at most `sigma.len()` (if `tau` is 1 or
/// more).
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

/// The rule for the rank of each map. In TOML: `{ variance = 0.9 }`, `{ list = { "gru.0.rec" = 64 }
/// }` or `{ budget = { parameters = 3_000_000 } }`; a [`Budget`] may also limit bytes or time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RankRule {
    /// The smallest rank that keeps this share of each map's variance, in 0..=1.
    Variance(f64),
    /// Ranks for maps by name; all others stay as they are.
    List(BTreeMap<String, usize>),
    /// As much variance as a budget allows, which includes biases and maps that are not factored.
    Budget(Budget),
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
    /// The largest rank to choose.
    fn full(&self) -> usize {
        self.sigma.len()
    }

    /// Whether factors of `rank` have fewer parameters than the dense map.
    pub(crate) fn saves(&self, rank: usize) -> bool {
        rank * (self.rows + self.cols) < self.rows * self.cols
    }

    /// The smallest multiple of `step` that is at least `rank`, up to the map's full rank.
    fn round_up(&self, rank: usize, step: usize) -> usize {
        rank.next_multiple_of(step.max(1)).min(self.full())
    }

    /// The ranks from which a budget chooses, ascending: multiples of `step` that save parameters
    /// (with `force`, all multiples), then the full rank.
    fn ranks(&self, step: usize, force: bool) -> Vec<usize> {
        let multiples = (1..).map(|n| n * step.max(1)).take_while(|rank| *rank < self.full());
        let mut ranks: Vec<usize> = multiples.filter(|r| force || self.saves(*r)).collect();
        ranks.push(self.full());
        ranks
    }

    /// The share of the variance that `rank` drops.
    fn dropped(&self, rank: usize) -> f64 {
        let total: f64 = self.sigma.iter().map(|s| s * s).sum();
        let left: f64 = self.sigma[rank..].iter().map(|s| s * s).sum();
        if total > 0.0 { left / total } else { 0.0 }
    }
}

/// The conditions for choosing ranks, besides the rule.
pub(crate) struct Terms<'a> {
    /// Cost of the network without the maps to be factored.
    pub fixed: Cost,
    /// Cost of a map at a rank; if that saves nothing the map is dense, unless `force`.
    pub cost: &'a dyn Fn(&Spectrum, usize) -> Cost,
    /// Factor even if that saves nothing.
    pub force: bool,
    /// Ranks are multiples of this.
    pub step: usize,
}

impl RankRule {
    /// Checks the values of the rule.
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
            RankRule::Budget(budget) => budget.validate(),
            _ => Ok(()),
        }
    }

    /// A rank for each of `maps`. `fixed` is the number of the network's parameters outside of
    /// them; `force` factors maps even if that saves nothing. (Names have no special meaning here:
    /// a listed rank is used as it is, and a map that is not listed gets its full rank.)
    ///
    /// A budget is spent greedily by [`allocate`](fn@crate::allocate). The damage of a rank is the
    /// share of the map's variance that it drops. Shares make layers of different scale comparable,
    /// as with [`RankRule::Variance`].
    ///
    /// # Errors
    /// If a listed rank is larger than the map allows, the budget is below that of rank 1
    /// everywhere, or it limits bytes or time: those need a network, see
    /// [`low_rank`](fn@crate::low_rank).
    pub fn choose(&self, maps: &[Spectrum], fixed: usize, force: bool) -> Result<Vec<usize>> {
        if let RankRule::Budget(Budget { bytes, latency_us, .. }) = self
            && (bytes.is_some() || latency_us.is_some())
        {
            let reason = "a budget of bytes or time cannot be kept here: give `parameters`";
            return Err(Error::Rank(reason.into()));
        }
        let cost = |map: &Spectrum, rank: usize| {
            let factored = rank * (map.rows + map.cols);
            let dense = map.rows * map.cols;
            let parameters = if force { factored } else { factored.min(dense) } as f64;
            Cost { parameters, ..Cost::default() }
        };
        let fixed = Cost { parameters: fixed as f64, ..Cost::default() };
        self.choose_under(maps, &Terms { fixed, cost: &cost, force, step: 1 })
    }

    /// [`choose`](Self::choose) under given conditions.
    pub(crate) fn choose_under(&self, maps: &[Spectrum], terms: &Terms) -> Result<Vec<usize>> {
        self.validate()?;
        match self {
            RankRule::Variance(tau) => {
                let rank = |m: &Spectrum| m.round_up(rank_at_variance(&m.sigma, *tau), terms.step);
                Ok(maps.iter().map(rank).collect())
            }
            RankRule::List(ranks) => maps.iter().map(|m| listed(m, ranks)).collect(),
            RankRule::Budget(budget) => {
                let ranks: Vec<Vec<usize>> =
                    maps.iter().map(|m| m.ranks(terms.step, terms.force)).collect();
                let choices: Vec<Vec<Choice>> = maps
                    .iter()
                    .zip(&ranks)
                    .map(|(map, ranks)| {
                        let choice = |&rank: &usize| Choice {
                            cost: (terms.cost)(map, rank),
                            damage: map.dropped(rank),
                        };
                        ranks.iter().map(choice).collect()
                    })
                    .collect();
                let chosen = allocate(&choices, terms.fixed, budget)?;
                Ok(ranks.iter().zip(chosen).map(|(ranks, i)| ranks[i]).collect())
            }
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
