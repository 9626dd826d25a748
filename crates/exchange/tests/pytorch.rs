//! Imported networks compared with PyTorch's own outputs (`golden/make.py`), and rejections with a
//! clear message.

mod common;

use std::path::PathBuf;

use common::largest_difference;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;
use stonechat_exchange::{ImportPlan, StateDict};
use stonechat_model::Package;

#[derive(Deserialize)]
struct Golden {
    frames: usize,
    features: Vec<f32>,
    logits: Vec<f32>,
}

fn golden(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

fn weights(name: &str) -> StateDict {
    StateDict::load(golden(&format!("{name}.safetensors"))).unwrap()
}

/// The deepspeech.pytorch networks of the script; `recurrent` and `taps` differ.
fn deepspeech(recurrent: &str, taps: usize) -> String {
    format!(
        r#"
        [network]
        input = 9
        conv = [
            {{ channels = 3, kernel = [5, 3], stride = [2, 2], lookahead = 1 }},
            {{ channels = 2, kernel = [3, 5], stride = [2, 1], lookahead = 2 }},
        ]
        clip = 1.5
        recurrent = {recurrent}
        row_conv = {{ lookahead = {} }}
        [alphabet]
        symbols = ["", "a", "b", "c", " "]
        [features]
        mels = 9
        "#,
        taps - 1
    )
}

/// A user's own networks, whose blank is the last symbol but one.
fn own(recurrent: &str) -> String {
    format!(
        r#"
        [network]
        input = 4
        clip = 1.5
        recurrent = {recurrent}
        fc = 6
        [alphabet]
        symbols = [" ", "a", "", "b"]
        [features]
        mels = 4
        [pytorch]
        ignore = ["other.*"]
        [pytorch.names]
        "recurrent.0" = "encoder.*_l0"
        "recurrent.1" = "encoder.*_l1"
        fc = "hidden.*"
        "fc.norm_out" = "hidden_norm.*"
        output = "head.*"
        "#
    )
}

#[test]
fn networks_compute_what_pytorch_does() {
    let cases = [
        (
            "deepspeech_gru",
            deepspeech(
                "[{ hidden = 5, recurrent_bias = true }, { hidden = 4, recurrent_bias = true }]",
                3,
            ),
            &[0, 1, 2, 3, 4][..],
        ),
        (
            "deepspeech_lstm",
            deepspeech(
                r#"[{ cell = "lstm", hidden = 5, projection = 3 }, { cell = "rnn", hidden = 4 }]"#,
                2,
            ),
            &[0, 1, 2, 3, 4],
        ),
        ("own_gru", own("[3, 3]"), &[2, 0, 1, 3]),
        (
            "own_lstm",
            own(r#"[{ cell = "lstm", hidden = 3 }, { cell = "lstm", hidden = 3 }]"#),
            &[2, 0, 1, 3],
        ),
    ];
    for (name, plan, order) in cases {
        let golden: Golden =
            serde_json::from_slice(&std::fs::read(golden(&format!("{name}.json"))).unwrap())
                .unwrap();
        let package = ImportPlan::from_toml(&plan).unwrap().import(&weights(name)).unwrap();
        let logits = package.network.forward_reference(&golden.features, golden.frames).unwrap();
        // Ours has the blank first.
        let expected: Vec<f32> = golden
            .logits
            .chunks_exact(package.alphabet.len())
            .flat_map(|frame| order.iter().map(|&i| frame[i]).collect::<Vec<_>>())
            .collect();
        let difference = largest_difference(&logits, &expected);
        assert!(difference < 1e-5, "{name}: {difference}");
        assert_eq!(package.alphabet.symbols()[0], "", "{name}");
        let spread = largest_difference(&logits, &vec![0.0; logits.len()]);
        assert!(spread > 0.1, "{name}: logits of at most {spread} would hide a mistake");
    }
}

/// A state dict of zeros with `value` at the end of each tensor.
fn dict(tensors: &[(&str, &[usize])], value: f32) -> StateDict {
    let data: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, shape)| {
            let mut values = vec![0f32; shape.iter().product()];
            *values.last_mut().unwrap() = value;
            values.iter().flat_map(|x| x.to_le_bytes()).collect()
        })
        .collect();
    let views = tensors.iter().zip(&data).map(|((name, shape), data)| {
        (*name, TensorView::new(Dtype::F32, shape.to_vec(), data).unwrap())
    });
    StateDict::from_bytes(&safetensors::serialize(views, None).unwrap()).unwrap()
}

