//! What a step descends: CTC or Gram-CTC, with what the stage adds to it.

use burn::tensor::Tensor;

use crate::data::Targets;
use crate::graph::to_host;
use crate::loss;
use crate::net::Output;
use crate::recipe::Stage;

/// The loss of a batch.
#[derive(Debug)]
pub struct Objective {
    /// Sum over the batch, as a 1 x 1 tensor, of everything but the penalty.
    pub total: Tensor<2>,
    /// CTC or Gram-CTC loss of each utterance; infinite where its text does not fit.
    pub losses: Vec<f32>,
    /// Mean divergence from the teacher per utterance.
    pub divergence: Option<f64>,
    /// Mean divergence of an utterance from its other view.
    pub inconsistency: Option<f64>,
}

/// The CTC or Gram-CTC loss of `output`, as the alphabet wants it.
pub fn recognition(
    targets: &Targets,
    output: &Output,
    labels: &[Vec<u16>],
) -> (Tensor<2>, Vec<f32>) {
    match targets.grams() {
        Some(grams) => loss::gram_ctc(&output.logits, &output.frames, labels, grams),
        None => loss::ctc(&output.logits, &output.frames, labels),
    }
}

/// `(1 - w) [(1 - j) recognition + j CTC of the characters] + w T^2 KL(teacher || net)`, with the
/// stage's `joint_ctc` for `j` and its teacher's weight for `w`; and with `consistency` for `c` on top
/// `c KL(other view || view)`, the batch having each utterance in two views (CR-CTC, Yao et al. 2024, eq. 3).
pub fn objective(
    stage: &Stage,
    targets: &Targets,
    output: &Output,
    labels: &[Vec<u16>],
    teacher: Option<&[f32]>,
) -> Objective {
    let (mut total, losses) = recognition(targets, output, labels);
    if let Some(characters) = &output.characters {
        let joint = stage.joint_ctc;
        let (plain, _) = loss::ctc(characters, &output.frames, labels);
        total = total * (1.0 - joint) + plain * joint;
    }
    let mut divergence = None;
    if let (Some(config), Some(logits)) = (&stage.teacher, teacher) {
        let (distance, each) =
            loss::distil(&output.logits, &output.frames, logits, config.temperature);
        total = total * (1.0 - config.weight) + distance * config.weight;
        divergence = Some(mean(&each));
    }
    let mut inconsistency = None;
    if stage.consistency > 0.0 {
        let (distance, each) = between_views(output);
        total = total + distance * stage.consistency;
        inconsistency = Some(mean(&each));
    }
    Objective { total, losses, divergence, inconsistency }
}

/// Each view is drawn to the posteriors of the other, which get no gradient; the first half of the batch is one view,
/// the second the other.
fn between_views(output: &Output) -> (Tensor<2>, Vec<f32>) {
    let mut other = to_host(output.logits.clone());
    let half = other.len() / 2;
    other.rotate_left(half);
    loss::distil(&output.logits, &output.frames, &other, 1.0)
}

fn mean(values: &[f32]) -> f64 {
    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
    sum / values.len().max(1) as f64
}
