//! The errors of this crate.

/// Why a matrix, a rule, a plan or a network was rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A matrix cannot be decomposed.
    #[error("SVD of {name}: {reason}")]
    Svd {
        /// The map, or `matrix`.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A rank rule is impossible to follow.
    #[error("rank rule: {0}")]
    Rank(String),
    /// Calibration data is missing or does not fit.
    #[error("calibration: {0}")]
    Calibration(String),
    /// A plan is not valid.
    #[error("compression plan: {0}")]
    Plan(String),
    /// The network is not valid.
    #[error(transparent)]
    Model(#[from] stonechat_model::Error),
}

impl Error {
    pub(crate) fn svd(name: &str, reason: impl Into<String>) -> Self {
        Error::Svd { name: name.into(), reason: reason.into() }
    }
}
