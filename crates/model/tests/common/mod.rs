//! Networks for the tests: every kind of layer, small, with seeded values.
#![allow(dead_code, unused_imports)] // each test file uses its own part

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::json;
use std::collections::HashMap;
use stonechat_model::{
    Alphabet, Candidate, ConvConfig, INT4_GROUP, LinearMap, Matrix, Network, NetworkConfig,
    Package, RowConvConfig,
};

pub use stonechat_testing::Random;

/// Two convolutions (one with look-ahead and time stride), two GRUs, row convolution, fully
/// connected layer.
pub fn full_config() -> NetworkConfig {
    NetworkConfig {
        input: 8,
        conv: vec![
            ConvConfig { channels: 3, kernel: [5, 3], stride: [2, 2], lookahead: 1 },
            ConvConfig { channels: 2, kernel: [3, 4], stride: [2, 1], lookahead: 0 },
        ],
        clip: 20.0,
        recurrent: vec![5.into(), 7.into()],
        candidate: Candidate::Tanh,
        row_conv: Some(RowConvConfig { lookahead: 2 }),
        fc: Some(6),
    }
}

pub fn random_network(config: NetworkConfig, symbols: usize, seed: u64) -> Network {
    let mut random = Random(seed);
    Network::from_values(config, symbols, |_, n| random.values(n)).unwrap()
}

/// Rounds each row to int8 by its largest value.
pub fn to_int8(matrix: &Matrix) -> Matrix {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    let dense = matrix.to_dense();
    let scale = |row: &[f32]| row.iter().fold(0f32, |m, x| m.max(x.abs())) / 127.0;
    let scales: Vec<f32> = dense.chunks_exact(cols).map(scale).collect();
    let rounded = |(i, x): (usize, &f32)| (x / scales[i / cols]).round_ties_even() as i8;
    let data = dense.iter().enumerate().map(rounded).collect();
    Matrix::from_int8(rows, cols, data, scales).unwrap()
}

/// Rounds each row to half bytes with a scale for every group of 32 columns.
pub fn to_int4(matrix: &Matrix) -> Matrix {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    let dense = matrix.to_dense();
    let (mut data, mut group_scales, mut scales) = (vec![], vec![], vec![]);
    for row in dense.chunks_exact(cols) {
        let scale = row.iter().fold(0f32, |m, x| m.max(x.abs())) / (7.0 * 100.0);
        scales.push(scale);
        for group in row.chunks(INT4_GROUP) {
            let largest = group.iter().fold(0f32, |m, x| m.max(x.abs()));
            let step = (largest / 7.0 / scale).ceil().max(1.0);
            group_scales.push(step as i8);
            data.extend(group.iter().map(|x| (x / (scale * step)).round_ties_even() as i8));
        }
    }
    Matrix::from_int4(rows, cols, data, group_scales, scales).unwrap()
}

/// A package with every kind of layer, family and element type.
pub fn full_package() -> Package {
    let mut network = random_network(full_config(), 29, 1);
    let mut random = Random(2);
    network.recurrent[1].nonrec.map =
        LinearMap::low_rank(21, 5, 3, random.values(63), random.values(15)).unwrap();
    let rec = LinearMap::low_rank(15, 5, 2, random.values(30), random.values(10)).unwrap();
    network.recurrent[0].rec = rec.map_parts(to_int8);
    network.conv[1].map = network.conv[1].map.map_parts(to_int8);
    network.output.map = network.output.map.map_parts(to_int8);
    // 15 columns: half a byte of padding in each row.
    network.conv[0].map = network.conv[0].map.map_parts(to_int4);
    Package {
        features: json!({"kind": "log_mel", "mels": 8, "normalise": {"mean": [0.1, -3.25e-7]}}),
        alphabet: Alphabet::english(),
        network,
        provenance: json!({"recipe": "none", "cer": 0.1 + 0.2, "note": "quoted \"text\" é"}),
        language_model: Some((0..=255).collect()),
    }
}

/// Owned parts of a package, to be changed and assembled by the safetensors crate.
pub struct Parts {
    pub texts: HashMap<String, String>,
    pub tensors: HashMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
}

impl Parts {
    /// Without the checksum, so that the other checks are reached.
    pub fn of(package: &Package) -> Self {
        let bytes = package.to_bytes().unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let mut texts = metadata.metadata().clone().unwrap();
        texts.remove("checksum").unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let owned = |t: TensorView| (t.dtype(), t.shape().to_vec(), t.data().to_vec());
        let tensors = file.tensors().into_iter().map(|(name, t)| (name, owned(t))).collect();
        Self { texts, tensors }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let view = |(name, (dtype, shape, data)): (&String, &(Dtype, Vec<usize>, Vec<u8>))| {
            (name.clone(), TensorView::new(*dtype, shape.clone(), data.clone().leak()).unwrap())
        };
        safetensors::serialize(self.tensors.iter().map(view), Some(self.texts.clone())).unwrap()
    }

    pub fn text(&mut self, key: &str, from: &str, to: &str) {
        let text = self.texts.get_mut(key).unwrap();
        assert!(text.contains(from), "{text}");
        *text = text.replace(from, to);
    }

    pub fn tensor(&mut self, name: &str) -> &mut (Dtype, Vec<usize>, Vec<u8>) {
        self.tensors.get_mut(name).unwrap()
    }

    pub fn float(&mut self, name: &str, shape: &[usize]) {
        let zeros = vec![0; 4 * shape.iter().product::<usize>()];
        self.tensors.insert(name.into(), (Dtype::F32, shape.to_vec(), zeros));
    }
}
