//! Integer weights, after training.

use crate::{Result, correct};
use serde::{Deserialize, Serialize};
use stonechat_kernels::quantize::{quantize_groups, quantize_rows};
use stonechat_model::{Family, Kind, LinearMap, Matrix, Network};

/// Bits of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Bits {
    /// One scale per row, `max |w| / 127`.
    Eight,
    /// One scale per row and one per group of 32 columns.
    Four,
}

impl TryFrom<u8> for Bits {
    type Error = String;

    fn try_from(bits: u8) -> std::result::Result<Self, String> {
        match bits {
            8 => Ok(Bits::Eight),
            4 => Ok(Bits::Four),
            _ => Err(format!("weights of {bits} bits: must be 8 or 4")),
        }
    }
}

impl From<Bits> for u8 {
    fn from(bits: Bits) -> Self {
        match bits {
            Bits::Eight => 8,
            Bits::Four => 4,
        }
    }
}

impl Bits {
    /// A float matrix rounded to the nearest: no element changes by more than half the step of its
    /// row or group (in four bits, the largest of a group may be clipped by more if that helps the
    /// others).
    pub fn round(self, w: &[f32], rows: usize, cols: usize) -> Matrix {
        match self {
            Bits::Eight => {
                let (data, scales) = quantize_rows(w, rows, cols);
                Matrix::Int8 { rows, cols, data, scales }
            }
            Bits::Four => {
                let groups = quantize_groups(w, rows, cols);
                Matrix::Int4 {
                    rows,
                    cols,
                    data: groups.weights,
                    group_scales: groups.group_scales,
                    scales: groups.row_scales,
                }
            }
        }
    }
}

/// How the weights of a network become integers. As TOML `{ bits = 4 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantize {
    /// Bits of the weights of the maps in `maps`; all others get 8.
    pub bits: Bits,
    /// Kinds of maps; by default those with nearly all weights.
    #[serde(default = "crate::warm_start::default_maps")]
    pub maps: Vec<Kind>,
    /// Whether to round by [GPTQ](fn@crate::gptq), which needs calibration audio
    /// ([`quantize_calibrated`](crate::quantize_calibrated)). Older plans call the key `feedback`.
    #[serde(default, alias = "feedback")]
    pub gptq: bool,
    /// Inner size of a low-rank int8 correction for each dense map of 4 bits
    /// ([`correct`](fn@crate::correct)); 0 means none.
    #[serde(default)]
    pub correction: usize,
}

impl Quantize {
    /// `bits` for the GRUs and the fully connected layer, 8 for all other maps.
    pub fn new(bits: Bits) -> Self {
        Self { bits, maps: crate::warm_start::default_maps(), gptq: false, correction: 0 }
    }

    /// Whether a dense map of these bits gets a correction.
    pub(crate) fn corrects(&self, bits: Bits) -> bool {
        self.correction > 0 && bits == Bits::Four
    }

    /// Bits of the weights of a map of this kind.
    pub fn bits_of(&self, kind: Kind) -> Bits {
        if self.maps.contains(&kind) { self.bits } else { Bits::Eight }
    }
}

/// The network with every matrix of every map as integers, rounded to the nearest.
///
/// Biases and row-convolution taps stay float. Scales of activations are not stored: the runtime
/// finds them for each vector. Matrices that are already integers stay as they are; those of
/// structured maps get 8 bits.
///
/// # Errors
/// If a map to be corrected is not finite.
pub fn quantize(network: &Network, how: &Quantize) -> Result<Network> {
    let names: Vec<String> = network.maps().iter().map(|map| map.name()).collect();
    let mut network = network.clone();
    for ((id, map), name) in network.maps_mut().into_iter().zip(&names) {
        let bits = how.bits_of(id.kind);
        *map = match map.weight() {
            Some(w) if how.corrects(bits) && !w.is_quantized() => {
                correct(name, w, bits, how.correction, None)?
            }
            _ => rounded_map(map, bits),
        };
    }
    Ok(network)
}

/// The map with every part rounded to the nearest.
pub(crate) fn rounded_map(map: &LinearMap, bits: Bits) -> LinearMap {
    let bits = if takes_four_bits(map) { bits } else { Bits::Eight };
    map.map_parts(|part| rounded(part, bits))
}

/// Dense and low-rank maps may have 4 bits; other families have few weights and keep 8.
pub(crate) fn takes_four_bits(map: &LinearMap) -> bool {
    matches!(map.family(), Family::Dense(_) | Family::LowRank(_))
}

/// [`quantize`](fn@quantize) to int8 throughout.
pub fn quantize_int8(network: &Network) -> Network {
    let mut network = network.clone();
    for (_, map) in network.maps_mut() {
        *map = rounded_map(map, Bits::Eight);
    }
    network
}

/// The matrix rounded to the nearest, unless it is already integers.
pub(crate) fn rounded(matrix: &Matrix, bits: Bits) -> Matrix {
    match matrix {
        Matrix::F32 { rows, cols, data } => bits.round(data, *rows, *cols),
        integers => integers.clone(),
    }
}
