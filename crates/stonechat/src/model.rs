//! The loaded package: weights packed for this processor, shared by all streams.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use stonechat_audio::FeatureConfig;
use stonechat_decode::{
    BeamOptions, BeamSearch, Grammar, GrammarOptions, GrammarSearch, GreedyDecoder,
};
use stonechat_lm::LanguageModel;
use stonechat_model::{Alphabet, NetworkConfig, Package};
use stonechat_plan::{Preference, RunPlan};

use crate::Error;
use crate::acoustic::{AcousticStream, Layers};
use crate::front_end::FrontEnd;
use crate::recognizer::Options;

/// The most memory for past frames that a stream may need, in bytes. A recognizer of a few
/// megabytes needs well under one megabyte; the limit stops a hostile package.
const MAX_STATE_BYTES: usize = 256 << 20;

/// A loaded recognizer: feature config, alphabet and packed network. Immutable; share it
/// with `Arc`.
///
/// ```
/// use stonechat::Model;
///
/// let model = Model::from_bytes(stonechat_english::MODEL)?;
/// assert_eq!(model.sample_rate_hz(), 16_000);
/// assert_eq!(model.alphabet().len(), 29); // blank, space, apostrophe, a to z
/// # Ok::<(), stonechat::Error>(())
/// ```
pub struct Model {
    features: FeatureConfig,
    alphabet: Alphabet,
    config: NetworkConfig,
    provenance: serde_json::Value,
    frame_seconds: f64,
    plan: RunPlan,
    layers: Layers,
    /// Each stream starts with a copy of it. It is made here so that starting a stream cannot fail.
    front_end: FrontEnd,
    decoder: GreedyDecoder,
    language_model: Option<LanguageModel>,
}

