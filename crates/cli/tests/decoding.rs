//! Beam search on the command line: language model, hotwords, alternatives, tuning.

mod common;

use common::*;
use serde_json::{Value, json};

/// A bigram model of words that no one would say to this model.
const ARPA: &str = "\\data\\
ngram 1=6
ngram 2=1

\\1-grams:
-3.0\t<unk>
-99\t<s>\t-0.3
-0.9\t</s>
-0.5\tit\t-0.2
-0.7\tthe\t-0.4
-0.9\tcafé\t0

\\2-grams:
-0.2\tthe it

\\end\\
";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(4.0, 1), RATE_HZ, 1));
    folder.write("b.wav", wav(&sound(3.0, 2), RATE_HZ, 1));
    let model = stonechat_lm::arpa::read(ARPA.as_bytes()).unwrap();
    folder.write("words.lm", model.pack(stonechat_lm::Bits::default()).unwrap());
    folder
}

fn transcribe(folder: &Folder, arguments: &[&str]) -> Value {
    run_json(folder.with_model("transcribe").arg("a.wav").args(arguments), 0)
}

#[test]
fn the_search_is_what_the_arguments_say() {
    let folder = folder();
    let greedy = transcribe(&folder, &[]);
    assert!(greedy.get("alternatives").is_none());
    let beam = transcribe(&folder, &["--beam", "16"]);
    for word in beam["result"].as_array().unwrap() {
        let [start, end, conf] = ["start", "end", "conf"].map(|key| word[key].as_f64().unwrap());
        assert!(start < end && end <= 4.1 && (0.0..=1.0).contains(&conf), "{word}");
    }
    // A strong model of three words, one of which the alphabet cannot spell.
    let arguments = ["a.wav", "--json", "--lm", "words.lm", "--alpha", "3", "--beta", "12"];
    let (stdout, stderr) = run(folder.with_model("transcribe").args(arguments), 0);
    assert!(stderr.contains("words.lm: 1 words have characters"), "{stderr}");
    let value: Value = serde_json::from_str(&stdout).unwrap();
    let text = value["text"].as_str().unwrap();
    let known = text.split(' ').filter(|word| ["it", "the"].contains(word)).count();
    assert!(known > 3, "{text}");
}

/// One file of a model and its language model says what the two say.
#[test]
fn a_package_carries_its_language_model() {
    let folder = folder();
    let pack = "pack --model tiny.stonechat --lm words.lm --output one.stonechat";
    let packed = run_json(&mut folder.command(pack), 0);
    let lm_bytes = folder.path("words.lm").metadata().unwrap().len();
    assert_eq!(packed["lm_bytes"], lm_bytes);
    assert_eq!(packed["bytes"], folder.path("one.stonechat").metadata().unwrap().len());
    let inspected = run_json(&mut folder.command("inspect --model one.stonechat"), 0);
    assert_eq!(inspected["lm_bytes"], lm_bytes);
    let one = |more: &[&str]| {
        let mut command = folder.command("transcribe a.wav --vad off --model one.stonechat");
        run_json(command.args(more), 0)
    };
    let two = transcribe(&folder, &["--lm", "words.lm", "--alpha", "3", "--beta", "12"]);
    assert_eq!(one(&["--alpha", "3", "--beta", "12"]), two);
    assert_eq!(one(&["--no-lm"]), transcribe(&folder, &[]));
    // It goes along where the network is made smaller, and can be taken out.
    run(&mut folder.command("quantize --model one.stonechat --output small.stonechat"), 0);
    let small = run_json(&mut folder.command("inspect --model small.stonechat"), 0);
    assert_eq!(small["lm_bytes"], lm_bytes);
    let out = "pack --model one.stonechat --no-lm --output two.stonechat";
    assert_eq!(run_json(&mut folder.command(out), 0)["lm_bytes"], 0);
    let same = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert_eq!(same("two.stonechat"), same("tiny.stonechat"));
    for (arguments, status, message) in [
        ("pack --output x", 2, "--lm"),
        ("pack --lm words.lm --no-lm --output x", 2, "--no-lm"),
        ("pack --lm gone.lm --output x", 1, "gone.lm"),
        ("pack --lm tiny.stonechat --output x", 1, "tiny.stonechat"),
        ("pack --model tiny.stonechat --lm words.lm --output tiny.stonechat", 1, "tiny.stonechat"),
    ] {
        let (_, stderr) = run(&mut folder.command(arguments), status);
        assert!(stderr.contains(message), "{arguments}: {stderr}");
    }
}

#[test]
fn hotwords_are_heard() {
    let folder = folder();
    folder.write("hot.txt", "# one\nstone:40\n\n");
    for arguments in [["--hotword", "stone:40"], ["--hotwords", "hot.txt"]] {
        let text = transcribe(&folder, &arguments)["text"].to_string();
        assert!(text.contains("stone"), "{arguments:?}: {text}");
    }
    assert!(!transcribe(&folder, &["--beam", "64"])["text"].to_string().contains("stone"));
    for (arguments, status, message) in [
        (["--hotword", "stone:x"], 2, "not a number"),
        (["--hotword", "7:3"], 1, "'7'"),
        (["--hotwords", "gone.txt"], 1, "gone.txt"),
        (["--lm", "gone.lm"], 1, "gone.lm"),
        (["--lm", "hot.txt"], 1, "hot.txt"),
        (["--alpha", "1"], 2, "--alpha"),
        (["--nbest", "3"], 2, "--json"),
        (["--beam", "0"], 2, "--beam"),
    ] {
        let mut command = folder.with_model("transcribe");
        let (stdout, stderr) = run(command.arg("a.wav").args(arguments), status);
        assert!(stdout.is_empty() && stderr.contains(message), "{arguments:?}: {stderr}");
    }
}

