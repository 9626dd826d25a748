//! The best texts of a beam search with a language model, like `stonechat transcribe --nbest 3
//! --json --vad off FILE`:
//!
//! cargo run --release -p stonechat --example nbest -- samples/winter.flac

use std::error::Error;
use std::sync::Arc;

use stonechat::{Alternative, BeamOptions, Model, Options, PackedLanguageModel, Recognizer};

/// The `count` best texts of a recording, best first.
pub fn alternatives(path: &str, count: usize) -> Result<Vec<Alternative>, Box<dyn Error>> {
    let model = Model::from_bytes(stonechat_english::MODEL)?;
    let language_model = PackedLanguageModel::from_bytes(stonechat_english::LANGUAGE_MODEL)?;
    let options = BeamOptions { width: 64, ..BeamOptions::default() };
    let search = model.beam_search(options)?.with_language_model(Arc::new(language_model));
    let recognizer = Recognizer::new(model, Options::default())?.with_search(search)?;
    let samples = stonechat_audio::read_file(path, recognizer.model().sample_rate_hz())?.samples;
    let mut stream = recognizer.stream();
    stream.push(&samples)?;
    stream.finish();
    Ok(stream.alternatives(count))
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: nbest AUDIO")?;
    for alternative in alternatives(&path, 3)? {
        println!("{:.2} {}", alternative.confidence, alternative.text);
    }
    Ok(())
}
