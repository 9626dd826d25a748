//! The table of settings: accepted values, output, conflicts, and that the page agrees.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::{Storage, model, sound};
use serde_json::{Value, json};
use stonechat::{
    BeamOptions, Error, Hotword, Options, Recognizer, SETTINGS, Settings, Stream, Transcript,
};

fn settings(pairs: &[(&str, &str)]) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    pairs.iter().try_for_each(|(name, value)| settings.set(name, value))?;
    Ok(settings)
}

/// A value of each setting, and its output.
fn values() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("beam", "32", json!({ "beam": 32 })),
        ("beam", "32.0", json!({ "beam": 32 })),
        ("greedy", "true", json!({ "greedy": true })),
        ("greedy", "off", json!({})),
        ("lm", "a/b.lm", json!({ "lm": "a/b.lm" })),
        ("no-lm", "1", json!({ "no-lm": true })),
        ("no_lm", "1", json!({ "no-lm": true })),
        ("alpha", "0.7", json!({ "alpha": 0.7 })),
        ("beta", "-1.5", json!({ "beta": -1.5 })),
        ("hotword", " little station:6 ", json!({ "hotwords": ["little station:6"] })),
        ("hotwords", "# names\nann\n\r bob:3\r\n", json!({ "hotwords": ["ann", "bob:3"] })),
        ("grammar", "on\noff", json!({ "grammar": "on\noff" })),
        ("garbage", "1", json!({ "garbage": 1.0 })),
        ("nearest", "on", json!({ "nearest": true })),
        ("min-confidence", "0.25", json!({ "min-confidence": 0.25 })),
        (
            "confidence-weights",
            "1,-2, 3,4,0.1",
            json!({ "confidence-weights": [1.0, -2.0, 3.0, 4.0, 0.1] }),
        ),
        ("normalize", "english", json!({ "normalize": "english" })),
        ("keyword", "hey you", json!({ "keywords": ["hey you"] })),
        ("keywords", "hey you\nstop", json!({ "keywords": ["hey you", "stop"] })),
        ("threshold", "-2", json!({ "threshold": -2.0 })),
        ("vad", "off", json!({ "vad": false })),
        ("vad-threshold", "0.3", json!({ "vad-threshold": 0.3 })),
        ("endpoint", "0.6", json!({ "endpoint": 0.6 })),
        ("nbest", "5", json!({ "nbest": 5 })),
    ]
}

#[test]
fn every_setting_is_set_and_told() {
    for (name, value, told) in values() {
        let set =
            settings(&[(name, value)]).unwrap_or_else(|error| panic!("{name} {value:?}: {error}"));
        assert_eq!(serde_json::to_value(&set).unwrap(), told, "{name} {value:?}");
        let again: Settings = serde_json::from_value(told).unwrap();
        assert_eq!(again, set, "{name} {value:?}");
    }
    let covered: BTreeSet<&str> = values().iter().map(|(name, ..)| *name).collect();
    for setting in SETTINGS {
        assert!(covered.contains(setting.name), "{} is not tested", setting.name);
    }
}

#[test]
fn other_values_are_refused_with_what_is_right() {
    for (name, value, says) in [
        ("beam", "0", "1 to 65536"),
        ("beam", "65537", "1 to 65536"),
        ("beam", "-1", "1 to 65536"),
        ("beam", "2.5", "1 to 65536"),
        ("beam", "", "1 to 65536"),
        ("greedy", "yes", "true or false"),
        ("lm", "", "file"),
        ("alpha", "-0.1", "0 to 1e6"),
        ("alpha", "NaN", "0 to 1e6"),
        ("beta", "inf", "1e6"),
        ("hotword", "", "a word"),
        ("hotword", ":3", "a word"),
        ("hotword", "bob:much", "TEXT:BOOST"),
        ("hotwords", "ann\nbob:x", "line 2"),
        ("hotwords", "ann\0", "zero byte"),
        ("grammar", " \n", "a word"),
        ("garbage", "1e7", "0 to 1e6"),
        ("min-confidence", "1.1", "0 to 1"),
        ("confidence-weights", "1,2", "five"),
        ("confidence-weights", "1,2,3,4,inf", "five"),
        ("normalize", "german", "english"),
        ("keyword", " ", "a word"),
        ("threshold", "0.1", "at most 0"),
        ("vad", "maybe", "true or false"),
        ("vad-threshold", "0", "above 0"),
        ("endpoint", "0.01", "0.05 to 60"),
        ("nbest", "1001", "0 to 1000"),
        ("width", "3", "beam, greedy, lm"),
    ] {
        let error = settings(&[(name, value)]).unwrap_err().to_string();
        assert!(error.starts_with(name) && error.contains(says), "{name} {value:?}: {error}");
    }
    let long = "x".repeat(10_000);
    assert!(settings(&[("beam", &long)]).unwrap_err().to_string().len() < 200);
    assert!(settings(&[(&long, "1")]).unwrap_err().to_string().len() < 500);
}

