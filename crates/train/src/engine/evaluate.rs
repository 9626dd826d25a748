//! Greedy CER and WER of a net in training.

use serde::{Deserialize, Serialize};
use stonechat_decode::{Decoder, ErrorCount, GreedyDecoder};
use stonechat_model::Alphabet;

use crate::TrainError;
use crate::data::{BatchConfig, Dataset};
use crate::engine::graph::Graph;
use crate::engine::graph::Mode;
use crate::engine::layers::Frames;
use crate::engine::loss::recognition;
use crate::engine::net::Net;

/// Error rates over a data set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Evaluation {
    /// Mean CTC or Gram-CTC loss per utterance.
    pub loss: f64,
    /// Character error rate.
    pub cer: f64,
    /// Word error rate.
    pub wer: f64,
    /// Utterances.
    pub utterances: usize,
}

/// Runs `net` over `dataset` and compares the greedy texts with the transcripts.
///
/// # Errors
/// Audio that can no longer be read.
pub fn evaluate(
    net: &Net,
    dataset: &Dataset,
    batches: &BatchConfig,
) -> Result<Evaluation, TrainError> {
    let graph = Graph::new(net, false);
    let alphabet = dataset.targets().alphabet();
    let (mut characters, mut words) = (ErrorCount::default(), ErrorCount::default());
    let (mut loss, mut utterances) = (0.0, 0);
    for items in dataset.plan(&BatchConfig { sorta_grad: true, ..batches.clone() }, 0, 0, None) {
        let batch = dataset.batch(&items, None)?;
        let frames = Frames { lengths: batch.frames, steps: batch.t_max };
        let output = graph.forward(batch.features, frames, Mode::Inference);
        let losses = recognition(dataset.targets(), &output, &batch.labels).losses;
        loss += losses.iter().filter(|l| l.is_finite()).map(|&l| f64::from(l)).sum::<f64>();
        let symbols = net.symbols();
        for ((logits, &length), labels) in output
            .logits
            .chunks_exact(output.frames.steps * symbols)
            .zip(&output.frames.lengths)
            .zip(&batch.labels)
        {
            let text = greedy(&logits[..length * symbols], alphabet)?;
            let reference = alphabet.decode(labels)?;
            characters.add(&ErrorCount::characters(&reference, &text));
            words.add(&ErrorCount::words(&reference, &text));
            utterances += 1;
        }
    }
    Ok(Evaluation {
        loss: loss / utterances.max(1) as f64,
        cer: characters.rate(),
        wer: words.rate(),
        utterances,
    })
}

fn greedy(logits: &[f32], alphabet: &Alphabet) -> Result<String, TrainError> {
    let mut decoder = GreedyDecoder::new(alphabet.symbols(), 1.0)?;
    for frame in logits.chunks_exact(alphabet.len()) {
        decoder.push(frame)?;
    }
    Ok(decoder.text().to_owned())
}
