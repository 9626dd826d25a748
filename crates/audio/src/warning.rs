//! Problems with audio that still gave samples.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that the user of a recording should know: what was found, and what was done about it.
/// As JSON: `{"kind": "truncated", "message": "..."}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What it is about, for programs.
    pub kind: WarningKind,
    /// The same for people, in one sentence.
    pub message: String,
}

/// What a [`Warning`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarningKind {
    /// Audio that the file states is missing at its end.
    Truncated,
    /// A header contradicts the contents of the file; the contents were used.
    Header,
    /// Bytes that are not audio were left out.
    LeftOver,
    /// Parts that could not be decoded became silence.
    Damaged,
    /// No sound, or almost none.
    Silent,
    /// The level was far too low and was raised.
    Quiet,
    /// The level was far too high and was lowered.
    Loud,
    /// Peaks are clipped at full scale.
    Clipped,
    /// Float samples in the range of integers were scaled.
    IntegerScale,
    /// A constant offset was removed.
    Offset,
    /// A channel without sound was left out of the mean.
    DeadChannel,
    /// A channel of opposite sign was inverted.
    OppositeChannels,
    /// What was said while nobody could hear it: the program too slow, or the microphone gone.
    Lost,
    /// As loud and as white as bytes that are not samples.
    Noise,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Warning {
    /// A new warning.
    pub fn new(kind: WarningKind, message: impl Into<String>) -> Self {
        Warning { kind, message: message.into() }
    }
}

/// The first warning of each kind: later ones mostly follow from it.
#[cfg(feature = "files")]
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings(Vec<Warning>);

#[cfg(feature = "files")]
impl Warnings {
    pub(crate) fn add(&mut self, kind: WarningKind, message: impl Into<String>) {
        if self.0.iter().all(|known| known.kind != kind) {
            self.0.push(Warning::new(kind, message));
        }
    }

    pub(crate) fn list(&self) -> &[Warning] {
        &self.0
    }
}
