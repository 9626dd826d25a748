//! Packages of every family and storage, state dicts, and plans for both.

use serde_json::{Map, Value, json};
use stonechat_compress::{Measured, Plan};
use stonechat_exchange::{ImportPlan, StateDict};
use stonechat_model::{Alphabet, Network, NetworkConfig, Package};
use stonechat_testing::Random;

use crate::input;

const IMPORT_PLAN: &str = r#"[network]
input = 8
conv = [{ channels = 2, kernel = [3, 3], stride = [2, 1], lookahead = 1 }]
recurrent = [{ hidden = 3, recurrent_bias = true }, { cell = "lstm", hidden = 4, projection = 2 }]
row_conv = { lookahead = 2 }

[alphabet]
symbols = ["a", "", "b"]

[features]
mels = 8

[pytorch]
ignore = ["decoder.*"]
batch_norm_eps = 1e-5
"#;

const NAMED_PLAN: &str = r#"[network]
input = 20
gru = [3]
[alphabet]
symbols = ["a", ""]
[features]
kind = "log_linear"
[pytorch]
prefix = "module."
[pytorch.names]
"recurrent.0" = "encoder.*_l0"
output = "head.*"
"#;

const PLANS: [(&str, &str); 6] = [
    (
        "low_rank",
        "[low_rank]\nrank = { variance = 0.9 }\nmaps = [\"nonrecurrent\", \"recurrent\", \"fully_connected\", \"output\"]\n",
    ),
    (
        "list",
        "quantize = { bits = 8 }\n[low_rank]\nrank = { list = { \"gru.0.rec\" = 4, \"fc\" = 2 } }\nforce = true\nmultiple_of = 2\n",
    ),
    ("budget", "[low_rank]\nrank = { budget = { bytes = 2_000, parameters = 3_000 } }\n"),
    (
        "families",
        "[families]\n\"gru.0.rec\" = { family = \"toeplitz_like\", rank = 2 }\noutput = { family = \"circulant\" }\nfully_connected = { family = \"dense\" }\n",
    ),
    ("shared", "[shared_projection]\nrank = { variance = 0.8 }\nbasis = \"stacked\"\n"),
    ("int4", "quantize = { bits = 4, maps = [\"recurrent\", \"nonrecurrent\"], correction = 2 }\n"),
];

pub fn inputs() -> Vec<(String, Vec<u8>)> {
    let mut inputs = vec![
        input("import_plan/all_layers.toml", IMPORT_PLAN),
        input("import_plan/named.toml", NAMED_PLAN),
        input("state_dict/f32", state_dict("F32")),
        input("state_dict/f16", state_dict("F16")),
        input("state_dict/bf16", state_dict("BF16")),
        input("state_dict/f64", state_dict("F64")),
    ];
    inputs.extend(PLANS.map(|(name, plan)| input(&format!("plan/{name}.toml"), plan)));
    let recurrent = [
        ("gru", json!([7, 5])),
        ("lstm", json!([{ "cell": "lstm", "hidden": 6, "peepholes": true, "projection": 3 }])),
        (
            "rnn",
            json!([{ "cell": "rnn", "hidden": 6 }, { "hidden": 5, "recurrent_bias": true, "joint": 3 }]),
        ),
    ];
    for (name, layers) in recurrent {
        inputs.push(input(&format!("package/{name}"), unchecked(&package(layers, 1.0))));
    }
    let gru = package(json!([7, 5]), 1.0);
    let plans = [
        ("int8", "quantize = { bits = 8 }"),
        ("int4", "quantize = { bits = 4 }"),
        (
            "low_rank",
            "quantize = { bits = 8 }\n[low_rank]\nrank = { variance = 0.7 }\nforce = true",
        ),
        ("toeplitz", "[families]\nrecurrent = { family = \"toeplitz_like\", rank = 2 }"),
        ("circulant", "[families]\nnonrecurrent = { family = \"circulant\" }"),
    ];
    for (name, plan) in plans {
        let plan = Plan::from_toml(plan).expect("a plan");
        let network = plan.apply(&gru.network, Measured::default()).expect("a plan that fits");
        inputs.push(input(
            &format!("package/{name}"),
            unchecked(&Package { network, ..gru.clone() }),
        ));
    }
    inputs.push(input("package/sparse", unchecked(&package(json!([7, 5]), 0.2))));
    let with_lm = Package { language_model: Some(super::language::packed()), ..gru };
    inputs.push(input("package/with_lm", unchecked(&with_lm)));
    inputs
}

