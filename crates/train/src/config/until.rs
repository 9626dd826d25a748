//! Stages that end when the spectra of the weights have settled (an early transition, Kliegl et al.
//! 2017, section 3.2.3, without a fixed epoch).

use serde::{Deserialize, Serialize};

use super::error::{RecipeError, wrong};

/// When a stage ends before its last epoch.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Until {
    /// A measure of all large weights has stopped changing.
    Settled(Settled),
}

/// The definition of settled.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settled {
    /// The measure.
    pub of: Measure,
    /// The largest allowed difference between any two of these epochs, for every weight.
    pub tolerance: f64,
    /// The number of epochs to compare.
    pub epochs: usize,
}

/// A number between 0 and 1 that tells how spread out the singular values of a weight are.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The normalised trace norm.
    Nu,
    /// The rank at 90 % of the variance, as a share of the full rank.
    Rank,
}

impl Until {
    /// Whether the stage ends after epochs with these measures (oldest first).
    pub fn reached(&self, history: &[Vec<f64>]) -> bool {
        let Self::Settled(settled) = self;
        let Some(start) = history.len().checked_sub(settled.epochs + 1) else { return false };
        let last = &history[start..];
        (0..last[0].len()).all(|weight| {
            let values = last.iter().map(|epoch| epoch[weight]);
            let high = values.clone().fold(f64::NEG_INFINITY, f64::max);
            high - values.fold(f64::INFINITY, f64::min) <= settled.tolerance
        })
    }

    pub(crate) fn validate(&self) -> Result<(), RecipeError> {
        let Self::Settled(settled) = self;
        if settled.epochs == 0 || settled.tolerance.is_nan() || settled.tolerance < 0.0 {
            let problem = "needs epochs of at least 1 and a tolerance from 0 on";
            return Err(wrong("until.settled", problem));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weight_must_have_stayed_over_the_whole_span() {
        let until: Until =
            serde_json::from_str(r#"{"settled": {"of": "nu", "tolerance": 0.1, "epochs": 2}}"#)
                .unwrap();
        for (first, second, reached) in [
            (vec![0.5, 0.5], vec![0.1, 0.1], false), // too short
            (vec![0.9, 0.5, 0.45, 0.42], vec![0.1, 0.2, 0.2, 0.25], true),
            (vec![0.9, 0.5, 0.45, 0.42], vec![0.1, 0.2, 0.2, 0.35], false), // one moves
            (vec![0.5, 0.44, 0.38], vec![0.0; 3], false),                   // slow, but moving
            (vec![0.5, 0.58, 0.5], vec![0.0; 3], true),
        ] {
            let history: Vec<_> = first.iter().zip(&second).map(|(a, b)| vec![*a, *b]).collect();
            assert_eq!(until.reached(&history), reached, "{history:?}");
        }
    }
}
