//! Structured families in training: exported logits, a whole run from random values, fits between
//! stages, resume.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::common::{RATE_HZ, last, recipe, tones};
use crate::config::Parametrisation;
use crate::engine::graph::{Graph, Mode};
use crate::engine::layers::Frames;
use crate::engine::net::Net;
use crate::engine::parameters::Place;
use crate::random;
use crate::saved::export::export;
use crate::saved::trained::Trained;
use crate::stages::part_rates::part_rates;
use crate::stages::start::begin_in_families;
use crate::{Event, train};
use stonechat::Model;
use stonechat_compress::{Basis, Calibration, LowRank, Measured, Plan, RankRule, SharedProjection};
use stonechat_corpus::read_manifest;
use stonechat_model::{Family, Kind, MapId, Network, NetworkConfig, Package, ParameterId};

/// Families that fit every map of the nets below: sides 12, 24 and 36.
const FAMILIES: [&str; 11] = [
    r#"{"family":"toeplitz_like","rank":3}"#,
    r#"{"family":"vandermonde_like","rank":2}"#,
    r#"{"family":"cauchy_like","rank":2}"#,
    r#"{"family":"circulant"}"#,
    r#"{"family":"block_circulant","block":4}"#,
    r#"{"family":"block_diagonal","blocks":4}"#,
    r#"{"family":"monarch","blocks":4}"#,
    r#"{"family":"kronecker","terms":2}"#,
    r#"{"family":"hashed","parameters":60}"#,
    r#"{"family":"fastfood"}"#,
    r#"{"family":"low_rank","rank":3}"#,
];

fn everywhere(family: &str) -> BTreeMap<String, Family> {
    let family: Family = serde_json::from_str(family).unwrap();
    ["recurrent", "nonrecurrent", "fully_connected"].map(|k| (k.to_owned(), family.clone())).into()
}

#[test]
fn logits_survive_the_export_of_every_family() {
    let config: NetworkConfig =
        serde_json::from_str(r#"{ "input": 24, "gru": [12, 12], "fc": 12 }"#).unwrap();
    let per_gate = r#"{"family":"per_gate","gates":3,"of":{"family":"monarch","blocks":4}}"#;
    for family in FAMILIES.into_iter().chain([per_gate]) {
        let mut choices = everywhere(family);
        if family == per_gate {
            choices.remove("fully_connected");
        }
        let mut net = Net::new(config.clone(), 5, Parametrisation::Dense, 3).unwrap();
        for (i, (_, affine)) in net.network.affines_mut().into_iter().enumerate() {
            let Some(norm) = &mut affine.norm else { continue };
            norm.variance.iter_mut().enumerate().for_each(|(k, v)| {
                *v = 0.5 + random::normal(100 + i as u64, k as u64).abs();
            });
        }
        let dense = net.count();
        begin_in_families(&mut net, &choices, 9).unwrap();
        assert!(net.count() < dense, "{family}");
        let steps = 9;
        let x: Vec<f32> = (0..steps * 24).map(|i| random::normal(7, i as u64)).collect();
        let graph = Graph::new(&net, false);
        let frames = Frames { lengths: vec![steps], steps };
        let output = graph.forward(x.clone(), frames, Mode::Inference);
        let ours = output.logits.into_vec();
        let expected = export(&net).unwrap().forward_reference(&x, steps).unwrap();
        for (i, (a, e)) in ours.iter().zip(&expected).enumerate() {
            assert!((a - e).abs() < 1e-4, "{family}, logit {i}: {a} and {e}");
        }
    }
}

#[test]
fn a_fresh_structured_net_learns() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 24);
    let families = r#"stage.0.families={ recurrent = { family = "toeplitz_like", rank = 2 }, fully_connected = { family = "monarch", blocks = 4 } }"#;
    let recipe = recipe(
        folder.path(),
        &[families, "network.gru=[12,16]", "stage.0.parametrisation=dense", "stage.0.epochs=6"],
    );
    let losses = std::sync::Mutex::new(Vec::new());
    train(&recipe, &folder.path().join("run"), false, &|event| {
        if let Event::Epoch { stage: "full", loss, .. } = event {
            losses.lock().unwrap().push(loss);
        }
    })
    .unwrap();
    let losses = losses.into_inner().unwrap();
    assert!(losses[5] < 0.6 * losses[0], "{losses:?}");
    let package = Package::load(folder.path().join("run/full.stonechat")).unwrap();
    let families: Vec<&str> =
        package.network.maps().iter().map(|map| map.map.family().name()).collect();
    assert_eq!(families.iter().filter(|f| **f == "toeplitz_like").count(), 2, "{families:?}");
    assert_eq!(families.iter().filter(|f| **f == "monarch").count(), 1, "{families:?}");
}

