//! Texts from anywhere: marks, line ends, encodings, and a place in every error.
#![cfg(feature = "full")]

mod common;

use common::*;

const BOM: &str = "\u{feff}";
const ARPA: &str = "\\data\\\nngram 1=5\nngram 2=1\n\n\\1-grams:\n-1\t<unk>\n-99\t<s>\t-0.3\n-0.5\t</s>\n-0.6\tab\t-0.2\n-0.7\tcd\t-0.1\n\n\\2-grams:\n-0.2\tab cd\n\n\\end\\\n";

#[test]
fn marks_and_windows_line_ends_are_no_part_of_any_text() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    let jsgf = "#JSGF V1.0;\ngrammar t;\npublic <c> = ab\n | cd;\n";
    for (option, content) in [
        ("--hotwords", "ab\ncd:3\n"),
        ("--grammar", "ab\ncd ab\n"),
        ("--grammar", jsgf),
        ("--lm", ARPA),
    ] {
        folder.write("plain", content);
        let plain = run_json(folder.with_model("transcribe").args(["a.wav", option, "plain"]), 0);
        for (name, other) in [
            ("mark", format!("{BOM}{content}")),
            ("crlf", content.replace('\n', "\r\n")),
            ("both", format!("{BOM}{}", content.replace('\n', "\r\n"))),
        ] {
            folder.write(name, other);
            let value = run_json(folder.with_model("transcribe").args(["a.wav", option, name]), 0);
            assert_eq!(value, plain, "{option} {name}");
        }
    }
    for (name, text) in
        [("plain.txt", "ab cd\ncd\n".to_string()), ("mark.txt", format!("{BOM}ab cd\r\ncd\r\n"))]
    {
        folder.write(name, text);
        run(folder.command("lm build --output").args([&format!("{name}.arpa"), name]), 0);
    }
    let read = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert!(read("plain.txt.arpa") == read("mark.txt.arpa"), "the language models differ");
}

#[test]
fn errors_name_file_line_letter_and_cure() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    let jsgf = "#JSGF V1.0;\npublic <c> = light\n | route 66;\n";
    for (option, content, parts) in [
        (
            "--hotwords",
            &b"# names\nann\nroute 66\n"[..],
            &["list, line 3", "\"66\"", "'6'", "--normalize"][..],
        ),
        ("--grammar", b"on\n\nroute 66\n", &["list, line 3", "\"66\"", "'6'", "--normalize"]),
        ("--grammar", jsgf.as_bytes(), &["list, line 3", "\"66\"", "'6'", "spoken\n"]),
        ("--grammar", b"#JSGF V1.0;\npublic <c> = a\n | <b>;\n", &["list, line 3", "<b>"]),
        ("--grammar", b"#JSGF V1.0;\npublic <c> = /x/ a;\n", &["list, line 2", "/x/"]),
        ("--hotwords", b"ann\ncaf\xe9\n", &["list, line 2", "UTF-8", "byte 4"]),
        ("--grammar", b"ann\ncaf\xe9\n", &["list, line 2", "UTF-8", "byte 4"]),
        ("--hotwords", b"\xff\xfea\0n\0n\0\n\0", &["list", "UTF-16"]),
        ("--lm", b"\\data\\\nngram 1=1\n\n\\1-grams:\nx\ta\n", &["list", "line 5"]),
    ] {
        folder.write("list", content);
        let (_, stderr) = run(folder.with_model("transcribe").args(["a.wav", option, "list"]), 1);
        for part in parts {
            assert!(stderr.contains(part), "{option} {content:?}: {part} is missing in {stderr}");
        }
        assert!(!stderr.contains("line 0"), "{stderr}");
    }
    let (_, stderr) = run(folder.with_model("transcribe").args(["a.wav", "--hotword", "66"]), 1);
    assert!(stderr.contains("--hotword \"66\"") && stderr.contains("'6'"), "{stderr}");
    let (_, stderr) = run(folder.with_model("spot").args(["a.wav", "--keyword", "route 66"]), 1);
    assert!(stderr.contains("\"66\" has '6'"), "{stderr}");
    let (_, stderr) = run(folder.command("lm query x.arpa").write_stdin(&b"ok\n\xff\n"[..]), 1);
    assert!(stderr.contains("x.arpa"), "{stderr}");
    folder.write("x.arpa", ARPA);
    let (_, stderr) = run(folder.command("lm query x.arpa").write_stdin(&b"ok\n\xff\n"[..]), 1);
    assert!(stderr.contains("stdin, line 2: not UTF-8"), "{stderr}");
}

