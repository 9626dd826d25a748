//! Gram-CTC over a batch; for a single sequence see [`Grams::loss_and_gradient`].

pub use stonechat_decode::ctc::Grams;

use super::sequence_loss::{Loss, each};

/// Gram-CTC over `logits` (`batch x steps x symbols`); `labels` are single characters.
///
/// The loss is infinite, without a gradient, if no segmentation of a text into grams fits into its
/// frames.
pub fn loss(
    logits: &[f32],
    lengths: &[usize],
    labels: &[Vec<u16>],
    grams: &Grams,
    steps: usize,
    symbols: usize,
) -> Loss {
    each(logits, lengths, steps, symbols, |i, logits, gradient| {
        grams.loss_and_gradient(logits, &labels[i], symbols, gradient)
    })
}
