//! Gradients of whole nets with every kind of recurrent layer, in which a factor may be used in two
//! places.

use stonechat_compress::{Basis, RankRule, SharedProjection};
use stonechat_model::{Kind, MapId, NetworkConfig, ParameterId, VectorId};

use crate::config::{Parametrisation, Stage};
use crate::engine::graph::{Graph, Mode};
use crate::engine::layers::Frames;
use crate::engine::net::{Net, dense};
use crate::engine::ops::ctc;
use crate::engine::parameters::{Parameter, Place};
use crate::random;
use crate::stages::start::{apply, begin_in_families};

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
    let output = graph.forward(features, frames, mode);
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
        begin_in_families(&mut net, &choices.into(), 9).unwrap();
        assert_gradients(family, net);
    }
}

fn assert_gradients(case: &str, mut net: Net) {
    for (i, (place, p)) in net.parameters_mut().into_iter().enumerate() {
        let noise = |k: usize| 0.2 * random::normal(40 + i as u64, k as u64);
        // Away from the corner of the clipped ReLU.
        let clipped = |id: MapId| matches!(id.kind, Kind::Conv | Kind::FullyConnected);
        let up = match place {
            Place::Network(ParameterId::Vector(VectorId::Bias(id))) if clipped(id) => 6.0,
            _ => 0.0,
        };
        p.values.iter_mut().enumerate().for_each(|(k, v)| *v += up + noise(k));
    }
    let (_, gradients) = loss(&net, true);
    assert_eq!(gradients.len(), net.parameters().len(), "{case}: every parameter has a gradient");
    for (name, gradient) in &gradients {
        for i in (0..gradient.len()).step_by(2) {
            let at = |d: f32| {
                let mut net = net.clone();
                let mut all = net.parameters_mut().into_iter();
                all.find(|(place, _)| place == name).unwrap().1.values[i] += d;
                f64::from(loss(&net, false).0)
            };
            let numeric = ((at(5e-3) - at(-5e-3)) / 1e-2) as f32;
            let close = (gradient[i] - numeric).abs() <= 2e-2 * numeric.abs().max(0.25);
            assert!(close, "{case}, {name:?}[{i}]: {} and {numeric}", gradient[i]);
        }
    }
}

/// Truncating at full variance does not change the loss, whatever the form of the weights before.
#[test]
fn shared_projections_start_where_the_net_was() {
    let layers = r#"[{"cell": "lstm", "hidden": 6}, {"cell": "lstm", "hidden": 6}, 6]"#;
    for form in [Parametrisation::Dense, Parametrisation::Factored] {
        for basis in [Basis::Recurrent, Basis::Stacked] {
            let mut net = net(layers, form);
            // Rows in a common space of 2 dimensions, so that there is something to share.
            let row = |i: usize| {
                let (a, b) = (random::normal(5, i as u64), random::normal(6, i as u64));
                (0..6).map(move |j| a * random::normal(7, j) + b * random::normal(8, j))
            };
            let [first, second, _] = &mut net.network.recurrent[..] else { panic!("three layers") };
            for map in [&mut first.rec, &mut second.nonrec.map] {
                let rows = map.rows();
                let values = (0..rows).flat_map(row).map(|w| 0.3 * w).collect();
                *map = dense(Parameter { rows, columns: 6, values });
            }
            let (before, count) = (loss(&net, false).0, net.count());
            let plan = SharedProjection { rank: RankRule::Variance(0.9999), basis };
            let stage = toml::from_str("name = 'share'\nepochs = 1\nrate = 0.1").unwrap();
            let stage = Stage { shared_projection: Some(plan), ..stage };
            apply(&mut net, &stage, None).unwrap();
            assert_eq!(net.config().recurrent[0].projection, Some(2), "{basis:?}");
            assert!(net.count() < count);
            let after = loss(&net, false).0;
            assert!(
                (after - before).abs() < 0.05 * before,
                "{form:?} {basis:?}: {before}, {after}"
            );
        }
    }
}
