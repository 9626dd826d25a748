//! Integers back to floats.

use stonechat_model::{Matrix, Network};

/// The network of the values that its integers stand for: what compression starts from where the float network is not
/// at hand. It computes what the integers compute.
pub fn floats(network: &Network) -> Network {
    let mut network = network.clone();
    for (_, map) in network.maps_mut() {
        *map = map.map_parts(|matrix| match matrix {
            Matrix::F32 { .. } => matrix.clone(),
            _ => Matrix::F32 { rows: matrix.rows(), cols: matrix.cols(), data: matrix.to_dense() },
        });
    }
    network
}
