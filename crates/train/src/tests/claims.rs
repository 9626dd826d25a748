//! The signs of the papers' large effects, on generated tones: `experiments/README.md` has them on speech.

use std::fs;
use std::path::Path;

use super::common::{recipe, tones};
use crate::train;
use serde_json::Value;

/// Trains the toy recipe with `changes`; the lines of its log.
fn log(folder: &Path, name: &str, changes: &[&str]) -> Vec<Value> {
    let run = folder.join(name);
    train(&recipe(folder, changes), &run, false, &|_| {}).unwrap_or_else(|e| panic!("{name}: {e}"));
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn last<'a>(log: &'a [Value], stage: &str, key: &str) -> &'a Value {
    let of_stage = log.iter().rev().filter(|line| line["stage"] == stage);
    of_stage.map(|line| &line[key]).find(|value| !value.is_null()).unwrap()
}

/// Mean of what the diagnosis has of the recurrent maps.
fn mean(log: &[Value], key: &str) -> f64 {
    let weights = last(log, "full", "weights").as_array().unwrap();
    let of = weights.iter().filter(|weight| weight["name"].as_str().unwrap().ends_with(".rec"));
    let values: Vec<f64> = of.map(|weight| weight[key].as_f64().unwrap()).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

const COMMON: [&str; 5] = [
    "checkpoint_minutes=10.0",
    "stage.0.epochs=24",
    "stage.0.average=0.0",
    "stage.1.epochs=1",
    "stage.1.warm_start={ list = { \"gru.0.nonrec\" = 3, \"gru.0.rec\" = 3, \"gru.1.nonrec\" = 3, \"gru.1.rec\" = 3 } }",
];
const DENSE: &str = "stage.0.parametrisation=dense";

/// K2, K3 and K6 of Kliegl et al. 2017: at the same strength nu and the 90 % ranks are far lower under the trace norm than
/// under l2, and cutting all maps to rank 3 costs less of the loss than after l2 or without a penalty.
#[test]
fn the_trace_norm_prepares_for_truncation_and_l2_does_not() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 24);
    for strength in ["0.03", "0.1", "0.3"] {
        let strengths = ["rec", "nonrec"].map(|kind| format!("stage.0.lambda_{kind}={strength}"));
        let with = |name: &str, changes: &[&str]| {
            let strengths = strengths.iter().map(String::as_str);
            let changes: Vec<&str> =
                COMMON.into_iter().chain(strengths).chain(changes.iter().copied()).collect();
            log(folder.path(), &format!("{name}{strength}"), &changes)
        };
        let trace = with("trace", &[]);
        let l2 = with("l2", &[DENSE, "stage.0.regulariser=l2"]);
        let none = with("none", &[DENSE, "stage.0.regulariser=none"]);
        for log in [&trace, &l2, &none] {
            eprintln!(
                "{strength}: nu {:.3} rank {:.1} dev {} truncated {}",
                mean(log, "nu"),
                mean(log, "rank90"),
                last(log, "full", "dev"),
                last(log, "low_rank", "truncated")
            );
        }
    }
}

/// Sindhwani et al. 2015: with as many parameters a Toeplitz-like map learns what one of rank 1 does not.
#[test]
fn toeplitz_like_maps_learn_more_than_low_rank_ones_of_their_size() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 24);
    for seed in 1..=3 {
        for family in ["toeplitz_like", "low_rank"] {
            let families = format!(
                "stage.0.families={{ recurrent = {{ family = \"{family}\", rank = 1 }}, nonrecurrent = {{ family = \"{family}\", rank = 1 }}, fully_connected = {{ family = \"{family}\", rank = 1 }} }}"
            );
            let seed = format!("seed={seed}");
            let log = log(
                folder.path(),
                &format!("{family}-{seed}"),
                &[
                    &families,
                    &seed,
                    DENSE,
                    "stage.0.regulariser=none",
                    "network.gru=[{ cell = \"rnn\", hidden = 24 }]",
                    "network.fc=24",
                    "stage.0.epochs=24",
                    "stage.1.epochs=1",
                    "stage.1.warm_start={ list = {} }",
                ],
            );
            eprintln!(
                "{family} {seed} loss {} dev {} parameters {}",
                last(&log, "full", "train_loss"),
                last(&log, "full", "dev"),
                last(&log, "full", "parameters")
            );
        }
    }
}
