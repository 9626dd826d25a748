//! How often a frame needs the product of a map, and for how many vectors at a time.

use stonechat_model::{Cell, Kind, NetworkConfig};

/// Frames that the runtime collects for the products above the convolutions that are not recurrent.
/// Beyond about four, the gain is small and the latency grows.
pub const TIME_BATCH: usize = 4;

/// One product of a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Use {
    /// Vectors at a time.
    pub batch: usize,
    /// How often per frame of logits.
    pub per_frame: f64,
}

/// The products of a map of this kind in layer `layer` (counted among layers of its kind).
pub fn uses(config: &NetworkConfig, kind: Kind, layer: usize) -> Vec<Use> {
    let by_frame = Use { batch: 1, per_frame: 1.0 };
    let by_batch = Use { batch: TIME_BATCH, per_frame: 1.0 / TIME_BATCH as f64 };
    match kind {
        Kind::Conv => {
            let above = config.conv.iter().skip(layer + 1);
            let frames: usize = above.map(|conv| conv.stride[1]).product();
            vec![Use { batch: config.conv_bins(layer + 1), per_frame: frames as f64 }]
        }
        Kind::Recurrent | Kind::Projection => vec![by_frame],
        // The reset gate of a GRU stands between its two products, so the factor multiplies both;
        // in other cells it multiplies their sum.
        Kind::Joint if config.recurrent[layer].cell == Cell::Gru => vec![by_batch, by_frame],
        Kind::Joint => vec![by_frame],
        Kind::Nonrecurrent | Kind::FullyConnected | Kind::Output => vec![by_batch],
    }
}
