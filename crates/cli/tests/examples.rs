//! The examples of the library find what the command prints for the same audio.

mod common;

#[path = "../../stonechat/examples/file.rs"]
#[allow(dead_code)] // their `main` functions
mod file;
#[path = "../../stonechat/examples/grammar.rs"]
#[allow(dead_code)]
mod grammar;
#[path = "../../stonechat/examples/hotwords.rs"]
#[allow(dead_code)]
mod hotwords;
#[path = "../../stonechat/examples/keywords.rs"]
#[allow(dead_code)]
mod keywords;
#[path = "../../stonechat/examples/nbest.rs"]
#[allow(dead_code)]
mod nbest;
#[path = "../../stonechat/examples/partials.rs"]
#[allow(dead_code)]
mod partials;

use common::*;

const SAMPLES: [&str; 3] = ["kitchen.flac", "train.flac", "winter.flac"];

fn sample(name: &str) -> String {
    format!("{}/../../samples/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn printed(arguments: &str, path: &str) -> String {
    run(stonechat().args(arguments.split(' ')).arg(path), 0).0
}

#[test]
fn a_file() {
    for name in SAMPLES {
        let path = sample(name);
        let expected = printed("transcribe --greedy --vad off", &path);
        assert_eq!(file::text(&path).unwrap() + "\n", expected, "{name}");
    }
}

#[test]
fn live_partials() {
    let samples = stonechat_audio::read_file(sample("train.flac"), RATE_HZ).unwrap().samples;
    let bytes: Vec<u8> =
        samples.iter().flat_map(|s| ((s * 32_768.0) as i16).to_le_bytes()).collect();
    let mut partials = Vec::new();
    let text = partials::listen(&bytes[..], |partial| partials.push(partial.to_string())).unwrap();
    let mut command = stonechat();
    command.args(["transcribe", "--partial", "--greedy", "--vad", "off", "-"]);
    let (expected, log) = run(command.write_stdin(bytes), 0);
    assert_eq!(text.clone() + "\n", expected);
    assert!(partials.len() > 10 && text.starts_with(&partials[3]), "{partials:?}");
    assert!(partials.iter().any(|partial| log.contains(partial)), "{partials:?}\n{log}");
}

#[test]
fn hotwords() {
    for (name, phrase) in [("train.flac", "little station"), ("kitchen.flac", "chicken")] {
        let path = sample(name);
        let text = hotwords::text(&path, &[phrase.to_string()]).unwrap();
        let mut command = stonechat();
        command.args(["transcribe", "--no-lm", "--vad", "off", "--hotword", phrase, &path]);
        assert_eq!(text + "\n", run(&mut command, 0).0, "{name}, {phrase}");
    }
}

#[test]
fn a_grammar() {
    let folder = Folder::new();
    let phrases = ["turn on the light in the kitchen", "turn off the radio"].map(String::from);
    let list = folder.write("phrases.txt", phrases.join("\n"));
    for name in SAMPLES {
        let path = sample(name);
        let said = grammar::phrases(&path, &phrases).unwrap();
        let mut command = stonechat();
        command.args(["transcribe", "--vad", "off", &path, "--grammar"]).arg(&list);
        let value = run_json(&mut command, 0);
        assert_eq!(value["text"], said.text, "{name}");
        let rejected = value["rejected"].as_array().unwrap();
        assert_eq!(rejected.len(), said.rejected.unwrap().len(), "{name}");
    }
}

#[test]
fn keywords() {
    let path = sample("kitchen.flac");
    for phrase in ["kitchen", "radio"] {
        let found = keywords::spot(&path, &[phrase.to_string()]).unwrap();
        let lines: String = found.iter().map(|spotted| keywords::line(spotted) + "\n").collect();
        assert_eq!(lines, printed(&format!("spot --keyword {phrase}"), &path), "{phrase}");
        assert_eq!(found.is_empty(), phrase == "radio", "{lines}");
    }
}

#[test]
fn the_best_texts() {
    let path = sample("winter.flac");
    let found = nbest::alternatives(&path, 3).unwrap();
    let mut command = stonechat();
    let value = run_json(command.args(["transcribe", "--nbest", "3", "--vad", "off", &path]), 0);
    assert_eq!(found.len(), 3);
    // Through text, as the command's: 32-bit floats become other 64-bit ones otherwise.
    let found: serde_json::Value =
        serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
    assert_eq!(value["alternatives"], found);
}
