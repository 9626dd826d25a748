//! Random networks and sounds, the same for a seed on every machine.

#![allow(dead_code)] // Each test file uses its own part.

use std::sync::Arc;

use stonechat::{Model, Preference};
use stonechat_audio::{FeatureConfig, Normalise};
use stonechat_kernels::quantize::{Grouped, quantize_groups, quantize_rows};
use stonechat_model::{
    Affine, Alphabet, Candidate, Cell, ConvConfig, Corrected, Family, FamilySpec, LinearMap,
    Matrix, Network, NetworkConfig, Package, RecurrentConfig, RecurrentLayer, RowConvConfig,
    Sparse,
};

/// Splitmix64 (Steele et al. 2014).
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in -1..1.
    pub fn value(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub fn values(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| scale * self.value()).collect()
    }

    /// Uniform in 0..limit.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.bits() % limit as u64) as usize
    }
}

/// How the maps of a network are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    Dense,
    LowRank,
    Int8,
    LowRankInt8,
    Int4,
    LowRankInt4,
    /// Int4 with a low-rank correction.
    Corrected,
    /// Int8, half of the blocks of 32 rows and 4 columns zero.
    SparseInt8,
}

pub const STORAGES: [Storage; 8] = [
    Storage::Dense,
    Storage::LowRank,
    Storage::Int8,
    Storage::LowRankInt8,
    Storage::Int4,
    Storage::LowRankInt4,
    Storage::Corrected,
    Storage::SparseInt8,
];

impl Storage {
    pub fn is_float(self) -> bool {
        matches!(self, Storage::Dense | Storage::LowRank)
    }
}

fn map(random: &mut Random, rows: usize, cols: usize, gain: f32, storage: Storage) -> LinearMap {
    // Rows of norm about `gain`: the layers neither die nor saturate.
    let matrix = |random: &mut Random, rows: usize, cols: usize, gain: f32| {
        let data = random.values(rows * cols, gain * (3.0 / cols as f32).sqrt());
        Matrix::from_f32(rows, cols, data).unwrap()
    };
    let int8 = |matrix: &Matrix| {
        let (data, scales) = quantize_rows(&matrix.to_dense(), matrix.rows(), matrix.cols());
        Matrix::from_int8(matrix.rows(), matrix.cols(), data, scales).unwrap()
    };
    let int4 = |matrix: &Matrix| {
        let (rows, cols) = (matrix.rows(), matrix.cols());
        let Grouped { weights, group_scales, row_scales, .. } =
            quantize_groups(&matrix.to_dense(), rows, cols);
        Matrix::from_int4(rows, cols, weights, group_scales, row_scales).unwrap()
    };
    let rank = rows.min(cols).div_ceil(2);
    let map = match storage {
        Storage::Dense | Storage::Int8 | Storage::Int4 => {
            LinearMap::from(matrix(random, rows, cols, gain))
        }
        Storage::Corrected => {
            let parts = vec![
                int4(&matrix(random, rows, cols, 0.8 * gain)),
                int8(&matrix(random, rows, rank, 0.6 * gain)),
                int8(&matrix(random, rank, cols, 1.0)),
            ];
            let family = Family::Corrected(Corrected { rank });
            let spec = FamilySpec::new("map", family, rows, cols).unwrap();
            return LinearMap::new("map", spec, parts, None).unwrap();
        }
        Storage::SparseInt8 => {
            let (height, width) = (rows.min(32), cols.min(4));
            let family = Sparse { density: 0.5, block: [height, width], of_every: 0 };
            let spec = FamilySpec::new("map", Family::Sparse(family), rows, cols).unwrap();
            let mut parts = [matrix(random, rows, cols, 1.4 * gain).to_dense()];
            spec.admit(&mut parts);
            let [data] = parts;
            LinearMap::from(Matrix::from_f32(rows, cols, data).unwrap())
        }
        Storage::LowRank | Storage::LowRankInt8 | Storage::LowRankInt4 => {
            let u = matrix(random, rows, rank, gain);
            LinearMap::of_factors(u, matrix(random, rank, cols, 1.0)).unwrap()
        }
    };
    match storage {
        Storage::Dense | Storage::LowRank => map,
        Storage::Int8 | Storage::LowRankInt8 | Storage::SparseInt8 => map.map_parts(int8),
        Storage::Int4 | Storage::LowRankInt4 => map.map_parts(int4),
        Storage::Corrected => unreachable!("returned above"),
    }
}