#[test]
fn what_is_written_can_be_spoken() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write("list", "Route 66\n");
    folder.write("spoken", "route sixty six\n");
    for option in ["--hotwords", "--grammar"] {
        let spoken = run_json(folder.with_model("transcribe").args(["a.wav", option, "spoken"]), 0);
        let arguments = ["a.wav", option, "list", "--normalize", "english"];
        assert_eq!(
            run_json(folder.with_model("transcribe").args(arguments), 0),
            spoken,
            "{option}"
        );
    }
    let line = |text: &str| {
        format!("{{\"audio_filepath\":\"a.wav\",\"duration\":1.0,\"text\":\"{text}\"}}\n")
    };
    folder.write("m.jsonl", line("Route 66!"));
    folder.write("s.jsonl", line("route sixty six"));
    let words = |arguments: &[&str]| {
        run_json(folder.with_model("eval").args(arguments), 0)["words"].clone()
    };
    assert_eq!(
        words(&["--manifest", "m.jsonl", "--normalize", "english"]),
        words(&["--manifest", "s.jsonl"])
    );
}

/// What is in a compressed file counts, and so does what is not there.
#[test]
fn texts_that_are_none_are_told() {
    let folder = Folder::new();
    folder.write("a.txt", "ab cd\nab\n");
    folder.write("empty.txt", "");
    let build = |more: &str| folder.command(&format!("lm build --order 1 --output o.lm {more}"));
    run(&mut folder.command("lm build --order 2 --output x.arpa.gz a.txt"), 0);
    let (_, stderr) = run(&mut build("x.arpa.gz"), 1);
    assert!(stderr.contains("x.arpa.gz: this seems to be an ARPA"), "{stderr}");
    let (_, stderr) = run(&mut build("empty.txt"), 1);
    assert!(stderr.contains("empty.txt: ") && stderr.contains("no word"), "{stderr}");
    let (_, stderr) = run(&mut build("a.txt empty.txt"), 0);
    assert!(stderr.contains("warning: empty.txt: there is nothing in it"), "{stderr}");
    for rare in ["--min-word-count 9 a.txt", "--max-words 0 a.txt"] {
        let (_, stderr) = run(&mut build(rare), 1);
        assert!(stderr.contains("no word is left"), "{rare}: {stderr}");
    }
    folder.write("s.toml", "recipe = \"r.toml\"\n");
    let (_, stderr) = run(&mut folder.command("sweep collect s.toml --run nowhere"), 1);
    assert!(stderr.contains("nowhere: there is no such folder"), "{stderr}");
}

/// Marks and keys are no words that anybody says.
#[test]
fn texts_with_marks_are_told() {
    let folder = Folder::new();
    for (content, kind) in [
        ("<!DOCTYPE html>\n<html><p>turn on the light\n", Some("an HTML page")),
        ("<?xml version=\"1.0\"?>\n<p>light\n", Some("an XML file")),
        ("title = \"light\"\n", Some("a TOML file")),
        ("{\"text\": \"light\"}\n", Some("a JSON file")),
        ("turn on the light\n", None),
    ] {
        folder.write("text", content);
        let (_, stderr) =
            run(folder.command("lm build --order 1 --output a.lm text").arg("--json"), 0);
        match kind {
            Some(kind) => {
                let told = format!("warning: text: this seems to be {kind}");
                assert!(stderr.contains(&told), "{content}: {stderr}");
            }
            None => assert!(!stderr.contains("warning"), "{content}: {stderr}"),
        }
    }
}

