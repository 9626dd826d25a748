//! A packed model of a given size.

use crate::packed::{UNQUANTIZED, packed_bytes_with, words_bytes};
use crate::widths::{LEAST_BITS, Uses, candidates};
use crate::{Bits, Error, NgramModel, Pruner, Result};

/// The chosen model.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The pruned model.
    pub model: NgramModel,
    /// Widths for [`NgramModel::pack`].
    pub bits: Bits,
    /// The threshold of the pruning.
    pub threshold: f32,
}

/// Prunes a model as little as needed so that [`NgramModel::pack`] gives at most `bytes` bytes with
/// these widths.
///
/// # Errors
/// A size too small even for the vocabulary and its probabilities; impossible widths.
pub fn fit(model: &NgramModel, bytes: usize, bits: Bits) -> Result<Fitted> {
    bits.validate()?;
    let size = Size::of(model, bytes);
    let pruner = Pruner::new(model);
    let threshold = size.threshold(&pruner, bits).ok_or_else(|| size.refuse(&pruner, bits))?;
    Ok(Fitted { model: pruner.prune(threshold), bits, threshold })
}

/// [`fit`] that also chooses the widths that are not given, so that pruning and rounding together
/// lose the least: fewer bits leave room for more n-grams. Both losses are relative entropies per
/// word, estimated n-gram by n-gram.
///
/// # Errors
/// Those of [`fit`].
pub fn fit_with_widths(
    model: &NgramModel,
    bytes: usize,
    prob: Option<u32>,
    backoff: Option<u32>,
) -> Result<Fitted> {
    let candidates = candidates(prob, backoff);
    candidates.iter().try_for_each(|bits| bits.validate())?;
    let size = Size::of(model, bytes);
    let pruner = Pruner::new(model);
    let fitting = |&bits: &Bits| Some((bits, size.threshold(&pruner, bits)?));
    let fitting: Vec<(Bits, f32)> = candidates.iter().filter_map(fitting).collect();
    // Rounding loss is similar in all of them: it is computed for the middle one.
    let Some(&(mut bits, mut threshold)) = fitting.get(fitting.len() / 2) else {
        return Err(size.refuse(&pruner, candidates[0]));
    };
    let mut pruned = pruner.prune(threshold);
    if fitting.len() > 1 {
        let uses = Uses::new(&pruned);
        // With a given width all candidates lose the same.
        let losses = |loss: &dyn Fn(u32) -> f64, given: Option<u32>, least: u32| -> Vec<f64> {
            let wanted = |bits: u32| given.is_none() && bits >= least;
            (0..=8).map(|bits| if wanted(bits) { loss(bits) } else { 0.0 }).collect()
        };
        let by_prob = losses(&|bits| uses.prob_loss(bits), prob, LEAST_BITS.prob);
        let by_backoff = losses(&|bits| uses.backoff_loss(bits), backoff, LEAST_BITS.backoff);
        let rounding = |losses: &[f64], bits: u32| match bits {
            UNQUANTIZED => 0.0,
            bits => losses.get(bits as usize).copied().unwrap_or(0.0),
        };
        let loss = |(bits, threshold): &(Bits, f32)| {
            pruner.loss(*threshold)
                + rounding(&by_prob, bits.prob)
                + rounding(&by_backoff, bits.backoff)
        };
        let scored = fitting.iter().map(|each| (loss(each), each));
        if let Some((_, &best)) = scored.min_by(|a, b| a.0.total_cmp(&b.0))
            && best != (bits, threshold)
        {
            (bits, threshold) = best;
            pruned = pruner.prune(threshold);
        }
    }
    Ok(Fitted { model: pruned, bits, threshold })
}

/// The available bytes, and those of the words.
struct Size {
    bytes: usize,
    words: usize,
}

impl Size {
    fn of(model: &NgramModel, bytes: usize) -> Self {
        Self { bytes, words: words_bytes(model.vocabulary()) }
    }

    /// The smallest threshold that fits.
    fn threshold(&self, pruner: &Pruner, bits: Bits) -> Option<f32> {
        pruner.threshold(|counts| packed_bytes_with(self.words, counts, bits) <= self.bytes)
    }

    fn refuse(&self, pruner: &Pruner, bits: Bits) -> Error {
        let least = packed_bytes_with(self.words, &pruner.counts(f32::INFINITY), bits);
        let reason = format!(
            "{} bytes, but the words alone take {least}: allow more bytes or fewer words",
            self.bytes
        );
        Error::option("target size", reason)
    }
}

/// The most words that a model of `bytes` bytes should have: about an eighth of it for words, at
/// about six bytes each.
pub fn words_for(bytes: usize) -> usize {
    bytes / 8 / 6
}