/// A network with random weights.
pub fn network(config: &NetworkConfig, symbols: usize, storage: Storage, seed: u64) -> Network {
    let random = &mut Random(seed);
    let mut maps = config.linear_maps(symbols).into_iter();
    let mut affine = |random: &mut Random, gain: f32| {
        let spec = maps.next().unwrap();
        let map = map(random, spec.rows, spec.cols, gain, storage);
        Affine::new(map, random.values(spec.rows, 0.2))
    };
    let conv = config.conv.iter().map(|_| affine(random, 1.4)).collect();
    let mut recurrent = Vec::new();
    for layer in &config.recurrent {
        let mut nonrec = affine(random, 1.5);
        if layer.joint.is_some() {
            nonrec.bias = random.values(layer.gate_rows(), 0.2);
        }
        recurrent.push(RecurrentLayer {
            nonrec,
            rec: affine(random, 1.0).map,
            joint: layer.joint.map(|_| affine(random, 1.0).map),
            peepholes: layer.peepholes.then(|| random.values(layer.peephole_values(), 0.5)),
            recurrent_bias: layer.recurrent_bias.then(|| random.values(layer.hidden, 0.5)),
            projection: layer.projection.map(|_| affine(random, 1.0).map),
        });
    }
    let row_conv = config.row_conv.as_ref();
    let row_conv = row_conv.map(|r| {
        random.values(r.taps() * config.recurrent_output(), 1.0 / (r.taps() as f32).sqrt())
    });
    let fc = config.fc.map(|_| affine(random, 1.4));
    let output = affine(random, 6.0);
    let network = Network { config: config.clone(), conv, recurrent, row_conv, fc, output };
    network.validate().unwrap();
    network
}

pub fn conv(
    channels: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    lookahead: usize,
) -> ConvConfig {
    ConvConfig { channels, kernel, stride, lookahead }
}

pub fn config(input: usize, conv: Vec<ConvConfig>, gru: &[usize]) -> NetworkConfig {
    NetworkConfig {
        input,
        conv,
        clip: 20.0,
        recurrent: gru.iter().map(|&hidden| hidden.into()).collect(),
        candidate: Candidate::Tanh,
        row_conv: None,
        fc: None,
    }
}

/// Everything at once: two convolutions with stride and look-ahead, two GRUs, row
/// convolution and fully connected layer.
pub fn full_config(input: usize) -> NetworkConfig {
    NetworkConfig {
        row_conv: Some(RowConvConfig { lookahead: 3 }),
        fc: Some(20),
        ..config(input, vec![conv(4, [5, 4], [2, 2], 1), conv(6, [3, 3], [2, 1], 2)], &[24, 31])
    }
}

/// Layers of one cell: plain, with a projection, with a joint left factor, with both, with
/// peepholes; a GRU with its bias inside the reset gate.
pub fn cells(cell: Cell, peepholes: bool) -> NetworkConfig {
    let plain = RecurrentConfig::new(cell, 18);
    let layers = vec![
        plain.clone(),
        RecurrentConfig { projection: Some(7), ..plain.clone() },
        RecurrentConfig { joint: Some(9), ..plain.clone() },
        RecurrentConfig { projection: Some(11), joint: Some(10), peepholes, ..plain.clone() },
        RecurrentConfig { peepholes, recurrent_bias: cell == Cell::Gru, ..plain },
    ];
    NetworkConfig { recurrent: layers, ..config(5, vec![], &[1]) }
}

/// 20 log-mel at 8 kHz, brought near unit variance.
pub fn features() -> FeatureConfig {
    FeatureConfig {
        sample_rate_hz: 8000,
        mels: 20,
        normalise: Some(Normalise { mean: vec![-8.0; 20], scale: vec![0.4; 20] }),
        ..FeatureConfig::default()
    }
}

/// A package of [`full_config`] with the English alphabet. The space is more likely than by chance,
/// so that there are words.
pub fn package(storage: Storage, seed: u64) -> Package {
    let alphabet = Alphabet::english();
    let mut network = network(&full_config(20), alphabet.len(), storage, seed);
    network.output.bias[1] += 2.0;
    Package {
        features: serde_json::to_value(features()).unwrap(),
        alphabet,
        network,
        provenance: serde_json::json!({"recipe": "none"}),
        language_model: None,
    }
}

/// A model of 20 log-mel without convolutions, with the recurrent layers of [`cells`].
pub fn model_of_cells(cell: Cell, storage: Storage) -> Arc<Model> {
    let config = NetworkConfig { input: 20, ..cells(cell, cell == Cell::Lstm) };
    let package = package(storage, 0);
    let network = network(&config, package.alphabet.len(), storage, 1);
    Arc::new(Model::from_package(Package { network, ..package }).unwrap())
}

