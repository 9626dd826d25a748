//! `sweep`: many tiny trainings, one that fails, one that is interrupted; table and plots.
#![cfg(feature = "full")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::training::folder;
use common::*;
use serde_json::{Value, json};
use stonechat_sweep::Sweep;

const SWEEP: &str = r#"
    recipe = "r.toml"
    seeds = [1, 2]
    set = { "stage.0.epochs" = 1, "stage.1.epochs" = 1 }
    [grid]
    "stage.0.lambda_rec" = [1e-4, 1e-2]
    [[item]]
    name = "plain"
    set = { "stage.0.regulariser" = "none", "stage.0.lambda_rec" = 0.0, "stage.0.lambda_nonrec" = 0.0 }
"#;

#[test]
fn a_sweep_runs_what_is_missing_and_becomes_a_table_and_plots() {
    let folder = folder();
    folder.write("s.toml", SWEEP);
    let sweep = || folder.command("sweep s.toml --run runs");
    let (items, _) = run(sweep().arg("--list"), 0);
    assert_eq!(items.lines().count(), 6, "{items}");
    assert!(items.starts_with("0\tlambda_rec-0.0001-seed1\tseed=1 stage.0.epochs=1"), "{items}");
    assert!(!folder.path("runs").exists());

    // One item alone, as a job of an array; then the others.
    let one = run_json(sweep().args(["--index", "4"]), 0);
    assert_eq!(one, json!({ "done": ["plain-seed1"], "interrupted": [], "failed": [] }));
    let (said, log) = run(sweep().args(["--jobs", "2"]), 0);
    assert_eq!(said, "6 of 6 done\n");
    assert!(
        log.contains("plain-seed1: was done before") && log.contains("plain-seed2: done"),
        "{log}"
    );
    let (_, log) = run(&mut sweep(), 0);
    assert!(!log.contains("begins"), "{log}");

    let collect = || folder.command("sweep collect s.toml --run runs");
    let (csv, _) = run(&mut collect(), 0);
    assert_eq!(csv.lines().count(), 7, "{csv}");
    let rows = run_json(collect().args(["--output", "t.csv"]), 0);
    assert_eq!(std::fs::read_to_string(folder.path("t.csv")).unwrap().trim(), csv.trim());
    run(collect().args(["--output", "t.json"]), 0);
    let written: Value =
        serde_json::from_slice(&std::fs::read(folder.path("t.json")).unwrap()).unwrap();
    assert_eq!(rows["rows"], written);
    for row in written.as_array().unwrap() {
        assert!(row["full.loss"].as_f64().unwrap() > 0.0 && row["low-rank.cer"].is_f64(), "{row}");
        assert_eq!((&row["state"], &row["full.epochs"]), (&json!("done"), &json!(1)));
    }
    // Seeds differ, or the sweep did not set them.
    assert_ne!(written[0]["full.loss"], written[1]["full.loss"]);

    let x = ["--x", "stage.0.lambda_rec"];
    for (options, expected) in [
        (&["--y", "full.cer", "--by", "seed"][..], ">full.cer<"),
        (&["--y", "seed", "--value", "full.loss", "--kind", "heat-map"], "<rect"),
        (&["--y", "full.loss", "--kind", "front"], ">Pareto front<"),
        (&["--y", "full.loss", "--kind", "points", "--where", "seed=2"], "<circle"),
    ] {
        let mut plot = folder.command("sweep plot t.csv --output p.svg");
        run(plot.args(x).args(options), 0);
        let svg = std::fs::read_to_string(folder.path("p.svg")).unwrap();
        assert!(svg.contains(expected), "{options:?}: {svg}");
    }
    let epochs = run_json(collect().arg("--epochs"), 0);
    let epochs = epochs["rows"].as_array().unwrap();
    let of_plain = epochs.iter().filter(|row| row["item"] == "plain-seed1");
    let at: Vec<f64> = of_plain.map(|row| row["epoch"].as_f64().unwrap()).collect();
    assert_eq!(at, [1.0, 1.5, 2.0]);
    let mut plot =
        folder.command("sweep plot t.csv --output p.svg --x stage.0.lambda_rec --y seed");
    let (_, stderr) = run(plot.args(["--where", "seed"]), 2);
    assert!(stderr.contains("COLUMN=VALUE"), "{stderr}");
    let mut plot = folder.command("sweep plot t.csv --output p.svg --x nothing --y full.cer");
    let (_, stderr) = run(&mut plot, 1);
    assert!(stderr.contains("nothing") && stderr.contains("full.cer"), "{stderr}");
}

