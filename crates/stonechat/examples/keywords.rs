//! Where a phrase is said, like `stonechat spot --keyword PHRASE FILE`: start and end in seconds,
//! score, phrase.
//!
//! cargo run --release -p stonechat --example keywords -- samples/kitchen.flac kitchen

use std::error::Error;

use stonechat::{Model, Options, Recognizer, Spotted, SpotterOptions};

/// The phrases that are said in a recording, with their places.
pub fn spot(path: &str, phrases: &[String]) -> Result<Vec<Spotted>, Box<dyn Error>> {
    let model = Model::from_bytes(stonechat_english::MODEL)?;
    let phrases = phrases.iter().map(String::as_str);
    let recognizer = Recognizer::new(model, Options::default())?
        .with_keywords(phrases, SpotterOptions::default())?;
    let samples = stonechat_audio::read_file(path, recognizer.model().sample_rate_hz())?.samples;
    let mut stream = recognizer.stream();
    let mut found = Vec::new();
    for chunk in samples.chunks(1600) {
        stream.push(chunk)?;
        found.extend(stream.take_spotted()); // known a moment after the phrase, not at the end
    }
    stream.finish();
    found.extend(stream.take_spotted());
    Ok(found)
}

/// A line of output.
pub fn line(spotted: &Spotted) -> String {
    let Spotted { phrase, start, end, score, .. } = spotted;
    format!("{start:.2} {end:.2} {score:.2} {phrase}")
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, phrases) = arguments.split_first().ok_or("usage: keywords AUDIO PHRASE...")?;
    for spotted in spot(path, phrases)? {
        println!("{}", line(&spotted));
    }
    Ok(())
}