/// A model whose random weights hear words in most sounds.
pub fn model(storage: Storage) -> Arc<Model> {
    let seed = match storage {
        Storage::Corrected | Storage::SparseInt8 => 14,
        _ => 0,
    };
    Arc::new(Model::from_package(package(storage, seed)).unwrap())
}

/// A model around a network of five symbols.
pub fn model_of(network: Network, forms: &Preference) -> Arc<Model> {
    let symbols = ["", " ", "a", "b", "c"].map(String::from).to_vec();
    let features = FeatureConfig { mels: network.config.input, ..FeatureConfig::default() };
    let package = Package {
        features: serde_json::to_value(features).unwrap(),
        alphabet: Alphabet::new(symbols).unwrap(),
        network,
        provenance: serde_json::Value::Null,
        language_model: None,
    };
    Arc::new(Model::from_package_with(package, forms).unwrap())
}

/// A sound that wanders in pitch and loudness, with noise: 8 kHz, -1..1.
pub fn sound(seconds: f64, seed: u64) -> Vec<f32> {
    let random = &mut Random(seed);
    let count = (seconds * 8000.0) as usize;
    let (mut phase, mut pitch, mut loudness) = (0.0f32, 300.0f32, 0.3f32);
    let mut samples = Vec::with_capacity(count);
    for n in 0..count {
        if n % 400 == 0 {
            pitch = 100.0 + 1500.0 * random.value().abs();
            loudness = random.value().abs().powi(3);
        }
        phase = (phase + pitch / 8000.0).fract();
        samples.push(loudness * (2.0 * phase - 1.0) + 0.01 * random.value());
    }
    samples
}

/// Replaces every map that can be of `family` (as in JSON) by a random one with variance `1 /
/// cols`; every other one of them gets a gain. Returns their number.
pub fn structure(network: &mut Network, family: &str, int8: bool, seed: u64) -> usize {
    let family: Family = serde_json::from_str(family).unwrap();
    let random = &mut Random(seed);
    let fc = network.fc.as_mut().map(|fc| &mut fc.map);
    let layers = network.recurrent.iter_mut().flat_map(|l| [&mut l.nonrec.map, &mut l.rec]);
    let maps: Vec<&mut LinearMap> = layers.chain(fc).chain([&mut network.output.map]).collect();
    let mut count = 0;
    for (number, map) in maps.into_iter().enumerate() {
        let (rows, cols) = (map.rows(), map.cols());
        let Ok(spec) = FamilySpec::new("map", family.clone(), rows, cols) else { continue };
        let deviations = spec.deviations((1.0 / cols as f64).sqrt());
        let parts = spec.parts().into_iter().zip(deviations);
        let parts = parts
            .map(|(part, s)| random.values(part.rows * part.cols, (3f64.sqrt() * s) as f32))
            .collect();
        let gain: Vec<f32> = (0..rows).map(|_| 1.0 + 0.5 * random.value()).collect();
        let gain = (number % 2 == 0).then_some(&gain[..]);
        *map = LinearMap::from_values("map", spec, parts, gain).unwrap();
        if int8 {
            *map = map.map_parts(|part| {
                let (data, scales) = quantize_rows(&part.to_dense(), part.rows(), part.cols());
                Matrix::from_int8(part.rows(), part.cols(), data, scales).unwrap()
            });
        }
        count += 1;
    }
    network.validate().unwrap();
    count
}

/// Families with a product of their own, in JSON.
pub const NATIVE: [&str; 12] = [
    r#"{"family":"toeplitz_like","rank":2}"#,
    r#"{"family":"toeplitz_like","rank":1,"rectangle":"pad"}"#,
    r#"{"family":"hankel_like","rank":2}"#,
    r#"{"family":"hankel_like","rank":1,"rectangle":"pad"}"#,
    r#"{"family":"circulant","seed":5}"#,
    r#"{"family":"circulant","rectangle":"pad"}"#,
    r#"{"family":"skew_circulant"}"#,
    r#"{"family":"skew_circulant","rectangle":"pad"}"#,
    r#"{"family":"block_circulant","block":7}"#,
    r#"{"family":"block_diagonal","blocks":4}"#,
    r#"{"family":"per_gate","gates":3,"of":{"family":"block_diagonal","blocks":4}}"#,
    r#"{"family":"per_gate","gates":3,"of":{"family":"low_rank","rank":5}}"#,
];
