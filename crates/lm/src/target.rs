//! A packed model of a given size.

use crate::packed::{packed_bytes_with, words_bytes};
use crate::{Bits, Error, NgramModel, Pruner, Result};

/// What was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The pruned model.
    pub model: NgramModel,
    /// For [`NgramModel::pack`].
    pub bits: Bits,
    /// The threshold of the pruning.
    pub threshold: f32,
}

/// Prunes a model as little as needed for [`NgramModel::pack`] to give at most `bytes` bytes.
///
/// # Errors
/// A size that not even the vocabulary and its probabilities fit in; widths that cannot be.
pub fn fit(model: &NgramModel, bytes: usize, bits: Bits) -> Result<Fitted> {
    bits.validate()?;
    let words = words_bytes(model.vocabulary());
    let size = |counts: &[usize]| packed_bytes_with(words, counts, bits);
    let pruner = Pruner::new(model);
    let threshold = pruner.threshold(|counts| size(counts) <= bytes).ok_or_else(|| {
        let least = size(&pruner.counts(f32::INFINITY));
        let reason =
            format!("{bytes} bytes, the words alone take {least}: take more bytes or fewer words");
        Error::option("target size", reason)
    })?;
    Ok(Fitted { model: pruner.prune(threshold), bits, threshold })
}

/// How many words a model of `bytes` bytes should have at most: about an eighth of it goes to words, at some
/// six bytes a word.
pub fn words_for(bytes: usize) -> usize {
    bytes / 8 / 6
}
