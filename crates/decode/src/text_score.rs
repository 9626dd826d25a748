//! The score of a text apart from its acoustics: language model, number of words, unknown words.
//!
//! The score of a text is
//!
//! ```text
//! alpha ln p_lm(words) + beta (number of words)
//!     + unknown_word (number of unknown words) + unknown_letter (number of their letters)
//! ```
//!
//! with the terms of Deep Speech 2 (arXiv 1512.02595, section 3.8). A word counts when it is
//! finished. Until then it is scored by a look-ahead: the best unigram score of any word with these
//! first letters, so that a dead end is dropped early. The look-ahead is taken back when the word
//! itself is scored; the score of a finished text is exact.
//!
//! Hotwords (`phrases.rs`) add their boosts: granted boosts are settled, those held in advance
//! count in the total only. A word outside the vocabulary costs nothing extra if it is part of a
//! hotword.

use std::sync::Arc;

use crate::BeamOptions;
use crate::language_model::{LanguageModel, LmState, WordId};
use crate::phrases::Phrases;
use crate::symbols::SPACE;
use crate::vocabulary::{self, Vocabulary};

/// Not the beginning of a known word.
const OUTSIDE: u32 = u32::MAX;
const LN_10: f32 = std::f32::consts::LN_10;

/// The scoring state of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextState {
    /// Score with the look-ahead, nats; hypotheses are compared by it.
    pub total: f32,
    /// Score of the finished words.
    pub settled: f32,
    pub lm: LmState,
    /// The unfinished word, as a place in the vocabulary.
    word: u32,
    /// Its letters so far.
    letters: u16,
    /// Whether it began under other hotwords, so that it need no longer match one.
    pardoned: bool,
    /// The matching state of the hotwords.
    phrase: u32,
}

impl TextState {
    /// Makes scores relative to `base`.
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
    unknown_letter: f32,
    /// Score of an unknown word without context, apart from its letters.
    unknown: f32,
    /// Whether only words of the vocabulary are allowed.
    closed: bool,
    model: Option<Arc<dyn LanguageModel>>,
    pub vocabulary: Option<Vocabulary>,
}

impl TextScorer {
    /// Without any model: each word adds `beta`.
    pub(crate) fn new(options: &BeamOptions) -> Self {
        let BeamOptions { alpha, beta, unknown_word, unknown_letter, .. } = *options;
        Self {
            alpha,
            beta,
            unknown_word,
            unknown_letter,
            unknown: unknown_word,
            closed: options.lexicon_only,
            model: None,
            vocabulary: None,
        }
    }

    /// Scores with a model whose words are spelled in `vocabulary`.
    pub(crate) fn set_model(&mut self, model: Arc<dyn LanguageModel>, vocabulary: Vocabulary) {
        self.model = Some(model);
        self.vocabulary = Some(vocabulary);
        self.set_weights(self.alpha, self.beta);
    }

    /// Changes the weights of the model and of the number of words.
    pub(crate) fn set_weights(&mut self, alpha: f32, beta: f32) {
        (self.alpha, self.beta) = (alpha, beta);
        let unknown =
            |model: &Arc<dyn LanguageModel>| model.score(model.empty(), WordId::UNKNOWN).0;
        let log10 = self.model.as_ref().map_or(0.0, unknown);
        self.unknown = alpha * LN_10 * log10 + self.unknown_word;
    }

    /// The state before the first word.
    pub(crate) fn start(&self, phrases: &Phrases) -> TextState {
        let lm = self.model.as_ref().map_or_else(LmState::default, |model| model.start());
        let text = TextState {
            total: 0.0,
            settled: 0.0,
            lm,
            word: vocabulary::ROOT,
            letters: 0,
            pardoned: false,
            phrase: phrases.start(),
        };
        self.look_ahead_of(text, phrases)
    }

    /// The text with its total, between words.
    fn look_ahead_of(&self, text: TextState, phrases: &Phrases) -> TextState {
        let ahead =
            self.look_ahead(vocabulary::ROOT, 0, false, self.closed) + phrases.pending(text.phrase);
        TextState { total: text.settled + ahead, ..text }
    }

    /// The text with one more character; `None` if that is not allowed. A space may only follow
    /// another character.
    pub(crate) fn advance(
        &self,
        text: &TextState,
        class: u16,
        phrases: &Phrases,
    ) -> Option<TextState> {
        if class == SPACE {
            return Some(self.look_ahead_of(self.finish_word(text, phrases)?, phrases));
        }
        let word = match &self.vocabulary {
            Some(words) if text.word != OUTSIDE => words.child(text.word, class).unwrap_or(OUTSIDE),
            _ => OUTSIDE,
        };
        let phrase = phrases.step(text.phrase, class);
        let hot = phrases.matches(phrase);
        let closed = self.closed && !text.pardoned;
        if closed && word == OUTSIDE && !hot {
            return None;
        }
        let letters = text.letters.saturating_add(1);
        let ahead = self.look_ahead(word, letters, hot, closed) + phrases.pending(phrase);
        let total = text.settled + ahead;
        Some(TextState { total, word, letters, phrase, ..*text })
    }

