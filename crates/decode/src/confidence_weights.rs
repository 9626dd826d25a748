//! From the evidence for a word to the probability that the word is right.

use serde::{Deserialize, Serialize};

/// The evidence of a decoder for a word.
///
/// With a closed grammar it is the evidence for the word's phrase: how much less likely its letters
/// are than the best symbols, as the geometric mean over all letters (`mean_peak`) and over those
/// of the worst word (`lowest_peak`), with a `posterior` of one half.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Share of the beam's probability that has the word, shortly after its end, in [0, 1].
    pub posterior: f32,
    /// Mean over the letters of the highest probability of each, in [0, 1].
    pub mean_peak: f32,
    /// The lowest of these, in [0, 1].
    pub lowest_peak: f32,
    /// Number of letters.
    pub letters: u32,
}

/// Weights of a logistic model of "the word is right": for the bias, the log odds of the posterior,
/// those of the mean and of the lowest peak, and the log of the number of letters.
///
/// With the log odds as the only feature this is Platt scaling (1999), and the weight is the
/// inverse of a temperature (Guo et al. 2017, arXiv 1706.04599).
///
/// ```
/// use stonechat_decode::{ConfidenceWeights, Evidence};
///
/// let sure = Evidence { posterior: 0.99, mean_peak: 0.95, lowest_peak: 0.9, letters: 6 };
/// let unsure = Evidence { posterior: 0.5, ..sure };
/// let calibration = ConfidenceWeights::default();
/// assert!(calibration.confidence(&sure) > calibration.confidence(&unsure));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceWeights {
    /// The weights, in the order above.
    pub weights: [f32; FEATURES],
}

const FEATURES: usize = 5;
/// Newton steps of [`ConfidenceWeights::fit`]: far more than needed.
const STEPS: usize = 50;
/// Weight decay of the fit: keeps weights finite if the evidence separates right from wrong.
const RIDGE: f64 = 1e-2;

impl Default for ConfidenceWeights {
    /// Fitted to the bundled models on LibriSpeech dev (`stonechat eval --calibrate`). For other
    /// models it is a guess, but a better one than [`POSTERIOR`](Self::POSTERIOR).
    fn default() -> Self {
        Self { weights: [-1.285, 0.243, 0.320, 0.078, 0.204] }
    }
}

impl ConfidenceWeights {
    /// The beam's posterior unchanged, which is overconfident.
    pub const POSTERIOR: Self = Self { weights: [0.0, 1.0, 0.0, 0.0, 0.0] };

    /// For the phrases of a closed grammar (`experiments/grammar`).
    pub const GRAMMAR: Self = Self { weights: [2.162, 0.0, 1.2, 0.513, 0.677] };

    /// The probability, in [0, 1], that a word is right.
    pub fn confidence(&self, evidence: &Evidence) -> f32 {
        let terms = features(evidence).into_iter().zip(self.weights);
        sigmoid(terms.map(|(x, w)| x * f64::from(w)).sum()) as f32
    }

    /// The maximum-likelihood weights for `words` (evidence, and whether the word was right), by
    /// Newton's method with a little weight decay. Without words: the default.
    pub fn fit(words: &[(Evidence, bool)]) -> Self {
        if words.is_empty() {
            return Self::default();
        }
        let mut weights = [0.0f64; FEATURES];
        for _ in 0..STEPS {
            let mut gradient = weights.map(|w| RIDGE * w);
            let mut hessian = [[0.0; FEATURES]; FEATURES];
            (0..FEATURES).for_each(|i| hessian[i][i] = RIDGE);
            for (evidence, right) in words {
                let x = features(evidence);
                let p = sigmoid((0..FEATURES).map(|i| x[i] * weights[i]).sum());
                let error = p - f64::from(u8::from(*right));
                for i in 0..FEATURES {
                    gradient[i] += error * x[i];
                    for j in 0..FEATURES {
                        hessian[i][j] += p * (1.0 - p) * x[i] * x[j];
                    }
                }
            }
            let step = solve(hessian, gradient);
            (0..FEATURES).for_each(|i| weights[i] -= step[i]);
            if step.iter().all(|s| s.abs() < 1e-9) {
                break;
            }
        }
        Self { weights: weights.map(|w| w as f32) }
    }
}