#[test]
fn alternatives_are_sorted_and_begin_with_the_text() {
    let folder = folder();
    let value = transcribe(&folder, &["--nbest", "4"]);
    let alternatives = value["alternatives"].as_array().unwrap();
    assert_eq!(alternatives.len(), 4);
    assert_eq!(alternatives[0]["text"], value["text"]);
    assert_eq!(alternatives[0]["result"], value["result"]);
    let scores: Vec<f64> = alternatives.iter().map(|a| a["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    let several =
        run_json(folder.with_model("transcribe").args(["a.wav", "b.wav", "--nbest", "2"]), 0);
    assert_eq!(several["files"][1]["alternatives"].as_array().unwrap().len(), 2);
}

#[test]
fn weights_are_tuned_and_confidences_fitted() {
    let folder = folder();
    let mut manifest = String::new();
    for name in ["a.wav", "b.wav"] {
        let line = json!({ "audio_filepath": name, "duration": 3, "text": "the it the it it" });
        manifest += &format!("{line}\n");
    }
    folder.write("m.jsonl", manifest);
    let eval = |arguments: &[&str]| {
        let mut command = folder.with_model("eval");
        run_json(command.args(["--manifest", "m.jsonl", "--lm", "words.lm"]).args(arguments), 0)
    };
    let plain = eval(&["--beam", "8"]);
    assert_eq!((&plain["beam"], plain["lm_bytes"].as_u64().unwrap() > 100), (&json!(8), true));
    let tuned = eval(&["--beam", "8", "--tune", "--calibrate", "--logits", "out", "--jobs", "2"]);
    let tries = tuned["tries"].as_array().unwrap();
    assert!(tries.len() > 8);
    assert_eq!(tries[0]["wer"], tuned["wer"], "the best try is the one evaluated");
    assert!(tuned["wer"].as_f64().unwrap() <= plain["wer"].as_f64().unwrap());
    assert_eq!(tuned["calibration"]["weights"]["weights"].as_array().unwrap().len(), 5);
    let npy = std::fs::read(folder.path("out/1.npy")).unwrap();
    let header = String::from_utf8_lossy(&npy[10..128]).to_string();
    assert!(npy.starts_with(b"\x93NUMPY\x01\x00") && header.contains(", 29)"), "{header}");
    let index = std::fs::read_to_string(folder.path("out/index.json")).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    assert_eq!(index["symbols"].as_array().unwrap().len(), 29);
}

/// What a grammar accepts and rejects, by the least confidence.
#[test]
fn a_grammar_is_evaluated_and_its_confidences_fitted() {
    let folder = folder();
    let heard = transcribe(&folder, &["--greedy"]);
    let word = heard["result"][0]["word"].as_str().unwrap();
    folder.write("phrases.txt", format!("{word}\nzzqqzz\n"));
    let line = |audio: &str, text: &str| {
        format!("{}\n", json!({ "audio_filepath": audio, "duration": 3, "text": text }))
    };
    folder.write("m.jsonl", line("a.wav", word) + &line("b.wav", "something else"));
    let eval = |arguments: &[&str]| {
        let mut command = folder.with_model("eval");
        command.args(["--manifest", "m.jsonl", "--grammar", "phrases.txt"]);
        run_json(command.args(arguments), 0)
    };
    let report = eval(&["--nearest"]);
    let acceptance = &report["acceptance"];
    assert_eq!((&acceptance["inside"], &acceptance["outside"]), (&json!(1), &json!(1)));
    let rows = acceptance["rows"].as_array().unwrap();
    // Without a threshold the nearest phrase is always accepted.
    assert_eq!((&rows[0]["false_rejects"], &rows[0]["false_accepts"]), (&json!(0.0), &json!(1.0)));
    for kind in ["false_accepts", "wrong"] {
        let shares: Vec<f64> = rows.iter().map(|row| row[kind].as_f64().unwrap()).collect();
        assert!(shares.is_sorted_by(|a, b| a >= b), "{kind}: {shares:?}");
    }
    let right = report["sentences_right"].as_f64().unwrap();
    assert_eq!(right, rows[0]["right"].as_f64().unwrap() / 2.0);
    let fitted = eval(&["--nearest", "--calibrate"]);
    let weights = fitted["calibration"]["weights"]["weights"].as_array().unwrap().clone();
    let weights: Vec<String> = weights.iter().map(Value::to_string).collect();
    let with = |weights: &str| {
        eval(&["--nearest", "--confidence-weights", weights])["ece"].as_f64().unwrap()
    };
    assert!(with(&weights.join(",")) < with("30,0,0,0,0"));
    let mut command = folder.with_model("eval");
    command.args(["--manifest", "m.jsonl", "--grammar", "phrases.txt", "--tune"]);
    let (_, stderr) = run(&mut command, 2);
    assert!(stderr.contains("--tune"), "{stderr}");
}
