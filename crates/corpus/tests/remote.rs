//! Manifests and shards behind http and S3, from real servers on this machine: Debian's nginx, and moto of PyPI for S3.
#![cfg(feature = "remote")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Folder, RATE_HZ};
use stonechat_corpus::import::{Options, import};
use stonechat_corpus::{
    Files, RemoteCache, ShardWriter, Utterance, manifest_line, read_manifest, read_manifest_with,
    write_manifest,
};

/// A port that was free a moment ago.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A process that is ended with the test.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn started(mut command: Command, port: u16) -> Self {
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { process, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// nginx with `root` in the folder as `/`, and as `/whole/`, where it knows no ranges. It logs to `access.log`.
    fn nginx(folder: &Folder) -> Option<Self> {
        let found = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"];
        let Some(program) = found.into_iter().find(|path| Path::new(path).is_file()) else {
            println!("skipped: there is no nginx");
            return None;
        };
        let port = port();
        let here = folder.path("");
        let here = here.display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {here}/temporary;\n"))
            .concat();
        let config = format!(
            "daemon off; master_process off; pid {here}/nginx.pid; error_log {here}/error.log;
            events {{}}
            http {{
                {temporary}
                log_format short '$status $request_uri $http_range';
                access_log {here}/access.log short;
                server {{
                    listen 127.0.0.1:{port};
                    root {here}/root;
                    location /whole/ {{ alias {here}/root/; max_ranges 0; }}
                }}
            }}"
        );
        let config = folder.write("nginx.conf", config);
        let mut command = Command::new(program);
        command.args(["-e", &format!("{here}/error.log"), "-c"]).arg(config);
        Some(Self::started(command, port))
    }

    /// moto's server, by the Python that `PYTHON` names.
    fn moto() -> Option<Self> {
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
        let has = Command::new(&python).args(["-c", "import moto.server, flask"]).output();
        if !has.is_ok_and(|output| output.status.success()) {
            println!("skipped: no Python with moto[server]");
            return None;
        }
        let port = port();
        let mut command = Command::new(python);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        Some(Self::started(command, port))
    }

    fn address(&self, name: &str) -> PathBuf {
        format!("http://127.0.0.1:{}/{name}", self.port).into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Recordings in shards under `root`, with a manifest of them; as they are here.
fn shards(folder: &Folder, count: usize, seconds: f64) -> Vec<Utterance> {
    let mut manifest = String::new();
    for n in 0..count {
        let samples = (seconds * f64::from(RATE_HZ)) as usize + 10 * n;
        let noise = stonechat_testing::noise(n as u64 + 1, samples);
        folder.write(&format!("files/{n}.wav"), stonechat_testing::wav(&noise, RATE_HZ, 1));
        manifest += &format!("{{\"audio_filepath\":\"{n}.wav\",\"text\":\"w {n}\"}}\n");
    }
    let whole = read_manifest(&folder.write("files/m.jsonl", manifest)).unwrap();
    let root = folder.path("root/a b");
    fs::create_dir_all(&root).unwrap();
    let mut writer = ShardWriter::new(&root.join("s"), 1 << 19);
    let packed: Vec<Utterance> = whole.iter().map(|u| writer.add(u).unwrap()).collect();
    writer.finish().unwrap();
    write_manifest(&root.join("m.jsonl"), packed.iter().map(|u| manifest_line(u, &root))).unwrap();
    packed
}

fn cache(folder: &Folder, limit: u64) -> Files {
    Files::with_cache(RemoteCache { folder: folder.path("cache"), limit })
}

fn same(found: &[Utterance], here: &[Utterance]) {
    assert_eq!(found.len(), here.len());
    for (found, here) in found.iter().zip(here) {
        assert_eq!((&found.text, found.part), (&here.text, here.part));
        assert!(found.bytes().unwrap() == here.bytes().unwrap(), "{}", found.text);
    }
}

/// What was asked for since the last call, without the beginnings by which a file is known.
fn asked(folder: &Folder) -> Vec<String> {
    let log = folder.path("access.log");
    // nginx logs an answer when it is done with it.
    std::thread::sleep(Duration::from_millis(50));
    let text = fs::read_to_string(&log).unwrap();
    File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
    text.lines().filter(|line| !line.ends_with("bytes=0-511")).map(str::to_owned).collect()
}

use std::fs::File;

#[test]
fn what_is_behind_http_is_what_is_here() {
    let folder = Folder::new();
    let here = shards(&folder, 40, 1.5);
    let Some(nginx) = Server::nginx(&folder) else { return };
    let address = nginx.address("a%20b/m.jsonl");
    let found = read_manifest_with(&address, &cache(&folder, 64 << 20)).unwrap();
    assert!(found.iter().all(Utterance::is_remote));
    same(&found, &here);
    let asked_for = asked(&folder);
    assert!(asked_for.iter().all(|line| line.starts_with("206 ")), "{asked_for:?}");
    let shards = here.last().unwrap().audio.file_stem().unwrap().to_str().unwrap();
    let shards: usize = shards[2..].parse::<usize>().unwrap() + 1;
    assert_eq!(asked_for.len(), shards + 1, "each block once: {asked_for:?}");

    // What was fetched once is there for the next process.
    let again = read_manifest_with(&address, &cache(&folder, 64 << 20)).unwrap();
    same(&again, &here);
    assert_eq!(asked(&folder), [""; 0]);
    assert_eq!(again[3].read(RATE_HZ).unwrap(), here[3].read(RATE_HZ).unwrap());

    // A shard by itself, whole files, parts of files, and a manifest here of what is there.
    let shard = import(&nginx.address("a%20b/s-00000.tar"), &Options::default()).unwrap();
    assert!(shard.utterances.len() > 3 && shard.left_out.is_empty());
    same(&shard.utterances, &here[..shard.utterances.len()]);
    let copied = folder.path("root/0.wav");
    fs::copy(folder.path("files/0.wav"), copied).unwrap();
    let file = nginx.address("0.wav");
    let line = |more: &str| {
        format!("{{\"audio_filepath\":\"{}\",\"text\":\"w 0\"{more}}}\n", file.display())
    };
    let manifest = line("") + &line(",\"offset\":0.25,\"duration\":0.5");
    let manifest = folder.write("here.jsonl", manifest);
    let lines = read_manifest_with(&manifest, &cache(&folder, 64 << 20)).unwrap();
    let whole = here[0].read(RATE_HZ).unwrap().samples;
    assert_eq!(lines[0].read(RATE_HZ).unwrap().samples, whole);
    assert_eq!(lines[1].read(RATE_HZ).unwrap().samples, whole[2000..6000]);
    assert_eq!(
        manifest_line(&lines[0], &folder.path(""))["audio_filepath"],
        file.to_str().unwrap()
    );
}

#[test]
fn a_reading_that_was_stopped_goes_on_and_the_folder_stays_small() {
    let folder = Folder::new();
    let here = shards(&folder, 150, 1.0);
    let Some(nginx) = Server::nginx(&folder) else { return };
    let address = nginx.address("a%20b/m.jsonl");
    let read = |from: usize, to: usize, limit: u64| {
        let found = read_manifest_with(&address, &cache(&folder, limit)).unwrap();
        same(&found[from..to], &here[from..to]);
        asked(&folder)
    };
    let mut all = read(0, 60, 64 << 20);
    all.extend(read(30, 150, 64 << 20));
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "no block was fetched twice");

    // 2.4 MB through one.
    let size = || -> u64 {
        let files = walkdir::WalkDir::new(folder.path("cache")).into_iter();
        files
            .map(|file| file.unwrap().metadata().unwrap())
            .filter(|m| m.is_file())
            .map(|m| m.len())
            .sum()
    };
    assert!(size() > 2 << 20);
    for _ in 0..2 {
        let fetched = read(0, 150, 1 << 20);
        assert!(fetched.len() > 20, "{fetched:?}");
        assert!(size() <= 1 << 20, "{} bytes", size());
    }
}

/// Passes requests on, breaks every third answer off, and sometimes is too busy.
fn breaker(to: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let mut client = client.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap_or(0) == 1 {
                request.push(byte[0]);
            }
            if number % 5 == 2 {
                let busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = client.write_all(busy);
                continue;
            }
            request.truncate(request.len().saturating_sub(2));
            request.extend(b"Connection: close\r\n\r\n");
            let mut server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            server.write_all(&request).unwrap();
            let most = if number % 3 == 1 { 600 } else { u64::MAX };
            let _ = std::io::copy(&mut server.take(most), &mut client);
            let _ = client.shutdown(Shutdown::Both);
        }
    });
    port
}