const PLAN: &str = r#"
    network = { input = 4, gru = [3] }
    alphabet = { symbols = ["", "a"] }
    features = {}
"#;

type Entry = (&'static str, &'static [usize]);
const GOOD: [Entry; 6] = [
    ("rnns.0.rnn.weight_ih_l0", &[9, 4]),
    ("rnns.0.rnn.weight_hh_l0", &[9, 3]),
    ("rnns.0.rnn.bias_ih_l0", &[9]),
    ("rnns.0.rnn.bias_hh_l0", &[9]),
    ("fc.0.module.1.weight", &[2, 3]),
    ("fc.0.module.1.num_batches_tracked", &[1]),
];

fn import(plan: &str, dict: &StateDict) -> stonechat_exchange::Result<Package> {
    ImportPlan::from_toml(plan).and_then(|plan| plan.import(dict))
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    import(PLAN, &dict(&GOOD, 0.0)).unwrap();
    let changed = |change: fn(&mut Vec<Entry>)| {
        let mut tensors = GOOD.to_vec();
        change(&mut tensors);
        dict(&tensors, 0.0)
    };
    let cases: [(&str, StateDict); 7] = [
        (
            "`rnns.0.rnn.weight_ih_l0` (recurrent.0): is missing",
            changed(|t| {
                t.remove(0);
            }),
        ),
        (
            "`rnns.0.rnn.weight_hh_l0` (recurrent.0): has shape [9, 4], wanted [9, 3]",
            changed(|t| t[1].1 = &[9, 4]),
        ),
        (
            "`fc.0.module.1.weight` (output): has shape [5, 3], wanted [2, 3]",
            changed(|t| t[4].1 = &[5, 3]),
        ),
        ("does not use `extra`", changed(|t| t.push(("extra", &[1])))),
        (
            "`rnns.0.rnn.weight_ih_l0_reverse` (none): belongs to a bidirectional layer",
            changed(|t| t.push(("rnns.0.rnn.weight_ih_l0_reverse", &[9, 4]))),
        ),
        ("value 5 is NaN", dict(&GOOD, f32::NAN)),
        ("`rnns.0.rnn.bias_hh_l0` (recurrent.0): has values in its last third", dict(&GOOD, 0.5)),
    ];
    for (expected, dict) in cases {
        let error = import(PLAN, &dict).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn plans_that_do_not_fit_are_named() {
    let network = "network = { input = 4, gru = [3] }";
    let symbols = r#"symbols = ["", "a"]"#;
    for (from, to, expected) in [
        (network, "network = { input = 4, gru = [] }", "recurrent (layers)"),
        (network, "network = { input = 4, gru = [3], fc = 3 }", "`fc` has no default"),
        (network, "network = { input = 4, gru = [{ hidden = 3, joint = 2 }] }", "`joint`"),
        (
            network,
            "network = { input = 4, gru = [{ hidden = 3, projection = 2 }] }",
            "`projection`, which no gru",
        ),
        (symbols, r#"symbols = ["b", "a"]"#, "no blank"),
        (symbols, r#"symbols = ["a", "", "a"]"#, "twice"),
        ("features = {}", "", "features"),
        ("features = {}", "features = {}\ntypo = 1", "typo"),
        (
            "features = {}",
            "features = {}\npytorch.names.fc = 'a.*'",
            "`fc` is none of recurrent.0,",
        ),
        ("features = {}", "features = {}\npytorch.names.output = 'a'", "one `*`"),
        (
            "features = {}",
            "features = {}\npytorch.names.output = 'a.*'",
            "`a.weight` (output): is missing",
        ),
        ("features = {}", "features = {}\npytorch.prefix = 'm.'", "`m.fc.0.module.1.weight`"),
        ("features = {}", "features = {}\npytorch.batch_norm_eps = -1", "batch_norm_eps"),
    ] {
        assert!(PLAN.contains(from));
        let error = import(&PLAN.replace(from, to), &dict(&GOOD, 0.0)).unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
    assert!(StateDict::from_bytes(b"no tensors").unwrap_err().to_string().contains("safetensors"));
    let missing = StateDict::load("no/such/file").unwrap_err().to_string();
    assert!(missing.contains("no/such/file"), "{missing}");
}
