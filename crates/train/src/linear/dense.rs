//! A map held as one matrix.

use burn::tensor::Tensor;

use crate::graph::{self, Graph};

pub fn has(graph: &Graph, name: &str) -> bool {
    graph.has(&format!("{name}.weight"))
}

pub fn weight<'a>(graph: &'a Graph, name: &str) -> &'a Tensor<2> {
    graph.leaf(&format!("{name}.weight"))
}

pub fn apply(graph: &Graph, name: &str, x: &Tensor<2>) -> Tensor<2> {
    graph::linear(x, weight(graph, name))
}
