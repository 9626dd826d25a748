//! Synthetic reverberation: exponentially decaying noise as the room's impulse response (the
//! diffuse field of Polack's model, in Habets, "Single- and multi-microphone speech
//! dereverberation", 2007, section 2).

use serde::{Deserialize, Serialize};

use super::{amplitude, check_probability, check_range, fft, root_mean_square, scale};
use crate::data::error::DataError;
use crate::random::Random;

/// A random room for an utterance: direct sound, then a tail of decaying white noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reverb {
    /// Share of the utterances that get a room.
    pub probability: f64,
    /// Time in which the tail falls by 60 dB, in seconds.
    pub rt60_s: [f64; 2],
    /// Energy of the direct sound over that of the tail, in dB.
    pub direct_db: [f64; 2],
}

impl Default for Reverb {
    fn default() -> Self {
        Self { probability: 0.3, rt60_s: [0.1, 0.6], direct_db: [0.0, 15.0] }
    }
}

impl Reverb {
    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("augment.reverb.probability", self.probability)?;
        check_range("augment.reverb.rt60_s", self.rt60_s, [0.01, 5.0])?;
        check_range("augment.reverb.direct_db", self.direct_db, [-30.0, 60.0])
    }

    /// Keeps length, alignment (the direct sound has no delay) and level.
    pub(super) fn apply(&self, wave: &mut [f32], rate_hz: u32, random: &mut Random) {
        if wave.is_empty() || !random.chance(self.probability) {
            return;
        }
        let rt60_s = random.within(self.rt60_s);
        let direct_db = random.within(self.direct_db);
        let response = impulse_response(rt60_s, direct_db, rate_hz, random);
        let before = root_mean_square(wave);
        convolve(wave, &response);
        let after = root_mean_square(wave);
        if after > 0.0 {
            scale(wave, before / after);
        }
    }
}

/// Direct sound 1 at time 0, then noise with an envelope that falls by 60 dB in `rt60_s`, where it
/// is cut off.
pub(crate) fn impulse_response(
    rt60_s: f64,
    direct_db: f64,
    rate_hz: u32,
    random: &mut Random,
) -> Vec<f32> {
    let taps = ((rt60_s * f64::from(rate_hz)).round() as usize).max(1);
    // ln(1000): 60 dB of amplitude.
    let decay = 1000f64.ln() / taps as f64;
    let mut tail: Vec<f32> =
        (1..=taps).map(|tap| ((-decay * tap as f64).exp() * random.normal()) as f32).collect();
    let energy: f64 = tail.iter().map(|&tap| f64::from(tap).powi(2)).sum();
    if energy > 0.0 {
        scale(&mut tail, amplitude(-direct_db) / energy.sqrt());
    }
    let mut response = vec![1.0];
    response.append(&mut tail);
    response
}

/// Replaces `wave` by the first `wave.len()` samples of its convolution with `response`.
pub(crate) fn convolve(wave: &mut [f32], response: &[f32]) {
    // Long enough that nothing wraps around into the samples that are kept.
    let length = (wave.len() + response.len()).next_power_of_two();
    let (forward, inverse) = (fft::forward(length), fft::inverse(length));
    let transform = |signal: &[f32]| {
        let mut padded = forward.make_input_vec();
        padded[..signal.len()].copy_from_slice(signal);
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut padded, &mut spectrum).map(|()| spectrum)
    };
    let (Ok(mut spectrum), Ok(room)) = (transform(wave), transform(response)) else {
        return; // The lengths are right by construction.
    };
    for (value, room) in spectrum.iter_mut().zip(room) {
        *value = *value * room / length as f32;
    }
    // Rounding leaves tiny imaginary parts where a real signal has none.
    let last = spectrum.len() - 1;
    spectrum[0].im = 0.0;
    spectrum[last].im = 0.0;
    let mut output = inverse.make_output_vec();
    if inverse.process(&mut spectrum, &mut output).is_ok() {
        wave.copy_from_slice(&output[..wave.len()]);
    }
}
