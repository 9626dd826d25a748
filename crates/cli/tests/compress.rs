//! `compress` and `quantize`: a smaller package that still works.
#![cfg(feature = "full")]

mod common;

use common::*;
use stonechat_model::{Kind, Matrix, Package};

#[test]
fn every_rule_gives_the_ranks_it_asks_for() {
    let folder = Folder::new();
    let plan = "quantize = { bits = 8 }\n[low_rank]\nrank = { list = { \"gru.0.rec\" = 5 } }\n";
    folder.write("plan.toml", plan);
    let before = tiny_package();
    type Case = (&'static [&'static str], fn(&Package) -> bool);
    let cases: [Case; 4] = [
        (&["--variance", "0.5"], |p| rank(p, "gru.1.rec").is_some_and(|r| r < 20)),
        (&["--ranks", "gru.0.rec=3,gru.1.nonrec=4"], |p| {
            (rank(p, "gru.0.rec"), rank(p, "gru.1.nonrec"), rank(p, "gru.1.rec"))
                == (Some(3), Some(4), None)
        }),
        (&["--budget", "8000"], |p| p.network.params() <= 8000),
        (&["--plan", "plan.toml"], |p| {
            rank(p, "gru.0.rec") == Some(5)
                && p.network.maps().iter().all(|m| m.map.parts()[0].is_int8())
        }),
    ];
    for (rule, holds) in cases {
        let value = run_json(
            folder.with_model("compress").args(rule).args(["--output", "new.stonechat"]),
            0,
        );
        let after = Package::load(folder.path("new.stonechat")).unwrap();
        assert!(holds(&after), "{rule:?}: {value}");
        assert!(after.network.params() < before.network.params());
        assert_eq!(value["before"]["parameters"], before.network.params());
        assert_eq!(value["after"]["parameters"], after.network.params());
        let bytes = folder.path("new.stonechat").metadata().unwrap().len();
        assert_eq!(value["after"]["model_bytes"], bytes, "{rule:?}");
        assert_eq!((&after.features, &after.alphabet), (&before.features, &before.alphabet));
        assert_eq!(after.provenance["recipe"], "none");
        assert_eq!(after.provenance["compressed"].as_array().unwrap().len(), 1);
    }
}

/// Rank of a map that is low rank.
fn rank(package: &Package, name: &str) -> Option<usize> {
    let maps = package.network.maps();
    let entry = maps.iter().find(|entry| entry.name() == name).unwrap();
    entry.map.factors().map(|(u, _)| u.cols())
}

#[test]
fn a_chain_of_steps_ends_in_a_model_that_works() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(2.0, 1), RATE_HZ, 1));
    let (table, _) = run(
        folder.with_model("compress").args(["--variance", "0.75", "--output", "low.stonechat"]),
        0,
    );
    assert!(table.contains("low_rank f32, rank"), "{table}");
    let (table, _) = run(
        folder.command("quantize").args(["--model", "low.stonechat", "--output", "low8.stonechat"]),
        0,
    );
    assert!(table.contains("low_rank int8, rank") && table.contains("package"), "{table}");
    let steps =
        Package::load(folder.path("low8.stonechat")).unwrap().provenance["compressed"].clone();
    assert_eq!(steps.as_array().unwrap().len(), 2, "{steps}");
    run(folder.with_model("quantize").args(["--output", "tiny8.stonechat"]), 0);
    for (model, hears) in [("low8.stonechat", false), ("tiny8.stonechat", true)] {
        let value = run_json(
            folder.command("transcribe").args(["a.wav", "--vad", "off", "--model", model]),
            0,
        );
        let words = value["result"].as_array().unwrap();
        // Half the variance of random weights may be too little to hear anything.
        assert!(!hears || !words.is_empty(), "{model}: {value}");
    }
    let size = |name: &str| folder.path(name).metadata().unwrap().len();
    assert!(
        size("low8.stonechat") < size("low.stonechat")
            && size("low.stonechat") < size("tiny.stonechat")
    );
}

/// Three sounds with texts that nobody said, as a manifest.
fn manifest(folder: &Folder) {
    let mut lines = String::new();
    for seed in 1..=3 {
        let name = format!("{seed}.wav");
        folder.write(&name, wav(&sound(1.5, seed), RATE_HZ, 1));
        lines += &format!(
            "{{\"audio_filepath\": \"{name}\", \"duration\": 1.5, \"text\": \"a b c\"}}\n"
        );
    }
    folder.write("audio.jsonl", lines);
}

