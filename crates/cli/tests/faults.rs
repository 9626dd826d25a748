//! Every verb that writes, with each of its writes failing once: on a full disk, without permission, killed at that moment.
//! The old file stands or the new one does, and nothing is half.
//!
//! Linux alone, with a C compiler: `faults/fail.c` is preloaded into the program. What `tempfile` asks of the kernel directly
//! (its renames) does not go through it; the call before, which brings the file to the disk, does.
#![cfg(all(feature = "full", target_os = "linux"))]

mod common;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::*;

const WAYS: [&str; 3] = ["full", "denied", "kill"];
/// Faults of one call in one way: the first ones, then others evenly through the rest, so that a call of hundreds of writes
/// does not take hundreds of runs.
const FIRST: usize = 8;

/// A verb, and the files that it writes.
struct Call {
    words: &'static str,
    writes: &'static [&'static str],
}

const fn call(words: &'static str, writes: &'static [&'static str]) -> Call {
    Call { words, writes }
}

const CALLS: [Call; 25] = [
    call("quantize --model tiny.stonechat --output o.stonechat", &["o.stonechat"]),
    call("compress --variance 0.9 --model tiny.stonechat --output o.stonechat", &["o.stonechat"]),
    call("compress --plan plan.toml --model tiny.stonechat --output o.stonechat", &["o.stonechat"]),
    call("pack --model tiny.stonechat --lm text.lm --output o.stonechat", &["o.stonechat"]),
    call("export --model tiny.stonechat --output o.onnx", &["o.onnx"]),
    call("inspect --model tiny.stonechat --svg o.svg", &["o.svg"]),
    call("eval --model tiny.stonechat --manifest m.jsonl --details o.jsonl", &["o.jsonl"]),
    call("eval --model tiny.stonechat --manifest m.jsonl --logits logits", &["logits/index.json"]),
    call("lm build --output o.lm text.txt", &["o.lm"]),
    call("lm build --output o.lm --target-size 5kB text.txt", &["o.lm"]),
    call("lm build --output o.arpa text.txt", &["o.arpa"]),
    call("lm build --output o.arpa.gz text.txt", &["o.arpa.gz"]),
    call("lm count --output o.counts text.txt", &["o.counts"]),
    call("lm merge --output o.lm text.counts text.counts", &["o.lm"]),
    call("lm quantize text.lm --output o.arpa", &["o.arpa"]),
    call("lm prune text.lm --threshold 1e-9 --output o.lm", &["o.lm"]),
    call("lm mix text.lm text.lm --output o.lm", &["o.lm"]),
    call("transcribe a.wav --model tiny.stonechat --vad off --beside --format srt", &["a.srt"]),
    call(
        "transcribe a.wav b.wav --model tiny.stonechat --beside --format json",
        &["a.json", "b.json"],
    ),
    call("data make m.jsonl --output o.jsonl", &["o.jsonl"]),
    call(
        "data make m.jsonl --output o.jsonl --dev d.jsonl --dev-utterances 1",
        &["o.jsonl", "d.jsonl"],
    ),
    call(
        "data shard m.jsonl --output s --shard-size 40kB",
        &["s.jsonl", "s-00000.tar", "s-00001.tar"],
    ),
    call(
        "data audit m.jsonl --model tiny.stonechat --output o.jsonl --drop d.jsonl --threshold 100",
        &["o.jsonl", "d.jsonl"],
    ),
    call("sweep collect sweep.toml --run runs --output o.csv", &["o.csv"]),
    call("sweep plot table.csv --x a --y b --output o.svg", &["o.svg"]),
];

/// The library that makes calls fail, if it can be made.
fn library(folder: &Folder) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/fail.c");
    let library = folder.path(".fail.so");
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    if made.is_ok_and(|status| status.success()) {
        return Some(library);
    }
    println!("skipped: no C compiler to make the library that lets writes fail");
    None
}

