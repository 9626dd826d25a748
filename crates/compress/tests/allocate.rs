//! The shared budget compared with all combinations.

mod common;

use common::*;
use proptest::prelude::*;
use stonechat_compress::{Budget, Choice, Cost, allocate};

fn choice(bytes: f64, latency_us: f64, damage: f64) -> Choice {
    Choice { cost: Cost { bytes, latency_us, ..Cost::default() }, damage }
}

/// Damage of the best combination within the budget.
fn best(maps: &[Vec<Choice>], spent: Cost, budget: &Budget) -> Option<f64> {
    let Some((first, rest)) = maps.split_first() else {
        return budget.allows(spent).then_some(0.0);
    };
    let ways = first.iter().filter_map(|c| Some(c.damage + best(rest, spent + c.cost, budget)?));
    ways.reduce(f64::min)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Within the budget, nothing left to gain, and with convex choices no worse than the best by
    /// more than one step.
    #[test]
    fn near_the_best_of_all(seed: u64, share in 0.05f64..1.0, timed: bool) {
        let mut random = Random(seed);
        let maps: Vec<Vec<Choice>> = (0..4).map(|_| {
            let (step, scale) = (5.0 + 20.0 * random.unit(), random.unit());
            (1..6).map(|r| choice(step * f64::from(r), 2.0 * step * f64::from(r), scale * 0.5f64.powi(r))).collect()
        }).collect();
        let total = |i: usize| -> f64 { maps.iter().map(|m| m[i].cost.bytes).sum() };
        let limit = total(0) + share * (total(4) - total(0));
        let mut budget = Budget::bytes(limit.ceil() as usize);
        if timed {
            budget.latency_us = Some(1.8 * limit);
        }
        let Ok(chosen) = allocate(&maps, Cost::default(), &budget) else {
            prop_assert!(best(&maps, Cost::default(), &budget).is_none());
            return Ok(());
        };
        let picked: Vec<&Choice> = maps.iter().zip(&chosen).map(|(m, &i)| &m[i]).collect();
        let spent = picked.iter().fold(Cost::default(), |sum, c| sum + c.cost);
        prop_assert!(budget.allows(spent));
        for (m, now) in maps.iter().zip(&picked) {
            for c in m {
                prop_assert!(c.damage >= now.damage || !budget.allows(spent - now.cost + c.cost));
            }
        }
        let damage: f64 = picked.iter().map(|c| c.damage).sum();
        let step = maps.iter().map(|m| m[0].damage - m[1].damage).fold(0.0, f64::max);
        prop_assert!(damage <= best(&maps, Cost::default(), &budget).unwrap() + step, "{}", damage);
    }
}

#[test]
fn by_hand() {
    let a = vec![choice(10.0, 1.0, 8.0), choice(20.0, 4.0, 2.0), choice(40.0, 4.0, 0.0)];
    let b = vec![choice(10.0, 1.0, 5.0), choice(30.0, 2.0, 4.0)];
    let maps = [a, b];
    let fixed = Cost { bytes: 5.0, ..Cost::default() };
    let bytes = |n| Budget::bytes(n);
    for (budget, expected) in [
        (bytes(25), vec![0, 0]),
        (bytes(35), vec![1, 0]),
        (bytes(54), vec![1, 0]),
        (bytes(55), vec![2, 0]), // 2 for 20 bytes, and 1 for 20
        (bytes(75), vec![2, 1]),
        (Budget { latency_us: Some(4.0), ..bytes(75) }, vec![0, 1]), // no time for a's better forms
        (Budget { latency_us: Some(5.0), ..Budget::default() }, vec![2, 0]), // bytes cost nothing
    ] {
        assert_eq!(allocate(&maps, fixed, &budget).unwrap(), expected, "{budget:?}");
    }
    for (budget, words) in [
        (bytes(24), "24 bytes is too small: with every map at its smallest the network has 25"),
        (Budget::default(), "needs `parameters`"),
        (Budget { latency_us: Some(f64::NAN), ..Budget::default() }, "must be positive"),
    ] {
        let error = allocate(&maps, fixed, &budget).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(allocate(&[vec![]], fixed, &bytes(100)).is_err());
}
