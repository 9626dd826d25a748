//! Sounds, and the bytes of audio files.

use crate::Random;

/// A sine of amplitude 0.5.
pub fn tone(hz: f64, rate_hz: u32, samples: usize) -> Vec<f32> {
    let phase = |n: usize| std::f64::consts::TAU * hz * n as f64 / f64::from(rate_hz);
    (0..samples).map(|n| (0.5 * phase(n).sin()) as f32).collect()
}

/// White noise in ±0.5.
pub fn noise(seed: u64, samples: usize) -> Vec<f32> {
    Random(seed).scaled(samples, 0.5)
}

/// A sound that wanders in pitch and loudness 20 times a second, with noise.
pub fn sound(seconds: f64, rate_hz: u32, seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    let (mut phase, mut pitch, mut loudness) = (0.0f32, 300.0f32, 0.3f32);
    let sample = |n: usize| {
        if n.is_multiple_of(rate_hz as usize / 20) {
            pitch = 100.0 + 1500.0 * random.value().abs();
            loudness = random.value().abs().powi(3);
        }
        phase = (phase + pitch / rate_hz as f32).fract();
        loudness * (2.0 * phase - 1.0) + 0.01 * random.value()
    };
    (0..(seconds * f64::from(rate_hz)) as usize).map(sample).collect()
}

/// Signed 16-bit little-endian bytes.
pub fn pcm(samples: &[f32]) -> Vec<u8> {
    samples.iter().flat_map(|s| ((s * 32_767.0) as i16).to_le_bytes()).collect()
}

/// A 16-bit wav file with the same samples in each channel.
pub fn wav(samples: &[f32], rate_hz: u32, channels: u16) -> Vec<u8> {
    wav_of(
        samples.iter().flat_map(|&s| pcm(&[s]).repeat(usize::from(channels))).collect(),
        rate_hz,
        channels,
    )
}

/// A 16-bit wav file of interleaved integers.
pub fn wav_i16(samples: &[i16], rate_hz: u32, channels: u16) -> Vec<u8> {
    wav_of(samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(), rate_hz, channels)
}

fn wav_of(data: Vec<u8>, rate_hz: u32, channels: u16) -> Vec<u8> {
    let mut file = Vec::from(*b"RIFF");
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend(1u16.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate_hz.to_le_bytes());
    file.extend((rate_hz * u32::from(channels) * 2).to_le_bytes());
    file.extend((channels * 2).to_le_bytes());
    file.extend(16u16.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}
