//! Matrices in the types of the kernels.

use std::borrow::Cow;

use stonechat_kernels::Weights;
use stonechat_kernels::quantize::quantize_rows;
use stonechat_model::{LinearMap, Matrix};

/// The matrix in the kernels' type.
pub fn weights(matrix: &Matrix) -> Weights<'_> {
    match matrix {
        Matrix::F32 { data, .. } => Weights::F32(data),
        Matrix::Int8 { data, scales, .. } => Weights::I8 { values: data, scales },
        Matrix::Int4 { data, group_scales, scales, .. } => {
            Weights::I4 { values: data, group_scales, scales }
        }
    }
}

/// The one matrix of a map: its weight, or its dense view, quantized to int8 if the map's own parts
/// are quantized.
pub fn multiplied_out(map: &LinearMap) -> Cow<'_, Matrix> {
    if let Some(weight) = map.weight() {
        return Cow::Borrowed(weight);
    }
    let (rows, cols, data) = (map.rows(), map.cols(), map.to_dense());
    Cow::Owned(match map.is_quantized() {
        true => {
            let (data, scales) = quantize_rows(&data, rows, cols);
            Matrix::Int8 { rows, cols, data, scales }
        }
        false => Matrix::F32 { rows, cols, data },
    })
}
