//! How the trainer holds a linear map: dense, low rank `U V` (Kliegl et al. 2017, section 3), or of any other family.
//!
//! Which family a map has is told by its parameters' names, `NAME.weight`, or `NAME.u` and `NAME.v`; all other
//! families are known to [`Graph::structured`].

mod dense;
mod low_rank;
mod structured;

pub use low_rank::{insert_balanced, insert_factored};

use burn::tensor::Tensor;

use crate::graph::{self, Graph};

/// `y = W x` for every row of `x`.
pub fn apply(graph: &Graph, name: &str, x: &Tensor<2>) -> Tensor<2> {
    if let Some(spec) = graph.structured(name) {
        graph::linear(x, &structured::weight(graph, name, spec))
    } else if dense::has(graph, name) {
        dense::apply(graph, name, x)
    } else {
        low_rank::apply(graph, name, x)
    }
}

/// A recurrent map in the form the recurrence multiplies with.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // one lives at a time, on the stack
pub enum RecurrentForm {
    /// The matrix, given or multiplied out.
    Dense(Tensor<2>),
    /// Two factors.
    LowRank(Tensor<2>, Tensor<2>),
}

/// The recurrent map `name`, for a recurrence over `rows` frames in all.
pub fn recurrent(graph: &Graph, name: &str, rows: usize) -> RecurrentForm {
    if let Some(spec) = graph.structured(name) {
        RecurrentForm::Dense(structured::weight(graph, name, spec))
    } else if dense::has(graph, name) {
        RecurrentForm::Dense(dense::weight(graph, name).clone())
    } else {
        low_rank::recurrent(graph, name, rows)
    }
}
