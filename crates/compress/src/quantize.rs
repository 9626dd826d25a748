//! Int8 weights, after training.

use stonechat_kernels::quantize::quantize_rows;
use stonechat_model::{Matrix, Network};

/// The network with every matrix of every map as int8 with one scale per row, `max |w| / 127`, rounded to the
/// nearest: no element moves by more than half of its row's scale.
///
/// Biases and row-convolution taps stay float, as do activations' scales, which the runtime finds for each
/// vector. Matrices that are int8 already stay as they are.
pub fn quantize_int8(network: &Network) -> Network {
    let mut network = network.clone();
    for (_, map) in network.maps_mut() {
        *map = map.map_parts(quantized);
    }
    network
}

pub(crate) fn quantized(matrix: &Matrix) -> Matrix {
    match matrix {
        Matrix::F32 { rows, cols, data } => {
            let (data, scales) = quantize_rows(data, *rows, *cols);
            Matrix::Int8 { rows: *rows, cols: *cols, data, scales }
        }
        Matrix::Int8 { .. } => matrix.clone(),
    }
}
