//! Decodes an utterance to get facts about it.

use stonechat_audio::{Sound, Warning};
use stonechat_corpus::{ManifestError, Utterance};

use crate::data::blob_store::{FNV_START, fnv1a};
use crate::data::pcm_cache::to_i16;

/// The result of inspecting an audio file.
pub(super) enum Inspected {
    /// There is no such file.
    Missing(String),
    /// The file cannot be decoded.
    Unreadable(String),
    /// The file can be decoded.
    Audio(AudioFacts),
}

/// Facts of a decoded utterance.
pub(super) struct AudioFacts {
    /// Problems with it, although it can be decoded.
    pub warnings: Vec<Warning>,
    pub source_rate_hz: u32,
    pub channels: usize,
    /// At the model's rate.
    pub samples: usize,
    /// Greatest magnitude, full scale = 1.
    pub peak: f32,
    /// Hash of the samples rounded to 16 bits.
    pub hash: u64,
}

impl Inspected {
    /// Samples at the model's rate; 0 without audio.
    pub(super) fn samples(&self) -> usize {
        match self {
            Self::Audio(audio) => audio.samples,
            _ => 0,
        }
    }
}

pub(super) fn inspect(utterance: &Utterance, rate_hz: u32) -> Inspected {
    if utterance.is_remote() {
        if let Err(error) = utterance.version() {
            return Inspected::Missing(error.to_string());
        }
        return listened(utterance, rate_hz);
    }
    match utterance.audio.metadata() {
        Err(error) => Inspected::Missing(format!("{}: {error}", utterance.audio.display())),
        Ok(metadata) if !metadata.is_file() => {
            Inspected::Missing(format!("{}: not a file", utterance.audio.display()))
        }
        Ok(_) => listened(utterance, rate_hz),
    }
}

fn listened(utterance: &Utterance, rate_hz: u32) -> Inspected {
    // The wrapper repeats the place, which is already in the report.
    let unreadable = |error: ManifestError| match error {
        ManifestError::Audio { source, .. } => Inspected::Unreadable(source.to_string()),
        error => Inspected::Unreadable(error.to_string()),
    };
    let reader = match utterance.open(rate_hz) {
        Ok(reader) => reader,
        Err(error) => return unreadable(error),
    };
    let (source_rate_hz, channels) = (reader.source_rate_hz(), reader.channels());
    drop(reader);
    let Sound { samples, warnings } = match utterance.read(rate_hz) {
        Ok(sound) => sound,
        Err(error) => return unreadable(error),
    };
    Inspected::Audio(AudioFacts {
        source_rate_hz,
        channels,
        warnings,
        samples: samples.len(),
        peak: samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs())),
        hash: samples
            .iter()
            .fold(FNV_START, |hash, &sample| fnv1a(hash, &to_i16(sample).to_le_bytes())),
    })
}
