//! Training with quantization: the trainer computes what the runtime computes with integer weights.

use std::sync::Arc;

use super::common::{as_after_training, cut};
use crate::config::Parametrisation;
use crate::config::Rounding;
use crate::engine::graph::{Graph, Mode};
use crate::engine::layers::Frames;
use crate::engine::net::Net;
use crate::random;
use crate::saved::export::export;
use crate::stages::start::apply;
use stonechat::{Model, Options};
use stonechat_audio::FeatureConfig;
use stonechat_compress::{Bits, RankRule, quantize};
use stonechat_model::{Alphabet, Network, NetworkConfig, Package};

const FRAMES: usize = 60;
const BINS: usize = 14;

fn config() -> NetworkConfig {
    serde_json::from_str(
        r#"{
            "input": 14, "gru": [40, 36], "fc": 33, "row_conv": { "lookahead": 2 },
            "conv": [
                { "channels": 3, "kernel": [5, 4], "stride": [2, 3], "lookahead": 1 },
                { "channels": 4, "kernel": [3, 3], "stride": [1, 1], "lookahead": 2 }
            ]
        }"#,
    )
    .unwrap()
}

/// A net with nontrivial batch norms, as after training.
fn net(low_rank: bool, symbols: usize) -> Net {
    let mut net = Net::new(config(), symbols, Parametrisation::Dense, 3).unwrap();
    as_after_training(&mut net);
    if low_rank {
        apply(&mut net, &cut(RankRule::Variance(0.6)), None).unwrap();
    }
    net
}

fn trained_logits(net: &Net, x: &[f32]) -> Vec<f32> {
    let graph = Graph::new(net, false);
    let frames = Frames { lengths: vec![FRAMES], steps: FRAMES };
    graph.forward(x.to_vec(), frames, Mode::Inference).logits.into_vec()
}

fn run_logits(network: Network, alphabet: &Alphabet, x: &[f32]) -> Vec<f32> {
    let features = FeatureConfig { mels: BINS, ..FeatureConfig::default() };
    let package = Package {
        features: serde_json::to_value(features).unwrap(),
        alphabet: alphabet.clone(),
        network,
        provenance: serde_json::Value::Null,
        language_model: None,
    };
    let model = Arc::new(Model::from_package(package).unwrap());
    let mut stream = model.acoustic_stream(&Options::default()).unwrap();
    let mut logits = Vec::new();
    stream.push(x, &mut logits).unwrap();
    stream.finish(&mut logits);
    logits
}

/// Root mean square of the difference as a share of that of `b`.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>();
    let error = square(&mut a.iter().zip(b).map(|(a, b)| a - b));
    (error / square(&mut b.iter().copied())).sqrt()
}

#[test]
fn the_trainers_rounding_is_the_runtimes() {
    let alphabet = Alphabet::new(["", " ", "a", "b", "c"].map(String::from).to_vec()).unwrap();
    let x: Vec<f32> = (0..FRAMES * BINS).map(|i| random::normal(7, i as u64)).collect();
    for (low_rank, weights) in
        [(false, Bits::Eight), (false, Bits::Four), (true, Bits::Eight), (true, Bits::Four)]
    {
        let case = format!("low rank {low_rank}, {weights:?}");
        let mut net = net(low_rank, alphabet.len());
        let float = trained_logits(&net, &x);
        let rounding: Rounding =
            toml::from_str(&format!("weights = {}", u8::from(weights))).unwrap();
        let network = quantize(&export(&net).unwrap(), &rounding.storage()).unwrap();
        net.rounding = Some(rounding);
        let rounded = trained_logits(&net, &x);
        let run = run_logits(network, &alphabet, &x);
        let (far, near) = (distance(&float, &run), distance(&rounded, &run));
        assert!(far > 4e-3, "{case}: rounding hardly shows, {far}");
        assert!(near < 0.25 * far && near < 4e-3, "{case}: {near}, without rounding {far}");
    }
}
