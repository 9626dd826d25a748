//! Manifests, good and bad.

use std::path::Path;

use stonechat_corpus::{ManifestError, read_manifest, read_manifest_lines};

fn write(content: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.jsonl");
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

#[test]
fn lines_are_read_with_their_numbers() {
    let content = "\u{FEFF}{\"audio_filepath\": \"a/b.wav\", \"duration\": 2, \"text\": \"it's\", \"speaker\": \"x\", \"age\": 7}\r\n\
        \n   \n\
        {\"audio_filepath\": \"/c.wav\", \"duration\": 0.5, \"text\": \"\", \"offset\": 0, \"speaker\": 26}\n\
        {\"audio_filepath\": \"d.wav\", \"duration\": 1e1, \"text\": \"e\", \"offset\": null, \"speaker\": null}\n\
        {\"audio_filepath\": \"e.wav\", \"text\": \"\", \"offset\": 2}";
    let (folder, path) = write(content.as_bytes());
    let utterances = read_manifest(&path).unwrap();
    let seen: Vec<_> = utterances
        .iter()
        .map(|u| {
            (
                u.audio.clone(),
                u.offset_s,
                u.duration_s,
                u.text.as_str(),
                u.speaker.as_deref(),
                u.line,
            )
        })
        .collect();
    let expected = [
        (folder.path().join("a/b.wav"), None, Some(2.0), "it's", Some("x"), 1),
        (Path::new("/c.wav").to_path_buf(), Some(0.0), Some(0.5), "", Some("26"), 4),
        (folder.path().join("d.wav"), None, Some(10.0), "e", None, 5),
        (folder.path().join("e.wav"), Some(2.0), None, "", None, 6),
    ];
    assert_eq!(seen, expected);
    assert!(utterances[1].place().ends_with("train.jsonl:4"));
}

#[test]
fn wrong_lines_name_line_and_field() {
    let cases: [(&str, &str, &str); 15] = [
        ("nonsense", "line", "not a JSON object"),
        ("[1]", "line", "not a JSON object"),
        ("{\"audio_filepath\": \"a\", \"duration\": 1", "line", "not a JSON object"),
        (r#"{"duration": 1, "text": "a"}"#, "audio_filepath", "missing"),
        (
            r#"{"audio_filepath": "a", "text": "a", "duration": 1, "text": "b"}"#,
            "text",
            "there twice",
        ),
        (r#"{"audio_filepath": null, "duration": 1, "text": "a"}"#, "audio_filepath", "missing"),
        (r#"{"audio_filepath": "", "duration": 1, "text": "a"}"#, "audio_filepath", "empty"),
        (
            r#"{"audio_filepath": 5, "duration": 1, "text": "a"}"#,
            "audio_filepath",
            "5 is not a string",
        ),
        (r#"{"audio_filepath": "a", "duration": 0, "text": "a"}"#, "duration", "above 0"),
        (r#"{"audio_filepath": "a", "duration": -1.5, "text": "a"}"#, "duration", "-1.5"),
        (r#"{"audio_filepath": "a", "duration": "1", "text": "a"}"#, "duration", "not a number"),
        (r#"{"audio_filepath": "a", "duration": 1}"#, "text", "missing"),
        (r#"{"audio_filepath": "a", "duration": 1, "text": ["a"]}"#, "text", "not a string"),
        (
            r#"{"audio_filepath": "a", "duration": 1, "text": "a", "offset": -0.1}"#,
            "offset",
            "negative",
        ),
        (
            r#"{"audio_filepath": "a", "duration": 1, "text": "a", "speaker": {}}"#,
            "speaker",
            "not a string",
        ),
    ];
    for (line, field, words) in cases {
        let (_folder, path) = write(
            format!("\n{{\"audio_filepath\": \"ok\", \"duration\": 1, \"text\": \"\"}}\n{line}\n")
                .as_bytes(),
        );
        let message = read_manifest(&path).unwrap_err().to_string();
        for expected in [format!("train.jsonl:3: field `{field}`"), words.into()] {
            assert!(message.contains(&expected), "{line}: {message:?} lacks {expected:?}");
        }
        let lines = read_manifest_lines(&path).unwrap();
        assert_eq!(lines.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false], "{line}");
    }
}

#[test]
fn bytes_that_are_no_text_and_files_that_are_not_there() {
    let (_folder, path) = write(b"{\"audio_filepath\": \"\xFF\"}");
    let message = read_manifest(&path).unwrap_err().to_string();
    assert!(message.contains(":1: field `line`: not UTF-8 from byte 21"), "{message}");
    let missing = path.with_file_name("no.jsonl");
    let error = read_manifest(&missing).unwrap_err();
    assert!(matches!(&error, ManifestError::Io { path, .. } if *path == missing), "{error}");
    assert!(error.to_string().contains("no.jsonl"));
}
