//! A narrower frequency band, as from telephones, cheap microphones and recordings at a low rate.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::{check_probability, check_range};
use crate::data::error::DataError;
use crate::random::Random;

/// Taps on either side of the filter's middle; at 16 kHz its slopes are about 500 Hz wide.
const HALF_TAPS: usize = 48;

/// Occasionally removes what is above one frequency and below another, with a linear-phase filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Band {
    /// Probability of a narrower band.
    pub probability: f64,
    /// Range of the upper edge in Hz, drawn uniformly.
    pub high_hz: [f64; 2],
    /// Range of the lower edge in Hz, drawn uniformly.
    pub low_hz: [f64; 2],
}

impl Default for Band {
    fn default() -> Self {
        Self { probability: 0.2, high_hz: [3400.0, 6000.0], low_hz: [0.0, 0.0] }
    }
}

impl Band {
    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_probability("augment.band.probability", self.probability)?;
        check_range("augment.band.high_hz", self.high_hz, [500.0, 96_000.0])?;
        check_range("augment.band.low_hz", self.low_hz, [0.0, 400.0])
    }

    pub(super) fn apply(&self, wave: &mut Vec<f32>, rate_hz: u32, random: &mut Random) {
        let drawn = random.uniform() < self.probability;
        let (high, low) = (random.within(self.high_hz), random.within(self.low_hz));
        if drawn {
            *wave = filtered(wave, &band_pass(low / f64::from(rate_hz), high / f64::from(rate_hz)));
        }
    }
}

/// Windowed-sinc taps that pass the band between two frequencies, in cycles per sample.
fn band_pass(low: f64, high: f64) -> Vec<f32> {
    let sinc = |cutoff: f64, u: f64| match u == 0.0 {
        true => 2.0 * cutoff,
        false => (2.0 * PI * cutoff * u).sin() / (PI * u),
    };
    (0..=2 * HALF_TAPS)
        .map(|tap| {
            let u = tap as f64 - HALF_TAPS as f64;
            let window = 0.5 * (1.0 + (PI * u / (HALF_TAPS + 1) as f64).cos());
            (window * (sinc(high.min(0.5), u) - sinc(low, u))) as f32
        })
        .collect()
}

/// The wave after a symmetric filter, with the same length; zeros are assumed around it.
fn filtered(wave: &[f32], taps: &[f32]) -> Vec<f32> {
    let half = taps.len() / 2;
    let mut padded = vec![0.0; wave.len() + 2 * half];
    padded[half..half + wave.len()].copy_from_slice(wave);
    let mut result = vec![0.0; wave.len()];
    // Tap by tap over a stretch that fits the cache: the compiler vectorises this.
    const STRETCH: usize = 2048;
    for (block, out) in result.chunks_mut(STRETCH).enumerate() {
        let from = block * STRETCH;
        for (k, &tap) in taps.iter().enumerate() {
            for (y, x) in out.iter_mut().zip(&padded[from + k..]) {
                *y += tap * x;
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_after(frequency_hz: f64, band: &Band) -> f64 {
        let rate_hz = 16_000;
        let tone =
            |i: usize| (2.0 * PI * frequency_hz * i as f64 / f64::from(rate_hz)).sin() as f32;
        let mut wave: Vec<f32> = (0..8000).map(tone).collect();
        band.apply(&mut wave, rate_hz, &mut Random::keyed(&[1]));
        assert_eq!(wave.len(), 8000);
        let middle = &wave[1000..7000];
        let energy: f64 = middle.iter().map(|&x| f64::from(x).powi(2)).sum();
        (2.0 * energy / middle.len() as f64).sqrt()
    }

    #[test]
    fn tones_inside_the_band_pass_and_others_do_not() {
        let band = Band { probability: 1.0, high_hz: [3400.0; 2], low_hz: [300.0; 2] };
        for (frequency_hz, passes) in [
            (50.0, false),
            (700.0, true),
            (1000.0, true),
            (3000.0, true),
            (4000.0, false),
            (7000.0, false),
        ] {
            let level = level_after(frequency_hz, &band);
            let right = if passes { (level - 1.0).abs() < 0.05 } else { level < 0.2 };
            assert!(right, "{frequency_hz} Hz: {level}");
        }
        let never = Band { probability: 0.0, ..band };
        assert!((level_after(7000.0, &never) - 1.0).abs() < 1e-3);
    }
}
