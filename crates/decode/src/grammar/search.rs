//! A grammar with an alphabet and the options of its search.

use std::sync::Arc;

use super::graph::Graph;
use super::{Grammar, GrammarDecoder};
use crate::beam::MAX_WEIGHT;
use crate::symbols::{SPACE, Symbols};
use crate::{ConfidenceWeights, Error};

/// Options of a [`GrammarSearch`].
///
/// ```
/// use stonechat_decode::GrammarOptions;
///
/// // Always one of the phrases, whatever was said.
/// let options = GrammarOptions { nearest: true, ..GrammarOptions::default() };
/// assert_eq!(options.min_confidence, 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GrammarOptions {
    /// Cost of each letter outside the phrases, in nats, 0 to 1e6. The higher it is, the more is
    /// forced into the grammar.
    pub garbage: f32,
    /// Whether an utterance is always the nearest phrase: one phrase and no garbage, whatever was
    /// said. Only an utterance in which no letter can have been heard has no phrase.
    pub nearest: bool,
    /// Phrases with a lower confidence are rejected, 0 to 1.
    pub min_confidence: f32,
}

impl Default for GrammarOptions {
    /// Chosen to balance both kinds of errors (`experiments/grammar`).
    fn default() -> Self {
        Self { garbage: 2.0, nearest: false, min_confidence: 0.0 }
    }
}

/// A grammar spelled in an alphabet: immutable, shared by the [`GrammarDecoder`]s of any number of
/// streams.
///
/// ```
/// use std::sync::Arc;
/// use stonechat_decode::{Decoder, Grammar, GrammarOptions, GrammarSearch};
///
/// let symbols = ["", " ", "h", "i", "o"].map(String::from);
/// let grammar = Grammar::from_phrases(["hi", "ho"])?;
/// let options = GrammarOptions { nearest: true, ..GrammarOptions::default() };
/// let search = Arc::new(GrammarSearch::new(&symbols, 0.02, &grammar, options)?);
/// let mut decoder = search.decoder();
/// for best in [2, 4, 0] {
///     let mut logits = [0.0; 5];
///     logits[best] = 5.0;
///     decoder.push(&logits)?;
/// }
/// decoder.finish();
/// assert_eq!(decoder.text(), "ho");
/// # Ok::<(), stonechat_decode::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GrammarSearch {
    pub(super) symbols: Symbols,
    /// The symbol that is just a space, if any.
    pub(super) space: Option<u16>,
    pub(super) texts: Vec<String>,
    pub(super) graph: Graph,
    pub(super) options: GrammarOptions,
    pub(super) calibration: ConfidenceWeights,
    pub(super) frame_seconds: f64,
}

impl GrammarSearch {
    /// A search for the phrases of a grammar in the output of a CTC network with these symbols (0
    /// is the blank; others have one or more characters) and frames of `frame_seconds`.
    ///
    /// # Errors
    /// [`Error::Grammar`] for a word that the symbols cannot spell; [`Error::Option`]; those of
    /// [`BeamSearch::new`](crate::BeamSearch::new) for symbols and frames.
    pub fn new(
        symbols: &[String],
        frame_seconds: f64,
        grammar: &Grammar,
        options: GrammarOptions,
    ) -> Result<Self, Error> {
        if !(frame_seconds.is_finite() && frame_seconds > 0.0) {
            return Err(Error::FrameLength { seconds: frame_seconds });
        }
        let GrammarOptions { garbage, nearest, min_confidence } = options;
        if !(0.0..=MAX_WEIGHT).contains(&garbage) {
            let must = "be 0 to 1e6";
            return Err(Error::Option { name: "garbage", value: garbage.into(), must });
        }
        if !(0.0..=1.0).contains(&min_confidence) {
            let value = min_confidence.into();
            return Err(Error::Option { name: "min_confidence", value, must: "be 0 to 1" });
        }
        let spelled = Symbols::new(symbols)?;
        Ok(Self {
            graph: Graph::new(grammar, &spelled, !nearest)?,
            space: spelled.single(SPACE),
            symbols: spelled,
            texts: symbols.to_vec(),
            options,
            calibration: ConfidenceWeights::GRAMMAR,
            frame_seconds,
        })
    }

    /// The same search with `calibration` for confidences.
    pub fn with_calibration(mut self, calibration: ConfidenceWeights) -> Self {
        self.calibration = calibration;
        self
    }

    /// Number of symbols, including the blank.
    pub fn symbols(&self) -> usize {
        self.symbols.len()
    }

    /// The options.
    pub fn options(&self) -> &GrammarOptions {
        &self.options
    }

    /// A decoder at the start of an utterance.
    pub fn decoder(self: &Arc<Self>) -> GrammarDecoder {
        GrammarDecoder::new(Arc::clone(self))
    }
}
