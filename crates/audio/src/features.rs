//! Samples to feature frames, as they come.
//!
//! ```text
//! sample -> clean -> pre-emphasis -> pending window --(every hop)--> Hann -> FFT -> |.|^2 -> mel -> ln -> normalise
//! ```
//! Frame `t` sees the samples `t * hop .. t * hop + window`. There is no padding at the start, so a
//! live stream and a file give the same frames. A frame is always computed from one full window, so
//! the cut of the pushes cannot matter.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::mel::MelBank;
use crate::sample::clean;
use crate::{Error, FeatureConfig, FeatureKind, Normalise};

/// Streaming feature extractor.
///
/// After the first frame it allocates nothing, except that `out`, the caller's, grows.
#[derive(Clone)]
pub struct FeatureExtractor {
    dim: usize,
    hop: usize,
    pre_emphasis: f32,
    log_floor: f32,
    mel: Option<MelBank>,
    normalise: Option<Normalise>,
    hann: Vec<f32>,
    fft: Arc<dyn RealToComplex<f32>>,

    /// Pre-emphasised samples of the next frame, at most one window.
    pending: Vec<f32>,
    /// How many of the last pending samples are not in any frame yet.
    unseen: usize,
    /// Last sample before pre-emphasis.
    previous: f32,

    windowed: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    fft_scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
}

impl std::fmt::Debug for FeatureExtractor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeatureExtractor")
            .field("dim", &self.dim)
            .field("window", &self.hann.len())
            .field("hop", &self.hop)
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

impl FeatureExtractor {
    /// Prepares filters, window and FFT.
    ///
    /// # Errors
    /// [`Error::Config`] if the configuration does not validate.
    pub fn new(config: &FeatureConfig) -> Result<Self, Error> {
        config.validate()?;
        let window = config.window_samples();
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(config.fft_samples());
        let mel = match config.kind {
            FeatureKind::LogMel => Some(config.mel_bank()?),
            FeatureKind::LogLinear => None,
        };
        // Periodic Hann, the window of spectral analysis: its period is the window length.
        let hann = (0..window)
            .map(|n| (0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / window as f64).cos()) as f32)
            .collect();
        Ok(FeatureExtractor {
            dim: config.dim(),
            hop: config.hop_samples(),
            pre_emphasis: config.pre_emphasis,
            log_floor: config.log_floor,
            mel,
            normalise: config.normalise.clone(),
            hann,
            pending: Vec::with_capacity(window),
            unseen: 0,
            previous: 0.0,
            windowed: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            fft_scratch: fft.make_scratch_vec(),
            power: vec![0.0; config.fft_samples() / 2 + 1],
            fft,
        })
    }

    /// Features per frame.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Takes samples (mono, at the configured rate, full scale 1) and appends every complete frame
    /// to `out` (`frames x dim`). Returns the number of frames appended.
    ///
    /// NaN and infinite samples count as 0.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) -> usize {
        let window = self.hann.len();
        let mut frames = 0;
        let mut rest = samples;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(window - self.pending.len()));
            rest = later;
            for &sample in now {
                let sample = clean(sample);
                self.pending.push(sample - self.pre_emphasis * self.previous);
                self.previous = sample;
            }
            self.unseen += now.len();
            if self.pending.len() == window {
                self.frame(out);
                self.pending.copy_within(self.hop.., 0);
                self.pending.truncate(window - self.hop);
                self.unseen = 0;
                frames += 1;
            }
        }
        frames
    }

    /// Ends the utterance: samples that are not in any frame yet make one last frame, padded with
    /// zeros. Returns the number of frames appended (0 or 1) and resets the extractor.
    pub fn finish(&mut self, out: &mut Vec<f32>) -> usize {
        let frames = usize::from(self.unseen > 0);
        if frames == 1 {
            self.pending.resize(self.hann.len(), 0.0);
            self.frame(out);
        }
        self.reset();
        frames
    }

    /// Forgets all samples: the next one starts a new utterance.
    pub fn reset(&mut self) {
        self.pending.clear();
        self.unseen = 0;
        self.previous = 0.0;
    }

    /// Appends the frame for the full pending window.
    fn frame(&mut self, out: &mut Vec<f32>) {
        let window = self.hann.len();
        for ((to, sample), weight) in self.windowed.iter_mut().zip(&self.pending).zip(&self.hann) {
            *to = sample * weight;
        }
        // The FFT uses its input as scratch space, so the padding must be written again.
        self.windowed[window..].fill(0.0);
        let done = self.fft.process_with_scratch(
            &mut self.windowed,
            &mut self.spectrum,
            &mut self.fft_scratch,
        );
        debug_assert!(done.is_ok(), "all buffers were made by this FFT: {done:?}");
        for (power, bin) in self.power.iter_mut().zip(&self.spectrum) {
            *power = bin.norm_sqr();
        }
        let start = out.len();
        out.resize(start + self.dim, 0.0);
        let frame = &mut out[start..];
        match &self.mel {
            Some(mel) => mel.apply(&self.power, frame),
            None => frame.copy_from_slice(&self.power),
        }
        for value in frame.iter_mut() {
            *value = (*value + self.log_floor).ln();
        }
        if let Some(Normalise { mean, scale }) = &self.normalise {
            for ((value, mean), scale) in frame.iter_mut().zip(mean).zip(scale) {
                *value = (*value - mean) * scale;
            }
        }
    }
}

/// Features of a whole recording, `config.frames(samples.len()) x config.dim()`:
/// [`FeatureExtractor::push`] and [`FeatureExtractor::finish`] in one call.
///
/// # Errors
/// [`Error::Config`] if the configuration does not validate.
pub fn features(config: &FeatureConfig, samples: &[f32]) -> Result<Vec<f32>, Error> {
    let mut extractor = FeatureExtractor::new(config)?;
    let mut out = Vec::with_capacity(config.frames(samples.len()) * config.dim());
    extractor.push(samples, &mut out);
    extractor.finish(&mut out);
    Ok(out)
}