    /// The same text under other hotwords. Matching starts only if a word begins.
    pub(crate) fn restart_phrases(&self, text: &mut TextState, in_word: bool, phrases: &Phrases) {
        text.phrase = if in_word { phrases.outside() } else { phrases.start() };
        text.pardoned = in_word && text.word == OUTSIDE;
        let closed = self.closed && !text.pardoned;
        let ahead = self.look_ahead(text.word, text.letters, false, closed);
        text.total = text.settled + ahead + phrases.pending(text.phrase);
    }

    /// An upper bound of what one more character adds to the total.
    pub(crate) fn largest_gain(&self, text: &TextState, class: u16, phrases: &Phrases) -> f32 {
        let mut gain = phrases.largest_step();
        if class == SPACE {
            // No word is more than certain.
            let held = phrases.pending(text.phrase);
            gain +=
                text.settled + self.beta + self.look_ahead(vocabulary::ROOT, 0, false, self.closed)
                    - (text.total - held);
        } else if gain > 0.0 {
            // The first letters of a hotword may cancel the penalty of an unknown word.
            gain -= self.unknown_word.min(0.0) + self.letters_cost(text.letters).min(0.0);
        }
        gain + self.unknown_letter.max(0.0)
    }

    /// An upper bound of what this character adds to the total:
    /// [`largest_gain`](Self::largest_gain) with the exact boosts of hotwords, so that hotwords do
    /// not affect the search of texts that do not match them.
    pub(crate) fn gain(&self, text: &TextState, class: u16, phrases: &Phrases) -> f32 {
        let next = phrases.step(text.phrase, class);
        let held = phrases.granted(next) + phrases.pending(next);
        let rest = if class == SPACE {
            // No word is more than certain.
            text.settled + self.beta + self.look_ahead(vocabulary::ROOT, 0, false, self.closed)
                - text.total
        } else if phrases.matches(next) {
            // The letters of a hotword do not count as those of an unknown word.
            let lifted = self.unknown_word.min(0.0) + self.letters_cost(text.letters).min(0.0);
            -phrases.pending(text.phrase) - lifted
        } else {
            -phrases.pending(text.phrase)
        };
        held + rest + self.unknown_letter.max(0.0)
    }

    /// Score of this many letters of an unknown word.
    fn letters_cost(&self, letters: u16) -> f32 {
        self.unknown_letter * f32::from(letters)
    }

    /// The score if the utterance ends here; `None` if it cannot.
    pub(crate) fn end(&self, text: &TextState, in_word: bool, phrases: &Phrases) -> Option<f32> {
        let text = if in_word { self.finish_word(text, phrases)? } else { *text };
        let sentence =
            self.model.as_ref().map_or(0.0, |model| self.alpha * LN_10 * model.end(text.lm));
        Some(text.settled + sentence)
    }

    /// The text after the space that finishes its word, without the look-ahead.
    fn finish_word(&self, text: &TextState, phrases: &Phrases) -> Option<TextState> {
        let known = match &self.vocabulary {
            Some(words) if text.word != OUTSIDE => words.word(text.word),
            _ => None,
        };
        let phrase = phrases.step(text.phrase, SPACE);
        let hot = phrases.ends_word(phrase);
        if self.closed && known.is_none() && !hot && !text.pardoned {
            return None;
        }
        let mut after =
            TextState { word: vocabulary::ROOT, letters: 0, pardoned: false, phrase, ..*text };
        after.settled += self.beta + phrases.granted(phrase);
        if self.vocabulary.is_some() && known.is_none() && !hot {
            after.settled += self.unknown_word + self.letters_cost(text.letters);
        }
        if let Some(model) = &self.model {
            let (log10, lm) = model.score(text.lm, known.unwrap_or(WordId::UNKNOWN));
            after.settled += self.alpha * LN_10 * log10;
            after.lm = lm;
        }
        Some(after)
    }

    /// The best score that the unfinished word can still get. `hot`: it may become a hotword;
    /// `closed`: otherwise it must be a known word.
    fn look_ahead(&self, word: u32, letters: u16, hot: bool, closed: bool) -> f32 {
        let Some(words) = &self.vocabulary else { return self.beta };
        let unknown = match (hot, closed) {
            (true, _) => self.unknown - self.unknown_word,
            (false, true) => f32::NEG_INFINITY,
            (false, false) => self.unknown + self.letters_cost(letters),
        };
        if word == OUTSIDE {
            return self.beta + unknown;
        }
        self.beta + unknown.max(self.alpha * words.bound(word))
    }
}
