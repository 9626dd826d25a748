//! `stonechat serve` as a program: it listens, answers, reloads, ends, and refuses what is not safe.
#![cfg(all(feature = "serve", unix))]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

use common::*;
use serde_json::Value;

/// A server that ends with the test.
struct Served {
    child: Child,
    address: String,
    log: BufReader<ChildStderr>,
}

impl Served {
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("stonechat"));
        command.current_dir(folder.root.path()).args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--json",
        ]);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.ends_with("\n}\n") {
            assert!(out.read_line(&mut text).unwrap() > 0, "it has ended: {text}");
        }
        let told: Value = serde_json::from_str(&text).unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, address: told["address"].as_str().unwrap().into(), log }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        line
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_reloads_and_ends() {
    let folder = Folder::new();
    let model = folder.path("tiny.stonechat");
    let mut served = Served::start(
        &folder,
        &["--model", "tiny=tiny.stonechat,again=tiny.stonechat", "--vad", "off"],
    );
    assert!(served.get("/readyz").starts_with("HTTP/1.1 200"));
    assert!(served.get("/v1/models").contains("again"));

    let url = format!("ws://{}/", served.address);
    let arguments = ["bench", "server", &url, "--streams", "3", "--seconds", "1"];
    let report = run_json(stonechat().args(arguments), 0);
    assert_eq!(
        (report["lost"].as_u64(), report["audio_seconds"].as_f64()),
        (Some(0), Some(3.0)),
        "{report}"
    );
    assert!(report["server_rtf"].as_f64() > Some(0.0), "{report}");
    let (table, _) = run(stonechat().args(arguments), 0);
    assert!(table.contains("lag of an answer"), "{table}");

    served.signal("-HUP");
    assert!(served.line().contains("loaded again"));
    std::fs::write(&model, "no model").unwrap();
    served.signal("-HUP");
    let line = served.line();
    assert!(line.contains("tiny.stonechat") && line.contains("from before go on"), "{line}");
    assert!(served.get("/readyz").starts_with("HTTP/1.1 200"));

    served.signal("-TERM");
    assert!(served.line().contains("ending"));
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
    run(stonechat().args(arguments), 1);
}

#[test]
fn what_is_not_safe_or_not_there_is_refused() {
    let folder = Folder::new();
    folder.write("keys", "sesame\n");
    folder.write("empty", "# none\n");
    for (call, status, part) in [
        ("serve --listen 0.0.0.0:0", 2, "--insecure"),
        ("serve --listen 0.0.0.0:0 --key-file keys", 2, "certificate"),
        ("serve --listen 127.0.0.1:0 --wyoming 0.0.0.0:0", 2, "Wyoming"),
        ("serve --listen nowhere", 2, "--listen"),
        ("serve --tls-cert a.pem", 2, "--tls-key"),
        ("serve --model tiny.stonechat", 2, "NAME=FILE"),
        ("serve --model a=tiny.stonechat,b=tiny.stonechat --lm x.lm", 2, "pack"),
        ("serve --max-sessions 0", 2, "--max-sessions"),
        ("serve --endpoint never", 2, "--endpoint"),
        ("serve --listen 127.0.0.1:0 --model a=nothing.stonechat", 1, "nothing.stonechat"),
        (
            "serve --listen 127.0.0.1:0 --model a=tiny.stonechat,a=tiny.stonechat",
            1,
            "name of its own",
        ),
        ("serve --listen 127.0.0.1:0 --key-file empty", 1, "no key"),
        ("serve --listen 127.0.0.1:0 --key-file nothing", 1, "nothing"),
        ("serve --listen 127.0.0.1:0 --tls-cert keys --tls-key keys", 1, "certificate"),
        ("bench server http://127.0.0.1:1/", 1, "ws://"),
        ("bench server ws://127.0.0.1:1/ --streams 1 --seconds 1", 1, ""),
    ] {
        let mut command = stonechat();
        command.current_dir(folder.root.path()).args(call.split(' '));
        let (_, stderr) = run(&mut command, status);
        assert!(stderr.contains(part), "{call}: {stderr}");
    }
}
