//! Every verb that writes a file, with every write failing: the old file stands, and nothing is half.
#![cfg(feature = "full")]
#![cfg(unix)]

mod common;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use common::*;

/// Calls with what they write to; `IN` are their inputs, which must not be written to either.
const CALLS: [(&str, &str); 11] = [
    ("quantize --model tiny.stonechat --output OUT", "out.stonechat"),
    ("compress --variance 0.9 --model tiny.stonechat --output OUT", "out.stonechat"),
    ("export --model tiny.stonechat --output OUT", "out.onnx"),
    ("inspect --model tiny.stonechat --svg OUT", "out.svg"),
    ("eval --model tiny.stonechat --manifest m.jsonl --details OUT", "out.jsonl"),
    ("lm build --output OUT text.txt", "out.lm"),
    ("lm build --output OUT text.txt", "out.arpa"),
    ("lm quantize text.lm --output OUT", "out.arpa.gz"),
    ("lm prune text.lm --threshold 1e-9 --output OUT", "out.lm"),
    ("lm mix text.lm text.lm --output OUT", "out.lm"),
    ("transcribe a.wav --model tiny.stonechat --vad off --beside --format json", "a.json"),
];

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(2.0, 1), RATE_HZ, 1));
    let line = "{\"audio_filepath\":\"a.wav\",\"duration\":2.0,\"text\":\"ab\"}\n";
    folder.write("m.jsonl", line.repeat(8));
    let words = ["light", "turn", "on", "the", "kitchen", "off", "in", "lamp"];
    let sentence =
        |n: usize| (0..6).map(|i| words[(n * 5 + i * i) % 8]).collect::<Vec<_>>().join(" ");
    folder.write("text.txt", (0..60).map(|n| sentence(n) + "\n").collect::<String>());
    run(folder.command("lm build --output text.lm").arg("text.txt"), 0);
    folder
}

/// Runs a call in which no file may grow beyond `blocks` of 512 bytes: a write beyond that fails as on a full disk, or
/// kills the program.
fn limited(folder: &Folder, call: &str, blocks: u32, kill: bool) -> Output {
    let trap = if kill { "" } else { "trap '' XFSZ; " };
    let program = assert_cmd::cargo::cargo_bin("stonechat");
    Command::new("sh")
        .args(["-c", &format!("{trap}ulimit -f {blocks}; exec \"$0\" {call}")])
        .arg(program)
        .current_dir(folder.root.path())
        .output()
        .unwrap()
}

