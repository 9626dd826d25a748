//! A model with options, from which streams are made.

use std::sync::Arc;

use stonechat_decode::{BeamSearch, EndpointRules};

use crate::stream::Stream;
use crate::{Error, Model};

/// The largest [`Options::time_batch`]. Beyond about four frames the gain is small and the
/// latency is felt (Kliegl et al. 2017, section 4).
pub(crate) const MAX_TIME_BATCH: usize = 4;

/// How streams run. The text does not depend on any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Frames (after the convolutions' time stride) that are collected before the
    /// recurrent layers run, 1 to 4. More is faster, since the input weights are read
    /// once for all of them, and delays a partial result by up to `time_batch - 1` frames;
    /// `finish` waits for nothing. Default 4.
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

/// A model with options, a way of decoding (greedy unless said otherwise) and rules for the end of an
/// utterance. Cheap to clone; model and search are shared.
#[derive(Debug, Clone)]
pub struct Recognizer {
    model: Arc<Model>,
    options: Options,
    search: Option<Arc<BeamSearch>>,
    endpoint_rules: EndpointRules,
}

impl Recognizer {
    /// Takes a [`Model`] or a shared one (`Arc<Model>`).
    ///
    /// # Errors
    /// [`Error::TimeBatch`] if `time_batch` is not in 1..=4.
    pub fn new(model: impl Into<Arc<Model>>, options: Options) -> Result<Self, Error> {
        options.validate()?;
        let endpoint_rules = EndpointRules::default();
        Ok(Self { model: model.into(), options, search: None, endpoint_rules })
    }

    /// The same recognizer with a beam search instead of greedy decoding. Make the search by
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
    /// [`Error::SearchSymbols`] for the search of another alphabet's size.
    pub fn with_search(mut self, search: impl Into<Arc<BeamSearch>>) -> Result<Self, Error> {
        let search = search.into();
        let (search_symbols, model) = (search.symbols(), self.model.alphabet().len());
        if search_symbols != model {
            return Err(Error::SearchSymbols { search: search_symbols, model });
        }
        self.search = Some(search);
        Ok(self)
    }

    /// The same recognizer with other rules for the end of an utterance
    /// ([`Stream::endpoint`]).
    pub fn with_endpoint_rules(mut self, rules: EndpointRules) -> Self {
        self.endpoint_rules = rules;
        self
    }

    /// The beam search, if there is one.
    pub fn search(&self) -> Option<&Arc<BeamSearch>> {
        self.search.as_ref()
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// A new stream. It keeps the model alive, may go to another thread, and knows nothing
    /// of other streams.
    pub fn stream(&self) -> Stream {
        Stream::new(&self.model, &self.options, self.search.as_ref(), &self.endpoint_rules)
    }
}
