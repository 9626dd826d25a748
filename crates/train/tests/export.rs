//! The exported network gives the logits of the net it came from.

use burn::tensor::Device;
use stonechat_compress::RankRule;
use stonechat_model::NetworkConfig;
use stonechat_train::export::export;
use stonechat_train::graph::{Frames, Graph, to_host};
use stonechat_train::net::{Mode, Net, Parametrisation};
use stonechat_train::random;
use stonechat_train::warm_start::warm_start;

const CONFIG: &str = r#"{
    "input": 14, "gru": [10, 12], "fc": 9, "row_conv": { "lookahead": 2 },
    "conv": [
        { "channels": 3, "kernel": [5, 4], "stride": [2, 3], "lookahead": 1 },
        { "channels": 4, "kernel": [3, 3], "stride": [1, 2], "lookahead": 2 }
    ]
}"#;

#[test]
fn logits_survive_the_export() {
    let symbols = 6;
    for (form, rule, candidate) in [
        (Parametrisation::Dense, None, "tanh"),
        (Parametrisation::Factored, None, "clipped_relu"),
        (Parametrisation::Factored, Some(RankRule::Variance(0.6)), "tanh"),
    ] {
        let mut config: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
        config["candidate"] = candidate.into();
        let config: NetworkConfig = serde_json::from_value(config).unwrap();
        let mut net = Net::new(config.clone(), symbols, form, 3).unwrap();
        // Batch norms that do something, as after training.
        for (i, (name, p)) in net.parameters.iter_mut().enumerate() {
            if name.contains("norm") {
                let noise = |k: usize| 0.3 * random::normal(i as u64, k as u64);
                p.values.iter_mut().enumerate().for_each(|(k, v)| *v += noise(k));
            }
        }
        for (i, s) in net.statistics.values_mut().enumerate() {
            let noise = |k: usize| random::normal(100 + i as u64, k as u64);
            s.mean.iter_mut().enumerate().for_each(|(k, m)| *m = 0.5 * noise(k));
            s.variance.iter_mut().enumerate().for_each(|(k, v)| *v = 0.5 + noise(k).abs());
        }
        if let Some(rule) = &rule {
            warm_start(&mut net, rule).unwrap();
        }
        let lengths = [31, 17, 1];
        let steps = 31;
        let x: Vec<f32> = (0..3 * steps * 14).map(|i| random::normal(7, i as u64)).collect();
        let device = Device::flex();
        let graph = Graph::new(&net, &device, false);
        let frames = Frames { lengths: lengths.to_vec(), steps };
        let output = net.forward(&graph, x.clone(), frames, Mode::Inference, &device);
        let logits = to_host(output.logits);
        let network = export(&net).unwrap();
        for (b, &length) in lengths.iter().enumerate() {
            let features = &x[b * steps * 14..][..length * 14];
            let expected = network.forward_reference(features, length).unwrap();
            let ours = &logits[b * output.frames.steps * symbols..][..expected.len()];
            assert_eq!(expected.len(), config.frames_out(length) * symbols);
            for (i, (a, e)) in ours.iter().zip(&expected).enumerate() {
                let case = format!("{form:?} {rule:?} {candidate}, {length} frames, logit {i}");
                assert!((a - e).abs() < 1e-4, "{case}: {a} and {e}");
            }
        }
    }
}
