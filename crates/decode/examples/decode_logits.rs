//! Decodes the logits that `stonechat eval --logits FOLDER` wrote, and measures the time: the
//! comparison with other decoders (`benches/decoders`) uses it.
//!
//! ```text
//! decode_logits FOLDER [--lm FILE] [--beam N] [--alpha X] [--beta X] [--threshold X] [--mass X]
//!     [--unknown X] [--unknown-letter X] [--lexicon-only true] [--repeat N]
//!     [--grammar FILE [--garbage X] [--nearest true]]
//! ```
//!
//! Prints one JSON object: `seconds` of decoding (the best of the repeats), `wer`, `right` (share
//! of the sentences), `peak_rss_mb`, and for each utterance its text, its score and the evidence
//! for its words.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use stonechat_decode::{
    BeamDecoder, BeamOptions, BeamSearch, Decoder, ErrorCount, Grammar, GrammarOptions,
    GrammarSearch,
};

/// The arguments.
struct Asked {
    folder: PathBuf,
    options: BeamOptions,
    model: Option<stonechat_lm::LanguageModel>,
    grammar: Option<Grammar>,
    closed: GrammarOptions,
    repeats: usize,
}

impl Asked {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut asked = Self {
            folder: arguments.next().ok_or("which folder?")?.into(),
            options: BeamOptions { beta: 0.0, ..BeamOptions::default() },
            model: None,
            grammar: None,
            closed: GrammarOptions::default(),
            repeats: 1,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or("a value is missing")?;
            match &name[..] {
                "--lm" => asked.model = Some(stonechat_lm::LanguageModel::load(&value)?),
                "--beam" => asked.options.width = value.parse()?,
                "--alpha" => asked.options.alpha = value.parse()?,
                "--beta" => asked.options.beta = value.parse()?,
                "--threshold" => asked.options.score_threshold = value.parse()?,
                "--mass" => asked.options.symbol_mass = value.parse()?,
                "--unknown" => asked.options.unknown_word = value.parse()?,
                "--unknown-letter" => asked.options.unknown_letter = value.parse()?,
                "--lexicon-only" => asked.options.lexicon_only = value.parse()?,
                "--grammar" => {
                    let text = std::fs::read_to_string(&value)?;
                    asked.grammar = Some(Grammar::from_phrases(text.lines())?);
                }
                "--garbage" => asked.closed.garbage = value.parse()?,
                "--nearest" => asked.closed.nearest = value.parse()?,
                "--repeat" => asked.repeats = value.parse()?,
                _ => return Err(format!("what is {name}?").into()),
            }
        }
        Ok(asked)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let asked = Asked::parse(std::env::args().skip(1))?;
    let Asked { folder, options, model, grammar, closed, repeats } = asked;
    let index: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("index.json"))?)?;
    let strings = |value: &Value| -> Vec<String> {
        let list = value.as_array().into_iter().flatten();
        list.map(|text| text.as_str().unwrap_or_default().to_string()).collect()
    };
    let symbols = strings(&index["symbols"]);
    let texts = strings(&index["texts"]);
    let frame_seconds = index["frame_seconds"].as_f64().ok_or("no frame length")?;
    let mut search = BeamSearch::new(&symbols, frame_seconds, options)?;
    if let Some(model) = model {
        search = search.with_language_model(Arc::new(model));
    }
    let search = Arc::new(search);
    let mut decoder: Box<dyn Decoder> = match grammar {
        None => Box::new(BeamDecoder::new(search)),
        Some(grammar) => {
            let search = GrammarSearch::new(&symbols, frame_seconds, &grammar, closed)?;
            Box::new(Arc::new(search).decoder())
        }
    };
    let logits: Vec<Vec<f32>> = (0..texts.len())
        .map(|n| read(&folder.join(format!("{n}.npy"))))
        .collect::<Result<_, _>>()?;
    let mut best = f64::INFINITY;
    let mut utterances = Vec::new();
    for _ in 0..repeats {
        utterances.clear();
        let start = Instant::now();
        for logits in &logits {
            decoder.reset();
            for frame in logits.chunks_exact(symbols.len()) {
                decoder.push(frame)?;
            }
            decoder.finish();
            let text = decoder.text().to_string();
            utterances.push((text, decoder.alternatives(1), decoder.evidence()));
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    let counts: Vec<ErrorCount> = utterances
        .iter()
        .zip(&texts)
        .map(|((text, ..), said)| ErrorCount::words(said, text))
        .collect();
    let right = counts.iter().filter(|count| count.errors() == 0).count();
    let words: ErrorCount = counts.into_iter().sum();
    let frames: usize = logits.iter().map(|logits| logits.len() / symbols.len()).sum();
    let listed: Vec<Value> = utterances
        .iter()
        .map(|(text, best, evidence)| {
            let score = best.first().map(|best| best.score);
            json!({ "text": text, "score": score, "evidence": evidence })
        })
        .collect();
    let report = json!({
        "seconds": best,
        "rtf": best / (frames as f64 * frame_seconds),
        "wer": words.rate(),
        "right": right as f64 / texts.len().max(1) as f64,
        "peak_rss_mb": peak_rss_mb(),
        "utterances": listed,
    });
    println!("{report}");
    Ok(())
}

/// The peak resident memory, if the system reports it.
fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

/// The values of a NumPy file of float32.
fn read(path: &Path) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let header = bytes.get(8..10).ok_or("too short for NumPy")?;
    let start = 10 + usize::from(u16::from_le_bytes([header[0], header[1]]));
    let values = bytes.get(start..).ok_or("too short for its header")?.chunks_exact(4);
    Ok(values.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}
