//! A net compressed into every family runs in `transcribe` from its one package file.
#![cfg(feature = "full")]

mod common;

use std::fs;

use common::{Folder, RATE_HZ, run, run_json, sound, wav};

/// Families for the recurrent map of 96 x 32, and whether they can hold any matrix of that size.
const FAMILIES: [(&str, &str, bool); 11] = [
    ("dense", "", true),
    ("low_rank", "rank = 32", true),
    ("low_rank", "rank = 4", false),
    ("toeplitz_like", "rank = 32", true),
    ("toeplitz_like", "rank = 4", false),
    ("monarch", "blocks = 32", true),
    ("monarch", "blocks = 8", false),
    ("kronecker", "terms = 4", false),
    ("block_diagonal", "blocks = 4", false),
    ("hashed", "parameters = 300", false),
    ("fastfood", "", false),
];

#[test]
fn every_family_transcribes_from_one_package() {
    let folder = Folder::new();
    folder.write("sound.wav", wav(&sound(2.0, 3), RATE_HZ, 1));
    let transcribe = |model: &str| {
        run(folder.command("transcribe --greedy --model").args([model, "sound.wav"]), 0).0
    };
    let wanted = transcribe("tiny.stonechat");
    assert!(wanted.trim().len() > 3, "{wanted}");
    for (family, size, exact) in FAMILIES {
        for per_gate in [false, true] {
            let comma = if size.is_empty() { "" } else { ", " };
            let mut inner = format!("{{ family = \"{family}\"{comma}{size} }}");
            if per_gate {
                inner = format!("{{ family = \"per_gate\", gates = 3, of = {inner} }}");
            }
            folder.write("plan.toml", format!("[families]\n\"gru.1.rec\" = {inner}\n"));
            let output = ["--plan", "plan.toml", "--output", "out.stonechat"];
            run(folder.with_model("compress").args(output), 0);
            let mut inspect = folder.command("inspect --model out.stonechat");
            let report = run_json(&mut inspect, 0);
            let map = report["maps"].as_array().unwrap().iter().find(|m| m["name"] == "gru.1.rec");
            let name = if per_gate { "per_gate" } else { family };
            assert_eq!(map.unwrap()["family"], *name, "{inner}");
            let text = transcribe("out.stonechat");
            if exact {
                assert_eq!(text, wanted, "{inner}");
            }
            let quantize = "quantize --model out.stonechat --output int8.stonechat";
            run(&mut folder.command(quantize), 0);
            assert!(!transcribe("int8.stonechat").is_empty(), "{inner}");
            let bytes = |name: &str| fs::metadata(folder.path(name)).unwrap().len();
            assert!(bytes("int8.stonechat") < bytes("out.stonechat"), "{inner}");
        }
    }
}
