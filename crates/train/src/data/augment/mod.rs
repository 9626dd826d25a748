//! Augmentation: in every epoch each utterance is slightly different.
//!
//! Waveform: speed, then silence around it, then reverberation, then babble and noise, then a
//! narrower band, then gain. Features: SpecAugment, after normalisation. Each step draws from its
//! own stream, keyed by (seed, epoch, utterance, step): the result does not depend on threads,
//! batches or order, and switching one step on does not change what another draws.

mod band;
mod fft;
mod noise;
mod reverb;
mod silence;
mod spec;
mod speed;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use band::Band;
pub use noise::{Babble, Noise};
pub use reverb::Reverb;
pub use silence::Silence;
pub use spec::SpecAugment;
pub use speed::{change_speed, samples_after};

use super::error::DataError;
use super::pcm_cache::to_f32;
use crate::random::Random;

/// The augmentations of a recipe; all are off by default. Ranges are `[low, high]`, drawn
/// uniformly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Factor of playing speed, for tempo and pitch together (Ko et al., "Audio augmentation for
    /// speech recognition", Interspeech 2015); 1.1 is 10 % faster. Within 0.5 to 2.
    pub speed: Option<[f64; 2]>,
    /// Silence before and after.
    pub silence: Option<Silence>,
    /// Gain in dB.
    pub gain_db: Option<[f64; 2]>,
    /// Additive coloured noise.
    pub noise: Option<Noise>,
    /// Additive speech of other utterances.
    pub babble: Option<Babble>,
    /// Synthetic reverberation.
    pub reverb: Option<Reverb>,
    /// A narrower band, as of telephones and old recordings.
    pub band: Option<Band>,
    /// Masks over normalised features.
    pub spec: Option<SpecAugment>,
}

impl AugmentConfig {
    /// Whether the samples change, so that cached features cannot be used.
    pub fn changes_waveform(&self) -> bool {
        self.speed.is_some()
            || self.silence.is_some()
            || self.gain_db.is_some()
            || self.noise.is_some()
            || self.babble.is_some()
            || self.reverb.is_some()
            || self.band.is_some()
    }

    /// Checks every range and probability.
    ///
    /// # Errors
    /// `DataError::Config` names the first wrong key as `augment.KEY`.
    pub fn validate(&self) -> Result<(), DataError> {
        if let Some(speed) = self.speed {
            check_range("augment.speed", speed, [0.5, 2.0])?;
        }
        if let Some(silence) = &self.silence {
            silence.validate()?;
        }
        if let Some(gain_db) = self.gain_db {
            check_range("augment.gain_db", gain_db, [-60.0, 60.0])?;
        }
        if let Some(noise) = &self.noise {
            noise.validate()?;
        }
        if let Some(babble) = &self.babble {
            babble.validate()?;
        }
        if let Some(reverb) = &self.reverb {
            reverb.validate()?;
        }
        if let Some(band) = &self.band {
            band.validate()?;
        }
        self.spec.as_ref().map_or(Ok(()), SpecAugment::validate)
    }
}

/// An augmentation in one epoch. Together with an utterance's number it determines every draw.
#[derive(Clone, Debug)]
pub struct Augmentation {
    /// What to do.
    pub config: Arc<AugmentConfig>,
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: u64,
    /// How often a batch contains each utterance, each time with other masks: 1, or 2 for
    /// consistency training.
    pub views: usize,
}

/// The steps, as keys of their streams: never renumber them, or old runs stop being reproducible.
#[derive(Clone, Copy)]
enum Step {
    Speed = 1,
    Reverb = 2,
    Babble = 3,
    Noise = 4,
    Gain = 5,
    Spec = 6,
    Silence = 7,
    Band = 8,
    SecondSpec = 9,
}

/// Other utterances for babble: their number, and access to their samples.
pub struct OtherVoices<'a> {
    /// How many utterances there are; 0 = no babble.
    pub count: usize,
    /// The samples of utterance `0..count` at the same rate.
    pub samples: &'a dyn Fn(usize) -> Result<Arc<[i16]>, DataError>,
}

impl Augmentation {
    fn stream(&self, item: usize, step: Step) -> Random {
        Random::keyed(&[self.seed, self.epoch, item as u64, step as u64])
    }

