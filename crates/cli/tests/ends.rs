//! How streams, lists of recordings and outputs end: Ctrl-C, readers that go away, recordings that fail.

mod common;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::*;

/// `stonechat` as a process that signals can be sent to.
fn process(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("stonechat"));
    command.current_dir(folder.root.path()).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[cfg(unix)]
#[test]
fn what_was_said_before_ctrl_c_is_printed() {
    let folder = Folder::new();
    let sound = pcm(&sound(3.0, 1));
    let model = ["--model", "tiny.stonechat", "--vad", "off"];
    for verb in [&["listen"][..], &["transcribe", "-"]] {
        let (whole, _) =
            run(folder.command("transcribe").args(["-"]).args(model).write_stdin(sound.clone()), 0);
        assert!(!whole.trim().is_empty());
        let mut child = process(&folder, &[verb, &model].concat()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&sound).unwrap();
        stdin.flush().unwrap();
        // Long enough that all of it is heard; a slower machine hears less and fails only if it heard nothing.
        std::thread::sleep(Duration::from_secs(2));
        let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{verb:?}: {text}");
        assert!(!text.trim().is_empty(), "{verb:?}: nothing was printed");
        drop(stdin);
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_work() {
    let folder = Folder::new();
    let names: Vec<String> = (0..30).map(|n| format!("{n}.wav")).collect();
    for name in &names {
        folder.write(name, wav(&sound(1.0, 1), RATE_HZ, 1));
    }
    for jobs in ["1", "3"] {
        let mut arguments =
            vec!["transcribe", "--model", "tiny.stonechat", "--vad", "off", "--jobs", jobs];
        arguments.extend(names.iter().map(String::as_str));
        let mut child = process(&folder, &arguments).spawn().unwrap();
        let mut first = [0; 1];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{jobs} jobs");
        assert_eq!(output.status.code(), Some(0), "{jobs} jobs");
    }
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    let arguments =
        ["transcribe", "--model", "tiny.stonechat", "--vad", "off", "gone.wav", "a.wav"];
    let mut child = process(&folder, &arguments).spawn().unwrap();
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("a.wav: "));
}

#[test]
fn failures_are_listed_at_the_end() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write("bad.wav", "no sound");
    let (stdout, stderr) =
        run(folder.with_model("transcribe").args(["bad.wav", "a.wav", "gone.wav"]), 1);
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(
        lines[lines.len() - 3..],
        ["error: 2 of 3 recordings failed:", "  bad.wav", "  gone.wav"],
        "{stderr}"
    );
}

#[test]
fn jobs_change_nothing_but_the_time() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path("talks/more")).unwrap();
    for n in 0..5 {
        folder.write(&format!("talks/{n}.wav"), wav(&sound(1.0, n), RATE_HZ, 1));
    }
    folder.write("talks/more/last", wav(&sound(1.0, 9), RATE_HZ, 1));
    folder.write("talks/notes.txt", "nothing to be heard");
    let one = run(folder.with_model("transcribe").arg("talks"), 0).0;
    assert_eq!(one.lines().count(), 6, "{one}");
    for jobs in ["2", "16"] {
        let many = run(folder.with_model("transcribe").args(["talks", "--jobs", jobs]), 0).0;
        assert_eq!(one, many, "{jobs} jobs");
    }
}

#[test]
fn results_beside_their_recordings() {
    let folder = Folder::new();
    for name in ["a.wav", "b.wav"] {
        folder.write(name, wav(&sound(2.3, 1), RATE_HZ, 1));
    }
    let beside = |arguments: &str, status| {
        run(folder.with_model("transcribe").args(arguments.split(' ')), status)
    };
    for (format, extension) in [("srt", "srt"), ("vtt", "vtt"), ("json", "json"), ("text", "txt")] {
        let single = beside(&format!("a.wav --format {format}"), 0).0;
        let (stdout, _) = beside(&format!("a.wav b.wav --beside --format {format}"), 0);
        assert_eq!(stdout, format!("a.{extension}\nb.{extension}\n"));
        for name in ["a", "b"] {
            let written =
                std::fs::read_to_string(folder.path(&format!("{name}.{extension}"))).unwrap();
            assert_eq!(written, single, "{name}.{extension}");
        }
    }
    let srt = std::fs::read_to_string(folder.path("a.srt")).unwrap();
    let ends = srt.lines().filter_map(|line| line.split_once(" --> ").map(|(_, end)| end));
    assert!(ends.clone().count() > 0 && ends.clone().all(|end| end <= "00:00:02,300"), "{srt}");
    // A transcript that lies beside its recording is not lost.
    folder.write("b.txt", "what was said\n");
    let (stdout, stderr) = beside("a.wav b.wav --beside", 1);
    assert!(
        stdout == "a.txt\n" && stderr.contains("b.txt: is there with another text"),
        "{stderr}"
    );
    assert_eq!(std::fs::read(folder.path("b.txt")).unwrap(), b"what was said\n");
    beside("b.wav --beside --replace", 0);
    assert_ne!(std::fs::read(folder.path("b.txt")).unwrap(), b"what was said\n");
    beside("b.wav --replace", 2);
    // Two recordings that would share a file, no recording in a file, several in one.
    folder.write("a.flac", wav(&sound(1.0, 1), RATE_HZ, 1));
    let (_, stderr) = beside("a.wav a.flac --beside --format srt", 1);
    assert!(stderr.contains("a.wav and a.flac"), "{stderr}");
    beside("- --beside", 2);
    beside("a.wav b.wav --format srt", 2);
}
