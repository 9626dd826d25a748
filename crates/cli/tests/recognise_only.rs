//! The command of the default features: it recognises, and knows what it lacks.
#![cfg(not(feature = "full"))]

mod common;

use common::*;

#[test]
fn verbs_that_are_not_built_in_say_how_to_get_them() {
    let calls = [
        "train r.toml --run x",
        "train --help",
        "compress",
        "quantize --output x",
        "import --from x",
        "export",
        "lm build text.txt",
        "data check m.jsonl --json",
    ];
    for call in calls {
        let (stdout, stderr) = run(stonechat().args(call.split(' ')), 2);
        assert!(stdout.is_empty() && stderr.contains("--features full"), "{call}: {stderr}");
    }
    let (help, _) = run(stonechat().arg("--help"), 0);
    assert!(help.contains("transcribe") && help.contains("(not in this build)"), "{help}");
}

#[test]
#[cfg(not(feature = "serve"))]
fn a_build_without_the_server_says_how_to_get_it() {
    for call in ["serve", "serve --help", "serve --listen 127.0.0.1:0"] {
        let (_, stderr) = run(stonechat().args(call.split(' ')), 2);
        assert!(stderr.contains("--features full,serve"), "{call}: {stderr}");
    }
}

#[test]
fn inspect_shows_what_takes_no_decomposition() {
    let folder = Folder::new();
    let value = run_json(&mut folder.with_model("inspect"), 0);
    let maps = value["maps"].as_array().unwrap();
    assert_eq!(maps.len(), tiny_package().network.maps().len());
    for map in maps {
        assert!(map["bytes"].as_u64() > Some(0) && map["runs_as"].is_object(), "{map}");
        assert!(map.get("nu").is_none() && map.get("rank90").is_none(), "{map}");
    }
    let (table, _) = run(&mut folder.with_model("inspect"), 0);
    assert!(table.contains("gru.0.rec"), "{table}");
}
