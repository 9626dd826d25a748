//! What users choose.

use serde_json::Value;
use stonechat::Settings;
use stonechat_testing::noise;

use super::networks::tiny_model;

/// Wider beams are a question of speed.
const WIDEST: u32 = 64;

/// An object of settings, or a line for each: a name, a space, a value.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut settings = Settings::default();
    if text.trim_start().starts_with('{') {
        let Ok(read) = serde_json::from_str(&text) else { return };
        settings = read;
    } else {
        for line in text.lines() {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            // A line that is refused changes nothing.
            let before = settings.clone();
            if settings.set(name, value).is_err() {
                assert!(settings == before, "{line:?} was refused, and set");
            }
        }
    }
    let told: Value = serde_json::to_value(&settings).expect("settings are an object");
    let again: Settings =
        serde_json::from_value(told.clone()).unwrap_or_else(|error| panic!("{told}: {error}"));
    assert_eq!(serde_json::to_value(&again).expect("an object"), told);
    recognise(settings);
}

/// A list of hotwords, one a line.
pub fn hotwords(data: &[u8]) {
    let mut settings = Settings::default();
    if settings.set("hotwords", &String::from_utf8_lossy(data)).is_ok() {
        settings.beam = Some(8);
        recognise(settings);
    }
}

fn recognise(settings: Settings) {
    if settings.opens_file() || settings.beam_width() > WIDEST && settings.beam.is_some() {
        return;
    }
    let settings = Settings {
        beam: settings.beam.or(Some(8)).filter(|_| !settings.greedy && settings.grammar.is_none()),
        ..settings
    };
    let Ok(recognizer) = settings.recognizer(tiny_model()) else { return };
    let mut stream = recognizer.stream();
    stream.push(&noise(3, 8_000)).expect("samples at the model's rate");
    let transcript = stream.finish();
    assert!(transcript.words.iter().all(|word| (0.0..=1.0).contains(&word.conf)), "{transcript:?}");
}
