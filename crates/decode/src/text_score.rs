//! What a text is worth apart from its sound: language model, number of words, words nobody
//! knows.
//!
//! The score of a text is
//!
//! ```text
//! alpha ln p_lm(words) + beta (number of words) + unknown_word (number of unknown words)
//! ```
//!
//! with the terms of Deep Speech 2 (arXiv 1512.02595, section 3.8). A word counts when it is
//! finished. Until then a look-ahead stands in for it: the best that any word with these first
//! letters can have as a unigram, so that a beginning that leads nowhere is not kept until its
//! end. The look-ahead is taken back when the word's own score is there; the score of a finished
//! text is exact.

use std::sync::Arc;

use crate::language_model::{LanguageModel, LmState, WordId};
use crate::symbols::SPACE;
use crate::vocabulary::{self, Vocabulary};

/// Not the beginning of a known word.
const OUTSIDE: u32 = u32::MAX;
const LN_10: f32 = std::f32::consts::LN_10;

/// What scoring needs to know of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextState {
    /// Score with the look-ahead, nats: what hypotheses are compared by.
    pub total: f32,
    /// Score of the finished words.
    pub settled: f32,
    pub lm: LmState,
    /// The unfinished word in the vocabulary.
    word: u32,
}

impl TextState {
    /// Counts scores from `base` on.
    pub(crate) fn rebase(&mut self, base: f32) {
        self.total -= base;
        self.settled -= base;
    }
}

#[derive(Debug, Clone)]
pub(crate) struct TextScorer {
    alpha: f32,
    beta: f32,
    unknown_word: f32,
    /// Score of an unknown word without context.
    unknown: f32,
    /// Whether only words of the vocabulary are allowed.
    closed: bool,
    model: Option<Arc<dyn LanguageModel>>,
    pub vocabulary: Option<Vocabulary>,
}

impl TextScorer {
    /// Without any model: a word is worth `beta`.
    pub(crate) fn new(alpha: f32, beta: f32, unknown_word: f32, closed: bool) -> Self {
        Self {
            alpha,
            beta,
            unknown_word,
            unknown: unknown_word,
            closed,
            model: None,
            vocabulary: None,
        }
    }

    /// Scores by a model whose words are spelled as `vocabulary` has it.
    pub(crate) fn set_model(&mut self, model: Arc<dyn LanguageModel>, vocabulary: Vocabulary) {
        let (log10, _) = model.score(model.empty(), WordId::UNKNOWN);
        self.unknown = self.alpha * LN_10 * log10 + self.unknown_word;
        self.model = Some(model);
        self.vocabulary = Some(vocabulary);
    }

    /// Before the first word.
    pub(crate) fn start(&self) -> TextState {
        let lm = self.model.as_ref().map_or_else(LmState::default, |model| model.start());
        self.between_words(0.0, lm)
    }

    fn between_words(&self, settled: f32, lm: LmState) -> TextState {
        let word = vocabulary::ROOT;
        TextState { total: settled + self.look_ahead(word), settled, lm, word }
    }

    /// The text with one more character; `None` where that is not allowed. A space comes only
    /// after another character.
    pub(crate) fn advance(&self, text: &TextState, class: u16) -> Option<TextState> {
        if class == SPACE {
            let (settled, lm) = self.finish_word(text)?;
            return Some(self.between_words(settled, lm));
        }
        let word = match &self.vocabulary {
            Some(words) if text.word != OUTSIDE => words.child(text.word, class).unwrap_or(OUTSIDE),
            _ => OUTSIDE,
        };
        if self.closed && word == OUTSIDE {
            return None;
        }
        Some(TextState { total: text.settled + self.look_ahead(word), word, ..*text })
    }

    /// At least what one more character adds to the total.
    pub(crate) fn largest_gain(&self, text: &TextState, class: u16) -> f32 {
        if class == SPACE {
            // No word is more than certain.
            text.settled + self.beta + self.look_ahead(vocabulary::ROOT) - text.total
        } else {
            0.0
        }
    }

    /// The score if the utterance ends here, `None` if it cannot.
    pub(crate) fn end(&self, text: &TextState, in_word: bool) -> Option<f32> {
        let (settled, lm) = if in_word { self.finish_word(text)? } else { (text.settled, text.lm) };
        let end = self.model.as_ref().map_or(0.0, |model| self.alpha * LN_10 * model.end(lm));
        Some(settled + end)
    }

    /// Settled score and state after the unfinished word.
    fn finish_word(&self, text: &TextState) -> Option<(f32, LmState)> {
        let known = match &self.vocabulary {
            Some(words) if text.word != OUTSIDE => words.word(text.word),
            _ => None,
        };
        if self.closed && known.is_none() {
            return None;
        }
        let mut settled = text.settled + self.beta;
        if self.vocabulary.is_some() && known.is_none() {
            settled += self.unknown_word;
        }
        let Some(model) = &self.model else { return Some((settled, text.lm)) };
        let (log10, lm) = model.score(text.lm, known.unwrap_or(WordId::UNKNOWN));
        Some((settled + self.alpha * LN_10 * log10, lm))
    }

    /// What the unfinished word may at best be worth.
    fn look_ahead(&self, word: u32) -> f32 {
        let Some(words) = &self.vocabulary else { return self.beta };
        let unknown = if self.closed { f32::NEG_INFINITY } else { self.unknown };
        if word == OUTSIDE {
            return self.beta + unknown;
        }
        self.beta + unknown.max(self.alpha * words.bound(word))
    }
}
