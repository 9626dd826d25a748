//! The grams that a trained net uses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stonechat_decode::{Decoder, GreedyDecoder};
use stonechat_model::Alphabet;

use crate::TrainError;
use crate::data::{BatchConfig, DataConfig, Dataset, Progress, Source};
use crate::engine::graph::{Graph, Mode};
use crate::engine::layers::Frames;
use crate::engine::net::Net;
use crate::saved::trained::Trained;

/// How often each symbol is on the best paths of `net` over `dataset`, by symbol.
///
/// # Errors
/// Audio that can no longer be read.
fn use_on_best_paths(
    net: &Net,
    dataset: &Dataset,
    batches: &BatchConfig,
) -> Result<BTreeMap<String, usize>, TrainError> {
    let graph = Graph::new(net, false);
    let alphabet = dataset.targets().alphabet().symbols();
    let mut counts: BTreeMap<String, usize> = alphabet.iter().map(|s| (s.clone(), 0)).collect();
    for items in dataset.plan(&BatchConfig { sorta_grad: true, ..batches.clone() }, 0, 0, None) {
        let batch = dataset.batch(&items, None)?;
        let frames = Frames { lengths: batch.frames, steps: batch.t_max };
        let output = graph.forward(batch.features, frames, Mode::Inference);
        let sequences = output.logits.chunks_exact(output.frames.steps * net.symbols());
        for (logits, &length) in sequences.zip(&output.frames.lengths) {
            let mut decoder = GreedyDecoder::new(alphabet, 1.0)?;
            for frame in logits.chunks_exact(net.symbols()).take(length) {
                decoder.push(frame)?;
            }
            for token in decoder.tokens() {
                let symbol = &alphabet[usize::from(token.symbol)];
                *counts.entry(symbol.clone()).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

/// The symbols of a trained net and how often each is on its best paths over `manifests`.
///
/// # Errors
/// The net or the data cannot be read.
pub fn use_of(
    trained: &Path,
    manifests: &[PathBuf],
    progress: Progress<'_>,
) -> Result<(Alphabet, BTreeMap<String, usize>), TrainError> {
    let Trained { net, alphabet, features } = Trained::load(trained)?;
    let sources: Vec<Source> = manifests.iter().cloned().map(Source::from).collect();
    let config = net.config().clone();
    let frames_out = move |frames| config.frames_out(frames);
    let dataset = Dataset::open(
        &sources,
        &alphabet,
        &features,
        &DataConfig::default(),
        frames_out,
        progress,
    )?;
    let counts = use_on_best_paths(&net, &dataset, &BatchConfig::default())?;
    Ok((alphabet, counts))
}
