//! CTC as a node of the graph.

use burn::tensor::Tensor;

use crate::graph::Frames;
use crate::host_op::{on_host, read, record};
use crate::{composed, ops::ctc};

/// Sum over the batch of `-ln P(labels)` as a 1 x 1 tensor, and each utterance's own loss.
///
/// Utterances whose labels do not fit into their frames have an infinite loss of their own and
/// count as zero in the sum.
pub fn ctc(logits: &Tensor<2>, frames: &Frames, labels: &[Vec<u16>]) -> (Tensor<2>, Vec<f32>) {
    if !on_host(logits) {
        return composed::ctc(logits, frames, labels);
    }
    let symbols = logits.dims()[1];
    let values = read(logits);
    let result = ctc::loss(values.values(), &frames.lengths, labels, frames.steps, symbols);
    let total: f32 = result.losses.iter().filter(|l| l.is_finite()).sum();
    let gradient = result.gradient;
    let node = record([logits], vec![total], [1, 1], move |pull| {
        let scale = pull.gradient[0];
        [Some(gradient.iter().map(|g| g * scale).collect())]
    });
    (node, result.losses)
}
