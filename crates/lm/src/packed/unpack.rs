//! Packed model to model in memory, for pruning, other widths, and ARPA.

use super::LanguageModel;
use super::query::Record;
use crate::{Error, MAX_ORDER, ModelBuilder, NgramModel, Result, Vocabulary, WordId};

impl LanguageModel {
    /// The model in memory, with the quantized numbers.
    ///
    /// # Errors
    /// Bytes with correct checksums but contradictory contents.
    pub fn to_model(&self) -> Result<NgramModel> {
        let vocabulary = Vocabulary::new(self.words().map(|(_, word)| word))?;
        let mut builder = ModelBuilder::new(vocabulary, self.order())?;
        let mut walk =
            Walk { model: self, words: [WordId::UNKNOWN; MAX_ORDER], seen: [0; MAX_ORDER] };
        for unigram in 0..self.counts()[0] {
            walk.collect(1, unigram, &mut builder)?;
        }
        builder.finish()
    }
}

/// A walk through the whole trie.
struct Walk<'a> {
    model: &'a LanguageModel,
    /// The words of the n-gram, at the end of the array.
    words: [WordId; MAX_ORDER],
    /// Number of n-grams of each order so far.
    seen: [usize; MAX_ORDER],
}

impl Walk<'_> {
    /// Adds an n-gram and those below it.
    fn collect(&mut self, length: usize, node: usize, builder: &mut ModelBuilder) -> Result<()> {
        let model = self.model;
        let level = &model.layout.levels[length - 1];
        // N-grams with several parents could make the walk endless.
        self.seen[length - 1] += 1;
        if self.seen[length - 1] > model.counts()[length - 1] {
            let reason = "n-grams stand below more than one other: the file is damaged";
            return Err(Error::packed("children", level.children.start, reason));
        }
        let record = Record::new(level, model.bytes(), node);
        let first = if length == 1 { node as u32 } else { record.word() };
        self.words[MAX_ORDER - length] = WordId(first);
        let is_last = length == model.order();
        let backoff = if is_last { 0.0 } else { record.backoff(model.bits()) };
        let prob = record.prob(model.bits().prob);
        builder.push(&self.words[MAX_ORDER - length..], prob, backoff)?;
        if is_last {
            return Ok(());
        }
        let section = model.bytes().get(level.children.clone()).unwrap_or_default();
        let (from, to) = level.first_child.pair(section, node);
        for child in from..to.min(model.counts()[length] as u64) {
            self.collect(length + 1, child as usize, builder)?;
        }
        Ok(())
    }
}