#[test]
fn what_breaks_off_is_asked_for_again() {
    let folder = Folder::new();
    let here = shards(&folder, 60, 1.0);
    let Some(nginx) = Server::nginx(&folder) else { return };
    let port = breaker(nginx.port);
    let address: PathBuf = format!("http://127.0.0.1:{port}/a%20b/m.jsonl").into();
    let found = read_manifest_with(&address, &cache(&folder, 1 << 20)).unwrap();
    same(&found, &here);
}

#[test]
fn what_goes_wrong_is_told() {
    let folder = Folder::new();
    shards(&folder, 12, 1.0);
    let Some(nginx) = Server::nginx(&folder) else { return };
    let error = |name: &str| {
        let read = read_manifest_with(&nginx.address(name), &cache(&folder, 1 << 20));
        read.unwrap_err().to_string()
    };
    let gone = error("gone.jsonl");
    assert!(gone.contains("/gone.jsonl: there is no such file"), "{gone}");
    let whole = error("whole/a%20b/m.jsonl");
    assert!(whole.contains("hands out whole files only"), "{whole}");
    let no_file = read_manifest(Path::new("https://nowhere")).unwrap_err().to_string();
    assert!(no_file.contains("no address of a file"), "{no_file}");

    // A shard that is made anew under a training.
    let files = cache(&folder, 1 << 20);
    let found = read_manifest_with(&nginx.address("a%20b/m.jsonl"), &files).unwrap();
    found[0].bytes().unwrap();
    let shard = folder.path("root/a b/s-00000.tar");
    let mut bytes = fs::read(&shard).unwrap();
    bytes.extend([0; 512]);
    fs::write(&shard, bytes).unwrap();
    let last = found.iter().rfind(|u| u.audio == found[0].audio).unwrap();
    let error = last.bytes().unwrap_err().to_string();
    assert!(error.contains("it was changed while it was read"), "{error}");
    // Who begins anew finds it as it is.
    read_manifest_with(&nginx.address("a%20b/m.jsonl"), &cache(&folder, 1 << 20)).unwrap()[11]
        .bytes()
        .unwrap();
}

