//! Samples to feature frames, a bounded piece at a time.

use stonechat_audio::{FeatureConfig, FeatureExtractor};

use crate::acoustic::PIECE_FRAMES;

/// A feature extractor with an output buffer.
#[derive(Clone)]
pub(crate) struct FrontEnd {
    extractor: FeatureExtractor,
    piece_samples: usize,
    frames: Vec<f32>,
}

impl FrontEnd {
    pub(crate) fn new(config: &FeatureConfig) -> Result<Self, stonechat_audio::Error> {
        let mut front_end = Self {
            extractor: FeatureExtractor::new(config)?,
            piece_samples: PIECE_FRAMES * config.hop_samples(),
            frames: Vec::new(),
        };
        front_end.reset();
        Ok(front_end)
    }

    /// The most samples that [`push`](Self::push) may be given at once: those of [`PIECE_FRAMES`]
    /// frames. It bounds the buffers, however many samples the caller has.
    pub(crate) fn piece_samples(&self) -> usize {
        self.piece_samples
    }

    /// The frames that `samples` complete, `frames x dim`.
    pub(crate) fn push(&mut self, samples: &[f32]) -> &[f32] {
        self.frames.clear();
        self.extractor.push(samples, &mut self.frames);
        &self.frames
    }

    /// The last, zero-padded frame, if there is one.
    pub(crate) fn finish(&mut self) -> &[f32] {
        self.frames.clear();
        self.extractor.finish(&mut self.frames);
        &self.frames
    }

    /// Back to the state of a new one, with room for its output (a fresh clone has none).
    pub(crate) fn reset(&mut self) {
        self.extractor.reset();
        self.frames.clear();
        self.frames.reserve(PIECE_FRAMES * self.extractor.dim());
    }
}
