//! What losses over sequences of frames share: one loss and gradient per sequence, in parallel.

use rayon::prelude::*;

/// Loss of each sequence and its gradient with respect to the logits.
#[derive(Debug)]
pub struct Loss {
    /// Loss per sequence; infinite where the labels do not fit into the frames.
    pub losses: Vec<f32>,
    /// `batch x steps x symbols`; zero on padding and where the loss is infinite.
    pub gradient: Vec<f32>,
}

/// The loss of every sequence of `logits` (`batch x steps x symbols`) by `one`, which is given the
/// sequence's number, its real frames, and where its gradient goes.
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

/// Probabilities of every row of `symbols` logits.
pub(super) fn softmax(logits: &[f32], symbols: usize, out: &mut [f32]) {
    for (row, out) in logits.chunks_exact(symbols).zip(out.chunks_exact_mut(symbols)) {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for (o, x) in out.iter_mut().zip(row) {
            *o = (x - top).exp();
            sum += *o;
        }
        out.iter_mut().for_each(|o| *o /= sum);
    }
}

/// `ln sum exp` of every row of `symbols` logits.
pub(super) fn normalisers(logits: &[f32], symbols: usize) -> Vec<f64> {
    logits.chunks_exact(symbols).map(|row| log_sum(row.iter().map(|&x| f64::from(x)))).collect()
}

/// `ln sum exp`; minus infinity of nothing.
pub(super) fn log_sum(values: impl IntoIterator<Item = f64> + Clone) -> f64 {
    let top = values.clone().into_iter().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        return top;
    }
    top + values.into_iter().map(|v| (v - top).exp()).sum::<f64>().ln()
}
