//! A training or development set: manifests whose usable utterances become feature batches.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use stonechat_audio::{FeatureConfig, Normalise};
use stonechat_corpus::{Doubts, DropList, Targets, Utterance, read_manifest_with};
use stonechat_model::Alphabet;

use super::Progress;
use super::augment::{Augmentation, OtherVoices, samples_after};
use super::batches::{BatchConfig, plan_windows, windows};
use super::config::{DataConfig, Limits, Source};
use super::dropped::{DropReason, Dropped};
use super::error::DataError;
use super::feature_cache::FeatureCache;
use super::memory::MemoryBudget;
use super::pcm_cache::PcmCache;

/// The usable utterances of some manifests with their labels.
///
/// An *item* is one occurrence in an epoch: with `repeat = 2` an utterance makes two items. Indices
/// in batches and plans are indices of items.
pub struct Dataset {
    targets: Targets,
    utterances: Vec<Utterance>,
    labels: Vec<Vec<u16>>,
    samples: Vec<usize>,
    items: Vec<usize>,
    dropped: Vec<Dropped>,
    features: FeatureConfig,
    frames_out: Box<dyn Fn(usize) -> usize + Send + Sync>,
    pcm: PcmCache,
    doubts: Doubts,
    cached: FeatureCache,
}

impl Dataset {
    /// Reads the manifests and decodes what is not in the cache yet, on rayon's threads.
    ///
    /// `frames_out` gives the network's output frames for a number of feature frames. Utterances
    /// that cannot be used are dropped and listed in [`Self::dropped`]; wrong manifest lines are
    /// errors. If `features.normalise` is set, batches are normalised with it (see also
    /// [`Self::set_normalise`]).
    ///
    /// # Errors
    /// A manifest cannot be read or has a wrong line, the cache cannot be written, the feature
    /// configuration is wrong, nothing usable is left, or `progress` asked to stop.
    pub fn open(
        sources: &[Source],
        alphabet: &Alphabet,
        features: &FeatureConfig,
        config: &DataConfig,
        frames_out: impl Fn(usize) -> usize + Send + Sync + 'static,
        progress: Progress,
    ) -> Result<Self, DataError> {
        features.validate().map_err(|error| DataError::Features(error.into()))?;
        let memory = MemoryBudget::new(config.cache.memory_mib.saturating_mul(1 << 20));
        let mut dataset = Self {
            targets: Targets::new(alphabet.clone()),
            utterances: Vec::new(),
            labels: Vec::new(),
            samples: Vec::new(),
            items: Vec::new(),
            dropped: Vec::new(),
            features: features.clone(),
            frames_out: Box::new(frames_out),
            pcm: PcmCache::new(
                config.cache.folder.clone(),
                features.sample_rate_hz,
                memory.clone(),
            )?,
            doubts: Doubts::default(),
            cached: FeatureCache::new(config.cache.folder.clone(), features, memory)?,
        };
        let mut listed = Vec::new();
        let files = config.cache.files();
        for source in sources.iter().filter(|source| source.repeat > 0) {
            listed.extend(
                read_manifest_with(&source.manifest, &files)?
                    .into_iter()
                    .map(|utterance| (utterance, source.repeat)),
            );
        }
        let drop = DropList::read(&config.drop)?;
        let done = AtomicUsize::new(0);
        let examined: Vec<_> = listed
            .par_iter()
            .map(|(utterance, _)| {
                let outcome = match drop.contains(utterance) {
                    true => Ok(Err((DropReason::Listed, "left out on request".to_owned()))),
                    false => dataset.examine(utterance, &config.limits),
                };
                let count = done.fetch_add(1, Ordering::Relaxed) + 1;
                match progress {
                    Some(progress) if !progress(count, listed.len()) => Err(DataError::Stopped),
                    _ => outcome,
                }
            })
            .collect::<Result<_, _>>()?;
        dataset.doubts = dataset.pcm.doubts();
        for ((utterance, repeat), outcome) in listed.into_iter().zip(examined) {
            dataset.admit(utterance, repeat, outcome);
        }
        if dataset.items.is_empty() {
            return Err(dataset.nothing_usable(sources));
        }
        Ok(dataset)
    }

