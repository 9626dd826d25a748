//! One training by several processes of a real MPI: the same weights, and none is left when one dies.
#![cfg(feature = "mpi")]

mod common;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::training::folder;
use common::*;

/// `mpirun -n COUNT stonechat train`, or `None` where there is no mpirun.
fn mpirun(folder: &Folder, count: usize, run: &str, arguments: &[&str]) -> Option<Command> {
    if Command::new("mpirun").arg("--version").output().is_err() {
        println!("skipped: there is no mpirun");
        return None;
    }
    let mut command = Command::new("mpirun");
    command.args(["--allow-run-as-root", "--oversubscribe", "-n", &count.to_string()]);
    command.arg(assert_cmd::cargo::cargo_bin("stonechat"));
    command.args(["train", "--run", run]).args(arguments).current_dir(folder.root.path());
    command.env("RAYON_NUM_THREADS", "1");
    Some(command)
}

#[test]
fn one_two_and_four_processes_train_the_same_weights() {
    let folder = folder();
    let short = ["r.toml", "--set", "stage.0.epochs=2", "--set", "stage.1.epochs=1"];
    for count in [1, 2, 4] {
        let run = format!("run-{count}");
        let Some(mut command) = mpirun(&folder, count, &run, &short) else { return };
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{count}: {said}");
        assert!(said.contains(&format!("sent by each of {count} processes")), "{said}");
        let package =
            |run: &str| std::fs::read(folder.path(run).join("low-rank.stonechat")).unwrap();
        assert!(package(&run) == package("run-1"), "{count} processes");
    }
    let Some(mut three) = mpirun(&folder, 3, "run-3", &short) else { return };
    let output = three.output().unwrap();
    assert!(
        !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("1, 2, 4")
    );

    // One is killed: all end; four go on where the two were.
    let Some(mut command) = mpirun(&folder, 2, "killed", &short) else { return };
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let steps = || {
        let log = std::fs::read_to_string(folder.path("killed/metrics.jsonl"));
        log.unwrap_or_default().lines().count()
    };
    while steps() < 4 {
        assert!(child.try_wait().unwrap().is_none(), "ended before it was killed");
        assert!(begun.elapsed() < Duration::from_secs(120), "does not get on");
        std::thread::sleep(Duration::from_millis(2));
    }
    let pgrep = Command::new("ps").args(["-o", "pid=", "--ppid", &child.id().to_string()]).output();
    let children = String::from_utf8(pgrep.unwrap().stdout).unwrap();
    let last = children.split_whitespace().last().expect("mpirun has children").to_owned();
    assert!(Command::new("kill").args(["-KILL", &last]).status().unwrap().success());
    assert!(!child.wait().unwrap().success());
    let Some(mut command) = mpirun(&folder, 4, "killed", &["--resume"]) else { return };
    assert!(command.output().unwrap().status.success());
    let package = |run: &str| std::fs::read(folder.path(run).join("low-rank.stonechat")).unwrap();
    assert!(package("killed") == package("run-1"));
}
