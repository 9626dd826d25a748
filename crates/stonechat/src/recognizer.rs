//! A model with options, from which streams are made.

use std::sync::Arc;

use stonechat_decode::{
    BeamDecoder, BeamSearch, Decoder, EndpointRules, GrammarSearch, KeywordSpotter, SpotterOptions,
};

use crate::activity::VoiceOptions;
use crate::stream::Stream;
use crate::{Error, Model};

/// The largest [`Options::time_batch`]. Beyond about four frames the gain is small and the latency
/// is noticeable (Kliegl et al. 2017, section 4).
pub(crate) const MAX_TIME_BATCH: usize = stonechat_plan::TIME_BATCH;

/// How streams run. The text does not depend on these options.
///
/// ```
/// use stonechat::Options;
///
/// // One frame at a time: a little slower, but the text comes a little sooner.
/// let options = Options { time_batch: 1, ..Options::default() };
/// assert!(!options.profile);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Frames (after the convolutions' time stride) that are collected before the recurrent layers
    /// run, 1 to 4. More is faster, since the input weights are read once for all of them, but
    /// delays a partial result by up to `time_batch - 1` frames. `finish` does not wait. Default 4.
    pub time_batch: usize,
    /// Whether streams measure where their time goes ([`Stream::profile`]). Default off.
    pub profile: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { time_batch: MAX_TIME_BATCH, profile: false }
    }
}

impl Options {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        if (1..=MAX_TIME_BATCH).contains(&self.time_batch) {
            return Ok(());
        }
        Err(Error::TimeBatch(self.time_batch))
    }
}

/// How logits become text.
#[derive(Debug, Clone)]
enum Decoding {
    Greedy,
    Beam(Arc<BeamSearch>),
    Grammar(Arc<GrammarSearch>),
}

/// A model with options, a way of decoding (greedy by default) and rules for the end of an
/// utterance. Cheap to clone: model and search are shared.
///
/// ```
/// use stonechat::{EndpointRules, Model, Options, Recognizer};
///
/// let model = Model::from_bytes(stonechat_english::MODEL)?;
/// let recognizer = Recognizer::new(model, Options::default())?
///     .with_endpoint_rules(EndpointRules::default())
///     .with_utterances();
/// let streams = [recognizer.stream(), recognizer.stream()]; // two microphones, one model
/// # Ok::<(), stonechat::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recognizer {
    model: Arc<Model>,
    options: Options,
    decoding: Decoding,
    endpoint_rules: EndpointRules,
    splits: bool,
    spotter: Option<KeywordSpotter>,
    voice: Option<VoiceOptions>,
    alternatives: usize,
}

impl Recognizer {
    /// Takes a [`Model`] or a shared one (`Arc<Model>`).
    ///
    /// # Errors
    /// [`Error::TimeBatch`] if `time_batch` is not in 1..=4.
    pub fn new(model: impl Into<Arc<Model>>, options: Options) -> Result<Self, Error> {
        options.validate()?;
        Ok(Self {
            model: model.into(),
            options,
            decoding: Decoding::Greedy,
            endpoint_rules: EndpointRules::default(),
            splits: false,
            spotter: None,
            voice: None,
            alternatives: 0,
        })
    }

    /// The same recognizer with a beam search instead of greedy decoding. Make the search with
    /// [`Model::beam_search`], which knows the model's alphabet and frame length:
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use stonechat::{BeamOptions, Hotword, Model, Options, Recognizer};
    ///
    /// let model = Model::load("english.stonechat")?;
    /// let search = model
    ///     .beam_search(BeamOptions::default())?
    ///     .with_hotwords(vec![Hotword::new("stonechat")])?;
    /// let recognizer = Recognizer::new(model, Options::default())?.with_search(search)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::SearchSymbols`] for a search with another number of symbols.
    pub fn with_search(mut self, search: impl Into<Arc<BeamSearch>>) -> Result<Self, Error> {
        let search = search.into();
        self.check_symbols(search.symbols())?;
        self.decoding = Decoding::Beam(search);
        Ok(self)
    }

    /// The same recognizer with a closed grammar: it hears the grammar's phrases and rejects
    /// everything else ([`Transcript::rejected`](crate::Transcript::rejected)). Make the search
    /// with [`Model::grammar_search`]:
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use stonechat::{Grammar, GrammarOptions, Model, Options, Recognizer};
    ///
    /// let model = Model::load("english.stonechat")?;
    /// let grammar = Grammar::from_phrases(["lights on", "lights off"])?;
    /// let search = model.grammar_search(&grammar, GrammarOptions::default())?;
    /// let recognizer = Recognizer::new(model, Options::default())?.with_grammar(search)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::SearchSymbols`] for a search with another number of symbols.
    pub fn with_grammar(mut self, search: impl Into<Arc<GrammarSearch>>) -> Result<Self, Error> {
        let search = search.into();
        self.check_symbols(search.symbols())?;
        self.decoding = Decoding::Grammar(search);
        Ok(self)
    }

