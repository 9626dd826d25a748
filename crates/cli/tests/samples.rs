//! The first command of the README: the bundled model on the project's samples.

mod common;

use std::path::Path;

use common::*;
use stonechat_decode::ErrorCount;

/// What is said in them (`samples/README.md`).
const TEXTS: [(&str, &str); 3] = [
    ("kitchen.flac", "turn on the light in the kitchen"),
    ("train.flac", "they waited for the train in the little station"),
    ("winter.flac", "it was a cold day in the middle of winter"),
];

/// Characters that may be wrong where the best symbol of each frame is taken, without the language model.
const MOST_CER: f64 = 0.2;

fn texts(arguments: &[&str]) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    let mut command = stonechat();
    command.current_dir(folder).args(["transcribe", "*.flac"]).args(arguments);
    let value = run_json(&mut command, 0);
    let files = value["files"].as_array().unwrap();
    assert_eq!(files.len(), TEXTS.len(), "{value:#}");
    let text = |(file, (name, _)): (&serde_json::Value, (&str, &str))| {
        assert_eq!(file["file"], name);
        file["text"].as_str().unwrap().to_owned()
    };
    files.iter().zip(TEXTS).map(text).collect()
}

#[test]
fn the_bundled_models_understand_the_samples() {
    assert_eq!(texts(&[]), TEXTS.map(|(_, said)| said));
}

#[test]
fn the_bundled_acoustic_model_alone_comes_near() {
    let mut errors = ErrorCount::default();
    for (text, (_, said)) in texts(&["--greedy"]).iter().zip(TEXTS) {
        errors.add(&ErrorCount::characters(said, text));
    }
    assert!(errors.rate() <= MOST_CER, "CER {:.3}", errors.rate());
}

#[test]
fn a_word_of_a_sample_is_spotted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    let mut command = stonechat();
    command.current_dir(folder).args(["spot", "kitchen.flac", "--keyword", "kitchen"]);
    let value = run_json(&mut command, 0);
    let found: Vec<&str> =
        value["keywords"].as_array().unwrap().iter().filter_map(|k| k["phrase"].as_str()).collect();
    assert_eq!(found, ["kitchen"]);
}
