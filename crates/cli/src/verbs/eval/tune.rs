//! `eval --tune`: the weights of language model and word count that make the fewest errors.
//!
//! The network runs once; each try only searches its logits again. Compass search: from the weights
//! given, the best neighbour at a distance of one step in alpha or beta is taken, and where none is
//! better, the steps are halved. Few tries find what a grid finds in many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use serde::Serialize;
use stonechat::{BeamDecoder, BeamSearch, Model};
use stonechat_corpus::Utterance;
use stonechat_decode::ErrorCount;

use crate::progress;

/// First steps of alpha and beta, and how often they are halved.
const STEPS: (f32, f32) = (0.4, 1.0);
const HALVINGS: usize = 3;

/// A try: weights and word errors.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Try {
    pub alpha: f32,
    pub beta: f32,
    pub wer: f64,
}

/// The logits of an utterance, `frames x symbols`, and its text.
pub struct Heard {
    pub logits: Vec<f32>,
    pub text: String,
}

/// Runs the network over all utterances, on `jobs` threads.
pub fn hear(model: &Arc<Model>, utterances: &[Utterance], jobs: usize) -> Result<Vec<Heard>> {
    let bar = progress::bar(utterances.len(), "network");
    let heard = parallel(utterances, jobs, |utterance| {
        let samples = utterance.read(model.sample_rate_hz())?;
        bar.inc(1);
        Ok(Heard { logits: model.logits(&samples), text: utterance.text.clone() })
    });
    bar.finish_and_clear();
    heard
}

/// All tries, the best first.
pub fn tune(search: &BeamSearch, heard: &[Heard], jobs: usize) -> Result<Vec<Try>> {
    let mut tries: Vec<Try> = Vec::new();
    let evaluate = |alpha: f32, beta: f32, tries: &mut Vec<Try>| -> Result<Try> {
        if let Some(known) = tries.iter().find(|t| t.alpha == alpha && t.beta == beta) {
            return Ok(*known);
        }
        let search = Arc::new(search.clone().with_weights(alpha, beta)?);
        let counts = parallel(heard, jobs, |heard| {
            let mut decoder = BeamDecoder::new(Arc::clone(&search));
            for frame in heard.logits.chunks_exact(search.symbols()) {
                decoder.push(frame)?;
            }
            decoder.finish();
            Ok(ErrorCount::words(&heard.text, decoder.text()))
        })?;
        let wer = counts.into_iter().sum::<ErrorCount>().rate();
        let tried = Try { alpha, beta, wer };
        eprintln!("alpha {alpha:.3}, beta {beta:.3}: WER {:.2} %", 100.0 * wer);
        tries.push(tried);
        Ok(tried)
    };
    let options = search.options();
    let mut best = evaluate(options.alpha, options.beta, &mut tries)?;
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
                let tried = evaluate(alpha, beta, &mut tries)?;
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
    // Stable: of equals the one that was found first.
    tries.sort_by(|a, b| a.wer.total_cmp(&b.wer));
    Ok(tries)
}

/// `work` over all `items` on `jobs` threads, in the items' order.
fn parallel<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let run = || -> Result<Vec<(usize, R)>> {
        let mut done = Vec::new();
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            done.push((index, work(item)?));
        }
        Ok(done)
    };
    let shares: Vec<Result<Vec<(usize, R)>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(run)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut all = Vec::new();
    for share in shares {
        all.extend(share?);
    }
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}
