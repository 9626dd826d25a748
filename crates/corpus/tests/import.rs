//! Every layout as its makers lay it out, and what is missing in it.

mod common;

use std::path::PathBuf;

use common::Folder;
use stonechat_corpus::Utterance;
use stonechat_corpus::import::{Import, Layout, Options, import};

/// Path below the folder, offset, duration, text, speaker, line.
type Seen = (String, Option<f64>, Option<f64>, String, Option<String>, usize);

fn seen(folder: &Folder, utterances: &[Utterance]) -> Vec<Seen> {
    let see = |u: &Utterance| {
        let path = u.audio.strip_prefix(folder.0.root()).unwrap().display().to_string();
        (path, u.offset_s, u.duration_s, u.text.clone(), u.speaker.clone(), u.line)
    };
    utterances.iter().map(see).collect()
}

fn whole(path: &str, text: &str, speaker: Option<&str>, line: usize) -> Seen {
    (path.into(), None, None, text.into(), speaker.map(Into::into), line)
}

/// Imports by what the source looks like, which must be `layout`.
fn found(source: PathBuf, layout: Layout) -> Import {
    assert_eq!(Layout::of(&source).unwrap(), layout);
    import(&source, &Options::default()).unwrap()
}

/// The reasons of what was left out.
fn reasons(import: &Import) -> String {
    let reasons = import.left_out.iter().map(|left| format!("{}: {}\n", left.place, left.reason));
    reasons.collect()
}

fn check_reasons(import: &Import, expected: &[&[&str]]) {
    let reasons = reasons(import);
    assert_eq!(import.left_out.len(), expected.len(), "{reasons}");
    for (line, words) in reasons.lines().zip(expected) {
        words.iter().for_each(|word| assert!(line.contains(word), "{line:?} lacks {word:?}"));
    }
}

#[test]
fn folders_of_recordings_beside_texts() {
    let folder = Folder::new();
    for name in ["b.wav", "a/x.FLAC", "a/alone.mp3"] {
        folder.say(name, 0.1);
    }
    folder.write("b.txt", "\u{FEFF}Two\r\nlines \n");
    folder.write("a/x.txt", "");
    folder.write("readme.txt", "no recording is called so");
    let import = found(folder.path(""), Layout::Folder);
    let expected = [whole("a/x.FLAC", "", None, 1), whole("b.wav", "Two lines", None, 1)];
    assert_eq!(seen(&folder, &import.utterances), expected);
    check_reasons(&import, &[&["alone.mp3", "no alone.txt"]]);
    let empty = Folder::new();
    let error = import_error(empty.path(""));
    assert!(error.contains("x.wav and x.txt"), "{error}");
}

fn import_error(source: PathBuf) -> String {
    import(&source, &Options::default()).unwrap_err().to_string()
}

#[test]
fn tables_with_headings() {
    let folder = Folder::new();
    folder.say("a.wav", 0.1);
    folder.say("clips/b.wav", 0.1);
    for (name, table) in [
        ("comma.csv", "path,text,speaker\na.wav,\"one, \"\"two\"\"\",x\nclips/b.wav,three,\n"),
        ("semicolon.csv", "Speaker;Sentence;File\r\nx;one, \"two\";a.wav\r\n;three;clips/b"),
        (
            "tab.tsv",
            "\u{FEFF}file_name\ttranscription\tspeaker\na\tone, \"two\"\tx\n\nclips/b.wav\tthree\n",
        ),
    ] {
        let import = found(folder.write(name, table), Layout::Csv);
        let lines = if name == "tab.tsv" { [2, 4] } else { [2, 3] };
        let expected = [
            whole("a.wav", "one, \"two\"", Some("x"), lines[0]),
            whole("clips/b.wav", "three", None, lines[1]),
        ];
        assert_eq!(seen(&folder, &import.utterances), expected, "{name}");
        assert!(import.left_out.is_empty(), "{name}: {}", reasons(&import));
    }
    let table =
        "path,offset,duration,text\na.wav,1.5,0.25,one\na.wav,x,1,two\ngone.wav,,,three\na.wav\n";
    let import = found(folder.write("times.csv", table), Layout::Csv);
    let expected = [("a.wav".into(), Some(1.5), Some(0.25), "one".into(), None, 2)];
    assert_eq!(seen(&folder, &import.utterances), expected);
    check_reasons(
        &import,
        &[&["times.csv:3", "\"x\""], &["times.csv:4", "gone.wav"], &["times.csv:5", "too few"]],
    );
    for table in ["a,b\n1,2\n", "path\na.wav\n", ""] {
        let error = import_error(folder.write("wrong.csv", table));
        assert!(error.contains("wrong.csv") && error.contains("no column"), "{table:?}: {error}");
    }
}

