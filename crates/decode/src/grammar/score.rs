//! What a grammar has to say about a text that grows letter by letter.
//!
//! A text is in a phrase, or in garbage. The letters of a phrase cost nothing while it goes on;
//! if it breaks off, those since it could last have ended turn out to be garbage and are paid for.
//! The word in which a phrase breaks off may be the first of another one: for that its own state
//! is kept beside the phrase's.

use super::automaton::{Automaton, DEAD, START};
use crate::symbols::SPACE;

/// Where a text is in the grammar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrammarState {
    /// The phrase; [`DEAD`] in a garbage word.
    phrase: u32,
    /// The unfinished word as the first of a phrase.
    word: u32,
    /// Letters of the phrase's finished words, since it could last have ended.
    owed_words: u16,
    /// Letters of the unfinished word.
    owed_letters: u16,
}

impl GrammarState {
    /// Between phrases.
    pub(crate) const START: Self =
        Self { phrase: START, word: START, owed_words: 0, owed_letters: 0 };
}

/// An automaton and what garbage costs.
#[derive(Debug, Clone)]
pub(crate) struct GrammarScorer {
    pub automaton: Automaton,
    /// Nats per letter, from 0.
    pub garbage: f32,
}

impl GrammarScorer {
    /// One more letter: the new state and what is added to the score.
    pub(crate) fn letter(&self, state: GrammarState, class: u16) -> (GrammarState, f32) {
        let mut next = GrammarState {
            phrase: self.automaton.step(state.phrase, class),
            word: self.automaton.step(state.word, class),
            owed_letters: state.owed_letters.saturating_add(1),
            ..state
        };
        let mut letters = 0;
        if next.phrase == DEAD {
            if state.phrase == DEAD {
                letters = 1;
            } else {
                letters = std::mem::take(&mut next.owed_words);
                next.phrase = next.word;
                if next.word == DEAD {
                    letters = letters.saturating_add(next.owed_letters);
                }
            }
        }
        (next, -self.garbage * f32::from(letters))
    }

    /// The end of a word.
    pub(crate) fn space(&self, mut state: GrammarState) -> (GrammarState, f32) {
        let mut letters = 0;
        for phrase in [state.phrase, state.word] {
            if phrase == DEAD {
                break;
            }
            let after = self.automaton.step(phrase, SPACE);
            if self.automaton.accepts(phrase) {
                let phrase = if after == DEAD { START } else { after };
                return (GrammarState { phrase, ..GrammarState::START }, self.cost(letters));
            }
            if after != DEAD {
                let owed_words = state.owed_words.saturating_add(state.owed_letters);
                let next = GrammarState { phrase: after, owed_words, ..GrammarState::START };
                return (next, self.cost(letters));
            }
            // The phrase broke off: its words are garbage, and this one may begin another.
            letters = std::mem::take(&mut state.owed_words).saturating_add(letters);
            if phrase == state.word {
                break;
            }
        }
        if state.phrase != DEAD {
            letters = letters.saturating_add(state.owed_letters);
        }
        (GrammarState::START, self.cost(letters))
    }

    /// The end of the utterance, after the end of a word: what an unfinished phrase still owes.
    pub(crate) fn end(&self, state: GrammarState) -> f32 {
        self.cost(state.owed_words)
    }

    fn cost(&self, letters: u16) -> f32 {
        -self.garbage * f32::from(letters)
    }
}