/// Random weights, of which a share is not zero.
fn package(recurrent: Value, share: f64) -> Package {
    let config: NetworkConfig = serde_json::from_value(json!({
        "input": 8,
        "conv": [{ "channels": 2, "kernel": [3, 3], "stride": [2, 2], "lookahead": 1 }],
        "recurrent": recurrent,
        "row_conv": { "lookahead": 2 },
        "fc": 6,
    }))
    .expect("a config");
    let alphabet = Alphabet::english();
    let mut random = Random(5);
    let network = Network::from_values(config, alphabet.len(), |_, count| {
        (0..count).map(|_| if random.unit() < share { random.value() } else { 0.0 }).collect()
    });
    Package {
        features: json!({ "mels": 8, "normalise": { "mean": vec![0.1; 8], "scale": vec![0.5; 8] } }),
        alphabet,
        network: network.expect("as many values as asked for"),
        provenance: json!({ "recipe": "none", "note": "quoted \"text\" \u{e9}" }),
        language_model: None,
    }
}

/// The file of a package without its checksum: what is changed in it is not found out by that alone.
fn unchecked(package: &Package) -> Vec<u8> {
    let bytes = package.to_bytes().expect("a valid package");
    let (length, rest) = bytes.split_first_chunk::<8>().expect("a length");
    let (header, tensors) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: Value = serde_json::from_slice(header).expect("a header of JSON");
    header["__metadata__"]
        .as_object_mut()
        .expect("metadata")
        .remove("checksum")
        .expect("a checksum");
    let file = safetensors(&header, tensors);
    Package::from_bytes(&file).expect("a package without a checksum");
    file
}

fn safetensors(header: &Value, tensors: &[u8]) -> Vec<u8> {
    let mut header = header.to_string();
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), tensors].concat()
}

/// What [`IMPORT_PLAN`] asks for, in a type of float.
fn state_dict(kind: &str) -> Vec<u8> {
    let norm = |name: &str, width: usize| {
        ["weight", "bias", "running_mean", "running_var"]
            .map(|part| (format!("{name}.{part}"), vec![width]))
    };
    let mut tensors: Vec<(String, Vec<usize>)> = Vec::new();
    let mut add = |name: &str, shape: &[usize]| tensors.push((name.into(), shape.to_vec()));
    add("conv.seq_module.0.weight", &[2, 1, 3, 3]);
    add("conv.seq_module.0.bias", &[2]);
    add("rnns.0.rnn.weight_ih_l0", &[9, 8]);
    add("rnns.0.rnn.weight_hh_l0", &[9, 3]);
    add("rnns.0.rnn.bias_ih_l0", &[9]);
    add("rnns.0.rnn.bias_hh_l0", &[9]);
    add("rnns.1.rnn.weight_ih_l0", &[16, 3]);
    add("rnns.1.rnn.weight_hh_l0", &[16, 2]);
    add("rnns.1.rnn.weight_hr_l0", &[2, 4]);
    add("rnns.1.rnn.bias_ih_l0", &[16]);
    add("rnns.1.rnn.bias_hh_l0", &[16]);
    add("lookahead.0.conv.weight", &[2, 1, 3]);
    add("fc.0.module.1.weight", &[3, 2]);
    add("decoder.unused", &[2]);
    tensors.extend(norm("conv.seq_module.1", 2));
    tensors.extend(norm("rnns.1.batch_norm.module", 3));
    tensors.extend(norm("fc.0.module.0", 2));
    let mut random = Random(9);
    let (mut header, mut data) = (Map::new(), Vec::new());
    for (name, shape) in tensors {
        let begin = data.len();
        for _ in 0..shape.iter().product::<usize>() {
            // Above zero, as variances are; a half has 1 + 5 bits before its fraction.
            let value = random.unit() as f32 + 0.25;
            match kind {
                "F64" => data.extend(f64::from(value).to_le_bytes()),
                "F16" => {
                    data.extend((0x3800 | (value.to_bits() >> 13) as u16 & 0x3ff).to_le_bytes())
                }
                "BF16" => data.extend(((value.to_bits() >> 16) as u16).to_le_bytes()),
                _ => data.extend(value.to_le_bytes()),
            }
        }
        header.insert(
            name,
            json!({ "dtype": kind, "shape": shape, "data_offsets": [begin, data.len()] }),
        );
    }
    let file = safetensors(&Value::Object(header), &data);
    let plan = ImportPlan::from_toml(IMPORT_PLAN).expect("a plan");
    plan.import(&StateDict::from_bytes(&file).expect("a state dict"))
        .expect("a state dict that fits");
    file
}
