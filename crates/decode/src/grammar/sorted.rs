//! What was said, sorted into words of phrases and garbage.

use super::history::{GARBAGE, History, Item, OPEN};
use super::search::GrammarSearch;
use crate::confidence_weights::Evidence;
use crate::greedy::Token;
use crate::words::{self, Word, milliseconds};

/// Words of phrases with their evidence, and the other words.
#[derive(Debug, Clone, Default)]
pub(super) struct Sorted {
    pub words: Vec<Word>,
    pub evidence: Vec<Evidence>,
    pub rejected: Vec<Word>,
}

impl Sorted {
    /// Sorts a sequence of items that begins with a phrase or garbage. Garbage is spelled as the
    /// `tokens` of greedy decoding, an unfinished word as `open`.
    pub(super) fn new(
        search: &GrammarSearch,
        history: &History,
        items: &[Item],
        tokens: &[Token],
        open: impl Fn() -> String,
    ) -> Self {
        let mut sorted = Self::default();
        for part in items.split_inclusive(|item| item.last) {
            if part[0].label == GARBAGE {
                let inside = |token: &&Token| (part[0].start..part[0].end).contains(&token.frame);
                let tokens: Vec<Token> = tokens.iter().filter(inside).copied().collect();
                sorted.rejected.extend(words::words(&tokens, &search.texts, search.frame_seconds));
                continue;
            }
            let texts = part.iter().map(|item| match item.label {
                OPEN => open(),
                label => search.graph.words[label as usize].clone(),
            });
            let texts: Vec<String> = texts.collect();
            let evidence = evidence(history.get(part[0].parent).score, part, &texts);
            let conf = search.calibration.confidence(&evidence);
            let seconds = |frame: u64| milliseconds(frame as f64 * search.frame_seconds);
            let words = part.iter().zip(texts).map(|(item, word)| {
                let [start, end] = [item.start, item.end].map(seconds);
                Word { word, start, end, conf }
            });
            if conf >= search.options.min_confidence {
                sorted.words.extend(words);
                sorted.evidence.extend(std::iter::repeat_n(evidence, part.len()));
            } else {
                sorted.rejected.extend(words);
            }
        }
        sorted
    }

    pub(super) fn append(&mut self, other: Self) {
        self.words.extend(other.words);
        self.evidence.extend(other.evidence);
        self.rejected.extend(other.rejected);
    }

    /// Appends the words of phrases to a text.
    pub(super) fn spell(&self, text: &mut String) {
        for word in &self.words {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&word.word);
        }
    }
}

/// The evidence for a phrase: how far its letters are behind the best symbols, on average and in
/// its worst word.
fn evidence(before: f64, phrase: &[Item], texts: &[String]) -> Evidence {
    let (mut last, mut worst, mut letters) = (before, 0.0f64, 0);
    for (item, text) in phrase.iter().zip(texts) {
        let count = text.chars().count().max(1);
        worst = worst.max((last - item.score) / count as f64);
        letters += count;
        last = item.score;
    }
    let mean = (before - last).max(0.0) / letters as f64;
    Evidence {
        posterior: 0.5,
        mean_peak: (-mean).exp() as f32,
        lowest_peak: (-worst).exp() as f32,
        letters: letters as u32,
    }
}
