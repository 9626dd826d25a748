//! Any recording as a wav of 16 bits, one channel, 16 kHz, which browsers accept as a fake
//! microphone.
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
    Ok(std::fs::write(output, stonechat_testing::wav(&samples, RATE_HZ, 1))?)
}
