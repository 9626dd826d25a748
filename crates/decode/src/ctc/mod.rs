//! How likely a text is under the logits of a network, without the choices of a decoder: the loss
//! for training, and a measure to judge transcripts.

mod characters;
mod grams;

pub use characters::{frames_needed, loss_and_gradient};
pub use grams::Grams;

/// Probabilities of every row of `symbols` logits.
pub fn softmax(logits: &[f32], symbols: usize, out: &mut [f32]) {
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
pub fn normalisers(logits: &[f32], symbols: usize) -> Vec<f64> {
    logits.chunks_exact(symbols).map(|row| log_sum(row.iter().map(|&x| f64::from(x)))).collect()
}

/// `ln sum exp`; minus infinity without values.
fn log_sum(values: impl IntoIterator<Item = f64> + Clone) -> f64 {
    let top = values.clone().into_iter().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        return top;
    }
    top + values.into_iter().map(|v| (v - top).exp()).sum::<f64>().ln()
}
