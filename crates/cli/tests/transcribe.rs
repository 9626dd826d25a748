//! `transcribe`: formats, several recordings, stdin.

mod common;

use common::*;
use serde_json::Value;

/// A folder with two recordings of noise in which the tiny model hears words.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(4.0, 1), RATE_HZ, 1));
    folder.write("b.wav", wav(&sound(3.0, 2), RATE_HZ, 1));
    folder
}

fn text_of(value: &Value) -> String {
    value["text"].as_str().unwrap().to_string()
}

#[test]
fn one_recording_gives_vosks_object() {
    let folder = folder();
    let value = run_json(folder.with_model("transcribe").arg("a.wav"), 0);
    let words = value["result"].as_array().unwrap();
    assert!(words.len() > 3, "{value}");
    let joined: Vec<&str> = words.iter().map(|w| w["word"].as_str().unwrap()).collect();
    assert_eq!(text_of(&value), joined.join(" "));
    let mut last = 0.0;
    for word in words {
        let [start, end, conf] = ["start", "end", "conf"].map(|key| word[key].as_f64().unwrap());
        assert!(
            last <= start && start < end && end <= 4.1 && (0.0..=1.0).contains(&conf),
            "{word}"
        );
        last = end;
    }
    let (text, _) = run(folder.with_model("transcribe").arg("a.wav"), 0);
    assert_eq!(text, format!("{}\n", text_of(&value)));
}

#[test]
fn several_recordings_name_their_files() {
    let folder = folder();
    let value = run_json(folder.with_model("transcribe").args(["b.wav", "a.wav"]), 0);
    let files = value["files"].as_array().unwrap();
    let (text, _) = run(folder.with_model("transcribe").args(["b.wav", "a.wav"]), 0);
    let mut expected = String::new();
    for (file, name) in files.iter().zip(["b.wav", "a.wav"]) {
        assert_eq!(file["file"], name);
        let alone = run_json(folder.with_model("transcribe").arg(name), 0);
        assert_eq!((&file["text"], &file["result"]), (&alone["text"], &alone["result"]), "{name}");
        expected += &format!("{name}: {}\n", text_of(file));
    }
    assert_eq!(text, expected);
}

#[test]
fn patterns_are_expanded_without_a_shell() {
    let folder = folder();
    let (listed, _) = run(folder.with_model("transcribe").args(["a.wav", "b.wav"]), 0);
    let (matched, _) = run(folder.with_model("transcribe").arg("?.wav"), 0);
    assert_eq!(matched, listed);
    let (_, errors) = run(folder.with_model("transcribe").arg("*.mp3"), 1);
    assert!(errors.contains("no file matches *.mp3"), "{errors}");
}

#[test]
fn one_bad_recording_does_not_stop_the_others() {
    let folder = folder();
    folder.write("bad.wav", "");
    let arguments = ["a.wav", "bad.wav", "b.wav"];
    let value = run_json(folder.with_model("transcribe").args(arguments), 1);
    let files = value["files"].as_array().unwrap();
    assert_eq!(files.len(), 3);
    assert!(files[1]["error"].as_str().unwrap().contains("bad.wav"), "{value}");
    assert!(files[1].get("text").is_none());
    assert!(files[2].get("error").is_none() && files[2]["text"].is_string());
    let (text, errors) = run(folder.with_model("transcribe").args(arguments), 1);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(errors.contains("bad.wav"), "{errors}");
}

#[test]
fn pcm_on_stdin_is_the_same_as_a_file() {
    let folder = Folder::new();
    for (rate_hz, seconds) in [(16_000, 3.0), (8_000, 6.0), (44_100, 1.5)] {
        // The same samples at any rate: faster or slower, and as good.
        let samples = sound(seconds, 3);
        folder.write("c.wav", wav(&samples, rate_hz, 1));
        let file = run_json(folder.with_model("transcribe").arg("c.wav"), 0);
        let rate = rate_hz.to_string();
        let stdin = run_json(
            folder.with_model("transcribe").args(["-", "--rate", &rate]).write_stdin(pcm(&samples)),
            0,
        );
        assert_eq!(stdin, file, "{rate_hz} Hz");
        assert!(!text_of(&file).is_empty(), "{rate_hz} Hz");
    }
    // The rate may be left out where it is the model's.
    let (text, _) =
        run(folder.with_model("transcribe").arg("-").write_stdin(pcm(&sound(3.0, 3))), 0);
    assert!(text.trim().len() > 3, "{text:?}");
}

#[test]
fn odd_stdin_is_told() {
    let folder = Folder::new();
    let mut bytes = pcm(&sound(1.0, 3));
    let (whole, _) = run(folder.with_model("transcribe").arg("-").write_stdin(bytes.clone()), 0);
    bytes.push(1);
    let (text, errors) = run(folder.with_model("transcribe").arg("-").write_stdin(bytes), 0);
    assert_eq!(text, whole);
    assert!(errors.contains("half a sample"), "{errors}");
    let (text, errors) = run(folder.with_model("transcribe").arg("-").write_stdin(""), 1);
    assert!(text.is_empty() && errors.contains("no audio"), "{errors}");
}

#[test]
fn subtitles_hold_the_words() {
    let folder = folder();
    let value = run_json(folder.with_model("transcribe").arg("a.wav"), 0);
    for (format, point, start) in [("srt", ',', "1\n00:00:0"), ("vtt", '.', "WEBVTT\n\n00:00:0")] {
        let (text, _) = run(folder.with_model("transcribe").args(["a.wav", "--format", format]), 0);
        assert!(text.starts_with(start), "{text}");
        let words: Vec<&str> = text
            .split("\n\n")
            .flat_map(|cue| cue.lines().skip_while(|l| !l.contains(" --> ")).skip(1))
            .flat_map(str::split_whitespace)
            .collect();
        assert_eq!(words.join(" "), text_of(&value), "{format}");
        let times = text.lines().filter(|line| line.contains(" --> "));
        assert!(times.clone().count() > 0);
        for line in times {
            assert_eq!(line.matches(point).count(), 2, "{line}");
        }
        let (_, errors) =
            run(folder.with_model("transcribe").args(["a.wav", "b.wav", "--format", format]), 2);
        assert!(errors.contains("--beside"), "{errors}");
    }
}

#[test]
fn partial_results_go_to_stderr_only_when_asked_for() {
    let folder = folder();
    let (plain, silent) = run(folder.with_model("transcribe").arg("a.wav"), 0);
    assert_eq!(silent, "");
    let (text, partial) = run(folder.with_model("transcribe").args(["a.wav", "--partial"]), 0);
    assert_eq!(text, plain);
    assert!(partial.lines().count() > 1, "{partial}");
    assert!(text.contains(partial.lines().next().unwrap().trim()), "{partial}{text}");
    // With --json as well: stdout stays one object.
    run_json(folder.with_model("transcribe").args(["a.wav", "--partial"]), 0);
}

#[test]
fn the_bundled_model_is_the_default() {
    let folder = folder();
    let value = run_json(folder.command("transcribe").arg("a.wav"), 0);
    assert!(value["text"].is_string() && value["result"].is_array(), "{value}");
}
