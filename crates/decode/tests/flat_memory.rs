//! A day in one stream: the memory of the search does not grow.

mod common;

use std::sync::Arc;

use common::{Bigram, Random, symbols};
use stonechat_decode::{BeamDecoder, BeamOptions, BeamSearch, Decoder};

const FRAME_SECONDS: f64 = 0.03;

/// Memory of the process in use, in bytes; `None` if the system does not report it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(1024 * line.split_whitespace().next()?.parse::<u64>().ok()?)
}

/// Hours of unclear speech with silence in between; words are taken once a minute.
fn hours(hours: f64) {
    let alphabet = symbols(&["", " ", "a", "b", "c"]);
    let model = Arc::new(Bigram { words: vec!["a", "ab", "ba", "cab"], seed: 5 });
    let options = BeamOptions { width: 32, ..BeamOptions::default() };
    let search = BeamSearch::new(&alphabet, FRAME_SECONDS, options).unwrap();
    let mut decoder = BeamDecoder::new(Arc::new(search.with_language_model(model)));
    let mut random = Random(1);
    let (mut words, mut warm) = (0, None);
    let minutes = (hours * 60.0) as u64;
    for minute in 0..minutes {
        for n in 0..2000 {
            let silent = n % 500 > 350;
            let frame: Vec<f32> = (0..alphabet.len())
                .map(|s| {
                    if silent { if s == 0 { 9.0 } else { 0.0 } } else { 6.0 * random.unit() as f32 }
                })
                .collect();
            decoder.push(&frame).unwrap();
        }
        words += decoder.take_words().len();
        if minute == 5 {
            warm = resident();
        }
    }
    assert!(words as u64 > minutes, "{words} words in {minutes} minutes");
    assert!(decoder.text().len() < 2000, "{} bytes are not settled", decoder.text().len());
    if let (Some(warm), Some(now)) = (warm, resident()) {
        let grown = now.saturating_sub(warm);
        println!("{hours} hours, {words} words: {grown} bytes more than after six minutes");
        assert!(grown <= 1 << 20, "{grown} bytes");
    }
}

#[test]
fn half_an_hour_stays_flat() {
    hours(0.5);
}

/// The whole day: `cargo test --release -p stonechat-decode --test flat_memory -- --ignored
/// --show-output`.
#[test]
#[ignore = "a minute"]
fn a_day_stays_flat() {
    hours(24.0);
}