#[test]
fn tables_without_headings_and_recordings_elsewhere() {
    let folder = Folder::new();
    folder.say("wavs/LJ001.wav", 0.1);
    let table = folder.write("metadata.csv", "LJ001|Dr. No|Doctor No\n");
    let options = Options {
        columns: Some(["path", "", "text"].map(String::from).to_vec()),
        audio: Some(folder.path("wavs")),
        ..Options::default()
    };
    let import = import(&table, &options).unwrap();
    assert_eq!(seen(&folder, &import.utterances), [whole("wavs/LJ001.wav", "Doctor No", None, 1)]);
}

#[test]
fn common_voice() {
    let folder = Folder::new();
    folder.say("clips/common_voice_en_1.mp3", 0.1);
    let table = "client_id\tpath\tsentence_id\tsentence\tup_votes\n\
                 ab12\tcommon_voice_en_1.mp3\t77\t\"Unclosed, she said.\t2\n\
                 ab12\tcommon_voice_en_2.mp3\t78\tGone.\t2\n";
    let import = found(folder.write("validated.tsv", table), Layout::CommonVoice);
    let expected = [whole("clips/common_voice_en_1.mp3", "\"Unclosed, she said.", Some("ab12"), 2)];
    assert_eq!(seen(&folder, &import.utterances), expected);
    check_reasons(&import, &[&["validated.tsv:3", "common_voice_en_2.mp3"]]);
}

#[test]
fn librispeech() {
    let folder = Folder::new();
    folder.say("dev/84/121/84-121-0000.flac", 0.1);
    folder.say("dev/84/121/84-121-0001.flac", 0.1);
    let texts = "84-121-0000 MISTER QUILTER\n84-121-0001 AND\n84-121-0002 GONE\n";
    folder.write("dev/84/121/84-121.trans.txt", texts);
    let import = found(folder.path("dev"), Layout::LibriSpeech);
    let expected = [
        whole("dev/84/121/84-121-0000.flac", "MISTER QUILTER", Some("84"), 1),
        whole("dev/84/121/84-121-0001.flac", "AND", Some("84"), 2),
    ];
    assert_eq!(seen(&folder, &import.utterances), expected);
    check_reasons(&import, &[&["84-121.trans.txt:3", "84-121-0002"]]);
}

#[test]
fn kaldi() {
    let folder = Folder::new();
    let long = folder.say("audio/long.wav", 3.0);
    folder.say("data/short.wav", 0.1);
    let scp = format!(
        "long {}\nshort short.wav\npiped sph2pipe -f wav x.sph |\ngone gone.wav\n",
        long.display()
    );
    folder.write("data/wav.scp", scp);
    folder.write("data/segments", "l-1 long 0.5 1.25\nl-2 long 2 -1\nl-3 long 2 1\n");
    folder.write("data/utt2spk", "l-1 anna\nshort ben\n");
    let texts =
        "l-1 one\nl-2 two\nl-3 three\nshort  four five\npiped six\ngone seven\nnobody eight\n";
    folder.write("data/text", texts);
    let import = found(folder.path("data"), Layout::Kaldi);
    let segment = |offset, duration, text: &str, speaker: Option<&str>, line| {
        let speaker = speaker.map(String::from);
        ("audio/long.wav".into(), Some(offset), duration, text.to_owned(), speaker, line)
    };
    let expected = [
        segment(0.5, Some(0.75), "one", Some("anna"), 1),
        segment(2.0, None, "two", None, 2),
        whole("data/short.wav", "four five", Some("ben"), 4),
    ];
    assert_eq!(seen(&folder, &import.utterances), expected);
    check_reasons(
        &import,
        &[
            &["text:3", "segments: l-3"],
            &["text:5", "command"],
            &["text:6", "gone.wav"],
            &["text:7", "no recording nobody"],
        ],
    );
}

#[test]
fn texts_that_are_none_are_named() {
    let folder = Folder::new();
    let error = import_error(folder.write("a.csv", b"path,text\na,\xFF\n"));
    assert!(error.contains("a.csv") && error.contains("line 2"), "{error}");
    let error = import_error(folder.path("nowhere"));
    assert!(error.contains("nowhere"), "{error}");
}
