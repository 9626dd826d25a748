//! Mean and scale of every feature over the training set.

use rayon::prelude::*;
use stonechat_audio::{FeatureStatistics, Normalise};

use super::dataset::Dataset;
use super::error::DataError;
use crate::random::Random;

/// Key of the stream that draws the sample.
const STREAM: u64 = u64::from_le_bytes(*b"normalis");

/// Statistics over the un-augmented frames of the data set, or of `sample` of its utterances drawn
/// by `seed` if there are more. The same on any number of threads.
///
/// # Errors
/// An utterance cannot be read.
pub fn fit_normalise(dataset: &Dataset, sample: usize, seed: u64) -> Result<Normalise, DataError> {
    let mut chosen: Vec<usize> = (0..dataset.utterances().len()).collect();
    if chosen.len() > sample.max(1) {
        Random::keyed(&[seed, STREAM]).shuffle(&mut chosen);
        chosen.truncate(sample.max(1));
        chosen.sort_unstable();
    }
    let mut total = FeatureStatistics::new(dataset.dim());
    let wrong = |error: stonechat_audio::Error| DataError::Features(error.into());
    // Merged in a fixed order, a few hundred at a time, so that the parts of all utterances are not
    // held at once.
    for piece in chosen.chunks(256) {
        let parts: Vec<FeatureStatistics> = piece
            .par_iter()
            .map(|&utterance| {
                let mut part = FeatureStatistics::new(dataset.dim());
                part.push(&dataset.raw_features(utterance)?).map_err(wrong)?;
                Ok(part)
            })
            .collect::<Result<_, DataError>>()?;
        for part in &parts {
            total.merge(part).map_err(wrong)?;
        }
    }
    Ok(total.normalise())
}
