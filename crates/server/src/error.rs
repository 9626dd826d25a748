//! Why a server could not be started.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server could not be started or its models not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    #[error("{address}: cannot listen there: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Others than this machine could reach the server without a key, or read along.
    #[error(
        "{address} can be reached from outside: {lacks}, or say that this is meant (`insecure`), as behind a proxy that does both"
    )]
    Public {
        /// The address asked for.
        address: SocketAddr,
        /// What to give.
        lacks: &'static str,
    },
    /// No model, or several of one name.
    #[error("models: {0}")]
    Models(String),
    /// A model could not be loaded, or does not take the settings.
    #[error("model {name}: {problem}")]
    Model {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A certificate or its key cannot be used.
    #[error("{path}: {problem}", path = path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A key that nobody could send.
    #[error("{0}")]
    Keys(String),
    /// The system gives no threads.
    #[error("no threads: {0}")]
    Threads(std::io::Error),
}
