//! A map held as `W = U V` (`U: m x r`, `V: r x n`).

use burn::tensor::Tensor;

use super::RecurrentForm;
use crate::TrainError;
use crate::graph::{self, Graph};
use crate::parameters::{Parameter, Parameters};

fn factors<'a>(graph: &'a Graph, name: &str) -> (&'a Tensor<2>, &'a Tensor<2>) {
    (graph.leaf(&format!("{name}.u")), graph.leaf(&format!("{name}.v")))
}

/// `W = U V`: the product `U V` of two row-major matrices is `linear(U, V^T)`.
fn multiplied_out(u: &Tensor<2>, v: &Tensor<2>) -> Tensor<2> {
    graph::linear(u, &v.clone().transpose())
}

/// Is it cheaper to multiply `W = U V` out before it meets `rows` vectors? Never where the vectors between the
/// factors are rounded.
fn multiply_out(graph: &Graph, u: &Tensor<2>, v: &Tensor<2>, rows: usize) -> bool {
    if graph.rounds() {
        return false;
    }
    let ([m, r], [_, n]) = (u.dims(), v.dims());
    r * (m + n) * rows > m * n * (rows + r)
}

pub fn apply(graph: &Graph, name: &str, x: &Tensor<2>) -> Tensor<2> {
    let (u, v) = factors(graph, name);
    if multiply_out(graph, u, v, x.dims()[0]) {
        graph::linear(x, &multiplied_out(u, v))
    } else {
        graph::linear(&graph.met(&graph::linear(x, v)), u)
    }
}

pub fn recurrent(graph: &Graph, name: &str, rows: usize) -> RecurrentForm {
    let (u, v) = factors(graph, name);
    recurrent_of(graph, u, v, rows)
}

/// The recurrent map `U V` of given factors.
pub fn recurrent_of(graph: &Graph, u: &Tensor<2>, v: &Tensor<2>, rows: usize) -> RecurrentForm {
    if multiply_out(graph, u, v, rows) {
        RecurrentForm::Dense(multiplied_out(u, v))
    } else {
        RecurrentForm::LowRank(u.clone(), v.clone())
    }
}

pub fn weight(graph: &Graph, name: &str) -> Tensor<2> {
    let (u, v) = factors(graph, name);
    multiplied_out(u, v)
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
