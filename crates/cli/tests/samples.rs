//! The first command of the README: the bundled model on the project's samples.

mod common;

use std::path::Path;

use common::*;
use stonechat_decode::ErrorCount;

/// What is said in them (`samples/README.md`).
const TEXTS: [(&str, &str); 3] = [
    ("horses.flac", "my brother has three horses and a dog"),
    ("train.flac", "they waited for the train in the little station"),
    ("window.flac", "she opened the window and listened to the rain"),
];

/// Characters that may be wrong. The first bundled model has 17 % wrong here; a better one should lower this.
const MOST_CER: f64 = 0.25;

#[test]
fn the_bundled_model_understands_the_samples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    let value = run_json(stonechat().current_dir(folder).args(["transcribe", "*.flac"]), 0);
    let files = value["files"].as_array().unwrap();
    assert_eq!(files.len(), TEXTS.len(), "{value:#}");
    let mut errors = ErrorCount::default();
    for (file, (name, said)) in files.iter().zip(TEXTS) {
        assert_eq!(file["file"], name);
        errors.add(&ErrorCount::characters(said, file["text"].as_str().unwrap()));
    }
    assert!(errors.rate() <= MOST_CER, "CER {:.3}: {value:#}", errors.rate());
}
