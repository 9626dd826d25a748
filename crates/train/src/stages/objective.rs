//! The objective of a step: CTC or Gram-CTC plus the stage's additions.

use crate::config::Stage;
use crate::data::Targets;
use crate::engine::graph::Output;
use crate::engine::layers::Frames;
use crate::engine::loss::recognition;
use crate::engine::ops::sequence_loss::Loss;
use crate::engine::ops::{ctc, distillation};
use crate::engine::tape::Tensor;

/// The loss of a batch.
#[derive(Debug)]
pub struct Objective {
    /// Outputs of the net, each with the gradient of the mean over the batch of everything except
    /// the penalty.
    pub gradients: Vec<(Tensor, Vec<f32>)>,
    /// CTC or Gram-CTC loss of each utterance; infinite, without gradient, if its text does not
    /// fit.
    pub losses: Vec<f32>,
    /// Mean divergence from the teacher per utterance.
    pub divergence: Option<f64>,
    /// Mean divergence between the two views of an utterance.
    pub inconsistency: Option<f64>,
}

/// `(1 - w) [(1 - j) recognition + j CTC of the characters] + w T^2 KL(teacher || net)`, where `j`
/// is the stage's `joint_ctc` and `w` its teacher's weight. With `consistency` `c` there is also `c
/// KL(other view || view)`, and the batch has each utterance in two views (CR-CTC, Yao et al. 2024,
/// eq. 3). The mean is over `utterances`; a piece of a batch has some of them.
pub fn objective(
    stage: &Stage,
    targets: &Targets,
    output: Output,
    labels: &[Vec<u16>],
    teacher: Option<&[f32]>,
    utterances: usize,
) -> Objective {
    let mean = 1.0 / utterances as f32;
    let taught = stage.teacher.as_ref().zip(teacher);
    let weight = taught.map_or(0.0, |(config, _)| config.weight);
    let joint = if output.characters.is_some() { stage.joint_ctc } else { 0.0 };
    let untaught = mean * (1.0 - weight);

    let Loss { losses, gradient } = recognition(targets, &output, labels);
    let mut total = gradient;
    total.iter_mut().for_each(|g| *g *= untaught * (1.0 - joint));
    let divergence = taught.map(|(config, logits)| {
        let loss = divergence(&output, logits, config.temperature);
        add(&mut total, &loss.gradient, mean * weight);
        average(&loss.losses)
    });
    let inconsistency = (stage.consistency > 0.0).then(|| {
        let loss = divergence_of_views(&output);
        add(&mut total, &loss.gradient, mean * stage.consistency);
        average(&loss.losses)
    });
    let Output { logits, characters, frames: Frames { lengths, steps }, .. } = output;
    let mut gradients = vec![(logits, total)];
    if let Some(characters) = characters {
        let symbols = characters.shape()[1];
        let mut gradient = ctc::loss(&characters, &lengths, labels, steps, symbols).gradient;
        gradient.iter_mut().for_each(|g| *g *= untaught * joint);
        gradients.push((characters, gradient));
    }
    Objective { gradients, losses, divergence, inconsistency }
}

/// From posteriors of the same shape, given as logits.
fn divergence(output: &Output, from: &[f32], temperature: f32) -> Loss {
    let Output { logits, frames: Frames { lengths, steps }, .. } = output;
    distillation::loss(logits, from, lengths, temperature, *steps, logits.shape()[1])
}

/// Pulls each view towards the posteriors of the other, which get no gradient; the first half of
/// the batch is one view, the second the other.
fn divergence_of_views(output: &Output) -> Loss {
    let mut other = output.logits.to_vec();
    let half = other.len() / 2;
    other.rotate_left(half);
    divergence(output, &other, 1.0)
}

fn add(total: &mut [f32], gradient: &[f32], weight: f32) {
    total.iter_mut().zip(gradient).for_each(|(total, g)| *total += g * weight);
}

fn average(values: &[f32]) -> f64 {
    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
    sum / values.len().max(1) as f64
}
