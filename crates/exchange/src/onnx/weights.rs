//! Matrices as constants of a graph: float, or int8 followed by its scales.
//!
//! `Cast` and `Mul` instead of `DequantizeLinear`: with the latter, onnxruntime also rounds the
//! other factor of a product, which changes logits by tenths. Constants are computed once, at load.

use super::graph::{self, Attribute, Graph};
use stonechat_model::Matrix;

/// The layout of a matrix in a constant.
pub(super) struct Layout {
    /// Shape of the constant.
    pub(super) dims: Vec<usize>,
    /// The dimension that the rows of the matrix became.
    pub(super) row_axis: usize,
    /// For each element of the constant, in order, its index in the matrix; `None` keeps the order.
    pub(super) order: Option<Vec<usize>>,
}

impl Layout {
    /// `cols x rows`, for a product from the right.
    pub(super) fn transposed(matrix: &Matrix) -> Self {
        let (rows, cols) = (matrix.rows(), matrix.cols());
        let order = (0..rows * cols).map(|i| i % rows * cols + i / rows).collect();
        Self { dims: vec![cols, rows], row_axis: 1, order: Some(order) }
    }

    /// `1 x rows x cols`, for the operators of recurrent layers: the first dimension is the
    /// direction.
    pub(super) fn one_direction(matrix: &Matrix) -> Self {
        Self { dims: vec![1, matrix.rows(), matrix.cols()], row_axis: 1, order: None }
    }
}

impl Graph {
    /// The matrix as a float value called `name`, stored as in the package.
    pub(super) fn matrix(&mut self, name: &str, matrix: &Matrix, layout: &Layout) -> String {
        match matrix {
            Matrix::Int8 { data, scales, .. } => {
                let values =
                    self.int8(&format!("{name}.int8"), &layout.dims, &layout.arrange(data));
                let mut beside = vec![1; layout.dims.len() - layout.row_axis];
                beside[0] = scales.len();
                let scales = self.floats(&format!("{name}.scale"), &beside, scales);
                let to_float = [("to", Attribute::Integer(graph::FLOAT))];
                let values = self.node(&format!("{name}.float"), "Cast", &[&values], &to_float);
                self.node(name, "Mul", &[&values, &scales], &[])
            }
            _ => self.floats(name, &layout.dims, &layout.arrange(&matrix.to_dense())),
        }
    }
}

impl Layout {
    fn arrange<T: Copy>(&self, data: &[T]) -> Vec<T> {
        match &self.order {
            Some(order) => order.iter().map(|&i| data[i]).collect(),
            None => data.to_vec(),
        }
    }
}
