//! The setup that many decoders share.

use std::sync::Arc;

use super::Hotword;
use crate::confidence_weights::ConfidenceWeights;
use crate::language_model::{LanguageModel, WordId};
use crate::phrases::Phrases;
use crate::symbols::Symbols;
use crate::text_score::TextScorer;
use crate::vocabulary::Vocabulary;
use crate::{BeamOptions, Error};

/// Alphabet, options and language model of a prefix beam search: immutable, shared by the
/// [`BeamDecoder`](crate::BeamDecoder)s of any number of streams.
///
/// ```
/// use std::sync::Arc;
/// use stonechat_decode::{BeamDecoder, BeamOptions, BeamSearch, Decoder};
///
/// let symbols = ["", " ", "h", "i", "o"].map(String::from);
/// // Frames of 20 ms; only these words.
/// let options = BeamOptions { lexicon_only: true, ..BeamOptions::default() };
/// let search = Arc::new(BeamSearch::new(&symbols, 0.02, options)?.with_lexicon(["hi", "ho"]));
/// let mut decoder = BeamDecoder::new(search);
/// for logits in [[0.0, 0.0, 5.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0, 1.9], [5.0, 0.0, 0.0, 0.0, 0.0]] {
///     decoder.push(&logits)?;
/// }
/// decoder.finish();
/// assert_eq!(decoder.text(), "hi");
/// # Ok::<(), stonechat_decode::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BeamSearch {
    pub(super) symbols: Symbols,
    pub(super) options: BeamOptions,
    pub(super) scorer: TextScorer,
    pub(super) hotwords: Vec<Hotword>,
    pub(super) phrases: Phrases,
    pub(super) calibration: ConfidenceWeights,
    pub(super) frame_seconds: f64,
    left_out: usize,
}

impl BeamSearch {
    /// A search over the symbols of a CTC or Gram-CTC network, with frames of `frame_seconds`.
    /// Symbol 0 is the blank; the others are one or more characters each, all distinct.
    ///
    /// # Errors
    /// [`Error::Alphabet`] and [`Error::Symbol`] for symbols that are too few, too many, empty,
    /// repeated or have two spaces in a row; [`Error::FrameLength`]; [`Error::Option`].
    pub fn new(
        symbols: &[String],
        frame_seconds: f64,
        options: BeamOptions,
    ) -> Result<Self, Error> {
        options.validate()?;
        if !(frame_seconds.is_finite() && frame_seconds > 0.0) {
            return Err(Error::FrameLength { seconds: frame_seconds });
        }
        Ok(Self {
            symbols: Symbols::new(symbols)?,
            options,
            scorer: TextScorer::new(&options),
            hotwords: Vec::new(),
            phrases: Phrases::new([]),
            calibration: ConfidenceWeights::default(),
            frame_seconds,
            left_out: 0,
        })
    }

    /// The same search with a language model. Its words are spelled in the symbols' characters;
    /// words that cannot be spelled are left out ([`words_left_out`](Self::words_left_out)).
    ///
    /// The vocabulary is kept as a trie of about 7 bytes for each distinct word prefix.
    pub fn with_language_model(mut self, model: Arc<dyn LanguageModel>) -> Self {
        let mut words = Vec::new();
        let mut left_out = 0;
        model.for_each_word(&mut |id, word| match self.spell(word) {
            Some(spelling) => {
                let (log10, _) = model.score(model.empty(), id);
                words.push((spelling, id, (log10 * std::f32::consts::LN_10).min(0.0)));
            }
            None => left_out += 1,
        });
        self.left_out = left_out;
        self.scorer.set_model(model, Vocabulary::new(words));
        self
    }

    /// The same search with a list of words and no language model: these words are equally likely;
    /// others cost [`BeamOptions::unknown_word`] and [`BeamOptions::unknown_letter`] or are
    /// forbidden.
    pub fn with_lexicon<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut spelled = Vec::new();
        self.left_out = 0;
        for word in words {
            match self.spell(word) {
                Some(spelling) => spelled.push((spelling, WordId::UNKNOWN, 0.0)),
                None => self.left_out += 1,
            }
        }
        self.scorer.vocabulary = Some(Vocabulary::new(spelled));
        self
    }

    /// The same search with other weights for the language model and the number of words.
    ///
    /// # Errors
    /// [`Error::Option`] as for [`new`](Self::new).
    pub fn with_weights(mut self, alpha: f32, beta: f32) -> Result<Self, Error> {
        self.options = BeamOptions { alpha, beta, ..self.options };
        self.options.validate()?;
        self.scorer.set_weights(alpha, beta);
        Ok(self)
    }

    /// The same search with `calibration` for word confidences.
    pub fn with_calibration(mut self, calibration: ConfidenceWeights) -> Self {
        self.calibration = calibration;
        self
    }

    /// Words of the language model or lexicon that the symbols cannot spell.
    pub fn words_left_out(&self) -> usize {
        self.left_out
    }

    /// Bytes of the vocabulary trie, without those of the language model.
    pub fn vocabulary_bytes(&self) -> usize {
        self.scorer.vocabulary.as_ref().map_or(0, Vocabulary::bytes)
    }

    /// Number of symbols, including the blank.
    pub fn symbols(&self) -> usize {
        self.symbols.len()
    }

    /// The options.
    pub fn options(&self) -> &BeamOptions {
        &self.options
    }

    /// The classes of a word's characters; `None` if it contains a space or an unknown character.
    fn spell(&self, word: &str) -> Option<Vec<u16>> {
        word.chars().map(|c| self.symbols.class(c).filter(|_| c != ' ')).collect()
    }
}
