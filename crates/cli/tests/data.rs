//! `data check`: findings, their status, and what they are measured against.
#![cfg(feature = "train")]

mod common;

use common::*;
use serde_json::json;

fn line(audio: &str, duration: f64, text: &str, speaker: &str) -> String {
    let line =
        json!({ "audio_filepath": audio, "duration": duration, "text": text, "speaker": speaker });
    format!("{line}\n")
}

#[test]
fn good_data_is_status_0() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write("b.wav", wav(&sound(3.0, 2), RATE_HZ, 1));
    folder.write("train.jsonl", line("a.wav", 1.0, "hello", "x"));
    folder.write("dev.jsonl", line("b.wav", 3.0, "good bye then", "y"));
    let manifests = ["train.jsonl", "dev.jsonl"];
    let value = run_json(folder.with_model("data check").args(manifests), 0);
    assert_eq!((&value["problems"], &value["warnings"]), (&json!(0), &json!(0)), "{value}");
    assert_eq!(value["rates_hz"], json!({ "16000": 2 }));
    let (text, _) = run(folder.with_model("data check").args(manifests), 0);
    for part in ["train.jsonl", "  3.0 s", " 1.0 -  1.5 s", "#####", "0 problems, 0 warnings"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn every_problem_is_found() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write("slow.wav", wav(&sound(1.0, 3), 8_000, 2));
    folder.write("bad.wav", "no sound");
    let train = [
        line("a.wav", 1.0, "hello", "x"),
        line("gone.wav", 1.0, "hello", "x"),
        line("bad.wav", 1.0, "hello", "x"),
        line("slow.wav", 2.0, "Hello", "x"),
        line("a.wav", 5.0, &"word ".repeat(50), "x"),
        "{\n".to_string(),
    ];
    folder.write("train.jsonl", train.concat());
    folder.write("dev.jsonl", line("a.wav", 1.0, "", "x"));
    let manifests = ["train.jsonl", "dev.jsonl"];
    let value = run_json(folder.with_model("data check").args(manifests), 1);
    for kind in [
        "missing_file",
        "unreadable",
        "outside_alphabet",
        "ctc_impossible",
        "wrong_duration",
        "wrong_rate",
        "duplicate_audio",
        "same_audio_in_two_splits",
        "shared_speaker",
        "empty_text",
        "bad_line",
    ] {
        assert!(
            value["findings"][kind]["count"].as_u64().is_some_and(|n| n > 0),
            "{kind}: {value:#}"
        );
    }
    assert_eq!(value["foreign_characters"], json!({ "H": 1 }));
    let (text, stderr) = run(folder.with_model("data check").args(manifests), 1);
    for part in [
        "problem: missing files (1)",
        "gone.wav",
        "'H' 1 x",
        "warning: speakers in several manifests",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert_eq!(stderr, "");
    let (_, stderr) = run(folder.with_model("data check").arg("missing.jsonl"), 1);
    assert!(stderr.contains("missing.jsonl"), "{stderr}");
    run(&mut folder.with_model("data check"), 2);
}

#[test]
fn a_recipe_can_be_the_measure() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write("m.jsonl", line("a.wav", 1.0, "ab", "x"));
    let recipe = "alphabet = [\"\", \"a\"]\n[data]\ntrain = [{ manifest = \"m.jsonl\" }]\n[features]\nmels = 20\n\
                  [network]\ninput = 20\ngru = [8]\n[[stage]]\nname = \"one\"\nepochs = 1\nrate = 0.001\n";
    folder.write("r.toml", recipe);
    let value = run_json(folder.command("data check").args(["m.jsonl", "--recipe", "r.toml"]), 1);
    assert_eq!(value["foreign_characters"], json!({ "b": 1 }));
    run(folder.with_model("data check").args(["m.jsonl", "--recipe", "r.toml"]), 2);
}

#[test]
fn grams_are_chosen_from_texts_and_printed_for_a_recipe() {
    let folder = Folder::new();
    let texts = ["the hen", "then", "say \u{e9}t\u{e9}"];
    folder.write("train.jsonl", texts.map(|text| line("a.wav", 1.0, text, "x")).concat());
    let value = run_json(folder.command("data grams").args(["train.jsonl", "--max", "3"]), 0);
    let alphabet = value["alphabet"].as_array().unwrap();
    assert_eq!(alphabet.len(), 29 + 3, "{value}");
    assert_eq!(alphabet[29..], [json!("he"), json!("en"), json!("th")], "{value}");
    assert_eq!(value["counts"], json!({ "he": 3, "en": 2, "th": 2 }));
    let (text, _) = run(folder.command("data grams").args(["train.jsonl", "--longest", "3"]), 0);
    assert!(text.starts_with(r#"alphabet = ["", " ", "'""#.replace(", ", ",").as_str()), "{text}");
    assert!(text.contains("\"the\"") && !text.contains('\u{e9}'), "{text}");
}
