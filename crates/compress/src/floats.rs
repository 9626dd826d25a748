//! Integers back to floats.

use stonechat_model::{Matrix, Network};

/// The network with integer weights converted to the floats they represent. Compression can start
/// from it if the float network is not available. It computes the same as the integers.
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
