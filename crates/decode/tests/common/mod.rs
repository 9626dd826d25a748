//! Random frames, a naive language model, and the search by enumeration.

#![allow(dead_code, unused_imports)] // Each test file uses its own part.

use std::collections::HashMap;
use std::sync::Arc;

use stonechat_decode::{
    BeamDecoder, BeamOptions, BeamSearch, Decoder, LanguageModel, LmState, WordId,
};

pub use stonechat_testing::Random;

/// `frames` frames of logits that vary by `spread`.
pub fn logits(seed: u64, frames: usize, symbols: usize, spread: f32) -> Vec<Vec<f32>> {
    let mut random = Random(seed);
    let mut frame = || (0..symbols).map(|_| spread * random.unit() as f32).collect();
    (0..frames).map(|_| frame()).collect()
}

pub fn symbols(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

/// Frames that say a path, one symbol per frame, each with `logit` above the others.
pub fn path(alphabet: &[String], best: &[&str], logit: f32) -> Vec<Vec<f32>> {
    let frame = |text: &&str| {
        let best = alphabet.iter().position(|symbol| symbol == text).unwrap();
        (0..alphabet.len()).map(|s| if s == best { logit } else { 0.0 }).collect()
    };
    best.iter().map(frame).collect()
}

/// A bigram model with made-up probabilities. `WordId(n)` is `words[n - 1]`.
#[derive(Debug)]
pub struct Bigram {
    pub words: Vec<&'static str>,
    pub seed: u64,
}

impl Bigram {
    /// log10 p(next | previous); the number of words + 1 stands for both ends.
    fn log10(&self, previous: u32, next: u32) -> f32 {
        let mut random = Random(self.seed ^ u64::from(previous * 64 + next) << 20);
        (0..4).for_each(|_| _ = random.unit());
        -0.1 - 2.0 * random.unit() as f32
    }

    fn edge(&self) -> u32 {
        self.words.len() as u32 + 1
    }

    /// The intended score of a text.
    pub fn text_score(&self, text: &str, options: &BeamOptions) -> f32 {
        let (mut score, mut previous) = (0.0, self.edge());
        for word in text.split_whitespace() {
            let id = self.words.iter().position(|w| *w == word).map_or(0, |i| i as u32 + 1);
            let letters = options.unknown_letter * word.len() as f32;
            score += options.beta + if id == 0 { options.unknown_word + letters } else { 0.0 };
            if id == 0 && options.lexicon_only {
                return f32::NEG_INFINITY;
            }
            score += options.alpha * std::f32::consts::LN_10 * self.log10(previous, id);
            previous = id;
        }
        score + options.alpha * std::f32::consts::LN_10 * self.log10(previous, self.edge())
    }
}

fn after(word: u32) -> LmState {
    LmState([word, 0, 0, 0, 0, 0, 0, 0, 0])
}

impl LanguageModel for Bigram {
    fn start(&self) -> LmState {
        after(self.edge())
    }

    fn empty(&self) -> LmState {
        after(99)
    }

    fn score(&self, state: LmState, word: WordId) -> (f32, LmState) {
        (self.log10(state.0[0], word.0), after(word.0))
    }

    fn end(&self, state: LmState) -> f32 {
        self.log10(state.0[0], self.edge())
    }

    fn for_each_word(&self, each: &mut dyn FnMut(WordId, &str)) {
        self.words.iter().enumerate().for_each(|(i, word)| each(WordId(i as u32 + 1), word));
    }
}

/// Every text with its score, best first, by enumerating all paths: the sum of the paths that spell
/// its words, plus `text_score`.
pub fn enumerate(
    symbols: &[String],
    logits: &[Vec<f32>],
    text_score: impl Fn(&str) -> f32,
) -> Vec<(String, f64)> {
    let frames: Vec<Vec<f64>> = logits
        .iter()
        .map(|frame| {
            let sum: f64 = frame.iter().map(|&l| f64::from(l).exp()).sum();
            frame.iter().map(|&l| f64::from(l).exp() / sum).collect()
        })
        .collect();
    let mut texts: HashMap<String, f64> = HashMap::new();
    for mut number in 0..symbols.len().pow(frames.len() as u32) {
        let (mut spelled, mut last, mut probability) = (String::new(), 0, 1.0);
        for frame in &frames {
            let symbol = number % symbols.len();
            number /= symbols.len();
            probability *= frame[symbol];
            if symbol != last && symbol != 0 {
                spelled += &symbols[symbol];
            }
            last = symbol;
        }
        let words: Vec<&str> = spelled.split_whitespace().collect();
        *texts.entry(words.join(" ")).or_default() += probability;
    }
    let scored = texts.into_iter().map(|(text, p)| {
        let score = p.ln() + f64::from(text_score(&text));
        (text, score)
    });
    let mut scored: Vec<(String, f64)> =
        scored.filter(|(_, score)| *score > f64::NEG_INFINITY).collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    scored
}

/// A finished decoder that has heard the frames.
pub fn decode(search: &Arc<BeamSearch>, logits: &[Vec<f32>]) -> BeamDecoder {
    let mut decoder = BeamDecoder::new(Arc::clone(search));
    logits.iter().for_each(|frame| decoder.push(frame).unwrap());
    decoder.finish();
    decoder
}