    /// The speed factor of an item, 1 if speed is off. It is known without the audio, so that
    /// batches can be planned from the final lengths.
    pub fn speed(&self, item: usize) -> f64 {
        self.config.speed.map_or(1.0, |range| self.stream(item, Step::Speed).within(range))
    }

    /// Samples of silence before and after an item, zeros if silence is off; known without the
    /// audio, like the speed.
    pub fn silence(&self, item: usize, rate_hz: u32) -> [usize; 2] {
        let draw = |silence: &Silence| silence.draw(rate_hz, &mut self.stream(item, Step::Silence));
        self.config.silence.as_ref().map_or([0, 0], draw)
    }

    /// The augmented waveform of an item, played at factor `speed`: `samples_after(samples.len(),
    /// speed)` samples plus its [`silence`](Self::silence).
    ///
    /// # Errors
    /// Another utterance's audio, needed for babble, cannot be read.
    pub fn waveform(
        &self,
        item: usize,
        samples: &[i16],
        rate_hz: u32,
        speed: f64,
        others: &OtherVoices,
    ) -> Result<Vec<f32>, DataError> {
        let mut wave: Vec<f32> = samples.iter().map(|&sample| to_f32(sample)).collect();
        if speed != 1.0 {
            wave = change_speed(&wave, speed);
        }
        // Babble and noise share one reference level, that of the speech alone.
        let level = root_mean_square(&wave);
        let [before, after] = self.silence(item, rate_hz);
        wave.splice(0..0, std::iter::repeat_n(0.0, before));
        wave.extend(std::iter::repeat_n(0.0, after));
        if let Some(reverb) = &self.config.reverb {
            reverb.apply(&mut wave, rate_hz, &mut self.stream(item, Step::Reverb));
        }
        if let Some(babble) = &self.config.babble {
            babble.add(&mut wave, level, others, &mut self.stream(item, Step::Babble))?;
        }
        if let Some(noise) = &self.config.noise {
            noise.add(&mut wave, level, &mut self.stream(item, Step::Noise));
        }
        if let Some(band) = &self.config.band {
            band.apply(&mut wave, rate_hz, &mut self.stream(item, Step::Band));
        }
        if let Some(range) = self.config.gain_db {
            scale(&mut wave, amplitude(self.stream(item, Step::Gain).within(range)));
        }
        Ok(wave)
    }

    /// Masks an item's normalised features in place (`frames x dim`), if SpecAugment is on;
    /// differently for each of its `views`.
    pub fn mask(&self, item: usize, view: usize, features: &mut [f32], dim: usize) {
        let step = if view == 0 { Step::Spec } else { Step::SecondSpec };
        if let Some(spec) = &self.config.spec {
            spec.apply(features, dim, &mut self.stream(item, step));
        }
    }
}

/// Amplitude factor of a level in dB.
fn amplitude(db: f64) -> f64 {
    10f64.powf(db / 20.0)
}

fn root_mean_square(wave: &[f32]) -> f64 {
    let energy: f64 = wave.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (energy / wave.len().max(1) as f64).sqrt()
}

fn scale(wave: &mut [f32], factor: f64) {
    wave.iter_mut().for_each(|sample| *sample *= factor as f32);
}

/// Adds `noise` so that the ratio of `level` (root mean square) to it is `snr_db`. No change if
/// either is silent.
fn add_at_ratio(wave: &mut [f32], level: f64, noise: &[f32], snr_db: f64) {
    let noise_level = root_mean_square(noise);
    if level == 0.0 || noise_level == 0.0 {
        return;
    }
    let factor = (level / noise_level / amplitude(snr_db)) as f32;
    for (sample, &noise) in wave.iter_mut().zip(noise) {
        *sample += factor * noise;
    }
}

fn check_range(field: &str, range: [f64; 2], allowed: [f64; 2]) -> Result<(), DataError> {
    let [low, high] = range;
    // Written so that NaN fails.
    if allowed[0] <= low && low <= high && high <= allowed[1] {
        return Ok(());
    }
    let problem =
        format!("[{low}, {high}] must be [low, high] within {} to {}", allowed[0], allowed[1]);
    Err(DataError::config(field, problem))
}

fn check_probability(field: &str, probability: f64) -> Result<(), DataError> {
    if (0.0..=1.0).contains(&probability) {
        return Ok(());
    }
    Err(DataError::config(field, format!("{probability} must be a probability, 0 to 1")))
}
