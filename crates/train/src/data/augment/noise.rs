//! Additive noise: coloured by its spectrum's slope, or the babble of other utterances.

use realfft::num_complex::Complex;
use serde::{Deserialize, Serialize};

use super::{OtherVoices, add_at_ratio, check_probability, check_range, fft, root_mean_square};
use crate::data::error::DataError;
use crate::data::pcm_cache::to_f32;
use crate::random::Random;

/// Additive Gaussian noise whose power falls with frequency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Noise {
    /// Share of the utterances that get noise.
    pub probability: f64,
    /// Ratio of speech to noise power in dB, over the whole utterance.
    pub snr_db: [f64; 2],
    /// The exponent a of a power spectrum 1 / f^a: 0 white, 1 pink, 2 brown.
    pub slope: [f64; 2],
}

impl Default for Noise {
    fn default() -> Self {
        Self { probability: 0.5, snr_db: [10.0, 30.0], slope: [0.0, 1.0] }
    }
}

impl Noise {
    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("augment.noise.probability", self.probability)?;
        check_range("augment.noise.snr_db", self.snr_db, [-20.0, 100.0])?;
        check_range("augment.noise.slope", self.slope, [0.0, 2.0])
    }

    pub(super) fn add(&self, wave: &mut [f32], level: f64, random: &mut Random) {
        if !random.chance(self.probability) {
            return;
        }
        let snr_db = random.within(self.snr_db);
        let slope = random.within(self.slope);
        add_at_ratio(wave, level, &coloured_noise(wave.len(), slope, random), snr_db);
    }
}

/// Gaussian noise with a power spectrum 1 / f^slope and no constant part; its level is arbitrary.
pub(crate) fn coloured_noise(samples: usize, slope: f64, random: &mut Random) -> Vec<f32> {
    // The noise is periodic in the length of the transform, of which only `samples` are used.
    let length = samples.next_power_of_two().max(2);
    let inverse = fft::inverse(length);
    let mut spectrum = inverse.make_input_vec();
    let last = spectrum.len() - 1;
    for (bin, value) in spectrum.iter_mut().enumerate().skip(1) {
        let amplitude = (bin as f32).powf(-slope as f32 / 2.0);
        // Uniform parts are enough: a sample is the sum of all bins, which makes it (nearly)
        // Gaussian.
        let bits = random.bits();
        *value = Complex::new(signed(bits >> 32), signed(bits)) * amplitude;
    }
    // A real signal has a real value at the Nyquist frequency.
    spectrum[last].im = 0.0;
    let mut noise = inverse.make_output_vec();
    // The lengths are right by construction; if they were not, the result would be silence.
    if inverse.process(&mut spectrum, &mut noise).is_err() {
        noise.fill(0.0);
    }
    noise.truncate(samples);
    noise
}

/// The lower 32 bits as a number in [-1, 1).
fn signed(bits: u64) -> f32 {
    bits as u32 as i32 as f32 / (1u64 << 31) as f32
}

/// Other utterances of the data set, played in the background. They are drawn from the whole set,
/// not from the batch, so that an utterance sounds the same in any batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Babble {
    /// Share of the utterances that get babble.
    pub probability: f64,
    /// Ratio of speech to babble power in dB, over the whole utterance.
    pub snr_db: [f64; 2],
    /// How many voices at once, both bounds inclusive.
    pub voices: [usize; 2],
}

impl Default for Babble {
    fn default() -> Self {
        Self { probability: 0.2, snr_db: [10.0, 25.0], voices: [1, 4] }
    }
}

impl Babble {
    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("augment.babble.probability", self.probability)?;
        check_range("augment.babble.snr_db", self.snr_db, [-20.0, 100.0])?;
        let voices = self.voices.map(|count| count as f64);
        check_range("augment.babble.voices", voices, [1.0, 16.0])
    }

    pub(super) fn add(
        &self,
        wave: &mut [f32],
        level: f64,
        others: &OtherVoices,
        random: &mut Random,
    ) -> Result<(), DataError> {
        if !random.chance(self.probability) || others.count == 0 {
            return Ok(());
        }
        let snr_db = random.within(self.snr_db);
        let voices =
            self.voices[0] + random.below(self.voices[1].saturating_sub(self.voices[0]) + 1);
        let mut babble = vec![0.0; wave.len()];
        for _ in 0..voices {
            let voice = (others.samples)(random.below(others.count))?;
            add_looped(&mut babble, &voice, random.below(voice.len()));
        }
        add_at_ratio(wave, level, &babble, snr_db);
        Ok(())
    }
}

/// Adds a voice from sample `start` on, in a loop, at level 1 so that all voices are equally loud.
fn add_looped(babble: &mut [f32], voice: &[i16], start: usize) {
    let voice: Vec<f32> = voice.iter().map(|&sample| to_f32(sample)).collect();
    let level = root_mean_square(&voice);
    if level == 0.0 {
        return;
    }
    let factor = (1.0 / level) as f32;
    for (sum, &sample) in babble.iter_mut().zip(voice.iter().cycle().skip(start)) {
        *sum += factor * sample;
    }
}