    fn check_symbols(&self, search: usize) -> Result<(), Error> {
        let model = self.model.alphabet().len();
        if search == model { Ok(()) } else { Err(Error::SearchSymbols { search, model }) }
    }

    /// The same recognizer with other rules for the end of an utterance ([`Stream::endpoint`]).
    pub fn with_endpoint_rules(mut self, rules: EndpointRules) -> Self {
        self.endpoint_rules = rules;
        self
    }

    /// The same recognizer, with streams that end utterances automatically at the frame where a
    /// rule applies. [`Stream::take_utterances`] returns them; [`Stream::finish`] returns the last
    /// one. Where an utterance ends does not depend on how the samples are cut.
    pub fn with_utterances(mut self) -> Self {
        self.splits = true;
        self
    }

    /// The same recognizer that also listens for phrases, whatever else is said:
    /// [`Stream::take_spotted`] returns those that were heard.
    ///
    /// # Errors
    /// [`Error::Decode`] for a phrase that the alphabet cannot spell and for options out of range.
    pub fn with_keywords<'a>(
        mut self,
        phrases: impl IntoIterator<Item = &'a str>,
        options: SpotterOptions,
    ) -> Result<Self, Error> {
        let symbols = self.model.alphabet().symbols();
        let seconds = self.model.frame_seconds();
        self.spotter = Some(KeywordSpotter::new(symbols, seconds, phrases, options)?);
        Ok(self)
    }

    /// The same recognizer with voice activity detection. Frames without speech, unless speech
    /// follows at once, count as silence, whatever the network hears in them, and an utterance ends
    /// only in such a frame.
    ///
    /// # Errors
    /// [`Error::Features`] for a model whose sample rate is not 16 kHz, [`Error::Voice`] for
    /// options out of range.
    #[cfg(feature = "vad")]
    pub fn with_voice_detection(mut self, options: VoiceOptions) -> Result<Self, Error> {
        crate::voice::Voice::new(&self.model, options)?;
        self.voice = Some(options);
        Ok(self)
    }

    /// The same recognizer, with at most `count` of the likeliest texts of a search in each
    /// transcript ([`Transcript::alternatives`](crate::Transcript::alternatives)). 0, the default,
    /// gives none.
    pub fn with_alternatives(mut self, count: usize) -> Self {
        self.alternatives = count;
        self
    }

    /// The same recognizer with other options.
    ///
    /// # Errors
    /// [`Error::TimeBatch`] if `time_batch` is not in 1..=4.
    pub fn with_options(mut self, options: Options) -> Result<Self, Error> {
        options.validate()?;
        self.options = options;
        Ok(self)
    }

    /// The beam search, if there is one.
    pub fn search(&self) -> Option<&Arc<BeamSearch>> {
        match &self.decoding {
            Decoding::Beam(search) => Some(search),
            _ => None,
        }
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// A new stream. It keeps the model alive, can move to another thread, and is independent of
    /// other streams.
    pub fn stream(&self) -> Stream {
        Stream::new(self)
    }

    /// A new stream that takes samples at `rate_hz`, 1 kHz to 768 kHz, whatever the model's rate:
    /// 48 kHz from a microphone, 8 kHz from a telephone. They are converted in blocks of about 20
    /// ms, which delays words by as much. The result is the same to the bit for any cut of the
    /// samples.
    ///
    /// # Errors
    /// [`Error::Rate`] for a rate out of range.
    #[cfg(feature = "resample")]
    pub fn stream_at(&self, rate_hz: u32) -> Result<Stream, Error> {
        self.stream().at_rate(rate_hz)
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn endpoint_rules(&self) -> &EndpointRules {
        &self.endpoint_rules
    }

    pub(crate) fn splits(&self) -> bool {
        self.splits
    }

    pub(crate) fn spotter(&self) -> Option<&KeywordSpotter> {
        self.spotter.as_ref()
    }

    pub(crate) fn alternatives(&self) -> usize {
        self.alternatives
    }

    pub(crate) fn voice(&self) -> Option<VoiceOptions> {
        self.voice
    }

    /// A decoder for a new stream.
    pub(crate) fn decoder(&self) -> Box<dyn Decoder> {
        match &self.decoding {
            Decoding::Greedy => Box::new(self.model.decoder().clone()),
            Decoding::Beam(search) => Box::new(BeamDecoder::new(Arc::clone(search))),
            Decoding::Grammar(search) => Box::new(search.decoder()),
        }
    }
}
