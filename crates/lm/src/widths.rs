//! The loss of storing probabilities and back-off weights in few bits.
//!
//! If a probability is rounded by the factor `e^d` wherever it is used, the relative entropy to the
//! original model is `d^2 / 2` to second order (the first order vanishes once the model is
//! normalised). So the loss is half the mean square of the rounding, in nats, weighted by how often
//! each number is used: a probability where no longer n-gram has its own, a back-off weight where
//! no n-gram continues the context.
//!
//! A weakness: text other than the training text uses rare n-grams more often. In a small model the
//! estimate would choose probabilities of 6 bits, which cost 1.5 % of perplexity there
//! (experiments/language_model). So they have at least 7.

use crate::ngram_model::is_no_context;
use crate::packed::{bins, nearest};
use crate::prune::{contexts, linear, rest, shares, sums};
use crate::{Bits, NgramModel, WordId};

/// The most values of an order from which its bins are made: enough for the few bins whose loss
/// matters.
const SAMPLE: usize = 1 << 17;

/// How often the numbers of each order are used, per word of text.
pub(crate) struct Uses<'a> {
    model: &'a NgramModel,
    prob: Vec<Vec<f64>>,
    backoff: Vec<Vec<f64>>,
}

impl<'a> Uses<'a> {
    pub fn new(model: &'a NgramModel) -> Self {
        let order = model.order();
        // How often each n-gram occurs.
        let mut occurrences: Vec<Vec<f32>> =
            (1..order).map(|length| shares(model, length)).collect();
        let mut backoff: Vec<Vec<f64>> = Vec::new();
        for length in 2..=order {
            let contexts = contexts(model, length);
            let before = &occurrences[length - 2];
            let sums = sums(model, length, &contexts);
            backoff
                .push(before.iter().zip(&sums).map(|(&o, s)| f64::from(o) * rest(s[0])).collect());
            if length == order {
                let probs = &model.levels[length - 1].log10_prob;
                let each = contexts.iter().zip(probs);
                let each = each.map(|(&context, &p)| before[context as usize] * linear(p) as f32);
                let longest = each.collect();
                occurrences.push(longest);
            }
        }
        if order == 1 {
            occurrences
                .push(model.levels[0].log10_prob.iter().map(|&p| linear(p) as f32).collect());
        }
        // The beginning of a sentence is never predicted.
        occurrences[0][WordId::BEGIN.0 as usize] = 0.0;
        let prob = (0..order)
            .map(|n| {
                let all = occurrences[n].iter().map(|&o| f64::from(o));
                let Some(longer) = occurrences.get(n + 1) else { return all.collect() };
                let children = model.levels[n].first_child.windows(2);
                let longer =
                    children.map(|c| longer[c[0] as usize..c[1] as usize].iter().sum::<f32>());
                all.zip(longer).map(|(all, longer)| (all - f64::from(longer)).max(0.0)).collect()
            })
            .collect();
        Self { model, prob, backoff }
    }

    /// Loss of storing probabilities in this many bits, nats per word.
    pub fn prob_loss(&self, bits: u32) -> f64 {
        let levels = self.model.levels.iter().zip(&self.prob);
        levels.map(|(level, uses)| loss(&level.log10_prob, uses, 1 << bits)).sum()
    }

    /// Loss of storing back-off weights in this many bits, nats per word.
    pub fn backoff_loss(&self, bits: u32) -> f64 {
        let levels = self.model.levels.iter().zip(&self.backoff);
        // One of the bins is for n-grams without a weight.
        levels.map(|(level, uses)| loss(&level.log10_backoff, uses, (1 << bits) - 1)).sum()
    }
}

/// Half the mean square error of rounding to this many bins.
fn loss(log10: &[f32], uses: &[f64], count: usize) -> f64 {
    let values = || log10.iter().copied().filter(|&value| !is_no_context(value));
    let step = log10.len().div_ceil(SAMPLE).max(1);
    let bins = bins(values().step_by(step), count);
    let mut squares = 0.0;
    for (&value, &uses) in log10.iter().zip(uses).filter(|(value, _)| !is_no_context(**value)) {
        let error = f64::from(value - bins[nearest(&bins, value)]) * std::f64::consts::LN_10;
        squares += uses * error * error;
    }
    0.5 * squares
}

/// The smallest widths to choose from.
pub(crate) const LEAST_BITS: Bits = Bits { prob: 7, backoff: 3 };

/// Widths to choose from if they are not given.
pub(crate) fn candidates(prob: Option<u32>, backoff: Option<u32>) -> Vec<Bits> {
    let range = |given: Option<u32>, least| given.map_or(least..=8, |bits| bits..=bits);
    let pairs = range(prob, LEAST_BITS.prob)
        .flat_map(|prob| range(backoff, LEAST_BITS.backoff).map(move |b| (prob, b)));
    pairs.map(|(prob, backoff)| Bits { prob, backoff }).collect()
}

#[cfg(all(test, feature = "estimate"))]
mod tests {
    use super::*;
    use crate::estimate::{EstimateOptions, estimate};

    fn model(order: usize) -> NgramModel {
        let mut text = "a b c a b\nb c a\na b b c d\nd a b c\nc c a b\n".repeat(7);
        text += "e a b c\nd e\n";
        let mut text = &text[..];
        let options = EstimateOptions::new(order);
        estimate(&mut text, &options, &mut |_| {}).unwrap().into_model().unwrap()
    }

    #[test]
    fn every_word_is_foretold_once() {
        for order in 1..=4 {
            let model = model(order);
            let uses = Uses::new(&model);
            let sum: f64 = uses.prob.iter().flatten().sum();
            // Without the share that smoothing keeps for what is not in the text.
            assert!((0.8..1.05).contains(&sum), "order {order}: {sum}");
            assert!(uses.backoff.iter().flatten().all(|&b| (0.0..=1.0).contains(&b)));
        }
    }

    #[test]
    fn more_bits_lose_less() {
        let model = model(3);
        let uses = Uses::new(&model);
        for loss in [&|bits| uses.prob_loss(bits), &|bits| uses.backoff_loss(bits)]
            as [&dyn Fn(u32) -> f64; 2]
        {
            let losses: Vec<f64> = (2..=5).map(loss).collect();
            assert!(losses.is_sorted_by(|a, b| a >= b) && losses[0] > 0.0, "{losses:?}");
            assert!(loss(8) < 1e-9);
        }
    }
}
