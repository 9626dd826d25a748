//! Expected words, like `stonechat transcribe --no-lm --hotword WORD --vad off FILE`:
//!
//! cargo run --release -p stonechat --example hotwords -- samples/train.flac "little station"

use std::error::Error;

use stonechat::{BeamOptions, Hotword, Model, Options, Recognizer};

/// The text of a recording in which these phrases are likely.
pub fn text(path: &str, phrases: &[String]) -> Result<String, Box<dyn Error>> {
    let model = Model::from_bytes(stonechat_english::MODEL)?;
    // Hotwords take places in the beam, so it is wide. Without a language model words cost nothing,
    // so there is nothing for beta to offset.
    let options = BeamOptions { width: 128, beta: 0.0, ..BeamOptions::default() };
    let hotwords = phrases.iter().map(Hotword::new).collect();
    let search = model.beam_search(options)?.with_hotwords(hotwords)?;
    let recognizer = Recognizer::new(model, Options::default())?.with_search(search)?;
    let samples = stonechat_audio::read_file(path, recognizer.model().sample_rate_hz())?.samples;
    let mut stream = recognizer.stream();
    stream.push(&samples)?;
    Ok(stream.finish().text)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, phrases) = arguments.split_first().ok_or("usage: hotwords AUDIO PHRASE...")?;
    println!("{}", text(path, phrases)?);
    Ok(())
}
