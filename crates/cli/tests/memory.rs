//! A stream without end takes no memory with it.
#![cfg(target_os = "linux")]

mod common;

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use common::*;

/// Largest resident set so far of process `id`, in KiB.
fn peak_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Ten minutes of silence take as much as one; the ten hours of the promise were run by hand.
#[test]
fn memory_stays_flat_over_silence() {
    let folder = Folder::new();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("stonechat"))
        .args(["transcribe", "-", "--json", "--model", "tiny.stonechat", "--vad", "off"])
        .current_dir(folder.root.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let minute = vec![0; 2 * 60 * RATE_HZ as usize];
    stdin.write_all(&minute).unwrap();
    let early = peak_kib(child.id());
    for _ in 1..10 {
        stdin.write_all(&minute).unwrap();
    }
    // All but what a pipe holds (64 KiB, two seconds) has been recognised now.
    let late = peak_kib(child.id());
    drop(stdin);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["text"].is_string());
    // Nine minutes of samples would be 17 MB as bytes and 35 MB as floats.
    assert!(late < early + 1024, "{early} KiB after a minute, {late} KiB after ten");
}
