//! From what was found to a manifest: lengths, lines, and what is left out.

mod common;

use std::path::Path;

use common::Folder;
use stonechat_corpus::{
    DropList, Files, Utterance, manifest_line, measure, read_manifest, write_manifest,
};

fn utterance(audio: &Path, offset_s: Option<f64>, duration_s: Option<f64>) -> Utterance {
    Utterance {
        audio: audio.into(),
        part: None,
        offset_s,
        duration_s,
        text: "a".into(),
        speaker: None,
        manifest: Path::new("list").into(),
        line: 7,
        files: Files::default(),
    }
}

#[test]
fn lengths_are_those_of_the_recordings() {
    let folder = Folder::new();
    let audio = folder.say("a.wav", 1.5);
    let (bad, gone) = (folder.write("bad.wav", "no sound"), folder.path("gone.wav"));
    let cases = [
        (&audio, None, None, Some(1.5)),
        (&audio, None, Some(9.0), Some(1.5)), // as declared, wrongly
        (&audio, Some(0.5), None, Some(1.0)),
        (&audio, Some(0.5), Some(0.25), Some(0.25)),
        (&audio, Some(0.5), Some(9.0), Some(1.0)),
        (&audio, Some(1.5), Some(1.0), None),
        (&bad, None, Some(1.0), None),
        (&gone, None, Some(1.0), None),
    ];
    let mut utterances: Vec<Utterance> = cases.iter().map(|c| utterance(c.0, c.1, c.2)).collect();
    let left_out = measure(&mut utterances, None);
    let measured: Vec<f64> = utterances.iter().map(|u| u.duration_s.unwrap()).collect();
    assert_eq!(measured, cases.iter().filter_map(|case| case.3).collect::<Vec<_>>());
    assert_eq!(left_out.len(), 3);
    for (left, words) in left_out.iter().zip(["before the utterance starts", "bad.wav", "gone.wav"])
    {
        assert!(left.place == "list:7" && left.reason.contains(words), "{left:?}");
    }
}

#[test]
fn what_is_written_is_read_from_wherever_it_lies() {
    let folder = Folder::new();
    let audio = folder.say("audio/a.wav", 0.5);
    let mut first = utterance(&audio, Some(0.1), Some(0.25));
    (first.speaker, first.text) = (Some("x".into()), "it's \"so\"".into());
    let second = utterance(&folder.path("audio/../audio/a.wav"), None, None);
    for name in ["m.jsonl", "audio/m.jsonl", "lists/of/m.jsonl"] {
        let path = folder.write(name, "");
        let lines = [&first, &second].map(|u| manifest_line(u, path.parent().unwrap()));
        assert!(!lines[0]["audio_filepath"].as_str().unwrap().starts_with('/'), "{lines:?}");
        write_manifest(&path, lines).unwrap();
        let read = read_manifest(&path).unwrap();
        assert_eq!(read.len(), 2, "{name}");
        for (read, written) in read.iter().zip([&first, &second]) {
            let same = read.audio.canonicalize().unwrap() == audio.canonicalize().unwrap();
            assert!(same, "{name}: {}", read.audio.display());
            let facts =
                |u: &Utterance| (u.offset_s, u.duration_s, u.text.clone(), u.speaker.clone());
            assert_eq!(facts(read), facts(written), "{name}");
        }
    }
    let nowhere = folder.path("no/folder/m.jsonl");
    let error = write_manifest(&nowhere, []).unwrap_err().to_string();
    assert!(error.contains("m.jsonl"), "{error}");
}

#[test]
fn a_drop_list_knows_utterances_by_file_and_start() {
    let folder = Folder::new();
    let audio = folder.say("audio/a.wav", 2.0);
    let other = folder.say("audio/b.wav", 2.0);
    let line =
        r#"{"audio_filepath": "../audio/a.wav", "offset": 0.1, "text": "other words", "doubt": 3}"#;
    let list = folder.write("lists/bad.jsonl", line);
    let more = folder.write("audio/more.jsonl", r#"{"audio_filepath": "b.wav", "text": ""}"#);
    let drop = DropList::read(&[list, more]).unwrap();
    for (audio, offset, dropped) in [
        (&audio, Some(0.1), true),
        (&audio, Some(0.100_000_01), true),
        (&audio, Some(0.2), false),
        (&audio, None, false),
        (&other, None, true),
        (&other, Some(0.0), true),
        (&folder.path("gone.wav"), None, false),
    ] {
        let utterance = utterance(audio, offset, Some(1.0));
        assert_eq!(drop.contains(&utterance), dropped, "{} {offset:?}", audio.display());
    }
    assert!(!DropList::default().contains(&utterance(&audio, Some(0.1), None)));
    assert!(DropList::read(&[folder.path("none.jsonl")]).is_err());
}
