//! SpecAugment (Park et al., Interspeech 2019) without time warping: masks over features.

use serde::{Deserialize, Serialize};

use super::check_probability;
use crate::data::error::DataError;
use crate::random::Random;

/// Frequency and time masks; masked values become 0, the mean of a normalised feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpecAugment {
    /// Number of frequency masks (m_F of the paper).
    pub frequency_masks: usize,
    /// Greatest width of one, in features (F).
    pub frequency_width: usize,
    /// Number of time masks (m_T).
    pub time_masks: usize,
    /// Greatest width of one, in frames (T).
    pub time_width: usize,
    /// Greatest width of one as a share of the utterance's frames (p), so that short utterances
    /// keep their words.
    pub time_share: f64,
}

impl Default for SpecAugment {
    fn default() -> Self {
        Self {
            frequency_masks: 2,
            frequency_width: 15,
            time_masks: 2,
            time_width: 40,
            time_share: 0.1,
        }
    }
}

impl SpecAugment {
    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("augment.spec.time_share", self.time_share)
    }

    /// `features` is `frames x dim`.
    pub(super) fn apply(&self, features: &mut [f32], dim: usize, random: &mut Random) {
        let frames = features.len() / dim.max(1);
        for _ in 0..self.frequency_masks {
            let (from, to) = span(dim, self.frequency_width, random);
            features.chunks_exact_mut(dim).for_each(|frame| frame[from..to].fill(0.0));
        }
        let widest = self.time_width.min((self.time_share * frames as f64) as usize);
        for _ in 0..self.time_masks {
            let (from, to) = span(frames, widest, random);
            features[from * dim..to * dim].fill(0.0);
        }
    }
}

/// The width is uniform in 0..=widest, the start uniform among the places where it fits.
fn span(length: usize, widest: usize, random: &mut Random) -> (usize, usize) {
    let width = random.below(widest.min(length) + 1);
    let from = random.below(length - width + 1);
    (from, from + width)
}
