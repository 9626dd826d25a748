//! Relative-entropy pruning: fewer n-grams at little loss.
//!
//! Stolcke 1998, "Entropy-based pruning of backoff language models": without the n-gram `h w` the
//! model gives `p'(w | h) = b'(h) p(w | h')`, with a new back-off weight `b'` of the context `h`.
//! Its divergence from the model with the n-gram is
//!
//! ```text
//! D(h w) = p(h) { p(w|h) [ln p(w|h) - ln p(w|h') - ln b'(h)] + (1 - sum_x p(x|h)) [ln b(h) - ln b'(h)] }
//! ```
//!
//! with the sum over the n-grams `h x` in the model. N-grams with the smallest `D` are removed. Two
//! changes:
//!
//! 1. An n-gram stays as long as a longer one needs it as suffix or context; it then has the rank
//!    of the longer one. So the number of n-grams left by any threshold is known beforehand.
//! 2. `p(h)` is the share of `h` in the text if the model was estimated from text. With Kneser-Ney
//!    the probabilities of shorter n-grams are not such shares, which makes pruning of such models
//!    bad (Chelba et al. 2010). For models without counts it is the product of the probabilities.

use crate::ngram_model::{Level, NO_CONTEXT};
use crate::{NgramModel, WordId};

/// The smallest probability left to the words without an n-gram.
const LEAST_MASS: f64 = 1e-9;

/// The worth of each n-gram, for pruning to any size.
pub struct Pruner<'a> {
    model: &'a NgramModel,
    /// For each order from bigrams on, the worth of each n-gram.
    worth: Vec<Vec<f32>>,
    /// The loss without each n-gram, even if longer ones need it. Not for the last order, where it
    /// is the worth.
    own: Vec<Vec<f32>>,
    /// The worths, sorted.
    sorted: Vec<Vec<f32>>,
}

impl<'a> Pruner<'a> {
    /// Ranks the n-grams of a model.
    pub fn new(model: &'a NgramModel) -> Self {
        let order = model.order();
        let contexts: Vec<Vec<u32>> = (2..=order).map(|length| contexts(model, length)).collect();
        let mut worth: Vec<Vec<f32>> =
            (2..=order).map(|length| divergences(model, length, &contexts[length - 2])).collect();
        let own = worth.iter().take(worth.len().saturating_sub(1)).cloned().collect();
        for length in (3..=order).rev() {
            let (shorter, longer) = worth.split_at_mut(length - 2);
            let (shorter, longer) = (&mut shorter[length - 3], &longer[0]);
            let mut raise = |gram: usize, worth: f32| {
                shorter[gram] = shorter[gram].max(worth);
            };
            for (parent, children) in model.levels[length - 2].first_child.windows(2).enumerate() {
                for gram in children[0] as usize..children[1] as usize {
                    raise(parent, longer[gram]);
                    raise(contexts[length - 2][gram] as usize, longer[gram]);
                }
            }
        }
        let mut sorted = worth.clone();
        sorted.iter_mut().for_each(|worth| worth.sort_unstable_by(f32::total_cmp));
        Self { model, worth, own, sorted }
    }

    /// Number of n-grams of each order with a worth of at least `threshold`, unigrams (which all
    /// stay) first.
    pub fn counts(&self, threshold: f32) -> Vec<usize> {
        let unigrams = self.model.levels[0].len();
        let longer = self
            .sorted
            .iter()
            .map(|sorted| sorted.len() - sorted.partition_point(|&worth| worth < threshold));
        std::iter::once(unigrams).chain(longer).collect()
    }

    /// The loss of pruning with `threshold`: the sum of the divergences, in nats per word of text.
    pub fn loss(&self, threshold: f32) -> f64 {
        let orders = self.worth.iter().zip(self.own.iter().chain(self.worth.last()));
        let lost = |(worth, own): (&Vec<f32>, &Vec<f32>)| -> f64 {
            let gone = worth.iter().zip(own).filter(|(worth, _)| **worth < threshold);
            gone.map(|(_, own)| f64::from(*own)).sum()
        };
        orders.map(lost).sum()
    }

    /// The smallest threshold (up to rounding) whose counts `fits` accepts. `None` if it does not
    /// even accept the unigrams alone.
    pub fn threshold(&self, fits: impl Fn(&[usize]) -> bool) -> Option<f32> {
        if fits(&self.counts(0.0)) {
            return Some(0.0);
        }
        if !fits(&self.counts(f32::INFINITY)) {
            return None;
        }
        // The bits of positive floats have the order of their values.
        let (mut low, mut high) = (0, f32::INFINITY.to_bits());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match fits(&self.counts(f32::from_bits(middle))) {
                true => high = middle,
                false => low = middle,
            }
        }
        Some(f32::from_bits(high))
    }

    /// The model without the n-grams below `threshold`, which is a relative change of the
    /// perplexity for one n-gram: 1e-9 to 1e-6 are useful. The back-off weights are recomputed.
    pub fn prune(&self, threshold: f32) -> NgramModel {
        let unigrams = vec![true; self.model.levels[0].len()];
        let longer = self.worth.iter();
        let longer = longer.map(|worth| worth.iter().map(|&worth| worth >= threshold).collect());
        let kept: Vec<Vec<bool>> = std::iter::once(unigrams).chain(longer).collect();
        let mut levels = Vec::with_capacity(kept.len());
        for (n, level) in self.model.levels.iter().enumerate() {
            levels.push(level.keep(&kept[n], kept.get(n + 1).map(Vec::as_slice)));
        }
        let mut model = NgramModel { vocabulary: self.model.vocabulary.clone(), levels };
        renormalise(&mut model);
        model
    }
}

