//! Random networks, the same for a seed on every machine.

#![allow(dead_code, unused_imports)] // Each test file uses its own part.

use serde_json::json;
use stonechat_model::{
    Alphabet, Candidate, ConvConfig, FamilySpec, LinearMap, Matrix, Network, NetworkConfig,
    Package, RowConvConfig,
};

pub use stonechat_testing::{Random, largest_difference};

/// Two convolutions with strides and look-ahead, two GRUs, row convolution, fully connected layer.
pub fn full_config() -> NetworkConfig {
    NetworkConfig {
        input: 10,
        conv: vec![
            ConvConfig { channels: 4, kernel: [5, 4], stride: [2, 2], lookahead: 1 },
            ConvConfig { channels: 3, kernel: [4, 3], stride: [2, 1], lookahead: 2 },
        ],
        clip: 2.0,
        recurrent: vec![7.into(), 5.into()],
        candidate: Candidate::Tanh,
        row_conv: Some(RowConvConfig { lookahead: 3 }),
        fc: Some(6),
    }
}

/// Only GRUs and the output layer.
pub fn bare_config() -> NetworkConfig {
    NetworkConfig {
        conv: vec![],
        row_conv: None,
        fc: None,
        recurrent: vec![6.into()],
        ..full_config()
    }
}

/// Recurrent layers with every cell and option, as a config spells them.
pub const LAYERS: [&str; 7] = [
    r#"[{ "cell": "lstm", "hidden": 6 }, { "hidden": 5, "recurrent_bias": true }]"#,
    r#"[{ "cell": "rnn", "hidden": 6 }]"#,
    r#"[{ "cell": "lstm", "hidden": 6, "peepholes": true }]"#,
    r#"[{ "cell": "lstm", "hidden": 6, "peepholes": true, "projection": 3 }]"#,
    r#"[{ "cell": "lstm", "hidden": 6, "joint": 4 }, { "cell": "rnn", "hidden": 5, "joint": 3 }]"#,
    r#"[{ "hidden": 6, "projection": 4, "recurrent_bias": true }, { "hidden": 5, "joint": 4 }]"#,
    r#"[{ "cell": "rnn", "hidden": 6, "projection": 2 }]"#,
];

/// The form of its maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Dense,
    LowRank,
    Int8,
    LowRankInt8,
    Toeplitz,
}

pub const FORMS: [Form; 5] =
    [Form::Dense, Form::LowRank, Form::Int8, Form::LowRankInt8, Form::Toeplitz];

/// A package of random weights, with rows of norm about 1 so that layers neither die nor amplify
/// rounding errors.
pub fn package(config: &NetworkConfig, form: Form) -> Package {
    let alphabet = Alphabet::english();
    let mut random = Random(11);
    let mut network =
        Network::from_values(config.clone(), alphabet.len(), |_, n| random.scaled(n, 0.3)).unwrap();
    for (_, map) in network.maps_mut() {
        let (rows, cols) = (map.rows(), map.cols());
        let mut matrix = |rows: usize, cols: usize| {
            let data = random.scaled(rows * cols, (3.0 / cols as f32).sqrt());
            Matrix::from_f32(rows, cols, data).unwrap()
        };
        let rank = rows.min(cols).div_ceil(2);
        let float = match form {
            Form::Dense | Form::Int8 => LinearMap::from(matrix(rows, cols)),
            Form::LowRank | Form::LowRankInt8 => {
                LinearMap::of_factors(matrix(rows, rank), matrix(rank, cols)).unwrap()
            }
            Form::Toeplitz => toeplitz(rows, cols, &mut random),
        };
        *map = match form {
            Form::Dense | Form::LowRank | Form::Toeplitz => float,
            Form::Int8 | Form::LowRankInt8 => float.map_parts(int8),
        };
    }
    Package {
        features: json!({ "mels": 10 }),
        alphabet,
        network,
        provenance: json!({}),
        language_model: None,
    }
}

fn toeplitz(rows: usize, cols: usize, random: &mut Random) -> LinearMap {
    let family = serde_json::from_value(json!({ "family": "toeplitz_like", "rank": 2 })).unwrap();
    let spec = FamilySpec::new("map", family, rows, cols).unwrap();
    let parts = spec.parts().iter().map(|p| random.scaled(p.rows * p.cols, 0.5)).collect();
    LinearMap::from_values("map", spec, parts, None).unwrap()
}

/// Each row rounded by its largest value.
fn int8(matrix: &Matrix) -> Matrix {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    let dense = matrix.to_dense();
    let largest = |row: &[f32]| row.iter().fold(0f32, |m, x| m.max(x.abs()));
    let scales: Vec<f32> = dense.chunks_exact(cols).map(|row| largest(row) / 127.0).collect();
    let data = dense.iter().enumerate().map(|(i, x)| (x / scales[i / cols]).round() as i8);
    Matrix::from_int8(rows, cols, data.collect(), scales).unwrap()
}
