//! Mixes two models into one.

use crate::prune::renormalise;
use crate::{Error, LEAST_LOG10, ModelBuilder, NgramModel, Result, Vocabulary, WordId};

/// The linear interpolation `weight * p_first + (1 - weight) * p_second` on the n-grams of both
/// models; the order is the higher of the two. If one model has no such n-gram, its backed-off
/// probability is used; a word that it does not know has probability zero in it. The back-off
/// weights are set so that all probabilities sum to one.
///
/// # Errors
/// A weight that is not between 0 and 1, or too many words.
pub fn mix(first: &NgramModel, second: &NgramModel, weight: f64) -> Result<NgramModel> {
    if !(weight > 0.0 && weight < 1.0) {
        return Err(Error::option("weight", format!("is {weight}, must be between 0 and 1")));
    }
    let words = first.vocabulary.iter().chain(second.vocabulary.iter());
    let vocabulary = Vocabulary::new(words)?;
    let models = [first, second].map(|model| Renamed::new(model, &vocabulary));
    let order = first.order().max(second.order());
    let mut builder = ModelBuilder::new(vocabulary, order)?;
    for length in 1..=order {
        for (which, renamed) in models.iter().enumerate() {
            if length > renamed.model.order() {
                continue;
            }
            let mut result = Ok(());
            renamed.model.for_each(length, |_, reversed| {
                let words: Vec<WordId> =
                    reversed.iter().rev().map(|&word| renamed.to_mixed[word as usize]).collect();
                // N-grams that both have come from the first.
                if which == 1 && models[0].has(&words) {
                    return;
                }
                let probs = models.each_ref().map(|model| model.prob(&words));
                let mixed = weight * probs[0] + (1.0 - weight) * probs[1];
                if result.is_ok() {
                    let log10 = (mixed.log10() as f32).clamp(LEAST_LOG10, 0.0);
                    result = builder.push(&words, log10, 0.0);
                }
            });
            result?;
        }
    }
    let mut model = builder.finish()?;
    renormalise(&mut model);
    Ok(model)
}

/// A model with the word ids of the mixture.
struct Renamed<'a> {
    model: &'a NgramModel,
    to_mixed: Vec<WordId>,
    from_mixed: Vec<Option<WordId>>,
}

impl<'a> Renamed<'a> {
    fn new(model: &'a NgramModel, mixed: &Vocabulary) -> Self {
        let from_mixed: Vec<Option<WordId>> =
            mixed.iter().map(|word| model.vocabulary.id(word)).collect();
        let mut to_mixed = vec![WordId::UNKNOWN; model.vocabulary.len()];
        for (id, own) in (0..).zip(&from_mixed) {
            if let Some(own) = own {
                to_mixed[own.0 as usize] = WordId(id);
            }
        }
        Self { model, to_mixed, from_mixed }
    }

    fn has(&self, words: &[WordId]) -> bool {
        let own = words.iter().rev().map(|word| self.from_mixed[word.0 as usize].map(|id| id.0));
        let own: Option<Vec<u32>> = own.collect();
        own.is_some_and(|reversed| {
            reversed.len() <= self.model.order() && self.model.find(&reversed).is_some()
        })
    }

    fn prob(&self, words: &[WordId]) -> f64 {
        let own = |word: &WordId| self.from_mixed[word.0 as usize];
        let Some((word, context)) = words.split_last() else {
            return 0.0;
        };
        let Some(word) = own(word) else {
            return 0.0;
        };
        let context: Vec<WordId> =
            context.iter().map(|word| own(word).unwrap_or(WordId::UNKNOWN)).collect();
        10f64.powf(f64::from(self.model.log10_prob(&context, word).0))
    }
}
