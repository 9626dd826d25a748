//! Networks as files, and what is asked for them.

use std::sync::{Arc, LazyLock};

use serde_json::json;
use stonechat::{Model, Settings};
use stonechat_compress::{Measured, Plan};
use stonechat_exchange::{ImportPlan, StateDict, to_onnx};
use stonechat_model::{Alphabet, Network, NetworkConfig, Package};
use stonechat_testing::{Random, noise};

/// The plan that fits the state dicts of the corpus.
const IMPORT_PLAN: &str = include_str!("../../corpus/import_plan/all_layers.toml");
/// Networks with more weights than this are not run: that would be a question of speed.
const MOST_WEIGHTS: usize = 200_000;

/// Loads a package; one that is accepted recognises, is written as ONNX, and as the same package again.
pub fn package(data: &[u8]) {
    let Ok(package) = Package::from_bytes(data) else { return };
    let again = package.to_bytes().expect("what was read can be written");
    let again = Package::from_bytes(&again).expect("what was written can be read");
    assert!(again.network == package.network && again.alphabet == package.alphabet);
    let _ = to_onnx(&package);
    let symbols = package.alphabet.len();
    let weights: usize = package
        .network
        .config
        .linear_maps(symbols)
        .iter()
        .map(|map| map.rows.saturating_mul(map.cols))
        .sum();
    if weights > MOST_WEIGHTS {
        return;
    }
    let Ok(model) = Model::from_package(package) else { return };
    // Windows and steps may be as long as a second: that is a second of sound.
    let samples = noise(1, (model.sample_rate_hz() as usize).min(16_000) / 4);
    let Ok(recognizer) = Settings::default().recognizer(model) else { return };
    let mut stream = recognizer.stream();
    stream.push(&samples).expect("samples at the model's rate");
    stream.finish();
}

/// Reads a state dict; one that fits the plan becomes a package.
pub fn state_dict(data: &[u8]) {
    static PLAN: LazyLock<ImportPlan> =
        LazyLock::new(|| ImportPlan::from_toml(IMPORT_PLAN).expect("a plan of the corpus"));
    let Ok(weights) = StateDict::from_bytes(data) else { return };
    assert!(weights.names().is_sorted());
    if let Ok(package) = PLAN.import(&weights) {
        package.to_bytes().expect("an imported package can be written");
    }
}

/// Reads a plan for a state dict, and applies it to one without tensors.
pub fn import_plan(data: &[u8]) {
    let Ok(plan) = ImportPlan::from_toml(&String::from_utf8_lossy(data)) else { return };
    assert!(plan.import(&StateDict::default()).is_err(), "a network without weights");
}

/// Reads a compression plan, and applies it to a small network.
pub fn plan(data: &[u8]) {
    static NETWORK: LazyLock<Network> = LazyLock::new(|| tiny_package().network);
    let Ok(plan) = Plan::from_toml(&String::from_utf8_lossy(data)) else { return };
    if let Ok(network) = plan.apply(&NETWORK, Measured::default()) {
        network.validate().expect("what is made is valid");
    }
}

/// A model that hears words in any noise.
pub fn tiny_model() -> Arc<Model> {
    static MODEL: LazyLock<Arc<Model>> =
        LazyLock::new(|| Arc::new(Model::from_package(tiny_package()).expect("a valid package")));
    Arc::clone(&MODEL)
}

fn tiny_package() -> Package {
    let config: NetworkConfig = serde_json::from_value(json!({
        "input": 8,
        "conv": [{ "channels": 2, "kernel": [3, 3], "stride": [2, 2], "lookahead": 1 }],
        "recurrent": [12, 10],
        "row_conv": { "lookahead": 2 },
        "fc": 12,
    }))
    .expect("a config");
    let alphabet = Alphabet::english();
    let mut random = Random(7);
    let network =
        Network::from_values(config, alphabet.len(), |_, count| random.scaled(count, 0.8));
    Package {
        features: json!({ "mels": 8 }),
        alphabet,
        network: network.expect("as many values as asked for"),
        provenance: json!({}),
        language_model: None,
    }
}