#[test]
fn what_is_heard_decides_what_is_cut() {
    let folder = Folder::new();
    manifest(&folder);
    let ranks = ["--ranks", "gru.0.rec=6,gru.1.nonrec=6,fc=6", "--output", "new.stonechat"];
    let calibrate = ["--calibrate", "audio.jsonl", "--calibrate-seconds", "3"];
    let lost = |value: &serde_json::Value, what: &str| -> Vec<f64> {
        let maps = value["damage"].as_array().unwrap().iter();
        maps.map(|map| map[what].as_f64().unwrap()).collect()
    };
    let plain = run_json(folder.with_model("compress").args(ranks).args(calibrate), 0);
    let white =
        run_json(folder.with_model("compress").args(ranks).args(calibrate).arg("--whiten"), 0);
    let (weights, outputs) = ("weight_error", "output_error");
    let sum = |value: &serde_json::Value, what: &str| lost(value, what).iter().sum::<f64>();
    assert!(sum(&white, outputs) < sum(&plain, outputs), "{white}");
    assert!(sum(&white, weights) > sum(&plain, weights), "{white}");
    let (table, _) = run(folder.with_model("compress").args(ranks).args(calibrate), 0);
    assert!(table.contains("outputs  "), "{table}");
    // The same by a plan.
    let plan = "[low_rank]\nwhiten = true\nrank = { list = { \"gru.0.rec\" = 6, \"gru.1.nonrec\" = 6, fc = 6 } }\n";
    folder.write("plan.toml", plan);
    let planned = ["--plan", "plan.toml", "--output", "planned.stonechat"];
    run(folder.with_model("compress").args(ranks).args(calibrate).arg("--whiten"), 0);
    run(folder.with_model("compress").args(planned).args(calibrate), 0);
    let load = |name: &str| Package::load(folder.path(name)).unwrap().network;
    assert_eq!(load("new.stonechat"), load("planned.stonechat"));
    let (_, stderr) = run(folder.with_model("compress").args(planned), 1);
    assert!(stderr.contains("--calibrate"), "{stderr}");
}