#[test]
fn a_stage_moves_the_weights_into_families_and_a_killed_run_resumes_there() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 24);
    let families = r#"stage.1.families={ recurrent = { family = "block_diagonal", blocks = 4 }, "gru.1.nonrec" = { family = "toeplitz_like", rank = 4 } }"#;
    let recipe = recipe(folder.path(), &[families, "stage.0.epochs=2"]);
    let whole = folder.path().join("whole");
    let changed = AtomicUsize::new(0);
    train(&recipe, &whole, false, &|event| {
        if let Event::Truncated { parameters, .. } = event {
            changed.store(parameters, Ordering::Relaxed);
        }
    })
    .unwrap();
    let broken = folder.path().join("broken");
    let died = catch_unwind(AssertUnwindSafe(|| {
        let steps = AtomicUsize::new(0);
        train(&recipe, &broken, false, &|event| {
            // Six steps before the second stage begins, two in it.
            if let Event::Step { .. } = event {
                assert!(steps.fetch_add(1, Ordering::Relaxed) < 8, "killed on purpose");
            }
        })
    }));
    assert!(died.is_err());
    train(&recipe, &broken, true, &|_| {}).unwrap();
    assert_eq!(last(&whole), last(&broken));
    assert_eq!(last(&whole).families.len(), 3);
    let count: usize = last(&whole).parameters.values().map(|p| p.values.len()).sum();
    assert_eq!(count, changed.into_inner());
}

