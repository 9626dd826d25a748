//! `bench`: the figures fit each other. No test asserts a time.

mod common;

use common::*;
use serde_json::json;

#[test]
fn figures_fit_each_other() {
    let folder = Folder::new();
    let model_bytes = folder.path("tiny.stonechat").metadata().unwrap().len();
    let value = run_json(folder.with_model("bench").args(["--seconds", "2", "--repeats", "2"]), 0);
    let number = |key: &str| value[key].as_f64().unwrap_or_else(|| panic!("{key} in {value}"));
    assert_eq!(number("audio_seconds"), 2.0);
    assert_eq!(number("model_bytes"), model_bytes as f64);
    // 1 feature frame for the convolution, 3 frames of 20 ms for the row convolution.
    assert_eq!(number("lookahead_ms"), 70.0);
    assert!((number("latency_ms") - number("finish_ms") - 70.0).abs() < 1e-9);
    for key in ["rtf", "finish_ms", "push_p99_ms", "peak_rss_mb"] {
        assert!(number(key) > 0.0, "{key}");
    }
    let parts = value["parts"].as_array().unwrap();
    let names: Vec<&str> = parts.iter().map(|p| p["part"].as_str().unwrap()).collect();
    let expected = [
        "features",
        "conv.0",
        "gru.0.nonrec",
        "gru.0.rec",
        "gru.1.nonrec",
        "gru.1.rec",
        "row_conv",
        "fc",
        "output",
        "decode",
    ];
    assert_eq!(names, expected);
    let shares: f64 = parts.iter().map(|p| p["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-6, "{shares}");
    let network: f64 = parts[1..9].iter().map(|p| p["share"].as_f64().unwrap()).sum();
    assert!((network - number("am_share")).abs() < 1e-6);
}

#[test]
fn audio_is_cut_and_repeated() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write("b.wav", wav(&sound(0.5, 2), RATE_HZ, 1));
    let cases: [(&[&str], f64); 4] = [
        (&["a.wav"], 1.0),
        (&["a.wav", "b.wav"], 1.5),
        (&["?.wav", "--seconds", "0.25"], 0.25),
        (&["a.wav", "--seconds", "3.5"], 3.5),
    ];
    for (arguments, seconds) in cases {
        let value =
            run_json(folder.with_model("bench").args(arguments).args(["--repeats", "1"]), 0);
        assert_eq!(value["audio_seconds"], seconds, "{arguments:?}");
    }
    let (_, stderr) = run(folder.with_model("bench").arg("missing.wav"), 1);
    assert!(stderr.contains("missing.wav"), "{stderr}");
}

#[test]
fn the_table_names_everything() {
    let folder = Folder::new();
    let (table, _) = run(folder.with_model("bench").args(["--seconds", "1", "--repeats", "1"]), 0);
    for part in ["gru.1.rec", "real-time factor", "latency", "peak memory", "tiny.stonechat"] {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
}

#[test]
fn kernels_report_what_was_asked_for() {
    // Little for the portable path: it is slow where it is not optimised.
    let cases: [(&str, &[&str], &[u32]); 2] =
        [("portable", &["70x33"], &[1]), ("", &["70x33", "32x64"], &[1, 3])];
    for (isa, shapes, batches) in cases {
        let mut command = stonechat();
        command.args(["bench", "kernels", "--rounds", "1"]);
        shapes.iter().for_each(|shape| _ = command.args(["--shape", shape]));
        let list: Vec<String> = batches.iter().map(u32::to_string).collect();
        command.args(["--batch", &list.join(",")]);
        if !isa.is_empty() {
            command.args(["--isa", isa]);
        }
        let value = run_json(&mut command, 0);
        for key in ["l1_gbs", "l2_gbs", "dram_gbs", "peak_gops", "peak_gflops"] {
            assert!(value[key].as_f64().unwrap() > 0.0, "{key} in {value}");
        }
        assert!(isa.is_empty() || value["isa"] == isa, "{value}");
        // There is always something to say about the portable path.
        assert!(isa.is_empty() || value["advice"].is_string(), "{value}");
        let products = value["products"].as_array().unwrap();
        let keys: Vec<String> = products
            .iter()
            .map(|p| {
                format!("{} {}x{} {} {}", p["form"], p["rows"], p["cols"], p["batch"], p["weights"])
            })
            .collect();
        let mut expected = Vec::new();
        for shape in shapes {
            for form in ["int8", "int4", "low_rank"] {
                for batch in batches {
                    for weights in ["hot", "cold"] {
                        expected.push(format!("\"{form}\" {shape} {batch} \"{weights}\""));
                    }
                }
            }
        }
        assert_eq!(keys, expected);
        for product in products {
            assert_eq!(product["path"], value["isa"], "{product}");
            let number = |key: &str| product[key].as_f64().unwrap();
            assert!(number("gops") > 0.0, "{product}");
            let share = number("gops") / number("roofline_gops");
            assert!((share - number("roofline_share")).abs() < 1e-9, "{product}");
            let weights = match product["rank"].as_f64() {
                Some(rank) => rank * (number("rows") + number("cols")),
                None => number("rows") * number("cols"),
            };
            let operations = 2.0 * weights * number("batch");
            let gops = 1e-3 * operations / number("microseconds");
            assert!((gops / number("gops") - 1.0).abs() < 1e-9, "{product}");
        }
    }
}

#[test]
fn kernels_print_a_table_and_name_what_there_is() {
    let arguments = ["bench", "kernels", "--shape", "40x40", "--batch", "2", "--rounds", "1"];
    let (table, progress) = run(stonechat().args(arguments), 0);
    for part in ["40x40", "int8", "read bandwidth", "peak", "cold GOP/s"] {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
    assert!(progress.contains("40x40 (1 of 1)"), "{progress}");
    let (_, error) = run(stonechat().args(arguments).args(["--isa", "mmx"]), 2);
    assert!(error.contains("mmx") && error.contains("portable"), "{error}");
}

#[test]
fn tuning_figures_are_read_and_change_no_text() {
    let folder = Folder::new();
    let loops = json!({ "stretches": vec![2; 8], "ahead": vec![9; 8], "into": "l2" });
    let tuning = json!({ "block_bytes": 4096, "int8": loops, "int4": loops, "float": loops });
    let file = json!({ "processor": "any", "isa": "any", "tuning": tuning }).to_string();
    let tuning = folder.write("t.json", file);
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/kitchen.flac");
    let (plain, _) = run(stonechat().args(["transcribe", sample]), 0);
    let (tuned, _) = run(stonechat().args(["transcribe", sample, "--tuning"]).arg(&tuning), 0);
    assert_eq!(plain, tuned);
    let wrong = folder.write("wrong.json", "{}");
    let (_, error) = run(stonechat().args(["transcribe", sample, "--tuning"]).arg(wrong), 1);
    assert!(error.contains("wrong.json") && error.contains("bench kernels --tune"), "{error}");
    let arguments = ["bench", "kernels", "--tune", "--shape", "4x4"];
    run(stonechat().args(arguments), 2);
}
