//! `inspect`: what it says is what the package holds.

mod common;

use common::*;
use stonechat_compress::map_report;

#[test]
fn the_object_has_every_map() {
    let folder = Folder::new();
    let package = tiny_package();
    let value = run_json(&mut folder.with_model("inspect"), 0);
    let expected = map_report(&package.network).unwrap();
    let maps = value["maps"].as_array().unwrap();
    assert_eq!(maps.len(), expected.len());
    for (map, expected) in maps.iter().zip(&expected) {
        assert_eq!(map["name"], expected.name);
        assert_eq!(map["family"], "dense");
        assert_eq!(map["shape"], serde_json::json!([expected.rows, expected.cols]), "{map}");
        assert_eq!(map["rank"], expected.rank);
        assert_eq!(map["parameters"], expected.rows * expected.cols);
        assert_eq!(map["bytes"], 4 * expected.rows * expected.cols);
        assert!((map["nu"].as_f64().unwrap() - expected.nu).abs() < 1e-9, "{map}");
    }
    assert_eq!(value["parameters"], package.network.params());
    assert_eq!(value["model_bytes"], folder.path("tiny.stonechat").metadata().unwrap().len());
    assert_eq!(value["lookahead_ms"], 70.0);
    assert_eq!(value["frame_ms"], 20.0);
    assert_eq!(value["network"]["recurrent"], serde_json::json!([24, 32]));
    assert_eq!(value["features"]["mels"], 20);
    assert_eq!(value["alphabet"].as_array().unwrap().len(), 29);
    assert_eq!(value["provenance"]["recipe"], "none");
}

#[test]
fn the_table_is_readable() {
    let folder = Folder::new();
    let (table, _) = run(&mut folder.with_model("inspect"), 0);
    for part in [
        "gru.0.nonrec",
        "dense f32",
        "72 x 40",
        "look-ahead 70 ms",
        "recipe: none",
        "pre_emphasis: 0.97\n",
    ] {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
    run(&mut folder.command("inspect"), 0);
}
