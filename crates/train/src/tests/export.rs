//! The exported network gives the logits of its net, evaluated slowly and in the runtime.

use std::sync::Arc;

use super::common::{as_after_training, cut};
use crate::config::Parametrisation;
use crate::engine::graph::{Graph, Mode};
use crate::engine::layers::Frames;
use crate::engine::net::Net;
use crate::random;
use crate::saved::export::{export, from_network};
use crate::stages::start::{apply, begin_in_families};
use stonechat::{Model, Options};
use stonechat_audio::FeatureConfig;
use stonechat_compress::RankRule;
use stonechat_model::{Alphabet, Family, Network, NetworkConfig, Package};

const CONFIG: &str = r#"{
    "input": 14, "fc": 9, "row_conv": { "lookahead": 2 },
    "conv": [
        { "channels": 3, "kernel": [5, 4], "stride": [2, 3], "lookahead": 1 },
        { "channels": 4, "kernel": [3, 3], "stride": [1, 2], "lookahead": 2 }
    ]
}"#;

/// The network in the runtime, with features that are not used.
fn runtime_model(network: &Network) -> Model {
    let symbols = ["", " ", "a", "b", "c", "d"].map(String::from).to_vec();
    let features = FeatureConfig { mels: network.config.input, ..FeatureConfig::default() };
    let package = Package {
        features: serde_json::to_value(features).unwrap(),
        alphabet: Alphabet::new(symbols).unwrap(),
        network: network.clone(),
        provenance: serde_json::Value::Null,
        language_model: None,
    };
    Model::from_package(package).unwrap()
}

#[test]
fn logits_survive_the_export() {
    let symbols = 6;
    let grus = "[10, 12]";
    let lstms = r#"[{ "cell": "lstm", "hidden": 10, "peepholes": true, "projection": 6 },
                    { "cell": "lstm", "hidden": 9, "joint": 7 }]"#;
    let mixed = r#"[{ "hidden": 10, "projection": 6, "joint": 8 },
                    { "cell": "rnn", "hidden": 9, "joint": 7 },
                    { "cell": "rnn", "hidden": 8, "projection": 5 }]"#;
    let some = Some(RankRule::Variance(0.6));
    let family = r#"{"family": "toeplitz_like", "rank": 2}"#;
    for (layers, form, rule, family, candidate) in [
        (grus, Parametrisation::Dense, None, None, "tanh"),
        (grus, Parametrisation::Factored, None, None, "clipped_relu"),
        (grus, Parametrisation::Factored, some.clone(), None, "tanh"),
        (lstms, Parametrisation::Dense, None, None, "tanh"),
        (lstms, Parametrisation::Factored, some.clone(), None, "tanh"),
        (mixed, Parametrisation::Dense, None, None, "clipped_relu"),
        (mixed, Parametrisation::Factored, some, None, "tanh"),
        (grus, Parametrisation::Dense, None, Some(family), "tanh"),
    ] {
        let mut config: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
        config["recurrent"] = serde_json::from_str(layers).unwrap();
        config["candidate"] = candidate.into();
        let config: NetworkConfig = serde_json::from_value(config).unwrap();
        let mut net = Net::new(config.clone(), symbols, form, 3).unwrap();
        as_after_training(&mut net);
        if let Some(rule) = &rule {
            apply(&mut net, &cut(rule.clone()), None).unwrap();
        }
        if let Some(family) = family {
            let family: Family = serde_json::from_str(family).unwrap();
            let kinds = ["nonrecurrent", "recurrent", "fully_connected"];
            let choices = kinds.map(|kind| (kind.to_owned(), family.clone())).into();
            begin_in_families(&mut net, &choices, 9).unwrap();
        }
        let lengths = [31, 17, 1];
        let steps = 31;
        let x: Vec<f32> = (0..3 * steps * 14).map(|i| random::normal(7, i as u64)).collect();
        let graph = Graph::new(&net, false);
        let frames = Frames { lengths: lengths.to_vec(), steps };
        let output = graph.forward(x.clone(), frames.clone(), Mode::Inference);
        let logits = output.logits.into_vec();
        let network = export(&net).unwrap();
        let model = Arc::new(runtime_model(&network));
        // And back: the same net, its batch norms folded.
        let back = from_network(&network).unwrap();
        let graph = Graph::new(&back, false);
        let again = graph.forward(x.clone(), frames, Mode::Inference);
        for (i, (a, e)) in again.logits.iter().zip(&logits).enumerate() {
            let case = format!(
                "{layers} {form:?} {rule:?} {family:?} {candidate}, logit {i} of the import"
            );
            assert!((a - e).abs() < 1e-4, "{case}: {a} and {e}");
        }
        for (b, &length) in lengths.iter().enumerate() {
            let features = &x[b * steps * 14..][..length * 14];
            let expected = network.forward_reference(features, length).unwrap();
            let ours = &logits[b * output.frames.steps * symbols..][..expected.len()];
            let mut running = Vec::new();
            let mut stream = model.acoustic_stream(&Options::default()).unwrap();
            stream.push(features, &mut running).unwrap();
            stream.finish(&mut running);
            assert_eq!(expected.len(), config.frames_out(length) * symbols);
            for (i, (a, e)) in ours.iter().zip(&expected).enumerate() {
                let case = format!(
                    "{layers} {form:?} {rule:?} {family:?} {candidate}, {length} frames, logit {i}"
                );
                assert!((a - e).abs() < 1e-4, "{case}: {a} and {e}");
                assert!((a - running[i]).abs() < 2e-4, "{case}: {a}, running {}", running[i]);
            }
        }
    }
}
