//! Feature frames of utterances whose waveform is not augmented, computed once.

use std::path::PathBuf;
use std::sync::Arc;

use stonechat_audio::{FeatureConfig, FeatureExtractor};
use stonechat_corpus::Utterance;

use super::blob_store::BlobStore;
use super::error::DataError;
use super::memory::{Kept, MemoryBudget};
use super::pcm_cache::{PcmCache, to_f32};

/// Part of every key: increase it when the arithmetic of the features changes.
const VERSION: u32 = 1;

/// Frames before normalisation (so that a new mean does not invalidate the cache), keyed by the key
/// of the decoded samples and the feature configuration; on disk if a folder is given, in memory
/// within the budget.
#[derive(Debug)]
pub struct FeatureCache {
    /// For the configuration without `normalise`; cloned for every utterance.
    extractor: FeatureExtractor,
    config_text: String,
    store: Option<BlobStore>,
    kept: Kept<usize, f32>,
}

impl FeatureCache {
    /// A cache for frames of `config` in `folder` (created if missing; `None` means not on disk).
    ///
    /// # Errors
    /// The folder cannot be made, or the configuration is wrong.
    pub fn new(
        folder: Option<PathBuf>,
        config: &FeatureConfig,
        memory: MemoryBudget,
    ) -> Result<Self, DataError> {
        let config = FeatureConfig { normalise: None, ..config.clone() };
        let extractor =
            FeatureExtractor::new(&config).map_err(|error| DataError::Features(error.into()))?;
        let config_text =
            serde_json::to_string(&config).map_err(|error| DataError::Features(error.into()))?;
        let store = folder.map(|folder| BlobStore::open(folder.join("features"))).transpose()?;
        Ok(Self { extractor, config_text, store, kept: Kept::new(memory) })
    }

    /// Frames before normalisation, `frames x dim`. `number` identifies the utterance within this
    /// run.
    ///
    /// # Errors
    /// The audio cannot be decoded, or the cache folder cannot be written.
    pub fn get(
        &self,
        number: usize,
        utterance: &Utterance,
        pcm: &PcmCache,
    ) -> Result<Arc<[f32]>, DataError> {
        if let Some(features) = self.kept.get(&number) {
            return Ok(features);
        }
        let features = self.load(utterance, pcm)?;
        self.kept.offer(number, &features);
        Ok(features)
    }

    fn load(&self, utterance: &Utterance, pcm: &PcmCache) -> Result<Arc<[f32]>, DataError> {
        let Some(store) = &self.store else {
            return self.compute(utterance, pcm).map(Arc::from);
        };
        let key = format!("features {VERSION} {} of {}", self.config_text, pcm.key(utterance)?);
        let frame_bytes = 4 * self.extractor.dim();
        if let Some(bytes) = store.get(&key)
            && !bytes.is_empty()
            && bytes.len() % frame_bytes == 0
        {
            return Ok(bytes
                .chunks_exact(4)
                .map(|word| f32::from_le_bytes([word[0], word[1], word[2], word[3]]))
                .collect());
        }
        let features = self.compute(utterance, pcm)?;
        let bytes: Vec<u8> = features.iter().flat_map(|value| value.to_le_bytes()).collect();
        store.put(&key, &bytes)?;
        Ok(Arc::from(features))
    }

    fn compute(&self, utterance: &Utterance, pcm: &PcmCache) -> Result<Vec<f32>, DataError> {
        let samples: Vec<f32> =
            pcm.get_once(utterance)?.iter().map(|&sample| to_f32(sample)).collect();
        Ok(self.of_samples(&samples))
    }

    /// Frames before normalisation of any samples in [-1, 1] at the configuration's rate, `frames x
    /// dim`; not cached.
    pub fn of_samples(&self, samples: &[f32]) -> Vec<f32> {
        let mut extractor = self.extractor.clone();
        let mut features = Vec::new();
        extractor.push(samples, &mut features);
        extractor.finish(&mut features);
        features
    }
}
