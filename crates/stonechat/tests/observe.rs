//! What `Model::logits_observed` shows: the weights, applied slowly to the inputs of each map, must
//! give the inputs of the next one.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{Storage, package, sound};
use stonechat::Model;
use stonechat_model::{Affine, Package};

type Inputs = BTreeMap<String, Vec<f32>>;

fn observe(package: &Package) -> (Inputs, Vec<f32>) {
    let model = Arc::new(Model::from_package(package.clone()).unwrap());
    let mut inputs = Inputs::new();
    let samples = sound(0.7, 5);
    let logits = model.logits_observed(&samples, &mut |map, x| {
        inputs.entry(map.to_string()).or_default().extend_from_slice(x);
    });
    assert_eq!(logits, model.logits(&samples), "watching changes nothing");
    (inputs, logits)
}

/// `f(W x + b)` of all inputs of a layer.
fn image(layer: &Affine, x: &[f32], clip: Option<f32>) -> Vec<f32> {
    let mut y = layer.map.apply(x, x.len() / layer.map.cols());
    for y in y.chunks_exact_mut(layer.bias.len()) {
        for (y, b) in y.iter_mut().zip(&layer.bias) {
            *y += b;
            if let Some(clip) = clip {
                *y = y.clamp(0.0, clip);
            }
        }
    }
    y
}

fn assert_near(found: &[f32], expected: &[f32], case: &str) {
    assert_eq!(found.len(), expected.len(), "{case}");
    let worst = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-3, "{case}: {worst}");
}

#[test]
fn inputs_are_those_of_the_layers() {
    for storage in [Storage::Dense, Storage::LowRank] {
        let package = package(storage, 11);
        let (inputs, logits) = observe(&package);
        let network = &package.network;
        let names: Vec<String> = network.maps().iter().map(|map| map.name()).collect();
        let mut sorted = names.clone();
        sorted.sort();
        assert_eq!(inputs.keys().cloned().collect::<Vec<_>>(), sorted);
        for map in network.maps() {
            let x = &inputs[&map.name()];
            assert!(!x.is_empty() && x.len().is_multiple_of(map.map.cols()), "{}", map.name());
        }

        let clip = Some(network.config.clip);
        for (l, conv) in network.conv.iter().enumerate() {
            let y = image(conv, &inputs[&format!("conv.{l}")], clip);
            // Another convolution sees its input many times: only its size is checked here.
            if l + 1 == network.conv.len() {
                assert_near(&inputs["gru.0.nonrec"], &y, "the last convolution");
            }
        }
        for l in 0..network.recurrent.len() {
            let states = &inputs[&format!("gru.{l}.rec")];
            let hidden = network.config.recurrent[l].hidden;
            assert!(states[..hidden].iter().all(|h| *h == 0.0), "the state before the first frame");
            if let Some(above) = inputs.get(&format!("gru.{}.nonrec", l + 1)) {
                assert_eq!(states[hidden..], above[..states.len() - hidden], "gru.{l}");
            }
        }
        let fc = network.fc.as_ref().unwrap();
        assert_near(&inputs["output"], &image(fc, &inputs["fc"], clip), "fc");
        assert_near(&logits, &image(&network.output, &inputs["output"], None), "output");
    }
}