/// Expected calibration error: words go into `bins` bins of equal width by confidence, and in each
/// the mean confidence is compared with the share of right words. The result is the mean of the
/// differences, weighted by the words in each bin (Naeini et al. 2015); 0 without words.
pub fn expected_calibration_error(words: &[(f32, bool)], bins: usize) -> f64 {
    let mut sums = vec![(0.0f64, 0.0f64); bins.max(1)];
    let last = sums.len() - 1;
    for &(confidence, right) in words {
        let bin = ((confidence * sums.len() as f32) as usize).min(last);
        sums[bin].0 += f64::from(confidence);
        sums[bin].1 += f64::from(u8::from(right));
    }
    let total: f64 = sums.iter().map(|(confident, right)| (confident - right).abs()).sum();
    total / words.len().max(1) as f64
}

fn features(evidence: &Evidence) -> [f64; FEATURES] {
    let Evidence { posterior, mean_peak, lowest_peak, letters } = *evidence;
    let [posterior, mean, lowest] = [posterior, mean_peak, lowest_peak].map(log_odds);
    [1.0, posterior, mean, lowest, f64::from(letters.max(1)).ln()]
}

/// ln(p / (1 - p)), clipped to -7..7: beyond that, a share of the beam is not informative.
fn log_odds(p: f32) -> f64 {
    let p = f64::from(p).clamp(1e-3, 1.0 - 1e-3);
    (p / (1.0 - p)).ln()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Gaussian elimination with pivoting; the matrix is positive definite.
fn solve(mut a: [[f64; FEATURES]; FEATURES], mut b: [f64; FEATURES]) -> [f64; FEATURES] {
    for i in 0..FEATURES {
        let pivot = (i..FEATURES).max_by(|&r, &s| a[r][i].abs().total_cmp(&a[s][i].abs()));
        let pivot = pivot.unwrap_or(i);
        a.swap(i, pivot);
        b.swap(i, pivot);
        for row in i + 1..FEATURES {
            let factor = a[row][i] / a[i][i];
            for column in i..FEATURES {
                a[row][column] -= factor * a[i][column];
            }
            b[row] -= factor * b[i];
        }
    }
    for i in (0..FEATURES).rev() {
        let known: f64 = (i + 1..FEATURES).map(|j| a[i][j] * b[j]).sum();
        b[i] = (b[i] - known) / a[i][i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words with an overconfident posterior: right with the fourth root of the odds.
    #[test]
    fn a_fit_makes_overconfident_words_honest() {
        let mut random = stonechat_testing::Random(7);
        let mut value = || random.unit() as f32;
        let mut words = |count: usize| -> Vec<(Evidence, bool)> {
            let mut word = |_| {
                let odds = 12.0 * f64::from(value()) - 6.0;
                let evidence = Evidence {
                    posterior: sigmoid(odds) as f32,
                    mean_peak: value(),
                    lowest_peak: value(),
                    letters: 1 + (10.0 * value()) as u32,
                };
                (evidence, f64::from(value()) < sigmoid(0.25 * odds + 0.3))
            };
            (0..count).map(&mut word).collect()
        };
        let fitted = ConfidenceWeights::fit(&words(20_000));
        for (weight, expected) in fitted.weights.iter().zip([0.3, 0.25, 0.0, 0.0, 0.0]) {
            assert!((weight - expected).abs() < 0.08, "{fitted:?}");
        }
        let held_out = words(20_000);
        let error = |calibration: &ConfidenceWeights| {
            let judged = held_out.iter().map(|(e, right)| (calibration.confidence(e), *right));
            expected_calibration_error(&judged.collect::<Vec<_>>(), 10)
        };
        let (before, after) = (error(&ConfidenceWeights::POSTERIOR), error(&fitted));
        assert!(before > 0.15 && after < 0.02, "{before} to {after}");
        assert_eq!(ConfidenceWeights::fit(&[]), ConfidenceWeights::default());
    }

    #[test]
    fn calibration_error_by_hand() {
        let words = [(0.9, true), (0.95, false), (0.2, false), (1.0, true)];
        // The bins hold 0.9, 0.95 and 1.0 (2.85 claimed, 2 right) and 0.2 (0.2 claimed, 0 right).
        assert!((expected_calibration_error(&words, 10) - (0.85 + 0.2) / 4.0).abs() < 1e-6);
        assert_eq!(expected_calibration_error(&[], 10), 0.0);
    }
}