/// Any verb with any other verb's file says what it is.
#[test]
fn files_of_the_wrong_kind_are_named() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write("x.arpa", ARPA);
    run(folder.command("lm quantize x.arpa --output").arg("x.lm"), 0);
    folder.write("words.txt", "ab cd\n");
    run(folder.command("lm count words.txt --output").arg("x.counts"), 0);
    std::fs::create_dir(folder.path("folder")).unwrap();
    folder.write("m.jsonl", "{\"audio_filepath\":\"a.wav\",\"duration\":1.0,\"text\":\"ab\"}\n");
    folder.write(
        "import.toml",
        "[network]\ninput = 20\ngru = [3]\n[alphabet]\nsymbols = [\"a\", \"\"]\n[features]\nmels = 20\n\
         [pytorch.names]\n\"recurrent.0\" = \"gru.*_l0\"\noutput = \"head.*\"\n",
    );
    let files = [
        ("a.wav", "wav"),
        ("x.arpa", "ARPA"),
        ("x.lm", "packed language model"),
        ("m.jsonl", "manifest"),
        ("tiny.stonechat", "Stonechat package"),
        ("x.counts", "counts of n-grams"),
        ("folder", "folder"),
    ];
    // How a file is given, and the kinds that are right there.
    let uses: [(&str, &[&str]); 17] = [
        ("inspect --model FILE", &["tiny.stonechat"]),
        ("transcribe a.wav --model FILE", &["tiny.stonechat"]),
        ("transcribe a.wav --model tiny.stonechat --lm FILE", &["x.arpa", "x.lm"]),
        ("transcribe a.wav --model tiny.stonechat --hotwords FILE", &[]),
        ("transcribe a.wav --model tiny.stonechat --grammar FILE", &[]),
        ("eval --model tiny.stonechat --manifest FILE", &["m.jsonl"]),
        ("lm info FILE", &["x.arpa", "x.lm"]),
        ("lm build --output out.lm FILE", &[]),
        ("compress --model tiny.stonechat --output out --plan FILE", &[]),
        ("import --from FILE --plan import.toml --output out", &[]),
        ("import --from x.lm --plan FILE --output out", &[]),
        ("lm merge --output out.lm FILE", &["x.counts"]),
        ("sweep FILE --run out", &[]),
        ("sweep plot FILE --x a --y b --output out", &[]),
        ("data make FILE --output out", &["m.jsonl", "folder"]),
        ("data shard FILE --output out", &["m.jsonl", "folder"]),
        ("train FILE --run out", &[]),
    ];
    for (call, right) in uses {
        for (file, name) in files {
            let mut command = folder.command(&call.replace("FILE", file));
            if right.contains(&file) {
                continue;
            }
            let (stdout, stderr) = run(&mut command, 1);
            assert_eq!(stdout, "", "{call}: {file}");
            let told = stderr.contains(file) && stderr.contains(name);
            assert!(told, "{call}: {file}: {stderr}");
        }
    }
    assert!(!folder.path("out").exists() && !folder.path("out.lm").exists());
}

/// What can be read once is, and what is read more than once says so.
#[cfg(unix)]
#[test]
fn pipes_are_read_or_refused() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write("x.arpa", ARPA);
    folder.write("text.txt", "ab cd\n");
    folder.write("r.toml", stonechat_testing::SMALL_RECIPE);
    run(folder.command("lm quantize x.arpa --output").arg("x.lm"), 0);
    run(folder.command("lm count text.txt --output").arg("x.counts"), 0);
    let line = "{\"audio_filepath\":\"a.wav\",\"duration\":1.0,\"text\":\"ab\"}\n";
    folder.write("m.jsonl", line);
    let program = assert_cmd::cargo::cargo_bin("stonechat");
    // The file goes through a pipe, which the command opens by its name.
    let piped = |call: &str, file: &str| {
        let call = format!("cat {file} | \"$0\" {call}").replace("PIPE", "/dev/stdin");
        let output = std::process::Command::new("sh")
            .args(["-c", &call])
            .arg(&program)
            .current_dir(folder.root.path())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (call, file) in [
        ("transcribe PIPE --model tiny.stonechat", "a.wav"),
        ("transcribe a.wav --model tiny.stonechat --lm PIPE", "x.lm"),
        ("transcribe a.wav --model tiny.stonechat --lm PIPE", "x.arpa"),
        ("transcribe a.wav --model tiny.stonechat --hotwords PIPE", "text.txt"),
        ("transcribe a.wav --model tiny.stonechat --grammar PIPE", "text.txt"),
        ("eval --model tiny.stonechat --manifest PIPE", "m.jsonl"),
        ("data check PIPE", "m.jsonl"),
        ("lm count PIPE --output o.counts", "text.txt"),
    ] {
        let (status, stderr) = piped(call, file);
        assert_eq!(status, Some(0), "{call} {file}: {stderr}");
    }
    for (call, file) in [
        ("inspect --model PIPE", "tiny.stonechat"),
        ("lm build PIPE --output o.lm", "text.txt"),
        ("lm merge PIPE --output o.lm", "x.counts"),
        ("data make PIPE --output o.jsonl", "m.jsonl"),
        ("data shard PIPE --output o", "m.jsonl"),
        ("train PIPE --run o", "r.toml"),
    ] {
        let (status, stderr) = piped(call, file);
        assert_eq!(status, Some(1), "{call} {file}");
        assert!(stderr.contains("/dev/stdin: this is a pipe"), "{call}: {stderr}");
    }
}
