//! Endpointing, grammars, keywords, voice activity: the options of `transcribe`, and the verbs `listen` and `spot`.

mod common;

use common::*;
use serde_json::{Value, json};

/// Two sounds with two seconds of silence between them.
fn two_utterances() -> Vec<f32> {
    let mut samples = sound(3.0, 1);
    samples.extend(vec![0.0; 2 * RATE_HZ as usize]);
    samples.extend(sound(3.0, 2));
    samples
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("two.wav", wav(&two_utterances(), RATE_HZ, 1));
    folder.write("one.wav", wav(&sound(3.0, 3), RATE_HZ, 1));
    folder
}

fn words(value: &Value) -> Vec<String> {
    let words = value["result"].as_array().unwrap().iter();
    words.map(|word| word["word"].as_str().unwrap().to_string()).collect()
}

#[test]
fn a_recording_is_split_into_utterances() {
    let folder = folder();
    let split = run_json(folder.with_model("transcribe").args(["two.wav", "--endpoint=0.6"]), 0);
    let utterances = split["utterances"].as_array().unwrap();
    assert!(!utterances.is_empty());
    let joined: Vec<String> = utterances.iter().flat_map(words).collect();
    assert_eq!(joined, words(&split));
    let starts: Vec<f64> = split["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word["start"].as_f64().unwrap())
        .collect();
    assert!(starts.is_sorted(), "{starts:?}");
    let (text, _) = run(folder.with_model("transcribe").args(["two.wav", "--endpoint=0.6"]), 0);
    let lines: Vec<&str> = utterances.iter().map(|u| u["text"].as_str().unwrap()).collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    // The same from a pipe, as it comes; and as JSON, an object a line.
    let listen = |more: &[&str]| {
        let mut command = folder.with_model("listen");
        run(command.args(["--endpoint", "0.6"]).args(more).write_stdin(pcm(&two_utterances())), 0).0
    };
    assert_eq!(listen(&[]), text);
    let objects = listen(&["--json"]);
    let objects = objects.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (ended, growing): (Vec<Value>, Vec<Value>) = objects.partition(|o| o["text"].is_string());
    assert_eq!(ended.iter().map(|o| o["text"].as_str().unwrap()).collect::<Vec<_>>(), lines);
    assert!(growing.iter().all(|o| o["partial"].is_string()) && !growing.is_empty());
}

#[test]
fn a_grammar_rejects_what_is_not_in_it() {
    let folder = folder();
    let open = run_json(folder.with_model("transcribe").args(["one.wav", "--greedy"]), 0);
    let said = words(&open);
    assert!(said.len() > 3, "{said:?}");
    folder.write("phrases.txt", format!("# expected\n{}\n", said[1]));
    folder.write("phrases.jsgf", format!("#JSGF V1.0;\npublic <p> = {};", said[1]));
    for file in ["phrases.txt", "phrases.jsgf"] {
        // Garbage for nothing: what is heard stays as it is, and is sorted.
        let arguments = ["one.wav", "--grammar", file, "--garbage", "0"];
        let value = run_json(folder.with_model("transcribe").args(arguments), 0);
        assert!(words(&value).iter().all(|word| *word == said[1]) && !words(&value).is_empty());
        let rejected = value["rejected"].as_array().unwrap().len();
        assert_eq!(rejected + words(&value).len(), said.len(), "{value}");
        let (text, _) = run(folder.with_model("transcribe").args(arguments), 0);
        assert_eq!(text.trim(), value["text"].as_str().unwrap());
        // At a price that nobody pays nothing but the phrase is left.
        let closed = ["one.wav", "--grammar", file, "--garbage", "1000"];
        let value = run_json(folder.with_model("transcribe").args(closed), 0);
        assert_eq!(value["rejected"].as_array().unwrap().len(), 0, "{value}");
    }
    // The nearest phrase, whatever was said; and nothing that is not surer than sure.
    let grammar = ["one.wav", "--grammar", "phrases.txt"];
    let nearest = run_json(folder.with_model("transcribe").args(grammar).arg("--nearest"), 0);
    assert_eq!((words(&nearest), &nearest["rejected"]), (vec![said[1].clone()], &json!([])));
    let least = ["--garbage", "0", "--min-confidence", "1"];
    let value = run_json(folder.with_model("transcribe").args(grammar).args(least), 0);
    assert_eq!(value["text"], "");
    assert_eq!(value["rejected"].as_array().unwrap().len(), said.len());
    for (arguments, message) in [
        (["--garbage", "-1"], "--garbage <X>"),
        (["--garbage", "1e7"], "1e6"),
        (["--min-confidence", "2"], "--min-confidence <X>"),
        (["--beam", "8"], "--beam"),
        (["--hotword", "a"], "--hotword"),
        (["--confidence-weights", "1,2"], "five"),
    ] {
        let mut command = folder.with_model("transcribe");
        let (stdout, stderr) = run(command.args(grammar).args(arguments), 2);
        assert!(stdout.is_empty() && stderr.contains(message), "{arguments:?}: {stderr}");
    }
    folder.write("bad.jsgf", "#JSGF V1.0;\npublic <p> = (a;");
    let (_, error) =
        run(folder.with_model("transcribe").args(["one.wav", "--grammar", "bad.jsgf"]), 1);
    assert!(error.contains("bad.jsgf") && error.contains("line 2"), "{error}");
}

#[test]
fn phrases_are_spotted() {
    let folder = folder();
    let heard = run_json(folder.with_model("transcribe").args(["one.wav", "--greedy"]), 0);
    let longest = words(&heard).into_iter().max_by_key(String::len).unwrap();
    let arguments =
        ["one.wav", "--keyword", &longest, "--keyword", "zzqqzz", "--threshold", "-0.1"];
    let value = run_json(folder.with_model("spot").args(arguments), 0);
    let found = value["keywords"].as_array().unwrap();
    // What greedy decoding hears has the best score there is.
    assert!(
        found.iter().any(|k| k["phrase"] == longest && k["score"].as_f64() == Some(0.0)),
        "{value}"
    );
    assert!(found.iter().all(|k| k["index"] == 0), "{value}");
    let (text, _) = run(folder.with_model("spot").args(arguments), 0);
    assert_eq!(text.lines().count(), found.len(), "{text}");
    assert!(text.contains(&format!("0.00 {longest}")), "{text}");
    let both = ["one.wav", "two.wav", "--keyword", &longest, "--threshold=-0.1"];
    let value = run_json(folder.with_model("spot").args(both), 0);
    assert_eq!(value["files"][0]["keywords"], Value::from(found.clone()));
}

/// A threshold is chosen on a manifest, and keeps what it says there.
#[test]
fn a_threshold_is_chosen_for_a_rate_of_false_alarms() {
    let folder = folder();
    let heard = run_json(folder.with_model("transcribe").args(["one.wav", "--greedy"]), 0);
    let longest = words(&heard).into_iter().max_by_key(String::len).unwrap();
    let line = |audio: &str, text: &str| {
        format!("{}\n", json!({ "audio_filepath": audio, "duration": 3, "text": text }))
    };
    let text = heard["text"].as_str().unwrap();
    folder.write("m.jsonl", line("one.wav", text) + &line("two.wav", ""));
    let measure = |more: &[&str]| {
        let arguments = ["--manifest", "m.jsonl", "--keyword", &longest];
        run_json(folder.with_model("spot").args(arguments).args(more), 0)
    };
    let strict = measure(&["--per-hour", "0"]);
    assert_eq!((&strict["said"], strict["chosen"]["missed"].as_f64()), (&json!(1), Some(0.0)));
    assert_eq!(strict["chosen"]["false_alarms_per_hour"], 0.0);
    let points = strict["points"].as_array().unwrap();
    let thresholds = points.iter().map(|point| point["threshold"].as_f64().unwrap());
    assert!(thresholds.is_sorted_by(|a, b| a >= b), "{strict}");
    let lax = measure(&["--per-hour", "1e9"]);
    assert!(lax["chosen"]["threshold"].as_f64() <= strict["chosen"]["threshold"].as_f64());
    let threshold = format!("--threshold={}", strict["chosen"]["threshold"]);
    let arguments = ["two.wav", "--keyword", &longest, &threshold];
    let found = run_json(folder.with_model("spot").args(arguments), 0);
    // The manifest speaks of three seconds.
    let measured = |keyword: &&Value| keyword["end"].as_f64() <= Some(3.0);
    let alarms = found["keywords"].as_array().unwrap().iter().filter(measured).count();
    assert_eq!(alarms, 0, "{threshold}: {found}");
    for (arguments, status, message) in [
        (["--per-hour", "-1"], 2, "--per-hour"),
        (["--threshold", "-1"], 2, "--threshold"),
        (["--keyword", "zzqqzz"], 0, "zzqqzz"),
    ] {
        let mut command = folder.command("spot");
        command.args(["--model", "tiny.stonechat", "--manifest", "m.jsonl"]);
        command.args(["--keyword", &longest]).args(arguments);
        let (stdout, stderr) = run(&mut command, status);
        assert!(format!("{stdout}{stderr}").contains(message) || status == 0, "{stdout}{stderr}");
    }
}

/// Digital silence has no word in it once somebody listens for voices, whatever the network hears.
#[test]
fn nothing_is_said_in_silence() {
    let folder = Folder::new();
    folder.write("silence.wav", wav(&vec![0.0; 20 * RATE_HZ as usize], RATE_HZ, 1));
    let value = run_json(folder.command("transcribe").arg("silence.wav"), 0);
    assert_eq!(value["text"], "");
    let heard = |vad: &str| {
        let model = ["silence.wav", "--model", "tiny.stonechat", "--vad", vad];
        text_of(&run_json(folder.command("transcribe").args(model), 0))
    };
    assert_eq!(heard("on"), "");
    assert_ne!(heard("off"), "");
}

fn text_of(value: &Value) -> String {
    value["text"].as_str().unwrap().to_string()
}

/// Every setting of the library is an option of that name.
#[test]
fn every_setting_is_an_option() {
    let helps: Vec<String> = ["transcribe", "spot"]
        .iter()
        .map(|verb| run(stonechat().args([verb, "--help"]), 0).0)
        .collect();
    for setting in stonechat::SETTINGS {
        let option = format!("--{} ", setting.name).trim_end().to_string();
        let has = |help: &String| {
            help.split_whitespace().any(|word| word.trim_end_matches("[=<SECONDS>]") == option)
        };
        assert!(helps.iter().any(has), "{option}");
    }
}
