//! The cost of a map in a given form: parameters, bytes, and predicted time on a measured machine.

use crate::quantize::{rounded, takes_four_bits};
use crate::{Bits, Cost, Machine};
use serde::{Deserialize, Serialize};
use std::fmt;
use stonechat_kernels::cost_model::Form;
use stonechat_model::{
    Family, FamilySpec, INT4_GROUP, Kind, LinearMap, MapRef, Matrix, Network, NetworkConfig,
};
use stonechat_plan::{Choice, Preference, Use, uses};

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// 32-bit floats.
    F32,
    /// Bytes with a scale per row.
    Int8,
    /// Half bytes with a scale per group of 32 columns.
    Int4,
}

impl Storage {
    /// A matrix in this storage, rounded to the nearest; one that is already quantized stays as it
    /// is.
    pub fn store(self, matrix: &Matrix) -> Matrix {
        match self {
            Storage::F32 => matrix.clone(),
            Storage::Int8 => rounded(matrix, Bits::Eight),
            Storage::Int4 => rounded(matrix, Bits::Four),
        }
    }

    /// The kernels' form of a matrix in this storage.
    fn form(self) -> Form {
        match self {
            Storage::F32 => Form::Float32,
            Storage::Int8 => Form::Int8,
            Storage::Int4 => Form::Int4,
        }
    }

    /// Bytes of a `rows x cols` matrix in a package.
    fn bytes(self, rows: usize, cols: usize) -> usize {
        match self {
            Storage::F32 => 4 * rows * cols,
            Storage::Int8 => rows * cols + 4 * rows,
            Storage::Int4 => rows * (cols.div_ceil(2) + cols.div_ceil(INT4_GROUP) + 4),
        }
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Storage::F32 => "f32",
            Storage::Int8 => "int8",
            Storage::Int4 => "int4",
        })
    }
}

/// What the cost of a map depends on.
#[derive(Debug, Clone)]
pub struct Place {
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
    /// The kind of the map.
    pub(crate) kind: Kind,
    /// Its products.
    uses: Vec<Use>,
}

impl Place {
    /// The place of a map.
    pub fn of(config: &NetworkConfig, map: &MapRef<'_>) -> Self {
        let (rows, cols) = (map.map.rows(), map.map.cols());
        Self { rows, cols, kind: map.kind, uses: uses(config, map.kind, map.layer) }
    }
}

/// Computes the cost of maps.
#[derive(Debug, Clone, Copy)]
pub struct Pricing<'a> {
    /// The machine on which the network will run; without it, times are 0.
    pub machine: Option<&'a Machine>,
    /// Target size of the whole network in bytes: it decides which cache the weights stay in.
    pub network_bytes: usize,
}

impl Pricing<'_> {
    /// The cost of a map as factors of inner size `rank`, or dense.
    pub fn cost(&self, place: &Place, rank: Option<usize>, storage: Storage) -> Cost {
        let Place { rows, cols, .. } = *place;
        let parts = match rank {
            None => vec![(rows, cols)],
            Some(rank) => vec![(rows, rank), (rank, cols)],
        };
        let parameters: usize = parts.iter().map(|(rows, cols)| rows * cols).sum();
        let bytes: usize = parts.iter().map(|&(rows, cols)| storage.bytes(rows, cols)).sum();
        let family = rank.map_or_else(Family::dense, Family::low_rank);
        let spec = FamilySpec::new("map", family, rows, cols);
        let seconds = spec.map_or(0.0, |spec| self.seconds(place, &spec, storage, bytes));
        Cost { parameters: parameters as f64, bytes: bytes as f64, latency_us: 1e6 * seconds }
    }

    /// The cost of a given map whose weights will be `stored` that way; integer weights stay as
    /// they are. Its time is that of the form in which it runs on the machine. The parts of a
    /// structured map have at least 8 bits.
    pub fn map(&self, place: &Place, map: &LinearMap, stored: Storage) -> Cost {
        let stored = match stored {
            Storage::Int4 if !takes_four_bits(map) => Storage::Int8,
            _ => stored,
        };
        let parts = map.parts().iter().map(|part| match part.is_quantized() {
            true => part.bytes(),
            false => stored.bytes(part.rows(), part.cols()),
        });
        let bytes = parts.sum::<usize>() + map.gain().map_or(0, |gain| 4 * gain.len());
        Cost {
            parameters: map.params() as f64,
            bytes: bytes as f64,
            latency_us: 1e6 * self.seconds(place, map.spec(), stored, bytes),
        }
    }

    /// Seconds per frame of logits, 0 without a machine.
    fn seconds(&self, place: &Place, spec: &FamilySpec, storage: Storage, bytes: usize) -> f64 {
        let Some(machine) = self.machine else { return 0.0 };
        let others = self.network_bytes.saturating_sub(bytes);
        let preference = Preference::Fastest(Box::new(*machine));
        Choice::of(spec, storage.form(), &place.uses, others, &preference).seconds(
            &place.uses,
            machine,
            others,
        )
    }
}

/// The cost of everything that is not a linear map: biases and taps, which stay float.
pub(crate) fn vectors(network: &Network) -> Cost {
    let vectors: usize = network.vectors().iter().map(|(_, vector)| vector.len()).sum();
    Cost { parameters: vectors as f64, bytes: 4.0 * vectors as f64, ..Cost::default() }
}
