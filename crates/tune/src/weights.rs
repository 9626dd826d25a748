//! The weights of language model and word count with the fewest errors.
//!
//! The network runs once; each try only repeats the search over its logits. Compass search: from
//! the current weights, the best neighbour at a distance of one step in alpha or beta is taken; if
//! none is better, the steps are halved. Few tries find what a grid finds in many.

use std::sync::Arc;

use serde::Serialize;
use stonechat::{BeamDecoder, BeamSearch, Model};
use stonechat_corpus::Utterance;
use stonechat_decode::{Decoder, ErrorCount};

use crate::{Result, parallel};

/// First steps of alpha and beta, and how often they are halved.
const STEPS: (f32, f32) = (0.4, 1.0);
const HALVINGS: usize = 3;

/// A try: weights and word errors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Try {
    /// Weight of the language model.
    pub alpha: f32,
    /// Reward of each word.
    pub beta: f32,
    /// Word error rate.
    pub wer: f64,
}

/// The logits of an utterance.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Logits, `frames x symbols`.
    pub logits: Vec<f32>,
    /// Its text.
    pub text: String,
}

/// Runs the network over all utterances, on `jobs` threads. `done` is called after each.
///
/// # Errors
/// If audio cannot be read.
pub fn hear(
    model: &Arc<Model>,
    utterances: &[Utterance],
    jobs: usize,
    done: &(dyn Fn() + Sync),
) -> Result<Vec<Heard>> {
    parallel(utterances, jobs, |utterance| {
        // Whoever recognises them reports their problems.
        let samples = utterance.read(model.sample_rate_hz())?.samples;
        done();
        Ok(Heard { logits: model.logits(&samples), text: utterance.text.clone() })
    })
}

/// All tries, best first; each is shown to `see` when it is done.
///
/// # Errors
/// If the logits do not fit the search's alphabet.
pub fn tune(
    search: &BeamSearch,
    heard: &[Heard],
    jobs: usize,
    see: &mut dyn FnMut(&Try),
) -> Result<Vec<Try>> {
    let mut tries: Vec<Try> = Vec::new();
    let mut evaluate = |alpha: f32, beta: f32| -> Result<Try> {
        if let Some(known) = tries.iter().find(|t| t.alpha == alpha && t.beta == beta) {
            return Ok(*known);
        }
        let wer = word_error_rate(search.clone().with_weights(alpha, beta)?, heard, jobs)?;
        let tried = Try { alpha, beta, wer };
        see(&tried);
        tries.push(tried);
        Ok(tried)
    };
    let options = search.options();
    let mut best = evaluate(options.alpha, options.beta)?;
    let (mut alpha_step, mut beta_step) = STEPS;
    for _ in 0..=HALVINGS {
        loop {
            let Try { alpha, beta, .. } = best;
            let neighbours = [
                (alpha + alpha_step, beta),
                ((alpha - alpha_step).max(0.0), beta),
                (alpha, beta + beta_step),
                (alpha, beta - beta_step),
            ];
            let mut better = best;
            for (alpha, beta) in neighbours {
                let tried = evaluate(alpha, beta)?;
                if tried.wer < better.wer {
                    better = tried;
                }
            }
            if better.wer >= best.wer {
                break;
            }
            best = better;
        }
        (alpha_step, beta_step) = (alpha_step / 2.0, beta_step / 2.0);
    }
    // Stable sort: of equal tries, the first found.
    tries.sort_by(|a, b| a.wer.total_cmp(&b.wer));
    Ok(tries)
}

fn word_error_rate(search: BeamSearch, heard: &[Heard], jobs: usize) -> Result<f64> {
    let search = Arc::new(search);
    let counts = parallel(heard, jobs, |heard| -> Result<ErrorCount> {
        let mut decoder = BeamDecoder::new(Arc::clone(&search));
        for frame in heard.logits.chunks_exact(search.symbols()) {
            decoder.push(frame)?;
        }
        decoder.finish();
        Ok(ErrorCount::words(&heard.text, decoder.text()))
    })?;
    Ok(counts.into_iter().sum::<ErrorCount>().rate())
}