/// `PUT` without a signature, which moto takes.
fn put(port: u16, path: &str, body: &[u8]) {
    let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    server.write_all(head.as_bytes()).unwrap();
    server.write_all(body).unwrap();
    let mut answer = String::new();
    server.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn what_is_in_s3_is_what_is_here() {
    let folder = Folder::new();
    shards(&folder, 40, 1.5);
    let Some(moto) = Server::moto() else { return };
    put(moto.port, "/speech", b"");
    for file in fs::read_dir(folder.path("root/a b")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        put(moto.port, &format!("/speech/train/{name}"), &fs::read(&path).unwrap());
    }
    // Keys and endpoint come from the environment, which is a process's own.
    let read = |name: &str| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_process_that_reads_from_s3", "--ignored", "--nocapture"])
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", moto.port))
            .env("AWS_ALLOW_HTTP", "true")
            .env("TRY_MANIFEST", format!("s3://speech/train/{name}"))
            .env("TRY_FOLDER", folder.path(""))
            .output()
            .unwrap()
    };
    let output = read("m.jsonl");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("40 utterances are the same"), "{said}");
    let output = read("gone.jsonl");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("there is no such file"), "{said}");
}

/// Not a test by itself: the other half of `what_is_in_s3_is_what_is_here`.
#[test]
#[ignore = "begun by another test"]
fn a_process_that_reads_from_s3() {
    let (Ok(manifest), Ok(path)) = (std::env::var("TRY_MANIFEST"), std::env::var("TRY_FOLDER"))
    else {
        println!("skipped: begun by hand");
        return;
    };
    let path = Path::new(&path);
    let files = Files::with_cache(RemoteCache { folder: path.join("cache"), limit: 64 << 20 });
    let found = match read_manifest_with(Path::new(&manifest), &files) {
        Ok(found) => found,
        Err(error) => panic!("{error}"),
    };
    let here = read_manifest(&path.join("root/a b/m.jsonl")).unwrap();
    same(&found, &here);
    println!("{} utterances are the same", found.len());
}