#[test]
fn recipes_with_impossible_families_say_why() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 2);
    for (families, reason) in [
        (r#"{ "gru.7.rec" = { family = "dense" } }"#, "gru.7.rec"),
        (r#"{ conv = { family = "dense" } }"#, "convolutions"),
        (r#"{ recurrent = { family = "monarch", blocks = 5 } }"#, "divide"),
        (r#"{ recurrent = { family = "circus" } }"#, "circus"),
    ] {
        let error =
            super::common::try_recipe(folder.path(), &[&format!("stage.0.families={families}")])
                .unwrap_err()
                .to_string();
        assert!(error.contains(reason), "{families}: {error}");
    }
}

#[test]
fn parts_that_move_their_matrix_far_take_small_steps() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 2);
    let config: NetworkConfig =
        serde_json::from_str(r#"{ "input": 12, "gru": [12], "fc": 12 }"#).unwrap();
    let stage = |change: &[&str]| recipe(folder.path(), change).stages[0].clone();
    for family in FAMILIES {
        let mut net = Net::new(config.clone(), 5, Parametrisation::Dense, 3).unwrap();
        let mut choices = everywhere(family);
        choices.retain(|kind, _| kind == "fully_connected");
        begin_in_families(&mut net, &choices, 9).unwrap();
        // Factors as a fit may leave them.
        let id = MapId::new(Kind::FullyConnected, 0);
        for part in net.network.map_mut(id).unwrap().parts_mut() {
            part.values.iter_mut().for_each(|v| *v *= 5.0);
        }
        let adam = part_rates(&net, &stage(&[]));
        let sgd = part_rates(&net, &stage(&[r#"stage.0.optimizer={ kind = "sgd" }"#]));
        let given = part_rates(&net, &stage(&["stage.0.structured_rate=0.25"]));
        let map = net.network.map(id).unwrap();
        let spec = map.spec();
        if map.factors().is_some() {
            assert!(adam.is_empty(), "{family}: low rank is not structured");
            continue;
        }
        for (i, part) in spec.parts().iter().enumerate() {
            let name = Place::Network(ParameterId::Part(id, i));
            // The derivative, entry by entry: W is linear in every part.
            let mut values: Vec<Vec<f32>> = map.parts().iter().map(|p| p.values.clone()).collect();
            let mut square = 0.0;
            for k in 0..part.rows * part.cols {
                values[i].fill(0.0);
                values[i][k] = 1.0;
                let slices: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
                square += spec.to_dense(&slices).iter().map(|w| f64::from(*w).powi(2)).sum::<f64>();
            }
            let reach = (square / 144.0).sqrt();
            let expected = (1.0 / reach).min(1.0);
            let rate = adam[&name];
            assert!((rate / expected - 1.0).abs() < 0.25, "{family} {name:?}: {rate}, {expected}");
            assert!((sgd[&name] - rate * rate).abs() < 1e-9, "{family}");
            assert_eq!(given[&name], 0.25, "{family}");
        }
    }
}

#[test]
fn a_calibrated_start_is_what_compression_makes_of_the_package() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 24);
    let families: BTreeMap<String, Family> = serde_json::from_str(
        r#"{"gru.1.rec": {"family": "toeplitz_like", "rank": 2}, "fully_connected": {"family": "monarch", "blocks": 2}}"#,
    )
    .unwrap();
    let ranks = BTreeMap::from([("gru.0.nonrec".to_owned(), 5)]);
    let widths = BTreeMap::from([("gru.0.proj".to_owned(), 6)]);
    let start = |run: &str, changes: &[&str]| -> Network {
        let common = [
            r#"stage.1.families={ "gru.1.rec" = { family = "toeplitz_like", rank = 2 }, fully_connected = { family = "monarch", blocks = 2 } }"#,
            r#"stage.1.warm_start={ list = { "gru.0.nonrec" = 5 } }"#,
            r#"stage.1.shared_projection={ rank = { list = { "gru.0.proj" = 6 } } }"#,
            "stage.1.epochs=0",
        ];
        let run = folder.path().join(run);
        train(&recipe(folder.path(), &[&common, changes].concat()), &run, false, &|_| {}).unwrap();
        export(&Trained::load(&run.join("checkpoints/low_rank.safetensors")).unwrap().net).unwrap()
    };
    // More seconds than there are: all utterances.
    let started = start("calibrated", &["stage.1.calibrate_seconds=1000"]);

    let full = folder.path().join("calibrated/checkpoints/full.safetensors");
    let mut package = Package::load(folder.path().join("calibrated/full.stonechat")).unwrap();
    package.network = export(&Trained::load(&full).unwrap().net).unwrap();
    let network = package.network.clone();
    let model = Arc::new(Model::from_package(package).unwrap());
    let mut inputs = Calibration::new(&network);
    for utterance in read_manifest(&folder.path().join("train.jsonl")).unwrap() {
        let sound = utterance.read(RATE_HZ).unwrap();
        model.logits_observed(&sound.samples, &mut |map, x| inputs.add(map, x).unwrap());
    }
    let low_rank = LowRank { whiten: true, ..LowRank::new(RankRule::List(ranks)) };
    let shared = SharedProjection { rank: RankRule::List(widths), basis: Basis::Recurrent };
    let plan = Plan {
        families,
        low_rank: Some(low_rank),
        shared_projection: Some(shared),
        ..Plan::default()
    };
    let compressed =
        plan.apply(&network, Measured { inputs: Some(&inputs), machine: None }).unwrap();

    let steps = 40;
    let x: Vec<f32> = (0..steps * 12).map(|i| random::normal(7, i as u64)).collect();
    let logits = |network: &Network| network.forward_reference(&x, steps).unwrap();
    let (expected, whole) = (logits(&compressed), logits(&network));
    let distance = |a: &[f32], b: &[f32]| -> f32 {
        let square: f32 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
        square.sqrt()
    };
    let error = distance(&logits(&started), &expected) / distance(&whole, &expected);
    assert!(error < 0.02, "{error}");
    let by_weights = start("by_weights", &[]);
    let error = distance(&logits(&by_weights), &expected) / distance(&whole, &expected);
    assert!(error > 0.2, "{error}");
}

#[test]
fn a_calibrated_start_needs_something_to_hear_and_to_change() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path(), 2);
    for (changes, reason) in [
        (&["stage.1.calibrate_seconds=-1"][..], "must not be negative"),
        (&["stage.0.calibrate_seconds=1"], "`init`"),
        (&["init=full.safetensors", "stage.0.calibrate_seconds=1"], "`warm_start`"),
        (
            &[
                "stage.1.calibrate_seconds=1",
                r#"stage.1.families={ projection = { family = "dense" } }"#,
            ],
            "projection",
        ),
        (&["stage.1.structured_rate=0.0"], "structured_rate"),
    ] {
        let error = super::common::try_recipe(folder.path(), changes).unwrap_err().to_string();
        assert!(error.contains(reason), "{changes:?}: {error}");
    }
}