fn folder() -> Folder {
    let folder = Folder::new();
    for (name, seed) in [("a.wav", 1), ("b.wav", 2), ("c.wav", 3)] {
        folder.write(name, wav(&sound(1.0, seed), RATE_HZ, 1));
    }
    let line = |name: &str| {
        format!("{{\"audio_filepath\":\"{name}\",\"duration\":1.0,\"text\":\"ab\"}}\n")
    };
    folder.write("m.jsonl", line("a.wav") + &line("b.wav") + &line("c.wav"));
    let words = ["light", "turn", "on", "the", "kitchen", "off", "in", "lamp"];
    let sentence =
        |n: usize| (0..6).map(|i| words[(n * 5 + i * i) % 8]).collect::<Vec<_>>().join(" ");
    folder.write("text.txt", (0..60).map(|n| sentence(n) + "\n").collect::<String>());
    folder.write("plan.toml", "quantize = { bits = 4 }\n");
    folder.write("sweep.toml", "recipe = \"r.toml\"\n");
    std::fs::create_dir(folder.path("runs")).unwrap();
    folder.write("table.csv", "item,a,b\nx,1,2\ny,2,3\n");
    run(folder.command("lm build --output text.lm").arg("text.txt"), 0);
    run(folder.command("lm count --output text.counts").arg("text.txt"), 0);
    folder
}

/// Runs a call whose `at`-th write fails in one way; what it was that failed, if there were so many.
fn faulty(
    folder: &Folder,
    library: &Path,
    words: &str,
    at: usize,
    how: &str,
) -> (Output, Option<String>) {
    let log = folder.path(".fault");
    let _ = std::fs::remove_file(&log);
    let output = Command::new(assert_cmd::cargo::cargo_bin("stonechat"))
        .args(words.split(' '))
        .current_dir(folder.root.path())
        .env("LD_PRELOAD", library)
        .env("FAULT_AT", at.to_string())
        .env("FAULT_HOW", how)
        .env("FAULT_LOG", &log)
        .output()
        .unwrap();
    (output, std::fs::read_to_string(log).ok())
}

/// All files of a folder and those below with their content; names of those that a killed program leaves are apart.
fn files(root: &Path) -> (BTreeMap<String, Vec<u8>>, Vec<String>) {
    let (mut files, mut hidden) = (BTreeMap::new(), Vec::new());
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
            let is_hidden = path.file_name().unwrap().to_str().unwrap().starts_with('.');
            match (path.is_dir(), is_hidden) {
                (true, _) => folders.push(path),
                (_, true) => hidden.push(name),
                _ => drop(files.insert(name, std::fs::read(path).unwrap())),
            }
        }
    }
    hidden.retain(|name| name != ".fail.so" && name != ".fault");
    (files, hidden)
}

fn remove_hidden(root: &Path, hidden: &[String]) {
    hidden.iter().for_each(|name| std::fs::remove_file(root.join(name)).unwrap());
}

/// The writes to let fail, from 1, as far as there are any: asked one by one.
fn places() -> impl Iterator<Item = usize> {
    let mut next = 0;
    std::iter::from_fn(move || {
        next += if next < FIRST { 1 } else { next / 3 };
        Some(next)
    })
}

