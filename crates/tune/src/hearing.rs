//! The output of a network for recordings, and its distance from another.

use std::sync::Arc;

use stonechat::Model;
use stonechat_decode::{Decoder, ErrorCount, GreedyDecoder};

use crate::Result;

/// The output of a network for some audio.
#[derive(Debug, Clone)]
pub struct Hearing {
    /// Log probabilities of each utterance, `frames x symbols`.
    logs: Vec<Vec<f64>>,
    symbols: usize,
    /// Character errors of the best path.
    pub characters: ErrorCount,
}

impl Hearing {
    pub(crate) fn new(model: &Model) -> Self {
        let symbols = model.alphabet().symbols().len();
        Self { logs: Vec::new(), symbols, characters: ErrorCount::default() }
    }

    pub(crate) fn add(&mut self, model: &Arc<Model>, samples: &[f32], text: &str) -> Result<()> {
        let logits = model.logits(samples);
        let mut decoder = GreedyDecoder::new(model.alphabet().symbols(), model.frame_seconds())?;
        for frame in logits.chunks_exact(self.symbols) {
            decoder.push(frame)?;
        }
        self.characters.add(&ErrorCount::characters(text, decoder.text()));
        self.logs.push(logits.chunks_exact(self.symbols).flat_map(log_softmax).collect());
        Ok(())
    }

    /// Mean Kullback-Leibler divergence of the output of another network for the same audio from
    /// this one, in nats per frame: 0 if all probabilities are equal.
    pub fn divergence(&self, other: &Hearing) -> f64 {
        let pairs = self.logs.iter().flatten().zip(other.logs.iter().flatten());
        let sum: f64 = pairs.map(|(p, q)| p.exp() * (p - q)).sum();
        let frames: usize = self.logs.iter().map(|logs| logs.len() / self.symbols).sum();
        sum / frames.max(1) as f64
    }
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::MIN, f32::max);
    let shifted = logits.iter().map(|x| f64::from(x - largest));
    let sum: f64 = shifted.clone().map(f64::exp).sum();
    shifted.map(|x| x - sum.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_by_hand() {
        let hearing = |logits: &[f32]| Hearing {
            logs: vec![logits.chunks(2).flat_map(log_softmax).collect()],
            symbols: 2,
            characters: ErrorCount::default(),
        };
        let even = hearing(&[3.0, 3.0, 3.0, 3.0]);
        let odd = hearing(&[0.0, 0.0, 3f32.ln(), 0.0]);
        assert!(even.divergence(&even).abs() < 1e-12);
        // One frame as before, and one of (3/4, 1/4) in place of (1/2, 1/2).
        let expected = 0.5 * (0.5 * (0.5f64 / 0.75).ln() + 0.5 * (0.5f64 / 0.25).ln());
        assert!((even.divergence(&odd) - expected).abs() < 1e-6);
    }
}
