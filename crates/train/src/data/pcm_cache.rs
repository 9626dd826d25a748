//! Decoded audio at the model's rate: compressed files are decoded and resampled once.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use stonechat_audio::{Sound, Warning};
use stonechat_corpus::{Doubts, Part, Utterance};

use super::blob_store::BlobStore;
use super::error::DataError;
use super::memory::{Kept, MemoryBudget};

/// Part of every key: increase it when decoding or resampling changes, to invalidate old entries.
const VERSION: u32 = 2;

/// Decoded utterances as 16-bit samples, on disk (if a folder is given) and in memory (within the
/// budget).
///
/// The key of a disk entry is (path, size, modification time, offset, duration, rate), so a changed
/// audio file is decoded again; a damaged entry is made again. Rounding to 16 bits adds noise at
/// -98 dB of full scale.
#[derive(Debug)]
pub struct PcmCache {
    rate_hz: u32,
    store: Option<BlobStore>,
    kept: Kept<SegmentId, i16>,
    /// Problems with recordings that were decoded or found in the folder.
    doubts: Mutex<Doubts>,
}

/// Names a segment within one run, without asking the file system.
#[derive(Debug, PartialEq, Eq, Hash)]
struct SegmentId {
    audio: PathBuf,
    part: Option<Part>,
    offset_bits: Option<u64>,
    duration_bits: Option<u64>,
}

impl SegmentId {
    fn of(utterance: &Utterance) -> Self {
        let offset_bits = utterance.offset_s.map(f64::to_bits);
        // The declared duration of a whole file does not affect what is decoded.
        let duration_bits = offset_bits.and(utterance.duration_s).map(f64::to_bits);
        Self { audio: utterance.audio.clone(), part: utterance.part, offset_bits, duration_bits }
    }
}

impl PcmCache {
    /// A cache for samples at `rate_hz` in `folder` (created if missing; `None` means not on disk).
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new(
        folder: Option<PathBuf>,
        rate_hz: u32,
        memory: MemoryBudget,
    ) -> Result<Self, DataError> {
        let store = folder.map(|folder| BlobStore::open(folder.join("pcm"))).transpose()?;
        Ok(Self { rate_hz, store, kept: Kept::new(memory), doubts: Mutex::default() })
    }

    /// The sample rate of [`Self::get`], in Hz.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// The utterance's mono samples.
    ///
    /// # Errors
    /// The audio cannot be read or decoded, or the cache folder cannot be written.
    pub fn get(&self, utterance: &Utterance) -> Result<Arc<[i16]>, DataError> {
        let id = SegmentId::of(utterance);
        if let Some(samples) = self.kept.get(&id) {
            return Ok(samples);
        }
        let samples = self.load(utterance)?;
        self.kept.offer(id, &samples);
        Ok(samples)
    }

    /// [`Self::get`] that does not keep loaded samples in memory: for callers that keep what they
    /// compute from them.
    ///
    /// # Errors
    /// Those of [`Self::get`].
    pub fn get_once(&self, utterance: &Utterance) -> Result<Arc<[i16]>, DataError> {
        match self.kept.get(&SegmentId::of(utterance)) {
            Some(samples) => Ok(samples),
            None => self.load(utterance),
        }
    }

    /// The number of samples of [`Self::get`]; decodes only if the utterance is not in the cache.
    ///
    /// # Errors
    /// Those of [`Self::get`].
    pub fn samples(&self, utterance: &Utterance) -> Result<usize, DataError> {
        if let Some(store) = &self.store {
            let key = self.key(utterance)?;
            if let Some(bytes) = store.payload_bytes(&key).filter(|&bytes| bytes > 0) {
                let warnings = store.get(&warnings_key(&key)).unwrap_or_default();
                self.doubt(
                    utterance,
                    &serde_json::from_slice::<Vec<_>>(&warnings).unwrap_or_default(),
                );
                return Ok(bytes / 2);
            }
        }
        self.get(utterance).map(|samples| samples.len())
    }

    /// The key of the utterance's decoded samples: it changes whenever they may change.
    pub(super) fn key(&self, utterance: &Utterance) -> Result<String, DataError> {
        let version = utterance.version()?;
        let audio = match utterance.is_remote() {
            true => utterance.audio.clone(),
            false => std::path::absolute(&utterance.audio)
                .map_err(|error| utterance.audio_error(error))?,
        };
        let segment = match utterance.offset_s {
            None => "whole".to_owned(),
            Some(offset) => match utterance.duration_s {
                Some(duration) => format!("{:016x}+{:016x}", offset.to_bits(), duration.to_bits()),
                None => format!("{:016x}+", offset.to_bits()),
            },
        };
        let part = match utterance.part {
            None => String::new(),
            Some(Part::Bytes { start_byte, bytes }) => {
                format!("{bytes} bytes from {start_byte} of ")
            }
            Some(Part::Row(row)) => format!("row {row} of "),
        };
        Ok(format!(
            "pcm {VERSION} {} Hz {segment} {part}{version} {}",
            self.rate_hz,
            audio.display()
        ))
    }

    fn load(&self, utterance: &Utterance) -> Result<Arc<[i16]>, DataError> {
        let Some(store) = &self.store else {
            let Sound { samples, warnings } = utterance.read(self.rate_hz)?;
            self.doubt(utterance, &warnings);
            return Ok(samples.into_iter().map(to_i16).collect());
        };
        let key = self.key(utterance)?;
        if let Some(bytes) = store.get(&key)
            && !bytes.is_empty()
        {
            return Ok(bytes
                .chunks_exact(2)
                .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                .collect());
        }
        let Sound { samples, warnings } = utterance.read(self.rate_hz)?;
        self.doubt(utterance, &warnings);
        let samples: Vec<i16> = samples.into_iter().map(to_i16).collect();
        if let (false, Ok(json)) = (warnings.is_empty(), serde_json::to_vec(&warnings)) {
            store.put(&warnings_key(&key), &json)?;
        }
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        store.put(&key, &bytes)?;
        Ok(Arc::from(samples))
    }

    fn doubt(&self, utterance: &Utterance, warnings: &[Warning]) {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).add(utterance, warnings);
    }

    /// Problems with the recordings so far; those that are decoded again are counted again.
    pub fn doubts(&self) -> Doubts {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The key under which the warnings about an utterance are stored, if there are any.
fn warnings_key(key: &str) -> String {
    format!("warnings of {key}")
}

/// Full scale is 32768, as in decoders; NaN becomes 0 (by a saturating cast).
pub(super) fn to_i16(sample: f32) -> i16 {
    (sample * 32768.0).round_ties_even() as i16
}

/// The inverse of [`to_i16`].
pub(super) fn to_f32(sample: i16) -> f32 {
    f32::from(sample) / 32768.0
}
