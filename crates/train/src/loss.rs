//! Losses over the host's slices as nodes of the graph.

use burn::tensor::{Tensor, TensorData};

use crate::composed;
use crate::graph::{Frames, to_host};
use crate::host_op::{on_host, read, record};
use crate::ops::gram_ctc::{self, Grams};
use crate::ops::sequence_loss::Loss;
use crate::ops::{ctc as ctc_op, distillation};

/// Sum over the batch of `-ln P(labels)` as a 1 x 1 tensor, and each utterance's own loss.
///
/// Utterances whose labels do not fit into their frames have an infinite loss of their own and
/// count as zero in the sum.
pub fn ctc(logits: &Tensor<2>, frames: &Frames, labels: &[Vec<u16>]) -> (Tensor<2>, Vec<f32>) {
    if !on_host(logits) {
        return composed::ctc(logits, frames, labels);
    }
    let symbols = logits.dims()[1];
    node(logits, |values| ctc_op::loss(values, &frames.lengths, labels, frames.steps, symbols))
}

/// [`ctc()`] over grams, `labels` being single characters; see [`crate::ops::gram_ctc`].
pub fn gram_ctc(
    logits: &Tensor<2>,
    frames: &Frames,
    labels: &[Vec<u16>],
    grams: &Grams,
) -> (Tensor<2>, Vec<f32>) {
    let symbols = logits.dims()[1];
    node(logits, |values| {
        gram_ctc::loss(values, &frames.lengths, labels, grams, frames.steps, symbols)
    })
}

/// Sum over the batch's real frames of the divergence from `teacher`'s posteriors (logits of the
/// same shape), and each utterance's own; see [`crate::ops::distillation`].
pub fn distil(
    logits: &Tensor<2>,
    frames: &Frames,
    teacher: &[f32],
    temperature: f32,
) -> (Tensor<2>, Vec<f32>) {
    let symbols = logits.dims()[1];
    node(logits, |values| {
        distillation::loss(values, teacher, &frames.lengths, temperature, frames.steps, symbols)
    })
}

/// The sum of a loss that the host computes with its gradient.
fn node(logits: &Tensor<2>, loss: impl FnOnce(&[f32]) -> Loss) -> (Tensor<2>, Vec<f32>) {
    if on_host(logits) {
        let Loss { losses, gradient } = loss(read(logits).values());
        let node = record([logits], vec![total(&losses)], [1, 1], move |pull| {
            let scale = pull.gradient[0];
            [Some(gradient.iter().map(|g| g * scale).collect())]
        });
        return (node, losses);
    }
    tangent(logits, loss(&to_host(logits.clone())))
}

/// The same on any device, of its own operations.
fn tangent(logits: &Tensor<2>, loss: Loss) -> (Tensor<2>, Vec<f32>) {
    let Loss { losses, gradient } = loss;
    // The plane that touches the loss at this point has its value and gradient.
    let gradient = TensorData::new(gradient, logits.dims());
    let gradient = Tensor::<2>::from_data(gradient, &logits.device());
    let plane = (logits.clone() * gradient).sum().reshape([1, 1]);
    (plane.clone() - plane.detach() + total(&losses), losses)
}

fn total(losses: &[f32]) -> f32 {
    losses.iter().filter(|l| l.is_finite()).sum()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn both_kinds_of_nodes_have_the_same_value_and_gradient() {
        let values: Vec<f32> = (0..12).map(|i| (i * 7 % 5) as f32 - 2.0).collect();
        let (lengths, labels) = ([3, 2], [vec![1], vec![1]]);
        let loss = |x: &[f32]| ctc_op::loss(x, &lengths, &labels, 3, 2);
        let leaf = || {
            let data = TensorData::new(values.clone(), [6, 2]);
            Tensor::<2>::from_data(data, &Device::flex().autodiff()).require_grad()
        };
        let (a, b) = (leaf(), leaf());
        let (one, two) = (node(&a, loss), tangent(&b, loss(&values)));
        assert_eq!(one.1, two.1);
        let gradient = |leaf: Tensor<2>, total: Tensor<2>| {
            let gradients = (total.clone() * 3.0).backward();
            (to_host(total), to_host(leaf.grad(&gradients).unwrap()))
        };
        let ((x, dx), (y, dy)) = (gradient(a, one.0), gradient(b, two.0));
        assert!((x[0] - y[0]).abs() < 1e-5, "{x:?} {y:?}");
        assert!(dx.iter().any(|d| *d != 0.0));
        dx.iter().zip(&dy).for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{dx:?} {dy:?}"));
    }
}
