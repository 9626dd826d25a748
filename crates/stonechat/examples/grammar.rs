//! Nothing but these phrases, like `stonechat transcribe --grammar PHRASES --vad off FILE`:
//!
//! cargo run --release -p stonechat --example grammar -- samples/kitchen.flac "turn on the light in
//! the kitchen" "turn off the radio"

use std::error::Error;

use stonechat::{Grammar, GrammarOptions, Model, Options, Recognizer, Transcript};

/// The phrases that were said, and in `rejected` everything else.
pub fn phrases(path: &str, phrases: &[String]) -> Result<Transcript, Box<dyn Error>> {
    let model = Model::from_bytes(stonechat_english::MODEL)?;
    let grammar = Grammar::from_phrases(phrases.iter().map(String::as_str))?;
    let search = model.grammar_search(&grammar, GrammarOptions::default())?;
    let recognizer = Recognizer::new(model, Options::default())?.with_grammar(search)?;
    let samples = stonechat_audio::read_file(path, recognizer.model().sample_rate_hz())?.samples;
    let mut stream = recognizer.stream();
    stream.push(&samples)?;
    Ok(stream.finish())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, allowed) = arguments.split_first().ok_or("usage: grammar AUDIO PHRASE...")?;
    let said = phrases(path, allowed)?;
    println!("{}", said.text);
    for word in said.rejected.iter().flatten() {
        eprintln!("rejected: {} at {:.2} s", word.word, word.start);
    }
    Ok(())
}
