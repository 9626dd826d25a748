//! Perplexity: how well a model predicts a text.

use crate::text::Sentences;
use crate::{LanguageModel, Result, WordId};

/// The score of a text by a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Perplexity {
    /// Sentences with at least one word.
    pub sentences: u64,
    /// Words, including unknown ones, without ends of sentences.
    pub words: u64,
    /// Words that the model does not know.
    pub unknown_words: u64,
    /// log10 of the probability of the known words and the ends of the sentences.
    pub log10_known: f64,
    /// log10 of the probability of the unknown words, each as `<unk>`.
    pub log10_unknown: f64,
}

impl Perplexity {
    /// Per known word and end of a sentence; unknown words are left out, as in other tools by
    /// default.
    pub fn perplexity(&self) -> f64 {
        let events = self.words - self.unknown_words + self.sentences;
        10f64.powf(-self.log10_known / events as f64)
    }

    /// Per word and end of a sentence, with unknown words as `<unk>`.
    pub fn perplexity_with_unknown(&self) -> f64 {
        let events = self.words + self.sentences;
        10f64.powf(-(self.log10_known + self.log10_unknown) / events as f64)
    }

    /// Unknown words per word.
    pub fn oov_rate(&self) -> f64 {
        self.unknown_words as f64 / self.words as f64
    }
}

impl LanguageModel {
    /// Scores a text, each sentence from its beginning to its end.
    ///
    /// # Errors
    /// Errors while reading the text.
    pub fn perplexity(&self, text: &mut dyn Sentences) -> Result<Perplexity> {
        let mut sum = Perplexity::default();
        text.for_each(&mut |sentence| {
            let mut state = self.start();
            let mut words = 0;
            for word in sentence.split_ascii_whitespace() {
                words += 1;
                let id = self.word_id(word).unwrap_or(WordId::UNKNOWN);
                let (log10, next) = self.score(state, id);
                match id {
                    WordId::UNKNOWN => {
                        sum.unknown_words += 1;
                        sum.log10_unknown += f64::from(log10);
                    }
                    _ => sum.log10_known += f64::from(log10),
                }
                state = next;
            }
            if words > 0 {
                sum.words += words;
                sum.sentences += 1;
                sum.log10_known += f64::from(self.end(state));
            }
            Ok(())
        })?;
        Ok(sum)
    }
}
