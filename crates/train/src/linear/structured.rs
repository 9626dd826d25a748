//! A map of any family but dense and low rank: its dense view as one operation of the graph.
//!
//! A step multiplies `W` with thousands of frames, so forming it, and pulling its gradient back to the parts, costs
//! little beside the product itself.

use burn::tensor::Tensor;
use stonechat_model::FamilySpec;

use crate::graph::Graph;
use crate::host_op::{HostMatrix, read, record};

/// `W` of the map `name` as a tensor through which gradients reach the parts.
pub fn weight(graph: &Graph, name: &str, spec: &FamilySpec) -> Tensor<2> {
    let shape = [spec.rows(), spec.cols()];
    let leaves: Vec<&Tensor<2>> =
        spec.parts().iter().map(|part| graph.leaf(&format!("{name}.{}", part.name))).collect();
    let parts: Vec<HostMatrix> = leaves.iter().map(|leaf| read(leaf)).collect();
    let values: Vec<&[f32]> = parts.iter().map(|part| part.values()).collect();
    let dense = spec.to_dense(&values);
    match leaves[..] {
        [a] => record([a], dense, shape, pull_back(spec, parts)),
        [a, b] => record([a, b], dense, shape, pull_back(spec, parts)),
        [a, b, c] => record([a, b, c], dense, shape, pull_back(spec, parts)),
        _ => unreachable!("families have one to three parts"),
    }
}

/// From the gradient of `W` to those of its parts.
fn pull_back<const N: usize>(
    spec: &FamilySpec,
    parts: Vec<HostMatrix>,
) -> impl FnOnce(crate::host_op::Pull<N>) -> [Option<Vec<f32>>; N] + Send + 'static {
    let spec = spec.clone();
    move |pull| {
        let values: Vec<&[f32]> = parts.iter().map(|part| part.values()).collect();
        let mut gradients = spec.gradient(&values, &pull.gradient).into_iter();
        std::array::from_fn(|_| gradients.next())
    }
}
