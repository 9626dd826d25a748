//! Audio and models that are not what they say.
#![cfg(feature = "full")]

mod common;

use common::*;

#[test]
fn audio_that_is_none() {
    let folder = Folder::new();
    let header = &wav(&[], RATE_HZ, 1)[..];
    let cases: [(&str, &[u8], &str); 6] = [
        ("empty.wav", b"", "empty"),
        ("text.wav", b"This is no sound, it is a letter to somebody. ", "not audio, but text"),
        ("header.wav", header, "no audio"),
        ("cut.wav", &header[..20], "cut.wav"),
        ("noise.mp3", &[0x55; 5000], "not audio, but text"),
        ("riff.wav", b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff", "riff.wav"),
    ];
    for (name, content, expected) in cases {
        folder.write(name, content);
        for json in [false, true] {
            let mut command = folder.with_model("transcribe");
            command.arg(name);
            if json {
                command.arg("--json");
            }
            let (stdout, stderr) = run(&mut command, 1);
            assert_eq!(stdout, "", "{name}");
            assert!(stderr.starts_with("error: ") && stderr.contains(name), "{name}: {stderr}");
            assert!(stderr.contains(expected), "{name}: {stderr}");
            assert!(!stderr.contains("panicked"), "{name}: {stderr}");
        }
    }
    std::fs::create_dir(folder.path("nothing")).unwrap();
    for missing in ["missing.wav", "nothing"] {
        let (_, stderr) = run(folder.with_model("transcribe").arg(missing), 1);
        assert!(stderr.contains(missing), "{stderr}");
    }
}

#[test]
fn a_truncated_mp3_gives_what_is_there() {
    let folder = Folder::new();
    let whole = std::fs::read(audio_fixture("sweep.mp3")).unwrap();
    folder.write("whole.mp3", &whole);
    folder.write("cut.mp3", &whole[..whole.len() * 6 / 10 + 7]);
    let mut ends = Vec::new();
    for name in ["whole.mp3", "cut.mp3"] {
        let value = run_json(folder.with_model("transcribe").arg(name), 0);
        let words = value["result"].as_array().unwrap().clone();
        ends.push(words.last().map_or(0.0, |word| word["end"].as_f64().unwrap()));
    }
    assert!(ends[1] <= ends[0], "{ends:?}");
    // Too little for one frame of sound: an error.
    folder.write("stump.mp3", &whole[..40]);
    let (_, stderr) = run(folder.with_model("transcribe").arg("stump.mp3"), 1);
    assert!(stderr.contains("stump.mp3"), "{stderr}");
}

#[test]
fn eight_channels_at_96_khz_are_mixed_and_resampled() {
    let folder = Folder::new();
    let samples: Vec<f32> = sound(2.0, 5);
    folder.write("mono.wav", wav(&samples, RATE_HZ, 1));
    // Each sample six times is the same sound at 96 kHz, up to a filter that the resampler has as well.
    let fast: Vec<f32> = samples.iter().flat_map(|&s| [s; 6]).collect();
    folder.write("eight.wav", wav(&fast, 96_000, 8));
    folder.write("one.wav", wav(&fast, 96_000, 1));
    let eight = run_json(folder.with_model("transcribe").arg("eight.wav"), 0);
    let one = run_json(folder.with_model("transcribe").arg("one.wav"), 0);
    assert_eq!(eight, one, "eight equal channels are one");
    assert!(!eight["text"].as_str().unwrap().is_empty());
}

#[test]
fn a_recording_with_its_end_cut_off_warns() {
    let folder = Folder::new();
    let whole = wav(&sound(2.0, 1), RATE_HZ, 1);
    folder.write("cut.wav", &whole[..whole.len() / 2 + 1]);
    let (text, stderr) = run(folder.with_model("transcribe").arg("cut.wav"), 0);
    assert!(!text.trim().is_empty());
    assert!(stderr.starts_with("warning: cut.wav: "), "{stderr}");
}

#[test]
fn models_that_are_none() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(0.5, 1), RATE_HZ, 1));
    let package = std::fs::read(folder.path("tiny.stonechat")).unwrap();
    folder.write("empty.stonechat", "");
    folder.write("cut.stonechat", &package[..package.len() / 2]);
    folder.write("text.stonechat", "once upon a time there was no model");
    for name in ["empty.stonechat", "cut.stonechat", "text.stonechat", "missing.stonechat"] {
        for verb in [
            "transcribe a.wav",
            "bench",
            "inspect",
            "quantize --output new",
            "compress --variance 0.9 --output new",
        ] {
            let (stdout, stderr) = run(folder.command(verb).args(["--model", name]), 1);
            assert_eq!(stdout, "", "{verb} {name}");
            assert!(
                stderr.starts_with("error: ") && stderr.contains(name),
                "{verb} {name}: {stderr}"
            );
            assert!(!folder.path("new").exists(), "{verb} {name}");
        }
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    use std::process::Stdio;
    let folder = Folder::new();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("stonechat"))
        .args(["inspect", "--model", "tiny.stonechat"])
        .current_dir(folder.root.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}
