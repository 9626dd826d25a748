//! A back-off model in memory: the contents of ARPA files, the result of estimation and the input
//! of packing.
//!
//! The n-grams form a trie of the *reversed* words: below the word `c` are its predecessors `b`,
//! below them theirs. One walk from the word to be scored backwards through its context finds the
//! longest n-gram and, on its way, the context of the next query. After Heafield 2011, "KenLM:
//! Faster and Smaller Language Model Queries", and SRILM before it.
//!
//! Invariants: for each n-gram `a b c` the model also has `b c` (its suffix and parent) and `a b`
//! (its context, which holds the back-off weight). [`ModelBuilder`] adds missing ones without
//! changing any probability.

use crate::{Vocabulary, WordId};

/// Longest n-grams.
pub const MAX_ORDER: usize = 5;

/// Back-off weight of n-grams that are not the context of any other: minus zero, as in KenLM.
pub(crate) const NO_CONTEXT: f32 = -0.0;

/// Whether a back-off weight is [`NO_CONTEXT`].
pub(crate) fn is_no_context(log10_backoff: f32) -> bool {
    log10_backoff.to_bits() == NO_CONTEXT.to_bits()
}

/// The n-grams of one order, sorted by their reversed words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Level {
    /// The first word of the n-gram (the earliest in the text); for unigrams the word itself.
    pub word: Vec<u32>,
    /// log10 p(last word | the others).
    pub log10_prob: Vec<f32>,
    /// log10 of the back-off weight; [`NO_CONTEXT`] if no n-gram continues this one.
    pub log10_backoff: Vec<f32>,
    /// Occurrences of the n-gram per word of the text; empty if unknown, and in the last level.
    pub share: Vec<f32>,
    /// Where the children begin in the next level; one entry more than there are n-grams. Empty in
    /// the last level.
    pub first_child: Vec<u32>,
}

impl Level {
    pub fn len(&self) -> usize {
        self.word.len()
    }
}

/// A back-off language model of order 1 to [`MAX_ORDER`] in memory, unquantized: 16 to 20 bytes an
/// n-gram.
#[derive(Clone, Debug, PartialEq)]
pub struct NgramModel {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) levels: Vec<Level>,
}

impl NgramModel {
    /// Length of the longest n-grams.
    pub fn order(&self) -> usize {
        self.levels.len()
    }

    /// The words.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Number of n-grams of each order, unigrams first.
    pub fn counts(&self) -> Vec<usize> {
        self.levels.iter().map(Level::len).collect()
    }

    /// log10 p(`word` | `context`), and the length of the n-gram that gave it. The context is in
    /// the order of the text; only its last `order - 1` words matter.
    pub fn log10_prob(&self, context: &[WordId], word: WordId) -> (f32, usize) {
        let Some(mut node) = self.unigram(word) else {
            return (f32::NEG_INFINITY, 0);
        };
        let mut prob = self.levels[0].log10_prob[node];
        let mut length = 1;
        for previous in context.iter().rev().take(self.order() - 1) {
            let Some(child) = self.child(length, node, previous.0) else {
                break;
            };
            node = child;
            prob = self.levels[length].log10_prob[node];
            length += 1;
        }
        // The back-off weights of the contexts that were too long.
        let context = &context[context.len().saturating_sub(self.order() - 1)..];
        (prob + self.backoff_sum(context, length), length)
    }

    /// The probability that an n-gram (in the order of the text) would have without its own entry.
    pub(crate) fn backed_off(&self, words: &[WordId]) -> f32 {
        let (word, context) = words.split_last().expect("an n-gram has words");
        let reversed: Vec<u32> = context.iter().rev().map(|word| word.0).collect();
        let backoff = match self.find(&reversed) {
            Some(node) => self.levels[context.len() - 1].log10_backoff[node],
            None => 0.0,
        };
        backoff + self.log10_prob(&context[1..], *word).0
    }

    /// Sum of the back-off weights of the last `from`, `from + 1`, ... words of `context`.
    fn backoff_sum(&self, context: &[WordId], from: usize) -> f32 {
        let mut sum = 0.0;
        let mut node = None;
        for (n, word) in context.iter().rev().enumerate() {
            node = match node {
                None => self.unigram(*word),
                Some(node) => self.child(n, node, word.0),
            };
            match node {
                Some(node) if n + 1 >= from => sum += self.levels[n].log10_backoff[node],
                Some(_) => {}
                None => break,
            }
        }
        sum
    }

    fn unigram(&self, word: WordId) -> Option<usize> {
        ((word.0 as usize) < self.vocabulary.len()).then_some(word.0 as usize)
    }

    /// The child `word` of the node of the level `length - 1` (n-grams of `length` words).
    pub(crate) fn child(&self, length: usize, node: usize, word: u32) -> Option<usize> {
        let first = *self.levels[length - 1].first_child.get(node)? as usize;
        let end = self.levels[length - 1].first_child[node + 1] as usize;
        let words = &self.levels[length].word[first..end];
        Some(first + words.binary_search(&word).ok()?)
    }

    /// The node of the n-gram with the words `reversed`, last one first.
    pub(crate) fn find(&self, reversed: &[u32]) -> Option<usize> {
        let mut node = self.unigram(WordId(*reversed.first()?))?;
        for (n, &word) in reversed.iter().enumerate().skip(1) {
            node = self.child(n, node, word)?;
        }
        Some(node)
    }

    /// Calls `visit` with the node and the reversed words of each n-gram of `length` words, in
    /// order.
    pub(crate) fn for_each(&self, length: usize, mut visit: impl FnMut(usize, &[u32])) {
        let mut words = [0; MAX_ORDER];
        for unigram in 0..self.levels[0].len() {
            words[0] = unigram as u32;
            self.descend(1, unigram, length, &mut words, &mut visit);
        }
    }

    fn descend(
        &self,
        depth: usize,
        node: usize,
        length: usize,
        words: &mut [u32; MAX_ORDER],
        visit: &mut impl FnMut(usize, &[u32]),
    ) {
        if depth == length {
            return visit(node, &words[..length]);
        }
        let level = &self.levels[depth - 1];
        for child in level.first_child[node]..level.first_child[node + 1] {
            words[depth] = self.levels[depth].word[child as usize];
            self.descend(depth + 1, child as usize, length, words, visit);
        }
    }
}
