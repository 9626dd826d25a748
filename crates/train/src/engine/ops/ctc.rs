//! CTC over a batch; for a single sequence see [`stonechat_decode::ctc`].

pub use stonechat_decode::ctc::frames_needed;
use stonechat_decode::ctc::loss_and_gradient;

use super::sequence_loss::{Loss, each};

/// CTC over `logits` (`batch x steps x symbols`); symbol 0 is the blank.
pub fn loss(
    logits: &[f32],
    lengths: &[usize],
    labels: &[Vec<u16>],
    steps: usize,
    symbols: usize,
) -> Loss {
    each(logits, lengths, steps, symbols, |i, logits, gradient| {
        loss_and_gradient(logits, &labels[i], symbols, gradient)
    })
}
