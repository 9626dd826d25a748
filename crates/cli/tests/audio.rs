//! Audio as people have it: pipes, other kinds of files, signals that cannot be right, and what is said about them.

mod common;

use common::*;
use serde_json::{Value, json};

/// A 16-bit wav of several channels.
fn channels(channels: &[&dyn Fn(f32) -> f32], samples: &[f32]) -> Vec<u8> {
    let count = channels.len() as u16;
    let interleaved = samples.iter().flat_map(|&s| channels.iter().map(move |channel| channel(s)));
    let mut bytes = wav(&interleaved.collect::<Vec<_>>(), RATE_HZ, 1);
    bytes[22..24].copy_from_slice(&count.to_le_bytes());
    bytes[32..34].copy_from_slice(&(2 * count).to_le_bytes());
    bytes
}

fn kinds(value: &Value) -> Vec<&str> {
    let warnings = value["warnings"].as_array().unwrap();
    warnings.iter().map(|warning| warning["kind"].as_str().unwrap()).collect()
}

#[test]
fn signals_that_cannot_be_right_are_heard_and_told() {
    let folder = Folder::new();
    let samples: Vec<f32> = sound(3.0, 3).iter().map(|x| 0.9 * x).collect();
    folder.write("a.wav", wav(&samples, RATE_HZ, 1));
    let right = run_json(folder.with_model("transcribe").arg("a.wav"), 0);
    assert_eq!(right["warnings"], json!([]));
    let same = |x: f32| x;
    // (what, file, kind of the warning)
    let cases = [
        ("opposite", channels(&[&same, &|x| -x], &samples), "opposite_channels"),
        ("dead", channels(&[&|_| 0.0, &same], &samples), "dead_channel"),
    ];
    for (what, bytes, kind) in cases {
        folder.write("b.wav", bytes);
        let value = run_json(folder.with_model("transcribe").arg("b.wav"), 0);
        assert_eq!((&value["text"], kinds(&value)), (&right["text"], vec![kind]), "{what}");
        let (_, errors) = run(folder.with_model("transcribe").arg("b.wav"), 0);
        let message = value["warnings"][0]["message"].as_str().unwrap();
        assert_eq!(errors, format!("warning: b.wav: {message}\n"), "{what}");
    }
    // In a list of recordings each has its own.
    let value = run_json(folder.with_model("transcribe").args(["a.wav", "b.wav"]), 0);
    let files = value["files"].as_array().unwrap();
    assert_eq!((kinds(&files[0]), kinds(&files[1])), (vec![], vec!["dead_channel"]));
    // Keywords and live audio have them, too.
    let spot =
        folder.with_model("spot").args(["--keyword", "a", "--json", "b.wav"]).output().unwrap();
    assert_eq!(kinds(&serde_json::from_slice(&spot.stdout).unwrap()), ["dead_channel"]);
    let silence = vec![0; 64_000];
    let (lines, errors) = run(folder.with_model("listen").arg("--json").write_stdin(silence), 0);
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(kinds(&last), ["silent"]);
    assert!(errors.starts_with("warning: -: "), "{errors}");
}

#[test]
fn a_file_on_stdin_is_a_file() {
    let folder = Folder::new();
    for name in ["sweep.flac", "sweep.mp3", "sweep.opus"] {
        let path = audio_fixture(name);
        let file = run_json(folder.with_model("transcribe").arg(&path), 0);
        let bytes = std::fs::read(&path).unwrap();
        let stdin = run_json(folder.with_model("transcribe").arg("-").write_stdin(bytes), 0);
        assert_eq!(stdin, file, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_a_file() {
    let folder = Folder::new();
    let pipe = folder.path("p.wav");
    if !std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|made| made.success()) {
        eprintln!("skipped: no mkfifo");
        return;
    }
    let path = audio_fixture("sweep.flac");
    let file = run_json(folder.with_model("transcribe").arg(&path), 0);
    let bytes = std::fs::read(&path).unwrap();
    let writer = std::thread::spawn(move || std::fs::write(pipe, bytes));
    let piped = run_json(folder.with_model("transcribe").arg("p.wav"), 0);
    writer.join().unwrap().unwrap();
    assert_eq!(piped, file);
}

#[test]
fn files_of_another_kind_are_named() {
    let folder = Folder::new();
    folder.write("m.arpa", "\\data\\\nngram 1=3\n\n\\1-grams:\n");
    folder.write("m.lm", b"stoneLM\x01\x03\x08\x08\0");
    folder.write("m.zip", b"PK\x03\x04\x14\0\0\0\x08\0word/document.xml");
    folder.write("m.jsonl", r#"{"audio_filepath": "a.wav", "duration": 1, "text": "a"}"#);
    folder.write("m.html", "<!DOCTYPE html><title>Not found</title>");
    folder.write("m.txt", "turn on the light\n");
    folder.write("m.pdf", b"%PDF-1.7\n%\xe2\xe3");
    // (file, what it is, what to do)
    let cases = [
        ("tiny.stonechat", "a Stonechat package", "--model"),
        ("m.arpa", "an ARPA language model", "lm quantize"),
        ("m.lm", "a packed language model", "--lm"),
        ("m.zip", "a zip archive", "unpack"),
        ("m.jsonl", "a manifest", "eval"),
        ("m.html", "an HTML page", "download"),
        ("m.txt", "text", ""),
        ("m.pdf", "a PDF document", ""),
    ];
    for (name, what, advice) in cases {
        let (_, errors) = run(folder.with_model("transcribe").arg(name), 1);
        assert!(
            errors.contains(name) && errors.contains(what) && errors.contains(advice),
            "{name}: {errors}"
        );
    }
}
