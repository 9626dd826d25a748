//! A map held as `W = U V` (`U: m x r`, `V: r x n`).

use crate::TrainError;
use crate::engine::graph::Graph;
use crate::engine::layers::{self, Recurrent};
use crate::engine::parameters::{Parameter, Parameters};
use crate::engine::tape::Tensor;

fn factors<'a>(graph: &'a Graph, name: &str) -> (&'a Tensor, &'a Tensor) {
    (graph.leaf(&format!("{name}.u")), graph.leaf(&format!("{name}.v")))
}

/// Is it cheaper to multiply `W = U V` out before it meets `rows` vectors? Never where the vectors between the
/// factors are rounded.
fn multiply_out(graph: &Graph, u: &Tensor, v: &Tensor, rows: usize) -> bool {
    if graph.rounds() {
        return false;
    }
    let ([m, r], [_, n]) = (u.shape(), v.shape());
    r * (m + n) * rows > m * n * (rows + r)
}

pub fn apply(graph: &Graph, name: &str, x: &Tensor) -> Tensor {
    let (u, v) = factors(graph, name);
    if multiply_out(graph, u, v, x.shape()[0]) {
        layers::linear(x, &layers::product(u, v))
    } else {
        layers::linear(&graph.met(&layers::linear(x, v)), u)
    }
}

pub fn recurrent(graph: &Graph, name: &str, rows: usize) -> Recurrent {
    let (u, v) = factors(graph, name);
    recurrent_of(graph, u, v, rows)
}

/// The recurrent map `U V` of given factors.
pub fn recurrent_of(graph: &Graph, u: &Tensor, v: &Tensor, rows: usize) -> Recurrent {
    if multiply_out(graph, u, v, rows) {
        Recurrent::Dense(layers::product(u, v))
    } else {
        Recurrent::LowRank(u.clone(), v.clone())
    }
}

pub fn weight(graph: &Graph, name: &str) -> Tensor {
    let (u, v) = factors(graph, name);
    layers::product(u, v)
}

/// Stores `weight` as `NAME.u`, `NAME.v` of full inner size `min(m, n)`, balanced so that the
/// penalty on the factors equals the trace norm (`U = X sqrt(S)`, `V = sqrt(S) Y^T`).
pub fn insert_factored(
    parameters: &mut Parameters,
    name: &str,
    weight: &Parameter,
) -> Result<(), TrainError> {
    insert_balanced(parameters, name, weight, weight.rows.min(weight.columns))
}

/// Stores the best rank-`rank` approximation of `weight`, balanced.
pub fn insert_balanced(
    parameters: &mut Parameters,
    name: &str,
    weight: &Parameter,
    rank: usize,
) -> Result<(), TrainError> {
    let (rows, columns) = (weight.rows, weight.columns);
    let (u, v) = stonechat_compress::truncated_svd(&weight.values, rows, columns, rank)?;
    parameters.insert(format!("{name}.u"), Parameter { rows, columns: rank, values: u });
    parameters.insert(format!("{name}.v"), Parameter { rows: rank, columns, values: v });
    parameters.remove(&format!("{name}.weight"));
    Ok(())
}