    /// Labels and number of samples of a usable utterance, or why it is not usable.
    fn examine(&self, utterance: &Utterance, limits: &Limits) -> Result<Examined, DataError> {
        let labels = match self.targets.labels(&utterance.text) {
            Ok(labels) => labels,
            Err(error) => return Ok(Err((DropReason::OutsideAlphabet, error.to_string()))),
        };
        let samples = match utterance.part.and(utterance.duration_s) {
            // Shards are measured when they are made: ten thousand hours need not be decoded before
            // the first step.
            Some(seconds) if utterance.offset_s.is_none() => {
                Ok((seconds * f64::from(self.features.sample_rate_hz)).round() as usize)
            }
            _ => self.pcm.samples(utterance),
        };
        let samples = match samples {
            Ok(samples) => samples,
            // A full disk is not the fault of the utterance.
            Err(error @ DataError::Cache { .. }) => return Err(error),
            Err(error) => return Ok(Err((DropReason::Unreadable, error.to_string()))),
        };
        let seconds = samples as f64 / f64::from(self.features.sample_rate_hz);
        if seconds < limits.min_s {
            return Ok(Err((
                DropReason::TooShort,
                format!("{seconds:.3} s, below {} s", limits.min_s),
            )));
        }
        if seconds > limits.max_s {
            return Ok(Err((
                DropReason::TooLong,
                format!("{seconds:.3} s, above {} s", limits.max_s),
            )));
        }
        let (needed, given) = (self.targets.frames_needed(&labels), self.output_frames(samples));
        if needed > given {
            let detail = format!(
                "the text needs {needed} output frames, {seconds:.3} s of audio give {given}"
            );
            return Ok(Err((DropReason::CtcImpossible, detail)));
        }
        Ok(Ok((labels, samples)))
    }

    fn admit(&mut self, utterance: Utterance, repeat: usize, outcome: Examined) {
        match outcome {
            Ok((labels, samples)) => {
                self.items.extend(std::iter::repeat_n(self.utterances.len(), repeat));
                self.utterances.push(utterance);
                self.labels.push(labels);
                self.samples.push(samples);
            }
            Err((reason, detail)) => {
                self.dropped.push(Dropped { place: utterance.place(), reason, detail })
            }
        }
    }

    fn nothing_usable(&self, sources: &[Source]) -> DataError {
        let manifests: Vec<_> =
            sources.iter().map(|source| source.manifest.display().to_string()).collect();
        let counts = self.dropped_counts();
        let reasons: Vec<_> =
            counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let reasons = if reasons.is_empty() { "no lines".to_owned() } else { reasons.join(", ") };
        let first = self
            .dropped
            .first()
            .map_or(String::new(), |first| format!("; first: {}: {}", first.place, first.detail));
        DataError::NothingUsable { manifests: manifests.join(", "), reasons: reasons + &first }
    }

    fn output_frames(&self, samples: usize) -> usize {
        (self.frames_out)(self.features.frames(samples))
    }

    /// Number of items of an epoch.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Always false: opening an empty set is an error.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How its texts become targets of the loss.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Features per frame.
    pub fn dim(&self) -> usize {
        self.features.dim()
    }

    /// The feature configuration, with the current normalisation.
    pub fn features(&self) -> &FeatureConfig {
        &self.features
    }

    /// Normalises the features of all later batches by mean and scale.
    ///
    /// # Errors
    /// They do not fit the features.
    pub fn set_normalise(&mut self, normalise: Normalise) -> Result<(), DataError> {
        let features = FeatureConfig { normalise: Some(normalise), ..self.features.clone() };
        features.validate().map_err(|error| DataError::Features(error.into()))?;
        self.features = features;
        Ok(())
    }

    /// The usable utterances, each once.
    pub fn utterances(&self) -> &[Utterance] {
        &self.utterances
    }

    /// The utterance of an item.
    pub fn utterance(&self, item: usize) -> &Utterance {
        &self.utterances[self.items[item]]
    }

    /// The labels of an item's text.
    pub fn labels(&self, item: usize) -> &[u16] {
        &self.labels[self.items[item]]
    }

    /// The utterances that are not used, in the manifests' order.
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    /// Problems with recordings that can still be used.
    pub fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// The number of unused utterances for each reason.
    pub fn dropped_counts(&self) -> BTreeMap<DropReason, usize> {
        let mut counts = BTreeMap::new();
        for dropped in &self.dropped {
            *counts.entry(dropped.reason).or_default() += 1;
        }
        counts
    }

    /// Length of an epoch without augmentation, in seconds, repeats included.
    pub fn seconds(&self) -> f64 {
        let samples: usize = self.items.iter().map(|&utterance| self.samples[utterance]).sum();
        samples as f64 / f64::from(self.features.sample_rate_hz)
    }

