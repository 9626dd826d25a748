//! Shared by losses over sequences of frames: one loss and gradient per sequence, in parallel.

use rayon::prelude::*;

/// Loss of each sequence and its gradient with respect to the logits.
#[derive(Debug)]
pub struct Loss {
    /// Loss per sequence; infinite if the labels do not fit into the frames.
    pub losses: Vec<f32>,
    /// `batch x steps x symbols`; zero on padding and where the loss is infinite.
    pub gradient: Vec<f32>,
}

/// The loss of every sequence of `logits` (`batch x steps x symbols`), computed by `one` from the
/// sequence's number, its real frames, and the place for its gradient.
pub(super) fn each(
    logits: &[f32],
    lengths: &[usize],
    steps: usize,
    symbols: usize,
    one: impl Fn(usize, &[f32], &mut [f32]) -> f64 + Sync,
) -> Loss {
    let mut gradient = vec![0.0; logits.len()];
    let losses = gradient
        .par_chunks_mut(steps * symbols)
        .zip(logits.par_chunks(steps * symbols))
        .zip(lengths)
        .enumerate()
        .map(|(i, ((gradient, logits), &length))| {
            let real = length * symbols;
            one(i, &logits[..real], &mut gradient[..real]) as f32
        })
        .collect();
    Loss { losses, gradient }
}
