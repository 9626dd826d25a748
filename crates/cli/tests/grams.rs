//! A package whose symbols are grams, from audio to text and error rates.

mod common;

use common::*;
use serde_json::json;
use stonechat_model::Alphabet;

fn folder() -> Folder {
    let folder = Folder::new();
    let mut symbols = Alphabet::english().symbols().to_vec();
    symbols.extend(["th", "e ", "ing", " a"].map(String::from));
    let mut package = tiny_package_over(Alphabet::new(symbols).unwrap());
    // So that grams are heard.
    package.network.output.bias[29..].fill(2.0);
    package.save(folder.path("tiny.stonechat")).unwrap();
    folder.write("a.wav", wav(&sound(4.0, 1), RATE_HZ, 1));
    folder
}

#[test]
fn transcribe_and_eval_spell_grams_out_with_any_search() {
    let folder = folder();
    let mut texts = Vec::new();
    for search in [&["--greedy"][..], &["--beam", "32"]] {
        let value = run_json(folder.with_model("transcribe").arg("a.wav").args(search), 0);
        let text = value["text"].as_str().unwrap().to_owned();
        assert!(["th", "ing"].iter().any(|gram| text.contains(gram)), "{search:?}: {text}");
        assert!(!text.contains("  ") && text.trim() == text, "{search:?}: {text}");
        let words: Vec<&str> = value["result"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word["word"].as_str().unwrap())
            .collect();
        assert_eq!(words.join(" "), text, "{search:?}");
        let line = json!({ "audio_filepath": "a.wav", "duration": 4.0, "text": &text });
        folder.write("test.jsonl", format!("{line}\n"));
        let eval = ["--manifest", "test.jsonl"];
        let rates = run_json(folder.with_model("eval").args(eval).args(search), 0);
        assert!(rates["cer"].as_f64().unwrap() < 0.2, "{search:?}: {rates}");
        texts.push(text);
    }
    assert_ne!(texts[0], "", "{texts:?}");
}
