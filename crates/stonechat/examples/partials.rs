//! Live speech to text, like `stonechat transcribe --partial --greedy --vad off -`. Reads raw PCM
//! from stdin: 16 bits, little endian, mono, 16 kHz.
//!
//! arecord -q -t raw -f S16_LE -r 16000 -c 1 | cargo run --release -p stonechat --example partials

use std::error::Error;
use std::io::Read;

use stonechat::{Model, Options, Recognizer};

/// The whole text. `show` is called with the text so far whenever it changes.
pub fn listen(mut pcm: impl Read, mut show: impl FnMut(&str)) -> Result<String, Box<dyn Error>> {
    let recognizer =
        Recognizer::new(Model::from_bytes(stonechat_english::MODEL)?, Options::default())?;
    let mut stream = recognizer.stream();
    let (mut bytes, mut shown) = (Vec::new(), String::new());
    // A tenth of a second at a time: the text does not depend on it.
    while pcm.by_ref().take(3200).read_to_end(&mut bytes)? > 0 {
        let (pairs, _) = bytes.as_chunks();
        let samples: Vec<f32> =
            pairs.iter().map(|&pair| f32::from(i16::from_le_bytes(pair)) / 32_768.0).collect();
        stream.push(&samples)?;
        bytes.clear();
        if stream.partial() != shown {
            shown = stream.partial().to_string();
            show(&shown);
        }
    }
    Ok(stream.finish().text)
}

fn main() -> Result<(), Box<dyn Error>> {
    let text = listen(std::io::stdin().lock(), |partial| eprintln!("{partial}"))?;
    println!("{text}");
    Ok(())
}
