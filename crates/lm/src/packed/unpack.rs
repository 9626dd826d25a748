//! Packed model to model in memory, for pruning, other widths, and ARPA.

use super::LanguageModel;
use super::query::Record;
use crate::{MAX_ORDER, ModelBuilder, NgramModel, Result, Vocabulary, WordId};

impl LanguageModel {
    /// The model in memory, with the quantised numbers.
    ///
    /// # Errors
    /// Bytes whose checksums are right and whose content contradicts itself.
    pub fn to_model(&self) -> Result<NgramModel> {
        let vocabulary = Vocabulary::new(self.words().map(|(_, word)| word))?;
        let mut builder = ModelBuilder::new(vocabulary, self.order())?;
        let mut words = [WordId::UNKNOWN; MAX_ORDER];
        for unigram in 0..self.counts()[0] {
            self.collect(1, unigram, &mut words, &mut builder)?;
        }
        builder.finish()
    }

    /// Adds the n-gram of the node, whose last words stand at the end of `words`, and those below it.
    fn collect(
        &self,
        length: usize,
        node: usize,
        words: &mut [WordId; MAX_ORDER],
        builder: &mut ModelBuilder,
    ) -> Result<()> {
        let level = &self.layout.levels[length - 1];
        let record = Record::new(level, self.bytes(), node);
        let first = if length == 1 { node as u32 } else { record.word() };
        words[MAX_ORDER - length] = WordId(first);
        let is_last = length == self.order();
        let backoff = if is_last { 0.0 } else { record.backoff(self.bits()) };
        builder.push(&words[MAX_ORDER - length..], record.prob(self.bits().prob), backoff)?;
        if is_last {
            return Ok(());
        }
        let section = self.bytes().get(level.children.clone()).unwrap_or_default();
        let (from, to) = level.first_child.pair(section, node);
        for child in from..to.min(self.counts()[length] as u64) {
            self.collect(length + 1, child as usize, words, builder)?;
        }
        Ok(())
    }
}
