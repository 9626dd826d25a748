//! `doctor`: what a report of a fault needs.

mod common;

use common::*;

#[test]
fn the_bundled_model_passes_its_test() {
    let value = run_json(&mut Folder::new().command("doctor"), 0);
    assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(value["self_test"]["text"], "turn on the light in the kitchen", "{value:#}");
    assert_eq!(value["self_test"]["passed"], true);
    assert!(value["isas"].as_array().unwrap().contains(&value["isa"]), "{value:#}");
    assert!(value["model_bytes"].as_u64() > Some(100_000) && value["lm_bytes"].as_u64() > Some(0));
    let (text, _) = run(&mut Folder::new().command("doctor"), 0);
    for part in [env!("CARGO_PKG_VERSION"), "instruction set", "bundled model", "passed"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn a_model_that_cannot_be_read_is_told_with_the_rest() {
    let folder = Folder::new();
    let value = run_json(&mut folder.with_model("doctor"), 0);
    assert_eq!(value["self_test"]["expected"], serde_json::Value::Null, "what it hears is its own");
    folder.write("tiny.stonechat", "no model");
    let value = run_json(&mut folder.with_model("doctor"), 1);
    let error = value["self_test"]["error"].as_str().unwrap();
    assert!(error.contains("tiny.stonechat") && value["isa"].is_string(), "{value:#}");
}
