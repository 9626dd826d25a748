//! The signs of the papers' large effects, on generated tones: `experiments/README.md` has them on speech.

use std::fs;
use std::path::Path;

use super::common::{recipe, tones};
use crate::train;
use serde_json::Value;

/// Trains the toy recipe with `changes`; the lines of its log.
fn log(folder: &Path, name: &str, changes: &[String]) -> Vec<Value> {
    let run = folder.join(name);
    let changes: Vec<&str> = changes.iter().map(String::as_str).collect();
    let recipe = recipe(folder, &changes);
    train(&recipe, &run, false, &|_| {}).unwrap_or_else(|e| panic!("{name}: {e}"));
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The last that a stage said about `key`.
fn last<'a>(log: &'a [Value], stage: &str, key: &str) -> &'a Value {
    let of_stage = log.iter().rev().filter(|line| line["stage"] == stage);
    of_stage.map(|line| &line[key]).find(|value| !value.is_null()).unwrap()
}

/// What three trainings from three seeds come to.
#[derive(Debug, Default)]
struct Sums {
    nu: f64,
    rank90: f64,
}

/// Adds up three seeds of a penalty: `nu` and 90 % ranks of the recurrent maps.
fn three_seeds(folder: &Path, penalty: &str, parametrisation: &str) -> Sums {
    let mut sums = Sums::default();
    for seed in 5..8 {
        let changes = [
            format!("seed={seed}"),
            "checkpoint_minutes=10.0".into(),
            format!("stage.0.parametrisation={parametrisation}"),
            format!("stage.0.regulariser={penalty}"),
            "stage.0.lambda_rec=0.03".into(),
            "stage.0.lambda_nonrec=0.03".into(),
            "stage.0.epochs=40".into(),
            "stage.0.dropout=0.0".into(),
            "stage.1.epochs=1".into(),
        ];
        let log = log(folder, &format!("{penalty}-{seed}"), &changes);
        let weights = last(&log, "full", "weights").as_array().unwrap();
        for map in weights.iter().filter(|map| map["name"].as_str().unwrap().ends_with(".rec")) {
            sums.nu += map["nu"].as_f64().unwrap();
            sums.rank90 += map["rank90"].as_f64().unwrap();
        }
    }
    sums
}

/// K2 and K3 of Kliegl et al. 2017: at the same strength nu and the 90 % ranks are far lower with the trace norm than with l2.
#[test]
fn the_trace_norm_lowers_nu_and_ranks_far_below_l2() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 32);
    let trace = three_seeds(folder.path(), "trace_norm", "factored");
    let l2 = three_seeds(folder.path(), "l2", "dense");
    let none = three_seeds(folder.path(), "none", "dense");
    let told = format!("trace norm {trace:?}, l2 {l2:?}, none {none:?}");
    assert!(trace.nu < 0.6 * l2.nu && l2.nu < none.nu, "{told}");
    assert!(trace.rank90 < 0.75 * l2.rank90 && l2.rank90 < none.rank90, "{told}");
}

/// Sindhwani et al. 2015: Toeplitz-like maps learn what low-rank ones of as many parameters do not.
#[test]
fn toeplitz_like_maps_learn_more_than_low_rank_ones_of_their_size() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 32);
    for seed in 5..7 {
        let [toeplitz, low_rank] = ["toeplitz_like", "low_rank"].map(|name| {
            let family = format!("{{ family = \"{name}\", rank = 1 }}");
            let families =
                format!("{{ recurrent = {family}, nonrecurrent = {family}, fully_connected = {family} }}");
            let changes = [
                format!("seed={seed}"),
                "network.gru=[{ cell = \"rnn\", hidden = 24 }]".into(),
                "network.fc=24".into(),
                format!(
                    "stage=[{{ name = \"full\", epochs = 24, rate = 0.02, average = 0.5, families = {families} }}]"
                ),
            ];
            let log = log(folder.path(), &format!("{name}-{seed}"), &changes);
            last(&log, "full", "dev")["loss"].as_f64().unwrap()
        });
        assert!(toeplitz < 0.5 * low_rank, "seed {seed}: {toeplitz} against {low_rank}");
    }
}
