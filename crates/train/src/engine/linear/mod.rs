//! How the trainer holds a linear map: dense, low rank `U V` (Kliegl et al. 2017, section 3), or of any other family.
//!
//! Which family a map has is told by its parameters' names, `NAME.weight`, or `NAME.u` and `NAME.v`; all other
//! families are known to [`Graph::structured`] and multiply by their dense view.

mod low_rank;

pub use low_rank::{insert_balanced, insert_factored};

use crate::engine::graph::Graph;
use crate::engine::layers::{self, Recurrent};
use crate::engine::tape::Tensor;

fn dense<'a>(graph: &'a Graph, name: &str) -> Option<&'a Tensor> {
    let weight = format!("{name}.weight");
    (graph.structured(name).is_none() && graph.has(&weight)).then(|| graph.leaf(&weight))
}

fn is_low_rank(graph: &Graph, name: &str) -> bool {
    graph.structured(name).is_none() && dense(graph, name).is_none()
}

/// `y = W x` for every row of `x`.
pub fn apply(graph: &Graph, name: &str, x: &Tensor) -> Tensor {
    let x = &graph.met(x);
    match is_low_rank(graph, name) {
        true => low_rank::apply(graph, name, x),
        false => layers::linear(x, &weight(graph, name)),
    }
}

/// `W` of the map `name` as one matrix, through which gradients reach its parts.
pub fn weight(graph: &Graph, name: &str) -> Tensor {
    if let Some(spec) = graph.structured(name) {
        let parts = spec.parts();
        let parts: Vec<&Tensor> =
            parts.iter().map(|part| graph.leaf(&format!("{name}.{}", part.name))).collect();
        return layers::dense_view(spec, &parts);
    }
    dense(graph, name).cloned().unwrap_or_else(|| low_rank::weight(graph, name))
}

/// The recurrent map `left right`, two maps by name, for a recurrence over `rows` frames in all.
pub fn recurrent_product(graph: &Graph, left: &str, right: &str, rows: usize) -> Recurrent {
    low_rank::recurrent_of(graph, &weight(graph, left), &weight(graph, right), rows)
}

/// The recurrent map `name`, for a recurrence over `rows` frames in all.
pub fn recurrent(graph: &Graph, name: &str, rows: usize) -> Recurrent {
    match is_low_rank(graph, name) {
        true => low_rank::recurrent(graph, name, rows),
        false => Recurrent::Dense(weight(graph, name)),
    }
}
