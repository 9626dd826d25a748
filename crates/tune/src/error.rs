//! The errors of this crate.

/// Why something could not be tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no audio.
    #[error("{}: no audio to calibrate with", manifest.display())]
    NoAudio {
        /// The manifest.
        manifest: std::path::PathBuf,
    },
    /// A limit that cannot be met.
    #[error("{0}")]
    Target(String),
    /// A network from which no model can be made.
    #[error("the network: {0}")]
    Network(#[source] stonechat::Error),
    /// The features of a package are invalid.
    #[error("{model}: `features`: {error}")]
    Features {
        /// The package.
        model: String,
        /// What is wrong with them.
        error: serde_json::Error,
    },
    /// The manifest, or audio that it lists.
    #[error(transparent)]
    Manifest(#[from] stonechat_corpus::ManifestError),
    /// Compression.
    #[cfg(feature = "compress")]
    #[error(transparent)]
    Compress(#[from] stonechat_compress::Error),
    /// Decoding.
    #[error(transparent)]
    Decode(#[from] stonechat_decode::Error),
    /// A package.
    #[error(transparent)]
    Package(#[from] stonechat_model::Error),
}
