//! Divides one budget among all maps of a network. Each map has a choice of forms, each form has a
//! cost and a damage, and the damages of the maps are assumed to add up.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};

/// The cost of a form of a map, or of a whole network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Stored weights.
    pub parameters: f64,
    /// Bytes of them, scales included.
    pub bytes: f64,
    /// Predicted microseconds of its products per frame of logits; 0 if the machine was not
    /// measured.
    pub latency_us: f64,
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            parameters: self.parameters + other.parameters,
            bytes: self.bytes + other.bytes,
            latency_us: self.latency_us + other.latency_us,
        }
    }
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            parameters: self.parameters - other.parameters,
            bytes: self.bytes - other.bytes,
            latency_us: self.latency_us - other.latency_us,
        }
    }
}

/// The limits for a network. In TOML `{ parameters = 3_000_000 }`, `{ bytes = 2_000_000 }`, `{
/// latency_us = 400.0 }`, or several of these: then all apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Parameters of the whole network, biases included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<usize>,
    /// Bytes of all weights and biases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// Predicted microseconds of all products of linear maps per frame of logits, on one core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<f64>,
}

impl Budget {
    /// A limit of parameters.
    pub fn parameters(parameters: usize) -> Self {
        Self { parameters: Some(parameters), ..Self::default() }
    }

    /// A limit of bytes.
    pub fn bytes(bytes: usize) -> Self {
        Self { bytes: Some(bytes), ..Self::default() }
    }

    /// Checks the values.
    ///
    /// # Errors
    /// If there is no limit, or the latency is not a positive number.
    pub fn validate(&self) -> Result<()> {
        match self.latency_us {
            Some(us) if !(us.is_finite() && us > 0.0) => {
                Err(Error::Rank(format!("a budget of {us} us must be positive")))
            }
            None if self.parameters.is_none() && self.bytes.is_none() => {
                Err(Error::Rank("a budget needs `parameters`, `bytes` or `latency_us`".into()))
            }
            _ => Ok(()),
        }
    }

    /// The limits that are set, each as the amount in `cost`, the limit and its unit.
    fn limits(&self, cost: Cost) -> impl Iterator<Item = (f64, f64, &'static str)> {
        let count = |limit: Option<usize>| limit.map(|limit| limit as f64);
        [
            (cost.parameters, count(self.parameters), "parameters"),
            (cost.bytes, count(self.bytes), "bytes"),
            (cost.latency_us, self.latency_us, "us"),
        ]
        .into_iter()
        .filter_map(|(cost, limit, unit)| limit.map(|limit| (cost, limit, unit)))
    }

    /// Whether a network of this cost is within the budget.
    pub fn allows(&self, cost: Cost) -> bool {
        // Sums of seconds have rounding errors.
        self.limits(cost).all(|(cost, limit, _)| cost <= limit * (1.0 + 1e-12))
    }

    /// A cost in shares of the limits.
    fn price(&self, cost: Cost) -> f64 {
        self.limits(cost).map(|(cost, limit, _)| cost / limit.max(f64::MIN_POSITIVE)).sum()
    }
}

/// One possible form of a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Its cost.
    pub cost: Cost,
    /// The damage to the network, in a unit that adds up over maps.
    pub damage: f64,
}

/// The index of a choice for each map, so that the network, with `fixed` for everything else, is
/// within the budget and the sum of damages is small.
///
/// Greedy: all maps start at their cheapest choice. Then, repeatedly, the change that removes the
/// most damage for its cost is made, among all that fit. If costs and damages are convex, as they
/// are for ranks, only the last step can be suboptimal. Of equal changes, the first is made.
///
/// # Errors
/// If even the cheapest choices exceed the budget, or a map has no choice.
pub fn allocate(maps: &[Vec<Choice>], fixed: Cost, budget: &Budget) -> Result<Vec<usize>> {
    budget.validate()?;
    let price = |choice: &Choice| budget.price(choice.cost);
    let cheapest = |choices: &Vec<Choice>| -> Option<usize> {
        let indices = 0..choices.len();
        indices.min_by(|&a, &b| {
            let (a, b) = (&choices[a], &choices[b]);
            price(a).total_cmp(&price(b)).then(a.damage.total_cmp(&b.damage))
        })
    };
    let chosen: Option<Vec<usize>> = maps.iter().map(cheapest).collect();
    let mut chosen = chosen.ok_or_else(|| Error::Rank("a map has no possible form".into()))?;
    let costs = maps.iter().zip(&chosen).map(|(choices, &i)| choices[i].cost);
    let mut total = costs.fold(fixed, Cost::add);
    if !budget.allows(total) {
        let over = budget.limits(total).find(|(cost, limit, _)| cost > limit);
        let (cost, limit, unit) = over.unwrap_or((0.0, 0.0, ""));
        return Err(Error::Rank(format!(
            "a budget of {limit:.0} {unit} is too small: with every map at its smallest the network has {cost:.0}"
        )));
    }
    loop {
        let mut best: Option<(f64, usize, usize)> = None;
        for (m, choices) in maps.iter().enumerate() {
            let now = &choices[chosen[m]];
            for (i, next) in choices.iter().enumerate() {
                let won = now.damage - next.damage;
                if won <= 0.0 || !budget.allows(total - now.cost + next.cost) {
                    continue;
                }
                let rate = won / (price(next) - price(now)).max(1e-12);
                if best.is_none_or(|(best, ..)| rate > best) {
                    best = Some((rate, m, i));
                }
            }
        }
        let Some((_, m, i)) = best else {
            return Ok(chosen);
        };
        total = total - maps[m][chosen[m]].cost + maps[m][i].cost;
        chosen[m] = i;
    }
}
