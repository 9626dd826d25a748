//! Any recording as a wav of 16 bits, one channel, 16 kHz: what browsers take as a fake microphone.
//!
//! ```text
//! cargo run --release -p stonechat-audio --example wav -- INPUT OUTPUT.wav
//! ```

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    const RATE_HZ: u32 = 16_000;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = &arguments[..] else { return Err("wav INPUT OUTPUT.wav".into()) };
    let samples = stonechat_audio::read_file(input, RATE_HZ)?.samples;
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|&s| ((s.clamp(-1.0, 1.0) * 32767.0).round() as i16).to_le_bytes())
        .collect();
    let mut wav = Vec::with_capacity(44 + data.len());
    wav.extend(b"RIFF");
    wav.extend((36 + data.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    // PCM, one channel; bytes a second; bytes and bits of a sample.
    wav.extend([1u16, 1].iter().flat_map(|v| v.to_le_bytes()));
    wav.extend([RATE_HZ, 2 * RATE_HZ].iter().flat_map(|v| v.to_le_bytes()));
    wav.extend([2u16, 16].iter().flat_map(|v| v.to_le_bytes()));
    wav.extend(b"data");
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    Ok(std::fs::write(output, wav)?)
}