impl Model {
    /// Loads a package file (`NAME.stonechat`).
    ///
    /// # Errors
    /// [`Error::Package`] names the file and what is wrong with it; [`Error::LanguageModel`] says
    /// what is wrong with the language model inside it. The others are those of
    /// [`from_package`](Self::from_package).
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_package(Package::load(path)?)
    }

    /// Reads a package from memory, for example one embedded by `include_bytes!`.
    ///
    /// # Errors
    /// Those of [`load`](Self::load), without a file name.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_package(Package::from_bytes(bytes)?)
    }

    /// Packs the weights of a package for this processor, whatever their family and storage.
    ///
    /// # Errors
    /// If the network is not valid, the features cannot be computed, features, network and alphabet
    /// do not fit each other ([`Error::FeatureSize`], [`Error::Symbols`]), or the network's filters
    /// would need more than 256 MB per stream ([`Error::StateSize`]).
    pub fn from_package(package: Package) -> Result<Self, Error> {
        Self::from_package_with(package, &Preference::default())
    }

    /// [`from_package`](Self::from_package) with a choice of how structured maps run: in the
    /// fastest form (the default) or the smallest.
    ///
    /// # Errors
    /// Those of [`from_package`](Self::from_package).
    pub fn from_package_with(package: Package, preference: &Preference) -> Result<Self, Error> {
        let Package { features, alphabet, network, provenance, language_model } = package;
        let language_model = language_model.map(LanguageModel::from_bytes).transpose()?;
        network.validate()?;
        let features: FeatureConfig = serde_json::from_value(features)?;
        features.validate()?;
        if features.dim() != network.config.input {
            return Err(Error::FeatureSize {
                features: features.dim(),
                network: network.config.input,
            });
        }
        if alphabet.len() != network.symbols() {
            return Err(Error::Symbols { alphabet: alphabet.len(), network: network.symbols() });
        }
        let plan = RunPlan::new(&network, preference);
        let layers = Layers::new(&network, &plan)?;
        let bytes = layers.state_floats() * size_of::<f32>();
        if bytes > MAX_STATE_BYTES {
            return Err(Error::StateSize { bytes, limit: MAX_STATE_BYTES });
        }
        let samples_per_frame = features.hop_samples() * network.config.time_stride();
        let frame_seconds = samples_per_frame as f64 / f64::from(features.sample_rate_hz);
        Ok(Self {
            front_end: FrontEnd::new(&features)?,
            decoder: GreedyDecoder::new(alphabet.symbols(), frame_seconds)?,
            language_model,
            frame_seconds,
            features,
            alphabet,
            config: network.config,
            provenance,
            plan,
            layers,
        })
    }

    /// The same model with a language model, which [`Settings`](crate::Settings) use by default.
    #[must_use]
    pub fn with_language_model(mut self, model: LanguageModel) -> Self {
        self.language_model = Some(model);
        self
    }

    /// The language model that came with the model, if any.
    pub fn language_model(&self) -> Option<&LanguageModel> {
        self.language_model.as_ref()
    }

    /// The sample rate that [`Stream::push`](crate::Stream::push) takes.
    pub fn sample_rate_hz(&self) -> u32 {
        self.features.sample_rate_hz
    }

    /// Seconds from one frame of logits to the next: the hop of the features times the
    /// network's time stride.
    pub fn frame_seconds(&self) -> f64 {
        self.frame_seconds
    }

    /// How much audio after a frame the network hears before it decides on that frame, in
    /// milliseconds.
    pub fn lookahead_ms(&self) -> f32 {
        self.config.lookahead_ms(self.features.hop_ms)
    }

    /// How samples become features.
    pub fn features(&self) -> &FeatureConfig {
        &self.features
    }

    /// The symbols; index 0 is the CTC blank.
    pub fn alphabet(&self) -> &Alphabet {
        &self.alphabet
    }

    /// The shape of the network.
    pub fn network(&self) -> &NetworkConfig {
        &self.config
    }

    /// The form in which each linear map is multiplied, and why.
    pub fn plan(&self) -> &RunPlan {
        &self.plan
    }

    /// Where the model comes from: recipe, data and figures, as stored in the package.
    pub fn provenance(&self) -> &serde_json::Value {
        &self.provenance
    }

    /// The network alone, from feature frames to logits, for tools that already have features.
    ///
    /// # Errors
    /// [`Error::TimeBatch`] if `options.time_batch` is out of range.
    pub fn acoustic_stream(self: &Arc<Self>, options: &Options) -> Result<AcousticStream, Error> {
        options.validate()?;
        Ok(AcousticStream::new(self, options))
    }

    /// The logits of a whole recording, `frames x symbols`, as a [`Stream`](crate::Stream) decodes
    /// them: for tools that decode them more than once.
    pub fn logits(self: &Arc<Self>, samples: &[f32]) -> Vec<f32> {
        let mut acoustic = AcousticStream::new(self, &Options::default());
        self.hear(samples, &mut acoustic, &mut |_| {})
    }

    /// [`logits`](Self::logits) that also shows the inputs of each linear map by `see(map, x)`, for
    /// calibrated compression. `x` is `vectors x cols`: whole vectors in the order of time. Maps
    /// have the names of [`Network::maps`](stonechat_model::Network::maps). The inputs of a
    /// recurrent map are the states before each frame; those of a convolution are its patches, zero
    /// padding included. For the joint left factor of a GRU, only the products of the input map are
    /// shown: those of the state are multiplied by it in one step with the recurrent map.
    pub fn logits_observed(
        self: &Arc<Self>,
        samples: &[f32],
        see: &mut dyn FnMut(&str, &[f32]),
    ) -> Vec<f32> {
        let mut acoustic = AcousticStream::new(self, &Options::default());
        acoustic.observe();
        self.hear(samples, &mut acoustic, &mut |acoustic| acoustic.observed(see))
    }

    /// Passes a whole recording through `acoustic` and calls `after` after each piece.
    fn hear(
        &self,
        samples: &[f32],
        acoustic: &mut AcousticStream,
        after: &mut dyn FnMut(&mut AcousticStream),
    ) -> Vec<f32> {
        let mut front_end = self.front_end.clone();
        front_end.reset();
        let mut logits = Vec::new();
        for piece in samples.chunks(front_end.piece_samples()) {
            acoustic.advance(front_end.push(piece), &mut logits);
            after(acoustic);
        }
        acoustic.advance(front_end.finish(), &mut logits);
        acoustic.finish(&mut logits);
        after(acoustic);
        logits
    }

    /// A beam search over the model's symbols and frames. Give it a language model or hotwords,
    /// then pass it to [`Recognizer::with_search`](crate::Recognizer::with_search).
    ///
    /// # Errors
    /// [`Error::Decode`] for options out of range, and for symbols that cannot spell text.
    pub fn beam_search(&self, options: BeamOptions) -> Result<BeamSearch, Error> {
        Ok(BeamSearch::new(self.alphabet.symbols(), self.frame_seconds, options)?)
    }

    /// A search for the phrases of a grammar, for
    /// [`Recognizer::with_grammar`](crate::Recognizer::with_grammar).
    ///
    /// # Errors
    /// [`Error::Decode`] for a word that the alphabet cannot spell and for options out of range.
    pub fn grammar_search(
        &self,
        grammar: &Grammar,
        options: GrammarOptions,
    ) -> Result<GrammarSearch, Error> {
        let symbols = self.alphabet.symbols();
        Ok(GrammarSearch::new(symbols, self.frame_seconds, grammar, options)?)
    }

    pub(crate) fn front_end(&self) -> &FrontEnd {
        &self.front_end
    }

    pub(crate) fn decoder(&self) -> &GreedyDecoder {
        &self.decoder
    }

    pub(crate) fn layers(&self) -> &Layers {
        &self.layers
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("network", &self.config).finish_non_exhaustive()
    }
}
