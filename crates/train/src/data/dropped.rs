//! Utterances that are not used, and why.

use std::fmt;

use serde::Serialize;

/// Why an utterance is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// A drop list names it.
    Listed,
    /// The audio is missing or cannot be decoded.
    Unreadable,
    /// The text has a character that is not in the alphabet.
    OutsideAlphabet,
    /// Below `Limits::min_s`.
    TooShort,
    /// Above `Limits::max_s`.
    TooLong,
    /// The text needs more output frames than the audio gives.
    CtcImpossible,
}

impl fmt::Display for DropReason {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Listed => "on a drop list",
            Self::Unreadable => "unreadable",
            Self::OutsideAlphabet => "outside the alphabet",
            Self::TooShort => "too short",
            Self::TooLong => "too long",
            Self::CtcImpossible => "impossible for CTC",
        })
    }
}

/// An utterance that is not used.
#[derive(Clone, Debug, Serialize)]
pub struct Dropped {
    /// `manifest:line`.
    pub place: String,
    /// Why.
    pub reason: DropReason,
    /// The reason with its figures or the decoder's message.
    pub detail: String,
}
