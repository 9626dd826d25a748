//! `data`: what manifests are made of, what is found in them, and what that is measured against.
#![cfg(feature = "full")]

mod common;

use common::*;
use serde_json::{Value, json};

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
fn nothing_and_two_values_of_one_field_are_problems() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write("empty.jsonl", "\u{feff}\r\n");
    let value = run_json(folder.with_model("data check").arg("empty.jsonl"), 1);
    assert_eq!(value["findings"]["empty_manifest"]["count"], 1, "{value}");
    folder.write(
        "m.jsonl",
        line("a.wav", 1.0, "first", "x").replace("\"text\"", "\"text\":\"second\",\"text\""),
    );
    let (text, _) = run(folder.with_model("data check").arg("m.jsonl"), 1);
    assert!(text.contains("m.jsonl:1: field `text`: there twice"), "{text}");
    let (_, stderr) = run(folder.with_model("eval").args(["--manifest", "m.jsonl"]), 1);
    assert!(stderr.contains("m.jsonl:1: field `text`: there twice"), "{stderr}");
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

#[test]
fn manifests_are_made_measured_and_normalised() {
    let folder = Folder::new();
    for (name, seconds, text) in
        [("a", 1.0, "Hello, 2 you!"), ("b", 0.5, "good bye"), ("c", 0.25, "x")]
    {
        folder.write(&format!("{name}.wav"), wav(&sound(seconds, 1), RATE_HZ, 1));
        folder.write(&format!("{name}.txt"), text);
    }
    let make = |more: &[&str], status| {
        run_json(folder.command("data make . --output m.jsonl").args(more), status)
    };
    let value = make(&[], 0);
    assert_eq!((&value["written_texts"], &value["left_out"]), (&json!(1), &json!(0)), "{value}");
    let summary = json!({ "manifest": "m.jsonl", "utterances": 3, "seconds": 1.75, "words": 6, "speakers": 0 });
    assert_eq!(value["manifests"], json!([summary]));
    assert_eq!(make(&["--normalize", "english"], 0)["written_texts"], json!(0));
    let lines = std::fs::read_to_string(folder.path("m.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let expected = json!({ "audio_filepath": "a.wav", "duration": 1.0, "text": "hello two you" });
    assert_eq!(first, expected);
    // A recording without a text, one that is none, one on a drop list, and one held out.
    folder.write("d.wav", wav(&sound(1.0, 4), RATE_HZ, 1));
    folder.write("e.wav", "no sound");
    folder.write("e.txt", "five");
    folder.write("drop.jsonl", line("c.wav", 0.25, "", "x"));
    let more = ["--drop", "drop.jsonl", "--dev", "dev.jsonl", "--dev-utterances", "1"];
    let value = make(&more, 1);
    assert_eq!((&value["dropped"], &value["left_out"]), (&json!(1), &json!(2)), "{value}");
    let held = |n: usize| value["manifests"][n]["utterances"].clone();
    assert_eq!((held(0), held(1)), (json!(1), json!(1)), "{value}");
    let (text, _) = run(folder.command("data make . --output m.jsonl").args(more), 1);
    for part in ["dev.jsonl", "1 dropped", "2 left out:", "no d.txt", "--normalize english"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let (_, error) = run(folder.command("data make nowhere --output m.jsonl").arg("--json"), 1);
    assert!(error.contains("nowhere"), "{error}");
    run(&mut folder.command("data make . --output m.jsonl --dev-utterances 3"), 2);
}

#[test]
fn an_audit_puts_wrong_transcripts_first() {
    let folder = Folder::new();
    let mut manifest = String::new();
    for seed in 1..8 {
        folder.write(&format!("{seed}.wav"), wav(&sound(2.0, seed), RATE_HZ, 1));
        manifest += &line(&format!("{seed}.wav"), 2.0, "x", "x");
    }
    folder.write("m.jsonl", manifest);
    // What the tiny model hears is right by definition; one text is that of another recording.
    let audit = |more: &[&str]| run_json(folder.with_model("data audit m.jsonl").args(more), 0);
    let value = audit(&["--output", "all.jsonl", "--show", "100"]);
    let read = |name: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(folder.path(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(value["worst"].as_array().unwrap().len(), 7, "{value}");
    assert!(value["worst"][0]["fit"].is_null(), "there is nothing to compare with: {value}");
    let heard = read("all.jsonl");
    let of = |audio: &str| heard.iter().find(|line| line["audio_filepath"] == audio).unwrap();
    let mut manifest = String::new();
    for seed in 1..8 {
        let audio = format!("{seed}.wav");
        let said = if seed == 3 { "5.wav" } else { &audio };
        manifest += &line(&audio, 2.0, of(said)["heard"].as_str().unwrap(), "x");
    }
    folder.write("m.jsonl", &manifest);
    // The tiny model babbles: what it hears differs little from one recording to the next.
    let value = audit(&["--output", "all.jsonl", "--drop", "drop.jsonl", "--threshold", "-1"]);
    assert_eq!((&value["dropped"], &value["utterances"]), (&json!(1), &json!(7)), "{value}");
    assert!(value["worst"][0]["place"].as_str().unwrap().ends_with("m.jsonl:3"), "{value}");
    let (all, dropped) = (read("all.jsonl"), read("drop.jsonl"));
    assert_eq!((all.len(), dropped.len()), (7, 1));
    assert_eq!(all[0], dropped[0]);
    assert_eq!((&all[0]["audio_filepath"], &all[0]["duration"]), (&json!("3.wav"), &json!(2.0)));
    assert!(all[0]["cer"].as_f64() > Some(0.0), "{}", all[0]);
    for line in &all[1..] {
        assert!(line["fit"].as_f64() > Some(-1.0) && line["loss"].as_f64() > Some(0.0), "{line}");
        assert_eq!(line["cer"], json!(0.0), "{line}");
    }
    let by_cer = ["--by", "cer", "--threshold", "0.01", "--drop", "drop.jsonl"];
    assert_eq!(audit(&by_cer)["dropped"], json!(1));
    // What is known to be wrong is left out, texts of other letters are not judged, and one that fits nowhere comes first.
    let long =
        line("1.wav", 2.0, &"no way ".repeat(100), "x") + &line("2.wav", 2.0, "Foreign", "x");
    folder.write("more.jsonl", long);
    let value = audit(&["more.jsonl", "--without", "drop.jsonl"]);
    assert_eq!((&value["utterances"], &value["foreign"]), (&json!(7), &json!(1)), "{value}");
    assert!(value["worst"][0]["place"].as_str().unwrap().ends_with("more.jsonl:1"), "{value}");
    assert_eq!(value["worst"][0]["loss"], json!(null), "{value}");
    let (text, warning) = run(&mut folder.with_model("data audit more.jsonl"), 0);
    assert!(text.contains("fit none") && warning.contains("more.jsonl:2"), "{text}{warning}");
    run(&mut folder.with_model("data audit m.jsonl --by loss --drop drop.jsonl"), 2);
}

#[test]
fn shards_are_as_good_as_the_files_they_are_made_of() {
    let folder = Folder::new();
    let mut manifest = String::new();
    for n in 0..6u64 {
        folder.write(&format!("{n}.wav"), wav(&sound(0.5 + 0.1 * n as f64, n), RATE_HZ, 1));
        manifest +=
            &format!("{}\n", json!({ "audio_filepath": format!("{n}.wav"), "text": "a b" }));
    }
    folder.write("m.jsonl", manifest);
    let packed =
        run_json(&mut folder.command("data shard m.jsonl --output p --shard-size 50kB"), 0);
    assert_eq!((&packed["utterances"], &packed["left_out"]), (&json!(6), &json!(0)));
    assert!(packed["shards"].as_u64().unwrap() > 1, "{packed}");
    let eval = |manifest: &str| {
        let value = run_json(folder.with_model("eval").args(["--manifest", manifest]), 0);
        (value["cer"].clone(), value["wer"].clone(), value["utterances"].clone())
    };
    assert_eq!(eval("p.jsonl"), eval("m.jsonl"));
    // The shards alone, as others make them.
    run(&mut folder.command("data make p-00000.tar --output again.jsonl"), 0);
    let read = |name: &str| std::fs::read_to_string(folder.path(name)).unwrap();
    let lines = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (again, all) = (lines(&read("again.jsonl")), lines(&read("p.jsonl")));
    assert!(!again.is_empty() && again[..] == all[..again.len()], "{again:?} {all:?}");
    assert_eq!(packed["warnings"], json!([]));
    // What was wrong with what was cut out is told.
    folder.write(
        "quiet.wav",
        wav(&sound(2.0, 1).iter().map(|x| x * 0.004).collect::<Vec<_>>(), RATE_HZ, 1),
    );
    let cut = json!({ "audio_filepath": "quiet.wav", "offset": 0.5, "duration": 1.0, "text": "a" });
    folder.write("cut.jsonl", format!("{cut}\n"));
    let packed = run_json(&mut folder.command("data shard cut.jsonl --output q"), 0);
    assert_eq!(packed["warnings"][0]["kind"], "quiet", "{packed}");
    let (_, stderr) = run(&mut folder.command("data shard cut.jsonl --output q"), 0);
    assert!(stderr.contains("cut.jsonl:1: very quiet"), "{stderr}");
    let bench = run_json(&mut folder.command("data bench p.jsonl --seconds 0.2"), 0);
    for key in ["hours", "read_and_decode", "features", "both"] {
        assert!(bench[key].as_f64().unwrap() > 0.0, "{bench}");
    }
}