#[test]
fn what_fails_is_listed_and_mistyped_keys_are_found_first() {
    let folder = folder();
    let grid = |line: &str| format!("recipe = 'r.toml'\n[grid]\n{line}\n");
    folder.write("s.toml", grid("'data.train.0.manifest' = ['m.jsonl', 'gone.jsonl']"));
    let (said, _) = run(folder.command("sweep s.toml --run runs").arg("--json"), 1);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["done"], json!(["manifest-m.jsonl"]));
    assert_eq!(said["failed"], json!(["manifest-gone.jsonl"]));
    assert!(
        std::fs::read_to_string(folder.path("runs/manifest-gone.jsonl.log"))
            .unwrap()
            .contains("gone.jsonl")
    );
    folder.write("t.toml", grid("'stage.0.rte' = [0.1]"));
    let (_, stderr) = run(&mut folder.command("sweep t.toml --run typo"), 1);
    assert!(stderr.contains("rte-0.1") && !stderr.contains("begins"), "{stderr}");
    let (_, stderr) = run(&mut folder.command("sweep s.toml --run runs --index 2"), 1);
    assert!(stderr.contains("no item 2"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_sweep_that_is_asked_to_end_saves_and_goes_on() {
    let folder = folder();
    folder.write("s.toml", "recipe = 'r.toml'\nset = { 'stage.0.epochs' = 40 }");
    let mut sweep = Command::new(assert_cmd::cargo::cargo_bin("stonechat"))
        .args(["sweep", "s.toml", "--run", "runs"])
        .current_dir(folder.root.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let log =
        || std::fs::read_to_string(folder.path("runs/recipe/metrics.jsonl")).unwrap_or_default();
    while log().lines().count() < 5 {
        assert!(sweep.try_wait().unwrap().is_none(), "ended before it was asked");
        assert!(begun.elapsed() < Duration::from_secs(120), "does not get on");
        std::thread::sleep(Duration::from_millis(2));
    }
    let kill = Command::new("kill").args(["-TERM", &sweep.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(sweep.wait().unwrap().code(), Some(75));
    let (before, _) =
        (log(), assert!(folder.path("runs/recipe/checkpoints/last.safetensors").exists()));
    run(&mut folder.command("sweep s.toml --run runs"), 0);
    assert!(log().starts_with(&before), "it goes on where it was");
}

/// Every item of every sweep in `experiments` makes a valid recipe.
#[test]
fn the_sweeps_of_the_experiments_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut count = 0;
    for folder in std::fs::read_dir(root.join("experiments")).unwrap() {
        let folder = folder.unwrap().path();
        let files = std::fs::read_dir(&folder).into_iter().flatten();
        for path in files.map(|file| file.unwrap().path()) {
            let is_sweep = path.extension().is_some_and(|extension| extension == "toml")
                && std::fs::read_to_string(&path).unwrap().contains("\nrecipe = ");
            if !is_sweep {
                continue;
            }
            let sweep = Sweep::load(&path).unwrap_or_else(|e| panic!("{e}"));
            for item in sweep.items() {
                stonechat_train::Recipe::load(&root.join(&sweep.recipe), &item.changes())
                    .unwrap_or_else(|e| panic!("{}: {}: {e}", path.display(), item.name));
            }
            count += 1;
        }
    }
    assert!(count >= 10, "{count} sweeps");
}