#[test]
fn every_write_of_every_verb_fails_once() {
    let folder = folder();
    let Some(library) = library(&folder) else { return };
    let root = folder.root.path();
    let mut faults = 0;
    for Call { words, writes } in &CALLS {
        let (before, _) = files(root);
        run(folder.command(words.split(' ').next().unwrap()).args(words.split(' ').skip(1)), 0);
        let (mut whole, _) = files(root);
        whole.retain(|name, content| before.get(name) != Some(content));
        assert!(writes.iter().all(|name| whole.contains_key(*name)), "{words}: {:?}", whole.keys());
        let old = |name: &str| format!("what was in {name} before").into_bytes();
        for how in WAYS {
            for at in places() {
                for name in whole.keys() {
                    std::fs::write(root.join(name), old(name)).unwrap();
                }
                let (output, fault) = faulty(&folder, &library, words, at, how);
                let Some(fault) = fault else {
                    assert!(at > 1, "{words}: it writes nothing");
                    break;
                };
                faults += 1;
                let stderr = String::from_utf8_lossy(&output.stderr);
                let place = format!("{words}, call {at} ({}), {how}: {stderr}", fault.trim());
                let (now, hidden) = files(root);
                for (name, content) in &whole {
                    let found = now.get(name).unwrap_or_else(|| panic!("{name} is gone: {place}"));
                    assert!(
                        *found == old(name) || found == content,
                        "{name} is neither old nor new: {place}"
                    );
                }
                let others = now
                    .keys()
                    .filter(|name| !before.contains_key(*name) && !whole.contains_key(*name));
                assert_eq!(others.count(), 0, "left behind: {:?}: {place}", now.keys());
                match output.status.code() {
                    // What is not needed for the result may fail, such as a cache; the result is there.
                    Some(0) => assert!(
                        whole.iter().all(|(name, content)| now.get(name) == Some(content)),
                        "half is done: {place}"
                    ),
                    Some(1) => {
                        assert!(stderr.contains("error: ") && !stderr.contains(".part"), "{place}");
                        assert_eq!(hidden, [""; 0], "left behind: {place}");
                    }
                    code => {
                        assert!(how == "kill" && code.is_none(), "{code:?}: {place}");
                        assert_eq!(output.status.signal(), Some(9), "{place}");
                    }
                }
                for (name, content) in &before {
                    assert!(
                        now.get(name) == Some(content) || whole.contains_key(name),
                        "{name} was changed: {place}"
                    );
                }
                remove_hidden(root, &hidden);
            }
        }
        for name in whole.keys() {
            std::fs::remove_file(root.join(name)).unwrap();
        }
    }
    println!("{faults} faults in {} calls", CALLS.len());
    assert!(faults > 3 * CALLS.len());
}

/// A training goes on from any of them, and ends with the same packages.
#[test]
fn a_training_goes_on_from_every_write_that_fails() {
    let folder = training::folder();
    let Some(library) = library(&folder) else { return };
    let recipe = std::fs::read_to_string(folder.path("r.toml")).unwrap();
    folder.write(
        "r.toml",
        recipe.replace("epochs = 4", "epochs = 1").replace("epochs = 3", "epochs = 1"),
    );
    run(folder.command("train r.toml --run whole").arg("--json"), 0);
    let packages = |run: &str| {
        ["full", "low-rank"]
            .map(|stage| std::fs::read(folder.path(&format!("{run}/{stage}.stonechat"))).unwrap())
    };
    let whole = packages("whole");
    let mut faults = 0;
    for (way, how) in WAYS.into_iter().enumerate() {
        // Each way has its own places: of some hundred writes, all kinds are among them.
        for (n, at) in places().enumerate().filter(|(n, _)| n % WAYS.len() == way || *n > FIRST) {
            let run_folder = format!("{how}-{n}");
            let words = format!("train r.toml --run {run_folder} --json");
            let (output, fault) = faulty(&folder, &library, &words, at, how);
            let Some(fault) = fault else { break };
            faults += 1;
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            let place = format!("call {at} ({}), {how}: {stderr}", fault.trim());
            assert!(!stderr.contains("panicked"), "{place}");
            if output.status.code() != Some(0) {
                let begun = folder.path(&run_folder).join("recipe.toml").exists();
                let mut again = folder.command(&words);
                let again = if begun { again.arg("--resume") } else { &mut again };
                let output = again.output().unwrap();
                let told = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(0), "{place}\nthen: {told}");
            }
            assert!(packages(&run_folder) == whole, "other packages: {place}");
            std::fs::remove_dir_all(folder.path(&run_folder)).unwrap();
        }
    }
    println!("{faults} faults in trainings");
    assert!(faults > 10);
}
