//! Builds an [`NgramModel`] from n-grams in any order: sorts, completes and links them.

use crate::ngram_model::{Level, MAX_ORDER, NO_CONTEXT, NgramModel, is_no_context};
use crate::{Error, Result, Vocabulary, WordId};

/// log10 of the probability that represents zero.
pub const LEAST_LOG10: f32 = -100.0;

/// Marks a probability that is derived from the shorter n-grams.
const FROM_SHORTER: f32 = f32::NAN;

/// The most n-grams of one order.
pub(crate) const MAX_GRAMS: usize = 1 << 31;

/// Puts an [`NgramModel`] together from n-grams in any order.
pub struct ModelBuilder {
    vocabulary: Vocabulary,
    grams: Vec<Grams>,
}

/// The n-grams of one order.
#[derive(Clone, Default)]
struct Grams {
    length: usize,
    /// Reversed words, `length` for each n-gram.
    keys: Vec<u32>,
    log10_prob: Vec<f32>,
    log10_backoff: Vec<f32>,
    /// NaN if unknown.
    share: Vec<f32>,
}

impl ModelBuilder {
    /// An empty model over `vocabulary`.
    ///
    /// # Errors
    /// An order that is not 1 to [`MAX_ORDER`].
    pub fn new(vocabulary: Vocabulary, order: usize) -> Result<Self> {
        if !(1..=MAX_ORDER).contains(&order) {
            return Err(Error::option("order", format!("is {order}, must be 1 to {MAX_ORDER}")));
        }
        let grams = (1..=order).map(|length| Grams { length, ..Grams::default() }).collect();
        Ok(Self { vocabulary, grams })
    }

    /// Adds an n-gram: its words in the order of the text, log10 of the probability of the last one
    /// after the others, and log10 of its back-off weight (0 if it has none).
    ///
    /// # Errors
    /// No words, more words than the order, or one outside the vocabulary; numbers that are not
    /// logarithms (minus infinity means a probability of zero).
    pub fn push(&mut self, words: &[WordId], log10_prob: f32, log10_backoff: f32) -> Result<()> {
        self.push_with_share(words, log10_prob, log10_backoff, f32::NAN)
    }

    /// [`push`](Self::push) with the occurrences of the n-gram per word of the text, for pruning.
    pub(crate) fn push_with_share(
        &mut self,
        words: &[WordId],
        log10_prob: f32,
        log10_backoff: f32,
        share: f32,
    ) -> Result<()> {
        let refuse = |reason: &str| Err(Error::Model(format!("n-gram {words:?}: {reason}")));
        if !(1..=self.grams.len()).contains(&words.len()) {
            return refuse("has no words or more than the order");
        }
        if words.iter().any(|word| word.0 as usize >= self.vocabulary.len()) {
            return refuse("has words that are not in the vocabulary");
        }
        if log10_prob.is_nan() || log10_prob > 0.0 || !log10_backoff.is_finite() {
            return refuse("is not a probability with a finite back-off weight");
        }
        let grams = &mut self.grams[words.len() - 1];
        grams.keys.extend(words.iter().rev().map(|word| word.0));
        grams.log10_prob.push(log10_prob.max(LEAST_LOG10));
        grams.log10_backoff.push(if log10_backoff == 0.0 { NO_CONTEXT } else { log10_backoff });
        grams.share.push(share);
        Ok(())
    }

    /// The model. Words without a unigram get the probability 10^-100.
    ///
    /// # Errors
    /// An n-gram that was added twice; more than 2^31 n-grams of one order.
    pub fn finish(mut self) -> Result<NgramModel> {
        for length in (1..=self.grams.len()).rev() {
            if length == 1 {
                self.add_missing_unigrams();
            }
            let (lower, upper) = self.grams.split_at_mut(length);
            let lower = &mut lower[length - 1];
            lower.sort()?;
            if let Some(upper) = upper.first() {
                lower.complete(self.vocabulary.len(), upper)?;
            }
        }
        let order = self.grams.len();
        let mut levels = Vec::with_capacity(order);
        for n in 0..order {
            let first_child = match self.grams.get(n + 1) {
                Some(upper) => self.grams[n].first_child(upper),
                None => Vec::new(),
            };
            let grams = std::mem::take(&mut self.grams[n]);
            levels.push(Level {
                word: grams.keys.chunks_exact(n + 1).map(|key| key[n]).collect(),
                log10_prob: grams.log10_prob,
                log10_backoff: grams.log10_backoff,
                share: match n + 1 == order || grams.share.iter().any(|share| share.is_nan()) {
                    true => Vec::new(),
                    false => grams.share,
                },
                first_child,
            });
        }
        let mut model = NgramModel { vocabulary: self.vocabulary, levels };
        derive_probabilities(&mut model);
        Ok(model)
    }

