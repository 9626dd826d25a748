//! What can go wrong between a package and a text.

use crate::recognizer::MAX_TIME_BATCH;

/// Why a model could not be made or used.
///
/// ```
/// use stonechat::{Error, Model};
///
/// match Model::from_bytes(b"no package") {
///     Err(Error::Package(error)) => println!("{error}"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The package could not be read or is not valid.
    #[error(transparent)]
    Package(#[from] stonechat_model::Error),
    /// The package's `features` are not a feature config.
    #[error("`features` of the package is not a feature config: {0}")]
    FeatureConfig(#[from] serde_json::Error),
    /// The features that the package's feature config describes cannot be computed.
    #[error("`features` of the package: {0}")]
    Features(#[from] stonechat_audio::Error),
    /// An unknown setting, a wrong value, or a setting that conflicts with another.
    #[error("{name}: {problem}")]
    Setting {
        /// Its name, which is that of the command's option.
        name: String,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// The language model could not be read or is not valid.
    #[error(transparent)]
    LanguageModel(#[from] stonechat_lm::Error),
    /// Samples at a rate that cannot be converted.
    #[error(transparent)]
    Rate(stonechat_audio::Error),
    /// The features do not fit the network.
    #[error(
        "the package's features have {features} values a frame, but its network takes {network}"
    )]
    FeatureSize {
        /// Dimension of the feature config.
        features: usize,
        /// Input dimension of the network.
        network: usize,
    },
    /// The alphabet does not fit the network.
    #[error(
        "the package's alphabet has {alphabet} symbols, but its network gives {network} logits"
    )]
    Symbols {
        /// Symbols of the alphabet.
        alphabet: usize,
        /// Rows of the output layer.
        network: usize,
    },
    /// A weight could not be packed for the processor.
    #[error("weight `{map}`: {source}")]
    Weight {
        /// Name of the linear map, as in the package.
        map: String,
        /// What the kernels say.
        source: stonechat_kernels::Error,
    },
    /// The network would need too much memory for each stream.
    #[error(
        "the network keeps {bytes} bytes of past frames per stream, more than the limit of {limit}: shorten or narrow its filters"
    )]
    StateSize {
        /// Bytes needed.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The decoder was given options or phrases that are wrong or do not fit it.
    #[error(transparent)]
    Decode(#[from] stonechat_decode::Error),
    /// A search that was made for another alphabet.
    #[error(
        "the search has {search} symbols, but the model has {model}: make it by Model::beam_search or Model::grammar_search"
    )]
    SearchSymbols {
        /// Symbols of the search.
        search: usize,
        /// Symbols of the model.
        model: usize,
    },
    /// An option of voice activity detection is out of range.
    #[error("{name} of the voice activity detection is {value}, and must {must}")]
    Voice {
        /// The option.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The requirement it breaks.
        must: &'static str,
    },
    /// [`Options::time_batch`](crate::Options::time_batch) is out of range.
    #[error("time_batch is {0}: give 1 to {MAX_TIME_BATCH} frames")]
    TimeBatch(usize),
    /// Features that are not whole frames.
    #[error("{values} feature values are not a whole number of frames of {dim}")]
    FeatureFrames {
        /// Values given.
        values: usize,
        /// Values of a frame.
        dim: usize,
    },
    /// Samples or features were pushed after `finish`.
    #[error("the stream is finished: call reset() before pushing again")]
    Finished,
}
