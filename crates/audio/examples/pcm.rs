//! Any recording as raw PCM, mono, native byte order, for programs that push samples.
//!
//! ```text
//! cargo run --release -p stonechat-audio --example pcm -- FILE RATE_HZ [f32] > samples.pcm
//! ```

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, rate_hz, format @ ..] = &arguments[..] else {
        return Err("pcm FILE RATE_HZ [f32]".into());
    };
    let samples = stonechat_audio::read_file(file, rate_hz.parse()?)?.samples;
    let bytes: Vec<u8> = match format {
        [] => samples
            .iter()
            .flat_map(|sample| ((sample * 32_768.0).round() as i16).to_ne_bytes())
            .collect(),
        _ => samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect(),
    };
    Ok(std::io::stdout().write_all(&bytes)?)
}