    fn add_missing_unigrams(&mut self) {
        let unigrams = &mut self.grams[0];
        let mut known = vec![false; self.vocabulary.len()];
        unigrams.keys.iter().for_each(|&word| known[word as usize] = true);
        for word in (0..known.len()).filter(|&word| !known[word]) {
            unigrams.add(&[word as u32], LEAST_LOG10);
        }
    }
}

impl Grams {
    fn len(&self) -> usize {
        self.log10_prob.len()
    }

    fn key(&self, gram: usize) -> &[u32] {
        &self.keys[gram * self.length..(gram + 1) * self.length]
    }

    fn add(&mut self, key: &[u32], log10_prob: f32) {
        self.keys.extend_from_slice(key);
        self.log10_prob.push(log10_prob);
        self.log10_backoff.push(NO_CONTEXT);
        self.share.push(f32::NAN);
    }

    /// Sorts by the reversed words.
    fn sort(&mut self) -> Result<()> {
        if self.len() > MAX_GRAMS {
            let reason = format!("{} n-grams of {} words", self.len(), self.length);
            return Err(Error::Model(format!("{reason}, at most {MAX_GRAMS} fit")));
        }
        if !self.keys.chunks_exact(self.length).is_sorted() {
            let mut order: Vec<u32> = (0..self.len() as u32).collect();
            order.sort_unstable_by_key(|&gram| self.key(gram as usize));
            let moved = |values: &[f32]| order.iter().map(|&gram| values[gram as usize]).collect();
            let (prob, backoff) = (moved(&self.log10_prob), moved(&self.log10_backoff));
            self.share = moved(&self.share);
            self.keys = order.iter().flat_map(|&gram| self.key(gram as usize)).copied().collect();
            (self.log10_prob, self.log10_backoff) = (prob, backoff);
        }
        match (1..self.len()).find(|&gram| self.key(gram) == self.key(gram - 1)) {
            Some(gram) => {
                let words: Vec<u32> = self.key(gram).iter().rev().copied().collect();
                Err(Error::Model(format!("the n-gram of the words {words:?} is there twice")))
            }
            None => Ok(()),
        }
    }

    /// Adds the missing suffixes and contexts of `upper`, and marks all contexts by a back-off
    /// weight that is not [`NO_CONTEXT`].
    fn complete(&mut self, words: usize, upper: &Grams) -> Result<()> {
        let mut missing: Vec<Vec<u32>> = Vec::new();
        let index = self.index(words);
        let mut contexts = vec![false; self.len()];
        for gram in 0..upper.len() {
            let key = upper.key(gram);
            let suffix = &key[..self.length];
            // Most suffixes are the same as that of the previous n-gram.
            if (gram == 0 || suffix != &upper.key(gram - 1)[..self.length])
                && self.find(&index, suffix).is_none()
            {
                missing.push(suffix.to_vec());
            }
            match self.find(&index, &key[1..]) {
                Some(context) => contexts[context] = true,
                None => missing.push(key[1..].to_vec()),
            }
        }
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            missing.iter().for_each(|key| self.add(key, FROM_SHORTER));
            self.sort()?;
            return self.complete(words, upper);
        }
        for (backoff, is_context) in self.log10_backoff.iter_mut().zip(contexts) {
            if is_context && is_no_context(*backoff) {
                *backoff = 0.0;
            }
        }
        Ok(())
    }

    /// Where the n-grams that end in each word begin.
    fn index(&self, words: usize) -> Vec<u32> {
        let mut index = vec![0; words + 1];
        for key in self.keys.chunks_exact(self.length) {
            index[key[0] as usize + 1] += 1;
        }
        for word in 0..words {
            index[word + 1] += index[word];
        }
        index
    }

    fn find(&self, index: &[u32], key: &[u32]) -> Option<usize> {
        let (mut low, mut high) = (index[key[0] as usize], index[key[0] as usize + 1]);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.key(middle as usize).cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle as usize),
            }
        }
        None
    }

    /// Where the children of each n-gram begin in `upper`; one entry more than there are n-grams.
    fn first_child(&self, upper: &Grams) -> Vec<u32> {
        let mut first = Vec::with_capacity(self.len() + 1);
        let mut child = 0;
        for gram in 0..self.len() {
            first.push(child as u32);
            while child < upper.len() && upper.key(child)[..self.length] == *self.key(gram) {
                child += 1;
            }
        }
        first.push(child as u32);
        first
    }
}

