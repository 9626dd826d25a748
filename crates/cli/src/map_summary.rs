//! A linear map in figures.

use serde::Serialize;
use stonechat_model::{LinearMap, Matrix};

/// One linear map.
#[derive(Debug, Serialize)]
pub struct MapSummary {
    pub name: String,
    pub family: &'static str,
    pub int8: bool,
    /// `f32`, `int8`, `int4`, or several joined by `+`.
    pub storage: String,
    pub shape: [usize; 2],
    pub rank: usize,
    pub parameters: usize,
    pub bytes: usize,
}

impl MapSummary {
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
}