/// The names that are no leftovers of a killed program.
fn names(folder: &Folder) -> Vec<String> {
    let entries = std::fs::read_dir(folder.root.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

#[test]
fn a_write_that_fails_leaves_the_old_file() {
    let folder = folder();
    let before = names(&folder);
    let all = |folder: &Folder| {
        let entries = std::fs::read_dir(folder.root.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<std::collections::BTreeSet<_>>()
    };
    for (call, out) in CALLS {
        let call = call.replace("OUT", out);
        let arguments: Vec<&str> = call.split(' ').skip(1).collect();
        run(folder.command(call.split(' ').next().unwrap()).args(arguments), 0);
        let whole = std::fs::read(folder.path(out)).unwrap();
        let (mut failed, mut killed) = (0, 0);
        for (blocks, kill) in
            [0, 1, 2, 8, 1 << 20].into_iter().flat_map(|b| [(b, false), (b, true)])
        {
            folder.write(out, "old");
            let present = all(&folder);
            let output = limited(&folder, &call, blocks, kill);
            let now = std::fs::read(folder.path(out)).unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            let place = format!("{call}, {blocks} blocks, killed: {kill}: {stderr}");
            match output.status.code() {
                Some(0) => assert!(now == whole, "half a file: {place}"),
                Some(1) => {
                    failed += 1;
                    assert_eq!(now, b"old", "{place}");
                    assert!(stderr.contains("error: "), "{place}");
                    assert!(!stderr.contains(".part"), "{place}");
                    assert_eq!(all(&folder), present, "something is left: {place}");
                }
                other => {
                    assert_eq!(other, None, "{place}");
                    assert!(output.status.signal().is_some(), "{place}");
                    killed += 1;
                    assert_eq!(now, b"old", "{place}");
                }
            }
        }
        assert!(failed > 0 && killed > 0, "{call}: no write failed");
        std::fs::remove_file(folder.path(out)).unwrap();
        assert_eq!(names(&folder), before, "{call}");
    }
}

#[test]
fn an_input_is_not_written_over() {
    let folder = folder();
    folder.write("d.jsonl", "");
    folder.write("sweep.toml", "recipe = \"r.toml\"\n");
    std::fs::create_dir(folder.path("texts")).unwrap();
    folder.write("texts/a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write("texts/a.txt", "ab\n");
    run(&mut folder.command("data shard m.jsonl --output s"), 0);
    std::os::unix::fs::symlink("tiny.stonechat", folder.path("link.stonechat")).unwrap();
    for (call, input) in [
        ("quantize --model tiny.stonechat --output tiny.stonechat", "tiny.stonechat"),
        ("quantize --model tiny.stonechat --output link.stonechat", "tiny.stonechat"),
        ("quantize --model link.stonechat --output ./tiny.stonechat", "tiny.stonechat"),
        (
            "compress --variance 0.9 --model tiny.stonechat --output tiny.stonechat",
            "tiny.stonechat",
        ),
        ("export --model tiny.stonechat --output tiny.stonechat", "tiny.stonechat"),
        ("inspect --model tiny.stonechat --svg tiny.stonechat", "tiny.stonechat"),
        ("eval --model tiny.stonechat --manifest m.jsonl --details m.jsonl", "m.jsonl"),
        ("lm build text.txt --output text.txt", "text.txt"),
        ("lm prune text.lm --threshold 0 --output text.lm", "text.lm"),
        ("lm mix text.lm text.lm --output text.lm", "text.lm"),
        ("lm quantize text.lm --output text.lm", "text.lm"),
        ("data make m.jsonl --output m.jsonl", "m.jsonl"),
        ("data make m.jsonl --output a.wav", "a.wav"),
        ("data make m.jsonl --output o.jsonl --drop d.jsonl --dev d.jsonl", "d.jsonl"),
        ("data make texts --output texts/a.txt", "texts/a.txt"),
        ("data audit m.jsonl --model tiny.stonechat --output m.jsonl", "m.jsonl"),
        ("data audit m.jsonl --model tiny.stonechat --drop a.wav", "a.wav"),
        ("data shard s-00000.tar --output s", "s-00000.tar"),
        ("data shard s.jsonl --output s", "s.jsonl"),
        ("eval --model tiny.stonechat --manifest m.jsonl --details a.wav", "a.wav"),
        ("sweep collect sweep.toml --run . --output sweep.toml", "sweep.toml"),
    ] {
        let before = std::fs::read(folder.path(input)).unwrap();
        let mut words = call.split(' ');
        let (_, stderr) = run(folder.command(words.next().unwrap()).args(words), 1);
        assert!(stderr.contains("is also read"), "{call}: {stderr}");
        assert!(std::fs::read(folder.path(input)).unwrap() == before, "{call}");
    }
}

#[test]
fn two_outputs_are_two_files() {
    let folder = folder();
    for call in [
        "data make m.jsonl --output o.jsonl --dev o.jsonl --dev-utterances 1",
        "data make m.jsonl --output o.jsonl --dev ./o.jsonl --dev-utterances 1",
        "data audit m.jsonl --model tiny.stonechat --output o.jsonl --drop o.jsonl",
    ] {
        let (_, stderr) = run(&mut folder.command(call), 1);
        assert!(stderr.contains("o.jsonl: two outputs"), "{call}: {stderr}");
        assert!(!folder.path("o.jsonl").exists(), "{call}");
    }
}

#[test]
fn links_and_pipes_stay_what_they_are() {
    use std::os::unix::fs::FileTypeExt;
    let folder = folder();
    for (call, out) in CALLS.iter().filter(|(call, _)| call.contains("OUT")) {
        let extension = out.split_once('.').unwrap().1;
        let (link, real) = (format!("link.{extension}"), format!("real.{extension}"));
        std::os::unix::fs::symlink(&real, folder.path(&link)).unwrap();
        let call = call.replace("OUT", &link);
        let mut words = call.split(' ');
        run(folder.command(words.next().unwrap()).args(words), 0);
        assert!(folder.path(&link).is_symlink(), "{call}");
        let length = std::fs::metadata(folder.path(&real)).unwrap().len();
        assert!(length > 0, "{call}");
        std::fs::remove_file(folder.path(&link)).unwrap();
        std::fs::remove_file(folder.path(&real)).unwrap();
    }
    let pipe = folder.path("pipe");
    if !Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        return eprintln!("skipped: there is no mkfifo");
    }
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read(pipe).unwrap()
    });
    run(folder.command("quantize --model tiny.stonechat --output pipe").arg("--json"), 0);
    run(folder.command("quantize --model tiny.stonechat --output out.stonechat").arg("--json"), 0);
    assert!(reader.join().unwrap() == std::fs::read(folder.path("out.stonechat")).unwrap());
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
}
