//! Parameters in training, and values kept for each of them.

use std::collections::BTreeMap;

use stonechat_model::{Matrix, ParameterId};

/// A row-major matrix of `rows x columns` trainable values; a bias or a scale has one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Rows; 1 for a vector.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// `rows x columns` values.
    pub values: Vec<f32>,
}

impl Parameter {
    /// A parameter of one value everywhere.
    pub fn filled(rows: usize, columns: usize, value: f32) -> Self {
        Self { rows, columns, values: vec![value; rows * columns] }
    }

    /// A vector.
    pub fn row(values: Vec<f32>) -> Self {
        Self { rows: 1, columns: values.len(), values }
    }

    /// The float values of a matrix at rest.
    pub fn of(matrix: &Matrix) -> Self {
        Self { rows: matrix.rows(), columns: matrix.cols(), values: matrix.to_dense() }
    }

    /// The matrix at rest.
    pub fn matrix(&self) -> Matrix {
        Matrix::F32 { rows: self.rows, cols: self.columns, data: self.values.clone() }
    }
}

/// The place of a parameter in a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the network.
    Network(ParameterId),
    /// In the second output layer: its weight.
    CharactersWeight,
    /// In the second output layer: its bias.
    CharactersBias,
}

/// Values with the size of each parameter: its average, moments, or gradient.
pub type Beside = BTreeMap<Place, Vec<f32>>;

/// Gradients by the place of their parameter.
pub type Gradients = Beside;
