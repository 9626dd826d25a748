//! Voice activity detection as a stream: whether somebody speaks.
//!
//! The detector is the network of the `earshot` crate, with frames of 16 ms at 16 kHz; here samples
//! come in pieces of any size.

use crate::Error;
use crate::sample::clean;

/// Streaming voice activity detection at 16 kHz. Memory: about 10 KB.
pub struct VoiceDetector {
    detector: Box<earshot::Detector>,
    /// The beginning of a frame.
    frame: Vec<f32>,
}

impl VoiceDetector {
    /// Samples per frame: 16 ms.
    pub const FRAME_SAMPLES: usize = 256;
    /// The only supported sampling rate.
    pub const SAMPLE_RATE_HZ: u32 = 16_000;

    /// A detector at the start of a stream.
    ///
    /// # Errors
    /// [`Error::SampleRate`] for a rate other than 16 kHz.
    pub fn new(sample_rate_hz: u32) -> Result<Self, Error> {
        let rate = Self::SAMPLE_RATE_HZ;
        if sample_rate_hz != rate {
            return Err(Error::SampleRate { rate_hz: sample_rate_hz, low_hz: rate, high_hz: rate });
        }
        let frame = Vec::with_capacity(Self::FRAME_SAMPLES);
        Ok(Self { detector: Box::default(), frame })
    }

    /// Takes samples in -1..1 (others are clipped, those that are not finite count as 0), and
    /// appends to `out` the probability that somebody speaks, 0 to 1, for each frame that they
    /// complete.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        for &sample in samples {
            self.frame.push(clean(sample).clamp(-1.0, 1.0));
            if self.frame.len() == Self::FRAME_SAMPLES {
                out.push(self.detector.predict_f32(&self.frame));
                self.frame.clear();
            }
        }
    }

    /// Back to the start of a stream.
    pub fn reset(&mut self) {
        self.detector.reset();
        self.frame.clear();
    }
}

impl std::fmt::Debug for VoiceDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoiceDetector").field("waiting", &self.frame.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buzz with two formants that come and go: close enough to a vowel to be distinguished from
    /// silence.
    fn buzz(seconds: f32) -> Vec<f32> {
        let count = (seconds * 16_000.0) as usize;
        let sine = |hz: f32, t: f32| (std::f32::consts::TAU * hz * t).sin();
        let sample = |n: usize| {
            let t = n as f32 / 16_000.0;
            let pitch = 120.0 + 20.0 * sine(2.0, t);
            let voice: f32 = (1..30)
                .map(|h| {
                    let hz = h as f32 * pitch;
                    let near = |formant: f32| 1.0 / (1.0 + ((hz - formant) / 150.0).powi(2));
                    (near(600.0) + near(1400.0)) * sine(hz, t)
                })
                .sum();
            0.1 * voice * (0.6 + 0.4 * sine(4.0, t))
        };
        (0..count).map(sample).collect()
    }

    #[test]
    fn cuts_change_nothing_and_silence_is_none() {
        let mut samples = vec![0.0; 16_000];
        samples.extend(buzz(1.0));
        samples.extend([f32::NAN, f32::INFINITY, 1e9, -7.0]);
        samples.extend(vec![0.0; 8_000]);
        let mut detector = VoiceDetector::new(16_000).unwrap();
        let mut whole = Vec::new();
        detector.push(&samples, &mut whole);
        assert_eq!(whole.len(), samples.len() / VoiceDetector::FRAME_SAMPLES);
        assert!(whole.iter().all(|p| (0.0..=1.0).contains(p)), "{whole:?}");
        for piece in [1, 100, 256, 1000] {
            detector.reset();
            let mut pieces = Vec::new();
            samples.chunks(piece).for_each(|piece| detector.push(piece, &mut pieces));
            assert_eq!(pieces, whole, "pieces of {piece}");
        }
        let highest = |from: usize, to: usize| whole[from..to].iter().copied().fold(0.0, f32::max);
        assert!(highest(0, 60) < 0.3 && highest(70, 120) > 0.5, "{whole:?}");
    }

    #[test]
    fn other_rates_are_refused() {
        assert!(matches!(VoiceDetector::new(8_000), Err(Error::SampleRate { rate_hz: 8_000, .. })));
    }
}
