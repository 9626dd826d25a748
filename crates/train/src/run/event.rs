//! The events of a run, and its speed.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::data::DropReason;
use crate::engine::evaluate::Evaluation;

/// What a run reports while it runs; the library itself prints nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Audio files read so far.
    Reading {
        /// Files done.
        done: usize,
        /// Files in all.
        total: usize,
    },
    /// Something about the data looks wrong.
    Doubt {
        /// What, with counts and places.
        what: &'a str,
    },
    /// The data sets are ready.
    DataReady {
        /// Training utterances and hours.
        train: (usize, f64),
        /// Development utterances.
        dev: usize,
        /// Number of utterances left out, by reason.
        dropped: BTreeMap<DropReason, usize>,
        /// Trainable values.
        parameters: usize,
    },
    /// A step was taken.
    Step {
        /// Stage.
        stage: &'a str,
        /// Epoch, from 0.
        epoch: usize,
        /// Batches done and in all in this epoch.
        batch: (usize, usize),
        /// Epochs of the stage.
        epochs: usize,
        /// Mean loss per utterance over the epoch so far.
        loss: f64,
        /// Learning rate.
        rate: f64,
    },
    /// A stage began with changed weights: truncated, or moved into other families.
    Truncated {
        /// Stage that begins.
        stage: &'a str,
        /// Trainable values left.
        parameters: usize,
        /// Development result before any further training.
        dev: Option<&'a Evaluation>,
    },
    /// An epoch ended.
    Epoch {
        /// Stage.
        stage: &'a str,
        /// Epoch, from 0.
        epoch: usize,
        /// Mean training loss per utterance.
        loss: f64,
        /// Development result, if there is a development set.
        dev: Option<&'a Evaluation>,
        /// Its duration and the audio heard.
        pace: Pace,
    },
}

/// The duration of an epoch, and the audio heard in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// Time of its training steps, including waiting for data, in seconds; for a resumed epoch only
    /// the time since then.
    pub seconds: f64,
    /// Audio heard in that time, as augmented, in hours.
    pub hours: f64,
}

impl Pace {
    /// Hours of audio trained on per hour; 0 if no time has passed.
    pub fn hours_an_hour(&self) -> f64 {
        if self.seconds > 0.0 { 3600.0 * self.hours / self.seconds } else { 0.0 }
    }

    /// Adds what was heard since `since`.
    pub(crate) fn add(&mut self, since: Instant, audio_s: f64) {
        self.seconds += since.elapsed().as_secs_f64();
        self.hours += audio_s / 3600.0;
    }
}