#[test]
fn objects_say_the_same_as_texts() {
    for (object, pairs) in [
        (json!({ "beam": "32", "alpha": 1 }), &[("beam", "32"), ("alpha", "1")][..]),
        (json!({ "beam": 32.0, "no_lm": null }), &[("beam", "32")]),
        (
            json!({ "hotwords": { "ann": null, "bob": 3 } }),
            &[("hotword", "ann"), ("hotword", "bob:3")],
        ),
        (json!({ "hotword": ["ann", "bob:3"] }), &[("hotword", "ann"), ("hotword", "bob:3")]),
        (json!({ "hotwords": "ann\nbob:3" }), &[("hotword", "ann"), ("hotword", "bob:3")]),
        (json!({ "keywords": ["stop", "go on"] }), &[("keyword", "stop"), ("keyword", "go on")]),
        (json!({ "grammar": ["on", "off"] }), &[("grammar", "on\noff")]),
        (
            json!({ "vad": true, "min_confidence": 0.5 }),
            &[("vad", "on"), ("min-confidence", "0.5")],
        ),
    ] {
        let read: Settings = serde_json::from_value(object.clone()).unwrap();
        assert_eq!(read, settings(pairs).unwrap(), "{object}");
    }
    for (object, says) in [
        (json!({ "beam": [1] }), "must be N"),
        (json!({ "beam": {} }), "must be N"),
        (json!({ "hotwords": { "ann": "3" } }), "number"),
        (json!({ "hotwords": [3] }), "list of texts"),
        (json!({ "keywords": { "stop": 1 } }), "must be LIST"),
        (json!({ "grammar": [["on"]] }), "must be LIST"),
        (json!({ "colour": 1 }), "unknown setting"),
    ] {
        let error = serde_json::from_value::<Settings>(object.clone()).unwrap_err().to_string();
        assert!(error.contains(says), "{object}: {error}");
    }
    assert!(serde_json::from_str::<Settings>("[]").is_err());
}

#[test]
fn what_does_not_go_together_is_refused() {
    let model = model(Storage::Dense);
    for (pairs, says) in [
        (&[("greedy", "on"), ("beam", "4")][..], "beam: cannot be used together with greedy"),
        (&[("greedy", "on"), ("hotword", "a")], "hotwords: cannot be used together with greedy"),
        (&[("greedy", "on"), ("nbest", "2")], "nbest"),
        (&[("grammar", "a"), ("beta", "1")], "beta: cannot be used together with grammar"),
        (&[("grammar", "a"), ("greedy", "on")], "greedy"),
        (&[("grammar", "a"), ("nearest", "on"), ("garbage", "1")], "garbage"),
        (&[("nearest", "on")], "there is no grammar"),
        (&[("min-confidence", "0.5")], "there is no grammar"),
        (&[("threshold", "-1")], "threshold"),
        (&[("alpha", "1")], "give one by lm"),
        (&[("grammar", "#JSGF V1.0;\npublic <a> = a;"), ("normalize", "english")], "normalize"),
        (&[("lm", "a.lm"), ("no-lm", "on")], "a.lm"),
        (&[("vad", "on")], "vad"),
    ] {
        let error = settings(pairs).unwrap().recognizer(Arc::clone(&model)).unwrap_err();
        assert!(error.to_string().contains(says), "{pairs:?}: {error}");
    }
    let named = settings(&[("lm", "no/such.lm")]).unwrap();
    assert!(named.opens_file() && !Settings::default().opens_file());
    let error = named.recognizer(model).unwrap_err();
    assert!(matches!(error, Error::LanguageModel(_)), "{error}");
    assert!(error.to_string().contains("no/such.lm"), "{error}");
}

fn hear(mut stream: Stream) -> (Vec<Transcript>, Transcript, usize) {
    stream.push(&sound(6.0, 5)).unwrap();
    let last = stream.finish();
    (stream.take_utterances(), last, stream.take_spotted().len())
}

/// Settings do the same as the corresponding calls.
#[test]
fn settings_make_the_recognizers_that_they_name() {
    let model = model(Storage::Dense);
    let plain = || Recognizer::new(Arc::clone(&model), Options::default()).unwrap();
    let searching = |width, hotwords| {
        let options = BeamOptions { width, beta: 0.0, ..BeamOptions::default() };
        let search = model.beam_search(options).unwrap().with_hotwords(hotwords).unwrap();
        plain().with_search(search).unwrap()
    };
    let word = |phrase: &str, boost| Hotword { boost, ..Hotword::new(phrase) };
    let hotwords = vec![word("ab", 4.0), Hotword::new("cab")];
    for (pairs, expected) in [
        (&[][..], plain()),
        (&[("greedy", "on")], plain()),
        (&[("beam", "8")], searching(8, vec![])),
        (&[("hotword", "ab:4"), ("hotwords", "cab")], searching(128, hotwords.clone())),
        (&[("nbest", "3")], searching(64, vec![]).with_alternatives(3)),
        (
            &[("keyword", "ab"), ("threshold", "-8")],
            plain()
                .with_keywords(
                    ["ab"],
                    stonechat::SpotterOptions { threshold: -8.0, ..Default::default() },
                )
                .unwrap(),
        ),
        (&[("endpoint", "1")], plain().with_utterances()),
    ] {
        let made = settings(pairs).unwrap().recognizer(Arc::clone(&model)).unwrap();
        let (made, expected) = (hear(made.stream()), hear(expected.stream()));
        assert_eq!(made, expected, "{pairs:?}");
        assert!(!made.1.words.is_empty() || !made.0.is_empty(), "{pairs:?}: nothing was heard");
    }
    let three = settings(&[("nbest", "3")]).unwrap().recognizer(Arc::clone(&model)).unwrap();
    let (_, said, _) = hear(three.stream());
    assert_eq!(said.alternatives.len(), 3);
    assert_eq!(said.alternatives[0].text, said.text);
}

/// The page has the same table.
#[test]
fn the_page_has_the_table() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    let page = fs::read_to_string(page).unwrap();
    let mut table = String::from("| name | value | what it does |\n|---|---|---|\n");
    for setting in SETTINGS {
        let row = format!("| `{}` | `{}` | {} |\n", setting.name, setting.value, setting.help);
        table += &row;
    }
    assert!(page.contains(&table), "docs/settings.md should have this table:\n{table}");
}
