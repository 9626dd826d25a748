//! Which utterances go into which batch.

use serde::{Deserialize, Serialize};

use super::error::DataError;
use crate::random::Random;

/// Utterances of one bucket differ in length by at most this ratio, which bounds the padding.
const BUCKET_RATIO: f64 = 1.15;

/// Key of the stream that shuffles.
const STREAM: u64 = u64::from_le_bytes(*b"batches ");
/// Key of the stream that orders files.
const FILES: u64 = u64::from_le_bytes(*b"files   ");

/// How batches are formed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// The most frames of a batch, padding included: utterances x frames of the longest one. An
    /// utterance longer than this is a batch by itself.
    pub max_frames: usize,
    /// The most utterances of a batch.
    pub max_utterances: usize,
    /// Epoch 0 in order of length, shortest first (SortaGrad: Amodei et al., "Deep Speech 2", 2015,
    /// section 3.3).
    pub sorta_grad: bool,
    /// How many utterances are shuffled with each other, so that few files are open at any time of
    /// training. Each epoch goes through the audio files (shards) in another order, this many
    /// utterances at a time. If absent, all utterances of an epoch are shuffled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<usize>,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { max_frames: 16_000, max_utterances: 32, sorta_grad: true, shuffle: None }
    }
}

impl BatchConfig {
    /// Checks that a batch can contain something.
    ///
    /// # Errors
    /// `DataError::Config` names the key.
    pub fn validate(&self) -> Result<(), DataError> {
        for (field, value) in
            [("max_frames", self.max_frames), ("max_utterances", self.max_utterances)]
        {
            if value == 0 {
                return Err(DataError::config(
                    format!("batches.{field}"),
                    "0; it must be at least 1",
                ));
            }
        }
        match self.shuffle {
            Some(0) => Err(DataError::config("batches.shuffle", "0; it must be at least 1")),
            _ => Ok(()),
        }
    }
}

/// The batches of an epoch: every index of `frames` (feature frames per utterance) exactly once.
///
/// Epoch 0 with SortaGrad is sorted by length. All other epochs shuffle the utterances, group those
/// of similar length (with other bounds in each epoch), cut batches and shuffle the batches. The
/// result depends only on the arguments.
pub fn plan_epoch(
    frames: &[usize],
    config: &BatchConfig,
    epoch: u64,
    seed: u64,
) -> Vec<Vec<usize>> {
    plan_windows(frames, vec![(0..frames.len()).collect()], config, epoch, seed)
}

/// [`plan_epoch`] for one window after another: the utterances of a window are batched only with
/// each other.
pub fn plan_windows(
    frames: &[usize],
    windows: Vec<Vec<usize>>,
    config: &BatchConfig,
    epoch: u64,
    seed: u64,
) -> Vec<Vec<usize>> {
    let mut random = Random::keyed(&[seed, epoch, STREAM]);
    let mut all = Vec::new();
    for mut order in windows {
        random.shuffle(&mut order);
        // Both sorts are stable: ties stay shuffled.
        if config.sorta_grad && epoch == 0 {
            order.sort_by_key(|&index| frames[index]);
            all.extend(cut(&order, frames, config));
            continue;
        }
        let shift = random.uniform();
        order.sort_by_key(|&index| bucket(frames[index], shift));
        let mut batches = cut(&order, frames, config);
        random.shuffle(&mut batches);
        all.extend(batches);
    }
    all
}

/// Windows of `size` items each (the last may be smaller). The files of the items are in another
/// order in each epoch, and so are the items of a file, which `files` names.
pub fn windows(files: &[usize], size: usize, epoch: u64, seed: u64) -> Vec<Vec<usize>> {
    let count = files.iter().max().map_or(0, |last| last + 1);
    let mut order: Vec<usize> = (0..count).collect();
    Random::keyed(&[seed, epoch, FILES]).shuffle(&mut order);
    let mut place = vec![0; count];
    order.iter().enumerate().for_each(|(n, &file)| place[file] = n);
    let mut items: Vec<usize> = (0..files.len()).collect();
    items.sort_by_key(|&item| place[files[item]]);
    items.chunks(size.max(1)).map(<[usize]>::to_vec).collect()
}

/// Number of the length bucket: bounds are BUCKET_RATIO^(k - shift).
fn bucket(frames: usize, shift: f64) -> i64 {
    ((frames.max(1) as f64).ln() / BUCKET_RATIO.ln() + shift).floor() as i64
}

/// Fills one batch after another in the given order. A batch may span two buckets, so that rare
/// lengths do not make tiny batches.
fn cut(order: &[usize], frames: &[usize], config: &BatchConfig) -> Vec<Vec<usize>> {
    let mut batches = Vec::new();
    let mut batch: Vec<usize> = Vec::new();
    let mut longest = 0;
    for &index in order {
        let with_it = longest.max(frames[index]);
        let full = batch.len() >= config.max_utterances
            || with_it.saturating_mul(batch.len() + 1) > config.max_frames;
        if full && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            longest = 0;
        }
        longest = longest.max(frames[index]);
        batch.push(index);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}