/// Gives added n-grams the probability that they had by backing off.
fn derive_probabilities(model: &mut NgramModel) {
    for length in 2..=model.order() {
        if !model.levels[length - 1].log10_prob.iter().any(|prob| prob.is_nan()) {
            continue;
        }
        let mut derived = Vec::new();
        model.for_each(length, |node, reversed| {
            if model.levels[length - 1].log10_prob[node].is_nan() {
                let words: Vec<WordId> = reversed.iter().rev().map(|&word| WordId(word)).collect();
                derived.push((node, model.backed_off(&words)));
            }
        });
        for (node, prob) in derived {
            model.levels[length - 1].log10_prob[node] = prob;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(words: &[u32]) -> Vec<WordId> {
        words.iter().map(|&word| WordId(word)).collect()
    }

    #[test]
    fn missing_suffixes_and_contexts_change_nothing() {
        let vocabulary = Vocabulary::new(["a", "b", "c"]).unwrap(); // ids 3, 4, 5
        let mut builder = ModelBuilder::new(vocabulary, 3).unwrap();
        for (words, prob, backoff) in [
            (&[3u32][..], -1.0, -0.5),
            (&[4], -1.5, -0.25),
            (&[5], -2.0, 0.0),
            (&[3, 4, 5], -0.125, 0.0), // without `a b` and `b c`
        ] {
            builder.push(&ids(words), prob, backoff).unwrap();
        }
        let model = builder.finish().unwrap();
        assert_eq!(model.counts(), [6, 2, 1]);
        let cases: [(&[u32], u32, f32, usize); 7] = [
            (&[3, 4], 5, -0.125, 3),
            (&[4], 5, -0.25 - 2.0, 2),
            (&[3], 4, -0.5 - 1.5, 2),
            (&[5, 4], 5, -0.25 - 2.0, 2),
            (&[3, 3], 5, -0.5 - 2.0, 1),
            (&[4, 4, 4], 4, -0.25 - 1.5, 1),
            (&[], 2, LEAST_LOG10, 1),
        ];
        for (context, word, prob, length) in cases {
            let found = model.log10_prob(&ids(context), WordId(word));
            assert_eq!(found, (prob, length), "{context:?} {word}");
        }
    }

    #[test]
    fn what_is_refused() {
        let vocabulary = Vocabulary::new(["a"]).unwrap();
        assert!(ModelBuilder::new(vocabulary.clone(), 0).is_err());
        assert!(ModelBuilder::new(vocabulary.clone(), 6).is_err());
        let mut builder = ModelBuilder::new(vocabulary, 2).unwrap();
        let cases: [(&[u32], f32, f32); 6] = [
            (&[], -1.0, 0.0),
            (&[3, 3, 3], -1.0, 0.0),
            (&[4], -1.0, 0.0),
            (&[3], 0.1, 0.0),
            (&[3], f32::NAN, 0.0),
            (&[3], -1.0, f32::INFINITY),
        ];
        for (words, prob, backoff) in cases {
            assert!(builder.push(&ids(words), prob, backoff).is_err(), "{words:?} {prob}");
        }
        builder.push(&ids(&[3, 3]), -1.0, 0.0).unwrap();
        builder.push(&ids(&[3, 3]), -1.0, 0.0).unwrap();
        assert!(builder.finish().unwrap_err().to_string().contains("twice"));
    }
}