impl Level {
    /// The n-grams marked in `kept`; `children` are the marks of the next order.
    fn keep(&self, kept: &[bool], children: Option<&[bool]>) -> Level {
        fn those<T: Copy>(values: &[T], kept: &[bool]) -> Vec<T> {
            values.iter().zip(kept).filter(|(_, kept)| **kept).map(|(value, _)| *value).collect()
        }
        let mut first_child = Vec::new();
        if let Some(children) = children {
            let mut first = 0;
            for (gram, range) in self.first_child.windows(2).enumerate() {
                if kept[gram] {
                    first_child.push(first);
                }
                let range = range[0] as usize..range[1] as usize;
                first += children[range].iter().filter(|kept| **kept).count() as u32;
            }
            first_child.push(first);
        }
        Level {
            word: those(&self.word, kept),
            log10_prob: those(&self.log10_prob, kept),
            log10_backoff: those(&self.log10_backoff, kept),
            share: those(&self.share, kept),
            first_child,
        }
    }
}

/// The node of the context of each n-gram of `length` words.
pub(crate) fn contexts(model: &NgramModel, length: usize) -> Vec<u32> {
    let mut contexts = Vec::with_capacity(model.levels[length - 1].len());
    model.for_each(length, |_, reversed| {
        // Every model contains the contexts of its n-grams.
        contexts.push(model.find(&reversed[1..]).unwrap_or(0) as u32);
    });
    contexts
}

/// For each context of `length - 1` words: the probability of the words that follow with an n-gram,
/// given the context, and given the context without its first word.
pub(crate) fn sums(model: &NgramModel, length: usize, contexts: &[u32]) -> Vec<[f64; 2]> {
    let mut sums = vec![[0.0; 2]; model.levels[length - 2].len()];
    for_each_prob(model, length, |gram, prob, shorter| {
        let sum = &mut sums[contexts[gram] as usize];
        sum[0] += prob;
        sum[1] += shorter;
    });
    sums
}

/// Calls `visit` with each n-gram of `length` words, its probability and that of its suffix.
fn for_each_prob(model: &NgramModel, length: usize, mut visit: impl FnMut(usize, f64, f64)) {
    let (lower, level) = (&model.levels[length - 2], &model.levels[length - 1]);
    for (parent, children) in lower.first_child.windows(2).enumerate() {
        let shorter = linear(lower.log10_prob[parent]);
        for gram in children[0] as usize..children[1] as usize {
            visit(gram, linear(level.log10_prob[gram]), shorter);
        }
    }
}

pub(crate) fn linear(log10: f32) -> f64 {
    10f64.powf(f64::from(log10))
}

/// The rest of a probability, which is never zero.
pub(crate) fn rest(sum: f64) -> f64 {
    (1.0 - sum).max(LEAST_MASS)
}

/// `D` of each n-gram of `length` words.
fn divergences(model: &NgramModel, length: usize, contexts: &[u32]) -> Vec<f32> {
    let sums = sums(model, length, contexts);
    let shares = shares(model, length - 1);
    let mut divergences = vec![0.0; contexts.len()];
    for_each_prob(model, length, |gram, prob, shorter| {
        let context = contexts[gram] as usize;
        let [sum, sum_shorter] = sums[context];
        let (left, left_shorter) = (rest(sum), rest(sum_shorter));
        let backoff = (left / left_shorter).ln();
        let new_backoff = ((left + prob) / (left_shorter + shorter)).ln();
        let change =
            prob * (prob.ln() - shorter.ln() - new_backoff) + left * (backoff - new_backoff);
        divergences[gram] = (f64::from(shares[context]) * change).max(0.0) as f32;
    });
    divergences
}

/// `p(h)` of the n-grams of `length` words.
pub(crate) fn shares(model: &NgramModel, length: usize) -> Vec<f32> {
    let level = &model.levels[length - 1];
    if !level.share.is_empty() {
        return level.share.clone();
    }
    let mut shares = Vec::with_capacity(level.len());
    model.for_each(length, |_, reversed| {
        let words: Vec<WordId> = reversed.iter().rev().map(|&word| WordId(word)).collect();
        let factors = (0..words.len()).map(|n| match words[n] {
            // As many sentences begin as end.
            WordId::BEGIN => model.log10_prob(&[], WordId::END).0,
            word => model.log10_prob(&words[..n], word).0,
        });
        shares.push(linear(factors.sum()) as f32);
    });
    shares
}

/// Sets the back-off weights so that all probabilities after each context sum to one.
pub(crate) fn renormalise(model: &mut NgramModel) {
    for length in 2..=model.order() {
        let contexts = contexts(model, length);
        let sums = sums(model, length, &contexts);
        let backoffs = &mut model.levels[length - 2].log10_backoff;
        backoffs.fill(NO_CONTEXT);
        for context in contexts {
            let [sum, shorter] = sums[context as usize];
            // A weight of 1 is the logarithm +0, which is a weight (-0 means none).
            backoffs[context as usize] = (rest(sum) / rest(shorter)).log10() as f32 + 0.0;
        }
    }
}
