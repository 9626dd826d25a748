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

/// Any verb with any other verb's file says what it is.
#[test]
fn files_of_the_wrong_kind_are_named() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    folder.write("x.arpa", ARPA);
    run(folder.command("lm quantize x.arpa --output").arg("x.lm"), 0);
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
    ];
    // How a file is given, and the kinds that are right there.
    let uses: [(&str, &[&str]); 10] = [
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
