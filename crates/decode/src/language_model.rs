//! The queries that the search makes to a language model.

use std::fmt;

use stonechat_lm::State;

/// A word of a language model's vocabulary. `WordId(0)` is the unknown word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WordId(pub u32);

impl WordId {
    /// The word `<unk>`, which stands for all words that the model does not know.
    pub const UNKNOWN: Self = Self(0);
}

/// What a language model remembers of the words so far, in its own encoding. Equal states have the
/// same future.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LmState(pub [u32; 9]);

/// A word n-gram model, or anything that scores a word after a state. Queries should not allocate:
/// the search makes one whenever a hypothesis finishes a word.
pub trait LanguageModel: Send + Sync + fmt::Debug {
    /// The state at the beginning of a sentence, after `<s>`.
    fn start(&self) -> LmState;

    /// The state that remembers nothing: scores from it are unigram scores.
    fn empty(&self) -> LmState;

    /// log10 of the probability of `word` after `state`, and the state after it.
    fn score(&self, state: LmState, word: WordId) -> (f32, LmState);

    /// log10 of the probability that the sentence ends after `state`.
    fn end(&self, state: LmState) -> f32;

    /// Calls `each` for every word of the vocabulary that speech may contain (not `<s>`, `</s>`,
    /// `<unk>`), in any order.
    fn for_each_word(&self, each: &mut dyn FnMut(WordId, &str));
}

/// The project's own models.
impl LanguageModel for stonechat_lm::LanguageModel {
    fn start(&self) -> LmState {
        LmState(self.start().to_numbers())
    }

    fn empty(&self) -> LmState {
        LmState(self.empty().to_numbers())
    }

    fn score(&self, state: LmState, word: WordId) -> (f32, LmState) {
        let (log10, state) = self.score(State::from_numbers(state.0), stonechat_lm::WordId(word.0));
        (log10, LmState(state.to_numbers()))
    }

    fn end(&self, state: LmState) -> f32 {
        self.end(State::from_numbers(state.0))
    }

    fn for_each_word(&self, each: &mut dyn FnMut(WordId, &str)) {
        for (id, word) in self.words().skip(stonechat_lm::SPECIAL_WORDS.len()) {
            each(WordId(id.0), &word);
        }
    }
}
