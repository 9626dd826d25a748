//! `train`: a tiny net learns tones, and a run that was killed ends with the same weights.
#![cfg(feature = "full")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::training::folder;
use common::*;
use serde_json::Value;
use stonechat_model::Package;

/// `stonechat train` as a process that can be killed.
fn start(folder: &Folder, run: &str, resume: bool) -> std::process::Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("stonechat"));
    command.args(["train", "r.toml", "--run", run]).current_dir(folder.root.path());
    if resume {
        command.arg("--resume");
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn metrics(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path.join("metrics.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn a_killed_run_resumes_to_the_same_weights() {
    let folder = folder();
    let whole = run_json(folder.command("train").args(["r.toml", "--run", "whole"]), 0);
    let stages = whole["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(names, ["full", "low-rank"]);
    let steps =
        metrics(&folder.path("whole")).iter().filter_map(|m| m["step"].as_u64()).max().unwrap();

    // Killed twice, at about a third of the steps each time.
    for part in 1..=2 {
        let mut child = start(&folder, "killed", part > 1);
        let begun = Instant::now();
        loop {
            let done =
                metrics(&folder.path("killed")).iter().filter_map(|m| m["step"].as_u64()).max();
            if done.is_some_and(|done| done >= part * steps / 3) {
                break;
            }
            assert!(child.try_wait().unwrap().is_none(), "ended before it was killed");
            assert!(begun.elapsed() < Duration::from_secs(120), "does not get on: {done:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap(); // SIGKILL: no chance to tidy up
        child.wait().unwrap();
    }
    // What is there is not trampled on by accident.
    let (_, stderr) = run(folder.command("train").args(["r.toml", "--run", "killed"]), 1);
    assert!(stderr.contains("--resume"), "{stderr}");
    assert!(start(&folder, "killed", true).wait().unwrap().success());

    for stage in ["full.stonechat", "low-rank.stonechat"] {
        let load = |run: &str| Package::load(folder.path(run).join(stage)).unwrap();
        assert_eq!(load("whole").network, load("killed").network, "{stage}");
    }
    let logged = |run: &str| {
        metrics(&folder.path(run)).iter().map(|m| m["loss"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(logged("whole"), logged("killed"), "every step is logged once");
}

/// Waits until a run has logged so many steps.
fn wait_for_steps(folder: &Folder, run: &str, steps: u64, child: &mut std::process::Child) {
    let begun = Instant::now();
    loop {
        let done = metrics(&folder.path(run)).iter().filter_map(|m| m["step"].as_u64()).max();
        if done.is_some_and(|done| done >= steps) {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "ended before it had {steps} steps");
        assert!(begun.elapsed() < Duration::from_secs(120), "does not get on: {done:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(unix)]
#[test]
fn signals_save_and_the_run_goes_on_by_its_folder_alone() {
    let folder = folder();
    run(folder.command("train").args(["r.toml", "--run", "whole"]), 0);
    for (signal, resume) in [("-INT", false), ("-TERM", true)] {
        let mut child = match resume {
            false => start(&folder, "run", false),
            true => Command::new(assert_cmd::cargo::cargo_bin("stonechat"))
                .args(["train", "--run", "run", "--resume"])
                .current_dir(folder.root.path())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        };
        let before = metrics(&folder.path("run")).len() as u64;
        wait_for_steps(&folder, "run", before + 3, &mut child);
        let kill = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(75), "{signal}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!resume || stderr.contains("train --run run --resume"), "{stderr}");
    }
    run(folder.command("train").args(["--run", "run", "--resume"]), 0);
    for stage in ["full.stonechat", "low-rank.stonechat"] {
        let load = |run: &str| Package::load(folder.path(run).join(stage)).unwrap();
        assert_eq!(load("whole").network, load("run").network, "{stage}");
    }
    // More epochs are done, or refused.
    let more = ["--run", "run", "--resume", "--set", "stage.1.epochs=4"];
    let (_, stderr) = run(folder.command("train").args(more), 1);
    assert!(stderr.contains("stage.1.epochs (3 before, 4 now)"), "{stderr}");
    let (_, stderr) =
        run(folder.command("train").args(more).args(["--change", "stage.1.epochs"]), 0);
    assert!(stderr.contains("low-rank epoch 4") && !stderr.contains("epoch 3:"), "{stderr}");
    run(folder.command("train").args(["--run", "run"]), 2);
    run(folder.command("train").args(["--run", "tpyo", "--resume"]), 1);
    assert!(!folder.path("tpyo").exists());
}

#[test]
fn a_trained_net_is_better_than_an_untrained_one_and_can_be_used() {
    let folder = folder();
    let changes = ["--set", "stage.0.epochs=12", "--set", "checkpoint_minutes=10"];
    let (table, log) =
        run(folder.command("train").args(["r.toml", "--run", "run"]).args(changes), 0);
    assert!(
        table.contains("low-rank.stonechat") && log.contains("low-rank epoch 3"),
        "{table}{log}"
    );
    let epochs: Vec<Value> =
        metrics(&folder.path("run")).into_iter().filter(|m| m["train_loss"].is_number()).collect();
    let losses: Vec<f64> = epochs.iter().map(|m| m["train_loss"].as_f64().unwrap()).collect();
    assert!(losses[11] < 0.7 * losses[0], "{losses:?}");
    let recipe = std::fs::read_to_string(folder.path("run/recipe.toml")).unwrap();
    assert!(recipe.contains("epochs = 12"), "{recipe}");

    let model = folder.path("run/low-rank.stonechat");
    let value =
        run_json(folder.command("eval").args(["--manifest", "m.jsonl", "--model"]).arg(&model), 0);
    let dev = epochs
        .iter()
        .skip(12)
        .filter_map(|m| m["dev"]["cer"].as_f64())
        .fold(f64::INFINITY, f64::min);
    // The trainer's evaluation and the runtime's are two programs for one thing.
    assert!((value["cer"].as_f64().unwrap() - dev).abs() < 0.02, "{} and {dev}", value["cer"]);
}

#[test]
fn wrong_recipes_are_errors() {
    let folder = folder();
    for (changes, expected) in [
        (&["--set", "stage.0.rate=-1"][..], "positive"),
        (&["--set", "sede=1"], "sede"),
        (&["--set", "data.train.0.manifest=gone.jsonl"], "gone.jsonl"),
        (&["--set", "seed"], "KEY=VALUE"),
    ] {
        let (stdout, stderr) =
            run(folder.command("train").args(["r.toml", "--run", "run"]).args(changes), 1);
        assert!(stdout.is_empty() && stderr.contains(expected), "{changes:?}: {stderr}");
    }
    run(folder.command("train").args(["missing.toml", "--run", "run"]), 1);
    run(folder.command("train").arg("r.toml"), 2);
}
