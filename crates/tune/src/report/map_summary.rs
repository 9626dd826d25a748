//! A linear map in figures.

use serde::Serialize;
use stonechat_model::{LinearMap, Matrix};

/// One linear map.
#[derive(Debug, Clone, Serialize)]
pub struct MapSummary {
    /// Its name in the package.
    pub name: String,
    /// Its parametrisation.
    pub family: &'static str,
    /// Whether a part has weights of 8 bits.
    pub int8: bool,
    /// `f32`, `int8`, `int4`, or several joined by `+`.
    pub storage: String,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// The largest possible rank.
    pub rank: usize,
    /// Number of stored values.
    pub parameters: usize,
    /// Its size in the package.
    pub bytes: usize,
}

impl MapSummary {
    /// A summary of a map with a name.
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
