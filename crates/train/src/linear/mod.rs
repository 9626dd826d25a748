//! How the trainer holds a linear map: dense, low rank `U V` (Kliegl et al. 2017, section 3), or of any other family.
//!
//! Which family a map has is told by its parameters' names, `NAME.weight`, or `NAME.u` and `NAME.v`; all other
//! families are known to [`Graph::structured`].

mod dense;
mod low_rank;
mod structured;

pub use low_rank::{insert_balanced, insert_factored};

use burn::tensor::Tensor;

use crate::graph::{self, Graph, Recurrent};

/// `y = W x` for every row of `x`.
pub fn apply(graph: &Graph, name: &str, x: &Tensor<2>) -> Tensor<2> {
    let x = &graph.met(x);
    if graph.structured(name).is_some() {
        graph::linear(x, &weight(graph, name))
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

impl RecurrentForm {
    /// Its matrices.
    pub fn as_leaves(&self) -> Recurrent<'_> {
        match self {
            Self::Dense(u) => Recurrent::Dense(u),
            Self::LowRank(a, b) => Recurrent::LowRank(a, b),
        }
    }
}

/// `W` of the map `name` as one matrix.
pub fn weight(graph: &Graph, name: &str) -> Tensor<2> {
    if let Some(spec) = graph.structured(name) {
        structured::weight(graph, name, spec)
    } else if dense::has(graph, name) {
        dense::weight(graph, name).clone()
    } else {
        low_rank::weight(graph, name)
    }
}

/// The recurrent map `left right`, two maps by name, for a recurrence over `rows` frames in all.
pub fn recurrent_product(graph: &Graph, left: &str, right: &str, rows: usize) -> RecurrentForm {
    low_rank::recurrent_of(graph, &weight(graph, left), &weight(graph, right), rows)
}

/// The recurrent map `name`, for a recurrence over `rows` frames in all.
pub fn recurrent(graph: &Graph, name: &str, rows: usize) -> RecurrentForm {
    if graph.structured(name).is_some() || dense::has(graph, name) {
        RecurrentForm::Dense(weight(graph, name))
    } else {
        low_rank::recurrent(graph, name, rows)
    }
}
