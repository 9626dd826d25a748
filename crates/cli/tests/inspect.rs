//! `inspect`: what it says is what the package holds.
#![cfg(feature = "full")]

mod common;

use common::*;
use stonechat_compress::EffectiveRank;

#[test]
fn the_object_has_every_map() {
    let folder = Folder::new();
    let package = tiny_package();
    let value = run_json(&mut folder.with_model("inspect"), 0);
    let maps = value["maps"].as_array().unwrap();
    assert_eq!(maps.len(), package.network.maps().len());
    for (map, entry) in maps.iter().zip(package.network.maps()) {
        let (rows, cols) = (entry.map.rows(), entry.map.cols());
        let expected = EffectiveRank::of(entry.map).unwrap();
        assert_eq!(map["name"], entry.name());
        assert_eq!(map["family"], "dense");
        assert_eq!(map["hyperparameters"], serde_json::json!({ "family": "dense" }));
        assert_eq!(map["displacement_rank"], serde_json::Value::Null);
        assert_eq!(map["shape"], serde_json::json!([rows, cols]), "{map}");
        assert_eq!(map["rank"], rows.min(cols));
        assert_eq!(map["parameters"], rows * cols);
        assert_eq!(map["bytes"], 4 * rows * cols);
        assert_eq!(map["rank90"], expected.rank90);
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
fn the_drawing_has_a_panel_for_each_map() {
    let folder = Folder::new();
    run_json(folder.with_model("inspect").args(["--svg", "spectra.svg"]), 0);
    let svg = std::fs::read_to_string(folder.path("spectra.svg")).unwrap();
    let package = tiny_package();
    let maps = package.network.maps();
    assert_eq!(svg.matches("<polyline").count(), maps.len());
    for entry in maps {
        let (name, map) = (entry.name(), entry.map);
        let title = format!("{name}: dense {} x {}", map.rows(), map.cols());
        assert!(svg.contains(&title), "{title}");
        let rank90 = EffectiveRank::of(map).unwrap().rank90;
        assert!(svg.contains(&format!("90 %: {rank90}<")), "{name}");
    }
    let (_, stderr) = run(folder.with_model("inspect").args(["--svg", "no/folder/x.svg"]), 1);
    assert!(stderr.contains("no/folder/x.svg"), "{stderr}");
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

#[test]
fn hyperparameters_of_structured_weights() {
    let folder = Folder::new();
    let plan = "[families]\n\"gru.0.rec\" = { family = \"toeplitz_like\", rank = 2 }\n\
                fc = { family = \"low_rank\", rank = 5 }\n";
    folder.write("plan.toml", plan);
    run(
        folder.with_model("compress").args(["--plan", "plan.toml", "--output", "new.stonechat"]),
        0,
    );
    let value = run_json(folder.command("inspect").args(["--model", "new.stonechat"]), 0);
    let maps = value["maps"].as_array().unwrap();
    let named = |name: &str| maps.iter().find(|map| map["name"] == name).unwrap();
    let rec = named("gru.0.rec");
    assert_eq!((&rec["family"], &rec["displacement_rank"]), (&"toeplitz_like".into(), &2.into()));
    assert_eq!(rec["hyperparameters"]["rank"], 2);
    assert!((1..=2).contains(&rec["displacement_rank90"].as_u64().unwrap()), "{rec}");
    let fc = named("fc");
    assert_eq!((&fc["rank"], &fc["displacement_rank"]), (&5.into(), &serde_json::Value::Null));
}
