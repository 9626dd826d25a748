//! What a map costs in a given form: parameters, bytes, and predicted time on a measured machine.

use crate::quantize::{rounded, takes_four_bits};
use crate::{Bits, Cost, Machine};
use serde::{Deserialize, Serialize};
use std::fmt;
use stonechat_kernels::cost_model::{Form, Product};
use stonechat_model::{INT4_GROUP, Kind, LinearMap, MapRef, Matrix, Network, NetworkConfig};

/// Frames that the runtime batches below and above the recurrence (its default).
const TIME_BATCH: usize = 4;

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
    /// A matrix in this storage, rounded to the nearest; one that is quantised already stays as it is.
    pub fn store(self, matrix: &Matrix) -> Matrix {
        match self {
            Storage::F32 => matrix.clone(),
            Storage::Int8 => rounded(matrix, Bits::Eight),
            Storage::Int4 => rounded(matrix, Bits::Four),
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

/// A map whose cost is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
    /// What the map is for.
    pub(crate) kind: Kind,
    /// Vectors of one product.
    batch: usize,
    /// Products for a frame of logits.
    per_frame: f64,
}

impl Place {
    /// The place of a map.
    pub fn of(config: &NetworkConfig, map: &MapRef<'_>) -> Self {
        let (batch, per_frame) = match map.kind {
            Kind::Conv => {
                let above = config.conv.iter().skip(map.layer + 1);
                let frames: usize = above.map(|conv| conv.stride[1]).product();
                (config.conv_bins(map.layer + 1), frames as f64)
            }
            Kind::Recurrent | Kind::Joint | Kind::Projection => (1, 1.0),
            _ => (TIME_BATCH, 1.0 / TIME_BATCH as f64),
        };
        Self { rows: map.map.rows(), cols: map.map.cols(), kind: map.kind, batch, per_frame }
    }
}

/// Puts a cost on maps.
#[derive(Debug, Clone, Copy)]
pub struct Pricing<'a> {
    /// What the kernels take on the machine the network will run on; without it, time costs nothing.
    pub machine: Option<&'a Machine>,
    /// Bytes of the whole network that is aimed at: they decide in which cache the weights stay.
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
        let form = match (rank, storage) {
            (Some(rank), Storage::Int8) => vec![(Form::LowRank { rank }, (rows, cols))],
            (None, Storage::Int8) => vec![(Form::Int8, (rows, cols))],
            (_, Storage::Int4) => parts.into_iter().map(|part| (Form::Int4, part)).collect(),
            (_, Storage::F32) => parts.into_iter().map(|part| (Form::Float32, part)).collect(),
        };
        let others = self.network_bytes.saturating_sub(bytes);
        let seconds = |machine: &Machine| -> f64 {
            let products = form.iter().map(|&(form, (rows, cols))| {
                machine.predict(form, Product { rows, cols, batch: place.batch, others })
            });
            products.sum::<f64>() * place.per_frame
        };
        Cost {
            parameters: parameters as f64,
            bytes: bytes as f64,
            latency_us: 1e6 * self.machine.map_or(0.0, seconds),
        }
    }

    /// The cost of a map as it is, once its weights are `stored`; those that are integers stay so. The time of a
    /// structured map, whose parts have 8 bits at least, is that of its dense view, which the runtime multiplies where
    /// that is faster.
    pub fn map(&self, place: &Place, map: &LinearMap, stored: Storage) -> Cost {
        let stored = match stored {
            Storage::Int4 if !takes_four_bits(map) => Storage::Int8,
            _ => stored,
        };
        let rank = map.factors().map(|_| map.rank());
        let parts = map.parts().iter().map(|part| match part.is_quantised() {
            true => part.bytes(),
            false => stored.bytes(part.rows(), part.cols()),
        });
        let gain = map.gain().map_or(0, |gain| 4 * gain.len());
        Cost {
            parameters: map.params() as f64,
            bytes: (parts.sum::<usize>() + gain) as f64,
            latency_us: self.cost(place, rank, stored).latency_us,
        }
    }
}

/// The cost of what is no linear map: biases and taps, which stay float.
pub(crate) fn vectors(network: &Network) -> Cost {
    let vectors: usize = network.vectors().iter().map(|(_, vector)| vector.len()).sum();
    Cost { parameters: vectors as f64, bytes: 4.0 * vectors as f64, ..Cost::default() }
}
