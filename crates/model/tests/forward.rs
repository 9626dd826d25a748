//! The reference forward compared with PyTorch and with hand-made cases, and its look-ahead.

mod common;

use common::{Random, full_config, full_package};
use stonechat_model::{Affine, Candidate, LinearMap, Network, NetworkConfig, RecurrentLayer};

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn agrees_with_pytorch() {
    let cases: serde_json::Value =
        serde_json::from_str(include_str!("golden/forward.json")).unwrap();
    let floats = |v: &serde_json::Value| -> Vec<f32> { serde_json::from_value(v.clone()).unwrap() };
    for (i, case) in cases.as_array().unwrap().iter().enumerate() {
        let config: NetworkConfig = serde_json::from_value(case["config"].clone()).unwrap();
        let symbols = case["symbols"].as_u64().unwrap() as usize;
        let frames = case["frames"].as_u64().unwrap() as usize;
        let network = Network::from_values(config, symbols, |name, n| {
            let values = floats(&case["weights"][name]);
            assert_eq!(values.len(), n, "{name}");
            values
        });
        let logits = network.unwrap().forward_reference(&floats(&case["features"]), frames);
        let difference = largest_difference(&logits.unwrap(), &floats(&case["logits"]));
        assert!(difference < 1e-5, "case {i}: {difference}");
    }
}

/// One GRU cell with one input and an output layer that shows its state.
fn one_cell(candidate: Candidate, w: [f32; 3], u: [f32; 3], b: [f32; 3]) -> Network {
    let config = NetworkConfig {
        input: 1,
        conv: vec![],
        clip: 2.0,
        recurrent: vec![1.into()],
        candidate,
        row_conv: None,
        fc: None,
    };
    let dense = |rows, data: &[f32]| LinearMap::dense(rows, 1, data.to_vec()).unwrap();
    Network {
        config,
        conv: vec![],
        recurrent: vec![RecurrentLayer::new(Affine::new(dense(3, &w), b.to_vec()), dense(3, &u))],
        row_conv: None,
        fc: None,
        output: Affine::new(dense(1, &[1.0]), vec![0.0]),
    }
}

#[test]
fn gates_do_what_equation_10_says() {
    const OPEN: f32 = 50.0;
    const SHUT: f32 = -50.0;
    // (update bias, reset bias, candidate's w, u, b, candidate, inputs, states)
    type Case = (f32, f32, [f32; 3], Candidate, [f32; 3], [f32; 3]);
    let table: [Case; 5] = [
        // Update shut: the state stays at zero.
        (SHUT, OPEN, [1.0, 1.0, 0.0], Candidate::ClippedRelu, [1.0; 3], [0.0; 3]),
        // Update open, reset shut: the candidate alone, without the recurrent product, but with its
        // bias.
        (OPEN, SHUT, [1.0, 9.0, 0.25], Candidate::ClippedRelu, [0.5, 1.0, -3.0], [0.75, 1.25, 0.0]),
        // Both open: a sum over time, clipped at 2.
        (OPEN, OPEN, [1.0, 1.0, 0.0], Candidate::ClippedRelu, [0.5, 1.0, 3.0], [0.5, 1.5, 2.0]),
        // Half open update: halfway to the candidate.
        (0.0, SHUT, [1.0, 1.0, 0.0], Candidate::ClippedRelu, [1.0, 1.0, 0.0], [0.5, 0.75, 0.375]),
        // Half open reset acts on the product.
        (
            OPEN,
            0.0,
            [1.0, 1.0, 0.0],
            Candidate::Tanh,
            [0.5, 0.0, 0.0],
            [0.462_117_16, 0.227_032_6, 0.113_031_2],
        ),
    ];
    for (i, (update, reset, [w, u, b], candidate, inputs, states)) in table.into_iter().enumerate()
    {
        let network = one_cell(candidate, [0.0, 0.0, w], [0.0, 0.0, u], [update, reset, b]);
        let got = network.forward_reference(&inputs, 3).unwrap();
        assert!(largest_difference(&got, &states) < 1e-6, "case {i}: {got:?}");
    }
}

#[test]
fn logits_depend_on_exactly_the_stated_look_ahead() {
    let mut config = full_config();
    // Positive values and no bound: no ReLU is dead, so that every dependence is visible.
    config.clip = 1e9;
    let mut random = Random(3);
    let positive = |_: &str, n| (0..n).map(|_| 0.1 + 0.1 * random.value().abs()).collect();
    let network = Network::from_values(config, 5, positive).unwrap();
    let (frames, input) = (24, network.config.input);
    let x: Vec<f32> = Random(4).values(frames * input).iter().map(|x| 0.5 + 0.5 * x).collect();
    let before = network.forward_reference(&x, frames).unwrap();
    let (stride, ahead) = (network.config.time_stride(), network.config.lookahead_frames());
    assert_eq!((stride, ahead), (2, 5));
    let mut first_touched = vec![];
    for changed in 0..frames {
        let mut x = x.clone();
        for v in &mut x[changed * input..][..input] {
            *v += 1.0;
        }
        let after = network.forward_reference(&x, frames).unwrap();
        let differs = |t: &usize| after[t * 5..][..5] != before[t * 5..][..5];
        first_touched.push((0..frames / stride).find(differs).unwrap());
    }
    // Frame t sees up to t * stride + ahead.
    let earliest = |changed: usize| changed.saturating_sub(ahead).div_ceil(stride);
    let wanted: Vec<usize> = (0..frames).map(earliest).collect();
    assert_eq!(first_touched, wanted);
}

#[test]
fn low_rank_and_int8_maps_count_as_their_dense_view() {
    let network = full_package().network;
    let mut dense = network.clone();
    for (_, map) in dense.maps_mut() {
        *map = LinearMap::dense(map.rows(), map.cols(), map.to_dense()).unwrap();
    }
    let x = Random(5).values(10 * 8);
    let logits = network.forward_reference(&x, 10).unwrap();
    assert_eq!(logits.len(), network.config.frames_out(10) * 29);
    assert_eq!(logits, dense.forward_reference(&x, 10).unwrap());
}

#[test]
fn no_frames_give_no_logits_and_wrong_lengths_an_error() {
    let network = full_package().network;
    assert!(network.forward_reference(&[], 0).unwrap().is_empty());
    for (values, frames) in [(7, 1), (8, 2), (8, usize::MAX)] {
        assert!(network.forward_reference(&vec![0.0; values], frames).is_err());
    }
}