    /// Feature frames of every item, including the change of speed and the silence around it.
    pub fn frames(&self, augmentation: Option<&Augmentation>) -> Vec<usize> {
        let rate_hz = self.features.sample_rate_hz;
        let samples = |item| {
            let speech =
                samples_after(self.samples[self.items[item]], self.speed(item, augmentation));
            let silence = augmentation.map_or([0, 0], |a| a.silence(item, rate_hz));
            speech + silence.iter().sum::<usize>()
        };
        (0..self.len()).map(|item| self.features.frames(samples(item))).collect()
    }

    /// The batches of an epoch (see [`plan_windows`]), by the lengths after augmentation; all views
    /// of an utterance count.
    pub fn plan(
        &self,
        config: &BatchConfig,
        epoch: u64,
        seed: u64,
        augmentation: Option<&Augmentation>,
    ) -> Vec<Vec<usize>> {
        let views = augmentation.map_or(1, |augmentation| augmentation.views);
        let config = BatchConfig {
            max_frames: config.max_frames / views,
            max_utterances: (config.max_utterances / views).max(1),
            ..config.clone()
        };
        let frames = self.frames(augmentation);
        let windows = match config.shuffle {
            Some(size) => windows(&self.files(), size, epoch, seed),
            None => vec![(0..frames.len()).collect()],
        };
        plan_windows(&frames, windows, &config, epoch, seed)
    }

    /// For each item the number of its audio file, in order of appearance.
    fn files(&self) -> Vec<usize> {
        let mut numbers = HashMap::new();
        let number = |utterance: &Utterance| {
            let next = numbers.len();
            *numbers.entry(utterance.audio.clone()).or_insert(next)
        };
        let files: Vec<usize> = self.utterances.iter().map(number).collect();
        self.items.iter().map(|&utterance| files[utterance]).collect()
    }

    /// The drawn speed, or 1 if the faster utterance would be too short for its text.
    fn speed(&self, item: usize, augmentation: Option<&Augmentation>) -> f64 {
        let speed = augmentation.map_or(1.0, |augmentation| augmentation.speed(item));
        let utterance = self.items[item];
        let given = self.output_frames(samples_after(self.samples[utterance], speed));
        if given < self.targets.frames_needed(&self.labels[utterance]) { 1.0 } else { speed }
    }

    /// Frames of an utterance (by its index in [`Self::utterances`]) before normalisation and
    /// augmentation, `frames x dim`.
    ///
    /// # Errors
    /// The audio can no longer be read, or the cache cannot be written.
    pub fn raw_features(&self, utterance: usize) -> Result<Arc<[f32]>, DataError> {
        self.cached.get(utterance, &self.utterances[utterance], &self.pcm)
    }

    /// Frames of an item as input of a network, `frames x dim`: augmented, normalised, and masked
    /// once for each view of the augmentation (one view without).
    ///
    /// # Errors
    /// The audio can no longer be read, or the cache cannot be written.
    pub fn item_views(
        &self,
        item: usize,
        augmentation: Option<&Augmentation>,
    ) -> Result<Vec<Vec<f32>>, DataError> {
        let mut features = match augmentation {
            Some(augmentation) if augmentation.config.changes_waveform() => {
                let others = OtherVoices {
                    count: self.utterances.len(),
                    samples: &|other| self.pcm.get(&self.utterances[other]),
                };
                let samples = self.pcm.get(self.utterance(item))?;
                let speed = self.speed(item, Some(augmentation));
                self.cached.of_samples(&augmentation.waveform(
                    item,
                    &samples,
                    self.pcm.rate_hz(),
                    speed,
                    &others,
                )?)
            }
            _ => self.raw_features(self.items[item])?.to_vec(),
        };
        if let Some(Normalise { mean, scale }) = &self.features.normalise {
            for frame in features.chunks_exact_mut(mean.len()) {
                for ((value, mean), scale) in frame.iter_mut().zip(mean).zip(scale) {
                    *value = (*value - mean) * scale;
                }
            }
        }
        let Some(augmentation) = augmentation else { return Ok(vec![features]) };
        let mut views = vec![features; augmentation.views];
        for (view, features) in views.iter_mut().enumerate() {
            augmentation.mask(item, view, features, self.features.dim());
        }
        Ok(views)
    }
}

/// Labels and samples, or why not.
type Examined = Result<(Vec<u16>, usize), (DropReason, String)>;