#[test]
fn auto_keeps_to_the_target_and_says_why() {
    let folder = Folder::new();
    manifest(&folder);
    let auto = |target: &str, more: &[&str]| {
        let mut command = folder.command("compress auto");
        command.args(["--model", "tiny.stonechat", "--target", target]);
        command.args(["--calibrate", "audio.jsonl", "--output", "auto.stonechat"]).args(more);
        command
    };
    let mut divergences = Vec::new();
    for (target, more) in [
        ("20kB", &["--bits", "8"][..]),
        ("15kB", &["--bits", "8"]),
        ("15kB", &[]),
        ("15kB", &["--sensitivity", "output-error"]),
        ("15kB", &["--latency", "100000"]),
    ] {
        let value = run_json(&mut auto(target, more), 0);
        let bytes = folder.path("auto.stonechat").metadata().unwrap().len();
        assert!(bytes <= 1000 * target.trim_end_matches("kB").parse::<u64>().unwrap(), "{bytes}");
        assert_eq!(value["after"]["model_bytes"], bytes);
        let after = Package::load(folder.path("auto.stonechat")).unwrap();
        let maps = value["maps"].as_array().unwrap();
        let mut int4 = 0;
        assert_eq!(maps.len(), after.network.maps().len());
        for (chosen, map) in maps.iter().zip(after.network.maps()) {
            assert_eq!(chosen["name"], map.name());
            assert_eq!(chosen["cost"]["bytes"], map.map.bytes() as f64, "{chosen}");
            let parts = map.map.parts();
            let four = parts.iter().any(|part| part.storage() == "int4");
            assert!(parts.iter().all(Matrix::is_quantized), "{chosen}");
            assert_eq!(chosen["form"]["storage"] == "int4", four, "{chosen}");
            int4 += usize::from(four);
        }
        assert_eq!(int4 == 0, more.contains(&"--bits"), "{target} {more:?}: {int4}");
        let tried = value["curves"].as_array().unwrap().len();
        assert_eq!(tried == 0, more.contains(&"output-error"), "{target} {more:?}");
        assert!(after.provenance["compressed"][0]["auto"].is_object());
        divergences.push(value["divergence"].as_f64().unwrap());
    }
    assert!(divergences[0] < divergences[1], "{divergences:?}");
    assert!(divergences[2] < divergences[1], "{divergences:?}");
    let (table, _) = run(&mut auto("15kB", &[]), 0);
    for part in ["what each map costs", "next cheaper", "gru.1.rec", "kB, +"] {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
    for (target, words) in [("1kB", "header"), ("9kB", "too small")] {
        let (_, stderr) = run(&mut auto(target, &[]), 1);
        assert!(stderr.contains(words), "{target}: {stderr}");
    }
    run(folder.command("compress auto").args(["--target", "1MB", "--output", "x"]), 2);
    run(folder.command("compress auto").args(["--calibrate", "audio.jsonl", "--output", "x"]), 2);
    run(&mut folder.command("compress"), 2);
}

#[test]
fn four_bits_are_for_the_large_maps_and_the_data_makes_them_better() {
    let folder = Folder::new();
    manifest(&folder);
    let float = tiny_package();
    let quantized = |more: &str| -> (usize, f64) {
        let command =
            format!("quantize --model tiny.stonechat --output small.stonechat --bits {more}");
        let value = run_json(&mut folder.command(&command), 0);
        let after = Package::load(folder.path("small.stonechat")).unwrap();
        let bytes = folder.path("small.stonechat").metadata().unwrap().len();
        assert_eq!(value["after"]["model_bytes"], bytes);
        let mut error = 0.0;
        for (old, new) in float.network.maps().iter().zip(after.network.maps()) {
            let storage = new.map.storage();
            let large =
                matches!(new.kind, Kind::Recurrent | Kind::Nonrecurrent | Kind::FullyConnected);
            assert_eq!(storage.contains("int4"), large && more.starts_with('4'), "{storage}");
            assert_eq!(
                storage.contains("int8"),
                !storage.starts_with("int4") || more.contains("corr")
            );
            let pairs = old.map.to_dense().into_iter().zip(new.map.to_dense());
            error += pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        }
        run(&mut folder.command("eval --model small.stonechat --manifest audio.jsonl"), 0);
        (after.network.bytes(), error)
    };
    let (bytes8, error8) = quantized("8");
    let (bytes4, error4) = quantized("4");
    let (fed_bytes, fed_error) = quantized("4 --calibrate audio.jsonl");
    let (corrected_bytes, corrected_error) = quantized("4 --correction 2");
    assert!(bytes4 < bytes8 && bytes4 < corrected_bytes && bytes4 == fed_bytes);
    assert!(
        error8 < corrected_error && corrected_error < error4,
        "{error8} {corrected_error} {error4}"
    );
    // By the data the outputs are nearer, not the weights.
    assert!(fed_error > error4, "{fed_error} {error4}");

    for (arguments, status, words) in
        [("--bits 5", 2, "8 or 4"), ("--bits 4 --calibrate no.jsonl", 1, "no.jsonl")]
    {
        let command = format!("quantize --model tiny.stonechat --output new.stonechat {arguments}");
        let (_, stderr) = run(&mut folder.command(&command), status);
        assert!(stderr.contains(words), "{arguments}: {stderr}");
        assert!(!folder.path("new.stonechat").exists(), "{arguments}");
    }
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    let folder = Folder::new();
    folder.write("empty.toml", "");
    folder.write("typo.toml", "[low_rank]\nrnk = { variance = 0.9 }\n");
    let cases: [(&[&str], &str); 7] = [
        (&["--variance", "1.5"], "variance is 1.5"),
        (&["--ranks", "gru.7.rec=4"], "gru.7.rec"),
        (&["--ranks", "gru.0.rec=0"], "gru.0.rec"),
        (&["--budget", "10"], "too small"),
        (&["--plan", "empty.toml"], "empty.toml"),
        (&["--plan", "typo.toml"], "rnk"),
        (&["--plan", "missing.toml"], "missing.toml"),
    ];
    for (rule, expected) in cases {
        let mut command = folder.with_model("compress");
        let (stdout, stderr) =
            run(command.args(rule).args(["--output", "new.stonechat", "--json"]), 1);
        assert_eq!(stdout, "", "{rule:?}");
        assert!(stderr.contains(expected), "{rule:?}: {stderr}");
        assert!(!folder.path("new.stonechat").exists(), "{rule:?}");
    }
    let (_, stderr) = run(folder.with_model("quantize").args(["--output", "no/such/folder/x"]), 1);
    assert!(stderr.contains("no/such/folder"), "{stderr}");
}

#[test]
fn integers_are_a_start_that_is_warned_of() {
    let folder = Folder::new();
    let (_, quiet) = run(folder.with_model("quantize").args(["--output", "int8.stonechat"]), 0);
    assert_eq!(quiet, "");
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    let line = serde_json::json!({ "audio_filepath": "a.wav", "text": "a" });
    folder.write("m.jsonl", line.to_string());
    for command in [
        "compress --variance 0.5",
        "compress --whiten --variance 0.5 --calibrate m.jsonl",
        "compress auto --target 14KB --calibrate m.jsonl",
        "quantize --bits 4",
        "quantize --bits 4 --calibrate m.jsonl",
    ] {
        let command = format!("{command} --model int8.stonechat --output new.stonechat");
        let (_, stderr) = run(&mut folder.command(&command), 0);
        assert!(stderr.contains("warning: int8.stonechat: its weights are integers"), "{stderr}");
        let changed = Package::load(folder.path("new.stonechat")).unwrap().network;
        let before = Package::load(folder.path("int8.stonechat")).unwrap().network;
        assert_ne!(changed, before, "{command}");
    }
    // Rounded again to what they are rounded to, they stay what they are.
    let again = "quantize --model int8.stonechat --output again.stonechat";
    run(&mut folder.command(again), 0);
    let maps = |name: &str| Package::load(folder.path(name)).unwrap().network;
    let (before, after) = (maps("int8.stonechat"), maps("again.stonechat"));
    for (before, after) in before.maps().iter().zip(after.maps()) {
        assert!(after.map.is_quantized(), "{}", before.name());
        for (a, b) in before.map.to_dense().iter().zip(after.map.to_dense()) {
            assert!((a - b).abs() <= 1e-6 * a.abs(), "{}: {a} and {b}", before.name());
        }
    }
}
