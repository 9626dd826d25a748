//! A linear map in figures.

use serde::Serialize;
use stonechat_model::{LinearMap, Matrix};

/// One linear map.
#[derive(Debug, Clone, Serialize)]
pub struct MapSummary {
    /// As the package names it.
    pub name: String,
    /// Of its parametrisation.
    pub family: &'static str,
    /// Whether a part has weights of 8 bits.
    pub int8: bool,
    /// `f32`, `int8`, `int4`, or several joined by `+`.
    pub storage: String,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// At most.
    pub rank: usize,
    /// Numbers that are stored.
    pub parameters: usize,
    /// What they take in the package.
    pub bytes: usize,
}

impl MapSummary {
    /// Of a map and its name.
    pub fn new(name: String, map: &LinearMap) -> Self {
        Self {
            name,
            family: map.family().name(),
            int8: map.parts().iter().any(Matrix::is_int8),
            storage: map.storage(),
            shape: [map.rows(), map.cols()],
            rank: map.rank(),
            parameters: map.params(),
            bytes: map.bytes(),
        }
    }

    /// `low_rank int8, rank 64`.
    pub fn form(&self) -> String {
        let number = &self.storage;
        match self.family {
            "low_rank" => format!("{} {number}, rank {}", self.family, self.rank),
            family => format!("{family} {number}"),
        }
    }
}
