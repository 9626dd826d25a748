//! Finds the frames of logits without speech.
//!
//! The detector's frames (16 ms) are finer than the network's and come earlier. When the network
//! decides on a frame it has heard its look-ahead, so audio up to the look-ahead after the frame
//! may count, and no more. Which frames are silent therefore does not depend on how the samples are
//! cut.

use std::collections::VecDeque;

use stonechat_audio::VoiceDetector;

use crate::activity::{Activity, VoiceOptions};
use crate::{Error, Model};

/// The detector of a stream.
#[derive(Debug)]
pub(crate) struct Voice {
    detector: VoiceDetector,
    options: VoiceOptions,
    probabilities: Vec<f32>,
    /// The detector's frames so far.
    heard: u64,
    /// Those with speech that later frames may still be near to.
    speech: VecDeque<u64>,
    /// Samples per frame of logits.
    frame_samples: u64,
    before_samples: u64,
    after_samples: u64,
    /// Frames of logits so far.
    frames: u64,
}

impl Voice {
    /// A detector for a new stream, if there are options. [`new`](Self::new) must have accepted
    /// them before.
    pub(crate) fn of(model: &Model, options: Option<VoiceOptions>) -> Option<Self> {
        options.map(|options| Self::new(model, options).expect("was checked when it was set"))
    }

    /// # Errors
    /// [`Error::Features`] for a model of another rate than 16 kHz, [`Error::Voice`] for options
    /// out of range.
    pub(crate) fn new(model: &Model, options: VoiceOptions) -> Result<Self, Error> {
        let VoiceOptions { threshold, padding_s } = options;
        if !(threshold > 0.0 && threshold <= 1.0) {
            let must = "be above 0 and at most 1";
            return Err(Error::Voice { name: "threshold", value: threshold.into(), must });
        }
        if !(0.0..=10.0).contains(&padding_s) {
            let must = "be 0 to 10 seconds";
            return Err(Error::Voice { name: "padding_s", value: padding_s, must });
        }
        let rate_hz = f64::from(model.sample_rate_hz());
        let before_s = padding_s.min(f64::from(model.lookahead_ms()) / 1000.0);
        Ok(Self {
            detector: VoiceDetector::new(model.sample_rate_hz())?,
            options,
            probabilities: Vec::new(),
            heard: 0,
            speech: VecDeque::new(),
            frame_samples: (model.frame_seconds() * rate_hz).round() as u64,
            before_samples: (before_s * rate_hz) as u64,
            after_samples: (padding_s * rate_hz) as u64,
            frames: 0,
        })
    }

    /// Takes samples, before the network does.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        self.probabilities.clear();
        self.detector.push(samples, &mut self.probabilities);
        for &probability in &self.probabilities {
            if probability >= self.options.threshold {
                self.speech.push_back(self.heard);
            }
            self.heard += 1;
        }
    }

    /// What the detector says of the next frame of logits. All of its look-ahead must have been
    /// pushed.
    pub(crate) fn next_frame(&mut self) -> Activity {
        const STEP: u64 = VoiceDetector::FRAME_SAMPLES as u64;
        let start = self.frames * self.frame_samples;
        self.frames += 1;
        // The detector's frames that end after `from` and no later than `to`.
        let (from, to) = (start.saturating_sub(self.after_samples), start + self.before_samples);
        while self.speech.front().is_some_and(|frame| (frame + 1) * STEP <= from) {
            self.speech.pop_front();
        }
        let mut near = self.speech.iter().map(|frame| frame * STEP);
        let mut near = near.by_ref().take_while(|begin| begin + STEP <= to).peekable();
        let silent = near.peek().is_none();
        let end = start + self.frame_samples;
        Activity { silent, speaking: near.any(|begin| begin < end && begin + STEP > start) }
    }

    /// Back to the start of a stream.
    pub(crate) fn reset(&mut self) {
        self.detector.reset();
        self.speech.clear();
        (self.heard, self.frames) = (0, 0);
    }
}
