//! The parameters of a net in training: named matrices on the host.
//!
//! A copy of them is the leaves of a fresh graph in every step; the optimiser, the checkpoints and the warm starts work
//! on the original. A bias or a scale is a matrix of one row.

use std::collections::BTreeMap;

/// A row-major matrix of `rows x columns` trainable values.
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
}

/// All parameters by name, in the names' order.
pub type Parameters = BTreeMap<String, Parameter>;

/// Gradients by the name of their parameter.
pub type Gradients = BTreeMap<String, Vec<f32>>;
