//! Silence around an utterance: streams start before the first word and continue after the last.

use serde::{Deserialize, Serialize};

use super::{check_probability, check_range};
use crate::data::error::DataError;
use crate::random::Random;

/// Digital silence before and after the speech; noise and babble, if any, continue through it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Silence {
    /// Share of the utterances that get silence.
    pub probability: f64,
    /// Seconds before the speech.
    pub before_s: [f64; 2],
    /// Seconds after the speech.
    pub after_s: [f64; 2],
}

impl Default for Silence {
    fn default() -> Self {
        Self { probability: 0.3, before_s: [0.0, 0.5], after_s: [0.0, 1.0] }
    }
}

impl Silence {
    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("augment.silence.probability", self.probability)?;
        check_range("augment.silence.before_s", self.before_s, [0.0, 60.0])?;
        check_range("augment.silence.after_s", self.after_s, [0.0, 60.0])
    }

    /// Samples before and after.
    pub(super) fn draw(&self, rate_hz: u32, random: &mut Random) -> [usize; 2] {
        if !random.chance(self.probability) {
            return [0, 0];
        }
        [self.before_s, self.after_s]
            .map(|range| (random.within(range) * f64::from(rate_hz)).round() as usize)
    }
}
