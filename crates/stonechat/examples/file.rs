//! A recording to text, like `stonechat transcribe --greedy --vad off FILE`:
//!
//! cargo run --release -p stonechat --example file -- samples/kitchen.flac

use std::error::Error;

use stonechat::{Model, Options, Recognizer};

/// The text of a recording.
pub fn text(path: &str) -> Result<String, Box<dyn Error>> {
    let recognizer =
        Recognizer::new(Model::from_bytes(stonechat_english::MODEL)?, Options::default())?;
    let samples = stonechat_audio::read_file(path, recognizer.model().sample_rate_hz())?.samples;
    let mut stream = recognizer.stream();
    stream.push(&samples)?;
    Ok(stream.finish().text)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: file AUDIO")?;
    println!("{}", text(&path)?);
    Ok(())
}
