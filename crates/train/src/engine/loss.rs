//! The recognition loss.

use super::graph::Output;
use super::layers::Frames;
use super::ops::sequence_loss::Loss;
use super::ops::{ctc, gram_ctc};
use crate::data::Targets;

/// The CTC or Gram-CTC loss of `output`, depending on the alphabet.
pub fn recognition(targets: &Targets, output: &Output, labels: &[Vec<u16>]) -> Loss {
    let Output { logits, frames: Frames { lengths, steps }, .. } = output;
    let symbols = logits.shape()[1];
    match targets.grams() {
        Some(grams) => gram_ctc::loss(logits, lengths, labels, grams, *steps, symbols),
        None => ctc::loss(logits, lengths, labels, *steps, symbols),
    }
}
