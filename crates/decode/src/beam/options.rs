//! Options of a beam search: pruning and weights.

use crate::Error;

/// The largest weight or cost: sums of any number of these are finite.
pub(crate) const MAX_WEIGHT: f32 = 1e6;

/// Options of a [`BeamSearch`](crate::BeamSearch). Scores are natural logs.
///
/// ```
/// use stonechat_decode::BeamOptions;
///
/// // Faster and a little worse than the default.
/// let options = BeamOptions { width: 16, ..BeamOptions::default() };
/// assert_eq!(options.alpha, BeamOptions::default().alpha);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BeamOptions {
    /// Hypotheses that are kept after each frame, 1 to 65536.
    pub width: usize,
    /// A hypothesis whose score is further below the best than this is dropped.
    pub score_threshold: f32,
    /// The most symbols by which hypotheses are extended in a frame.
    pub max_symbols: usize,
    /// The best symbols of a frame are used until their probabilities plus the blank's reach this;
    /// 1 means all symbols. A frame in which the blank has this probability extends nothing: summed
    /// over minutes of silence, thousandths would become letters.
    pub symbol_mass: f32,
    /// Weight of the language model's log probability.
    pub alpha: f32,
    /// Added for every word.
    pub beta: f32,
    /// Added for a word that the language model or lexicon does not contain, besides the model's
    /// score for `<unk>`; usually below 0.
    pub unknown_word: f32,
    /// Added for each letter of such a word; usually below 0, because otherwise the search would
    /// join several words to pay for one only.
    pub unknown_letter: f32,
    /// Whether words outside the language model or lexicon are forbidden.
    pub lexicon_only: bool,
}

impl Default for BeamOptions {
    fn default() -> Self {
        Self {
            width: 64,
            score_threshold: 14.0,
            max_symbols: 32,
            symbol_mass: 0.98,
            alpha: 0.7,
            beta: 0.25,
            unknown_word: -5.0,
            unknown_letter: -1.5,
            lexicon_only: false,
        }
    }
}

impl BeamOptions {
    /// No pruning except by `width`.
    pub fn exhaustive(width: usize) -> Self {
        Self {
            width,
            score_threshold: f32::INFINITY,
            max_symbols: usize::MAX,
            symbol_mass: 1.0,
            ..Self::default()
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let Self { width, score_threshold, max_symbols, symbol_mass, .. } = *self;
        let refuse = |name, value, must| Err(Error::Option { name, value, must });
        if !(1..=1 << 16).contains(&width) {
            return refuse("width", width as f64, "be 1 to 65536");
        }
        if max_symbols == 0 {
            return refuse("max_symbols", 0.0, "be at least 1");
        }
        if score_threshold.is_nan() || score_threshold <= 0.0 {
            return refuse("score_threshold", score_threshold.into(), "be above 0");
        }
        if !(symbol_mass > 0.0 && symbol_mass <= 1.0) {
            return refuse("symbol_mass", symbol_mass.into(), "be above 0 and at most 1");
        }
        if !(0.0..=MAX_WEIGHT).contains(&self.alpha) {
            return refuse("alpha", self.alpha.into(), "be 0 to 1e6");
        }
        for (name, value) in [
            ("beta", self.beta),
            ("unknown_word", self.unknown_word),
            ("unknown_letter", self.unknown_letter),
        ] {
            if !(-MAX_WEIGHT..=MAX_WEIGHT).contains(&value) {
                return refuse(name, value.into(), "be -1e6 to 1e6");
            }
        }
        Ok(())
    }
}
