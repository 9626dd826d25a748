//! Gradients of whole nets with every kind of recurrent layer, where a factor may be used in two places.

use crate::config::Parametrisation;
use crate::engine::graph::Graph;
use crate::engine::layers::Frames;
use crate::engine::net::{Mode, Net};
use crate::engine::ops::ctc;
use crate::random;
use crate::stages::warm_start::{Start, change_families, share_projections};
use stonechat_compress::{Basis, RankRule, SharedProjection};
use stonechat_model::NetworkConfig;

const SYMBOLS: usize = 4;

fn net(layers: &str, form: Parametrisation) -> Net {
    built(&format!(r#"{{"input": 5, "clip": 20, "recurrent": {layers}}}"#), form)
}

fn built(config: &str, form: Parametrisation) -> Net {
    let config: NetworkConfig = serde_json::from_str(config).unwrap();
    config.validate().unwrap();
    Net::new(config, SYMBOLS, form, 1).unwrap()
}

/// The loss of a fixed batch and, if asked for, its gradients by name.
fn loss(net: &Net, gradients: bool) -> (f32, crate::engine::parameters::Gradients) {
    let frames = Frames { lengths: vec![6, 4], steps: 6 };
    let features = (0..2 * 6 * 5).map(|i| random::normal(3, i)).collect();
    let graph = Graph::new(net, true);
    let mode = Mode::Training { dropout: 0.0, seed: 0 };
    let output = net.forward(&graph, features, frames, mode);
    let Frames { lengths, steps } = output.frames;
    let loss = ctc::loss(&output.logits, &lengths, &[vec![1, 2], vec![3]], steps, SYMBOLS);
    let results = [(output.logits, loss.gradient)];
    (
        loss.losses.iter().sum(),
        if gradients { graph.gradients(results) } else { Default::default() },
    )
}

#[test]
fn gradients_equal_finite_differences() {
    for layers in [
        r#"[{"cell": "lstm", "hidden": 4, "peepholes": true, "projection": 3}]"#,
        r#"[{"cell": "lstm", "hidden": 4, "joint": 3}]"#,
        r#"[{"hidden": 4, "joint": 3, "projection": 3}, {"cell": "rnn", "hidden": 4}]"#,
        r#"[{"hidden": 4, "projection": 2}]"#,
        r#"[{"cell": "rnn", "hidden": 5, "joint": 3}]"#,
    ] {
        assert_gradients(layers, net(layers, Parametrisation::Dense));
    }
}

#[test]
fn gradients_of_all_other_layers_equal_finite_differences() {
    let config = r#"{
        "input": 5, "clip": 20, "gru": [4, 4], "fc": 4,
        "conv": [{ "channels": 2, "kernel": [3, 3], "stride": [2, 1], "lookahead": 1 }]
    }"#;
    for form in [Parametrisation::Dense, Parametrisation::Factored] {
        assert_gradients(&format!("{form:?}"), built(config, form));
    }
    for family in [
        r#"{ "family": "toeplitz_like", "rank": 2 }"#,
        r#"{ "family": "monarch", "blocks": 2 }"#,
        r#"{ "family": "circulant" }"#,
    ] {
        let mut net = built(config, Parametrisation::Dense);
        let choices = ["recurrent", "fully_connected"]
            .map(|kind| (kind.to_owned(), serde_json::from_str(family).unwrap()));
        change_families(&mut net, &choices.into(), Start::Fresh { seed: 9 }).unwrap();
        assert_gradients(family, net);
    }
}

fn assert_gradients(case: &str, mut net: Net) {
    for (i, (name, p)) in net.parameters.iter_mut().enumerate() {
        let noise = |k: usize| 0.2 * random::normal(40 + i as u64, k as u64);
        // Away from the corner of the clipped ReLU.
        let up = if matches!(&name[..], "conv.0.norm.beta" | "fc.norm.beta") { 6.0 } else { 0.0 };
        p.values.iter_mut().enumerate().for_each(|(k, v)| *v += up + noise(k));
    }
    let (_, gradients) = loss(&net, true);
    assert_eq!(gradients.len(), net.parameters.len(), "{case}: every parameter has a gradient");
    for (name, gradient) in &gradients {
        for i in (0..gradient.len()).step_by(2) {
            let at = |d: f32| {
                let mut net = net.clone();
                net.parameters.get_mut(name).unwrap().values[i] += d;
                f64::from(loss(&net, false).0)
            };
            let numeric = ((at(5e-3) - at(-5e-3)) / 1e-2) as f32;
            let close = (gradient[i] - numeric).abs() <= 2e-2 * numeric.abs().max(0.25);
            assert!(close, "{case}, {name}[{i}]: {} and {numeric}", gradient[i]);
        }
    }
}

/// Cutting at full variance leaves the loss where it was, whatever the form of the weights before.
#[test]
fn shared_projections_start_where_the_net_was() {
    let layers = r#"[{"cell": "lstm", "hidden": 6}, {"cell": "lstm", "hidden": 6}, 6]"#;
    for form in [Parametrisation::Dense, Parametrisation::Factored] {
        for basis in [Basis::Recurrent, Basis::Stacked] {
            let mut net = net(layers, form);
            // Rows in a common space of 2 dimensions, for something to share.
            for map in ["lstm.0.rec", "lstm.1.nonrec"] {
                let rows =
                    net.config.linear_maps(SYMBOLS).iter().find(|m| m.name == map).unwrap().rows;
                net.parameters.retain(|name, _| !name.starts_with(map));
                let row = |i: usize| {
                    let (a, b) = (random::normal(5, i as u64), random::normal(6, i as u64));
                    (0..6).map(move |j| a * random::normal(7, j) + b * random::normal(8, j))
                };
                let values = (0..rows).flat_map(row).map(|w| 0.3 * w).collect();
                let weight = crate::engine::parameters::Parameter { rows, columns: 6, values };
                net.parameters.insert(format!("{map}.weight"), weight);
            }
            let (before, count) = (loss(&net, false).0, net.count());
            share_projections(
                &mut net,
                &SharedProjection { rank: RankRule::Variance(0.9999), basis },
            )
            .unwrap();
            assert_eq!(net.config.recurrent[0].projection, Some(2), "{basis:?}");
            assert!(net.count() < count);
            let after = loss(&net, false).0;
            assert!(
                (after - before).abs() < 0.05 * before,
                "{form:?} {basis:?}: {before}, {after}"
            );
        }
    }
}
