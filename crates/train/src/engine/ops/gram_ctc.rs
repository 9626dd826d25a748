//! Gram-CTC over a batch; what is done for each sequence is [`Grams::loss_and_gradient`].

pub use stonechat_decode::ctc::Grams;

use super::sequence_loss::{Loss, each};

/// Gram-CTC over `logits` (`batch x steps x symbols`), `labels` being single characters.
///
/// The loss is infinite, with no gradient, where a text has no cut into grams that fits into its
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
