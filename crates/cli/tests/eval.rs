//! `eval`: the rates are those of the texts that `transcribe` gives.

mod common;

use common::*;
use serde_json::{Value, json};
use stonechat_decode::ErrorCount;

/// Six recordings and their manifest: the first text is what the model hears, the others are not.
fn folder() -> (Folder, Vec<String>) {
    let folder = Folder::new();
    let mut manifest = String::new();
    let mut heard = Vec::new();
    for i in 0..6 {
        let name = format!("{i}.wav");
        folder.write(&name, wav(&sound(1.5, 10 + i), RATE_HZ, 1));
        let value = run_json(folder.with_model("transcribe").arg(&name), 0);
        let text = value["text"].as_str().unwrap().to_string();
        let reference = if i == 0 { text.clone() } else { "no one said this".into() };
        manifest +=
            &format!("{}\n", json!({ "audio_filepath": name, "duration": 1.5, "text": reference }));
        heard.push(text);
    }
    folder.write("m.jsonl", manifest);
    (folder, heard)
}

#[test]
fn rates_are_those_of_the_texts() {
    let (folder, heard) = folder();
    let eval = |arguments: &[&str]| {
        run_json(folder.with_model("eval").args(["--manifest", "m.jsonl"]).args(arguments), 0)
    };
    let value = eval(&["--details", "details.jsonl"]);
    let reference = |i: usize| if i == 0 { heard[0].as_str() } else { "no one said this" };
    let words: ErrorCount = (0..6).map(|i| ErrorCount::words(reference(i), &heard[i])).sum();
    let characters: ErrorCount =
        (0..6).map(|i| ErrorCount::characters(reference(i), &heard[i])).sum();
    assert_eq!(value["wer"], words.rate());
    assert_eq!(value["cer"], characters.rate());
    assert_eq!(value["utterances"], 6);
    assert_eq!(value["audio_seconds"], 9.0);
    assert_eq!(value["lm_bytes"], 0);
    assert_eq!(value["model_bytes"], folder.path("tiny.stonechat").metadata().unwrap().len());
    for key in ["rtf", "am_share", "peak_rss_mb"] {
        assert!(value[key].as_f64().unwrap() > 0.0, "{key}: {value}");
    }
    assert!(value["am_share"].as_f64().unwrap() < 1.0);

    let details = std::fs::read_to_string(folder.path("details.jsonl")).unwrap();
    let details: Vec<Value> =
        details.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(details.len(), 6);
    for (i, detail) in details.iter().enumerate() {
        assert_eq!((&detail["line"], &detail["hyp"]), (&json!(i + 1), &json!(heard[i])));
        assert_eq!(detail["ref"], reference(i));
    }

    let parallel = eval(&["--jobs", "3", "--details", "parallel.jsonl"]);
    assert_eq!((&parallel["wer"], &parallel["cer"]), (&value["wer"], &value["cer"]));
    let read = |name| std::fs::read(folder.path(name)).unwrap();
    assert_eq!(read("parallel.jsonl"), read("details.jsonl"));

    let first = eval(&["--limit", "1"]);
    assert_eq!((&first["wer"], &first["utterances"]), (&json!(0.0), &json!(1)));
    let (text, _) = run(folder.with_model("eval").args(["--manifest", "m.jsonl"]), 0);
    assert!(
        text.contains("WER") && text.contains("RTF") && text.contains("6 utterances"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_evaluated() {
    let (folder, _) = folder();
    folder.write("empty.jsonl", "\n");
    folder.write("torn.jsonl", "{\"audio_filepath\": \"0.wav\", \"dur");
    folder.write(
        "gone.jsonl",
        json!({ "audio_filepath": "gone.wav", "duration": 1, "text": "x" }).to_string(),
    );
    for (name, expected) in [
        ("empty.jsonl", "no utterance"),
        ("torn.jsonl", "torn.jsonl:1"),
        ("gone.jsonl", "gone.wav"),
        ("missing.jsonl", "missing.jsonl"),
    ] {
        let (stdout, stderr) =
            run(folder.with_model("eval").args(["--manifest", name, "--json"]), 1);
        assert_eq!(stdout, "", "{name}");
        assert!(stderr.contains(expected), "{name}: {stderr}");
    }
    let (_, stderr) = run(
        folder.with_model("eval").args(["--manifest", "m.jsonl", "--details", "no/d.jsonl"]),
        1,
    );
    assert!(stderr.contains("no/d.jsonl"), "{stderr}");
    run(&mut folder.command("eval"), 2);
    run(folder.command("eval").args(["--manifest", "m.jsonl", "--jobs", "0"]), 2);
}

#[test]
fn texts_outside_the_alphabet_are_told() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write(
        "m.jsonl",
        json!({ "audio_filepath": "a.wav", "duration": 1, "text": "LOUD 7" }).to_string(),
    );
    let (_, stderr) = run(folder.with_model("eval").args(["--manifest", "m.jsonl"]), 0);
    assert!(
        stderr.starts_with("warning: ") && stderr.contains("m.jsonl:1") && stderr.contains("'L'"),
        "{stderr}"
    );
}

/// What was wrong with recordings, and done about it, is told once for each kind, with the first.
#[test]
fn doubtful_recordings_are_told() {
    let (folder, _) = folder();
    for i in [2, 4] {
        let clipped = sound(1.5, 10 + i).into_iter().map(|x| (40.0 * x).clamp(-1.0, 1.0));
        folder.write(&format!("{i}.wav"), wav(&clipped.collect::<Vec<f32>>(), RATE_HZ, 1));
    }
    let mut eval = folder.with_model("eval");
    let (stdout, stderr) = run(eval.args(["--manifest", "m.jsonl", "--jobs", "2", "--json"]), 0);
    assert!(stderr.contains("warning: 2 recordings, the first m.jsonl:3: "), "{stderr}");
    let value: Value = serde_json::from_str(&stdout).unwrap();
    let clipped = &value["warnings"][0];
    assert_eq!((&clipped["kind"], &clipped["recordings"]), (&json!("clipped"), &json!(2)));
    assert_eq!(clipped["first"], "m.jsonl:3");
}
