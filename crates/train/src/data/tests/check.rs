use std::collections::BTreeMap;

use serde_json::json;
use stonechat_corpus::ManifestError;
use stonechat_model::Alphabet;

use super::{Corpus, features, voice, write_wav};
use crate::data::{CheckOptions, CheckReport, DataError, FindingKind, Severity, check};

fn run(manifests: &[std::path::PathBuf], examples: usize) -> Result<CheckReport, DataError> {
    let options = CheckOptions {
        alphabet: &Alphabet::english(),
        features: &features(),
        frames_out: &|frames| frames.div_ceil(2),
        examples,
        duration_tolerance_s: 0.05,
    };
    check(manifests, &options, None)
}

/// Findings as (kind, the lines of the examples).
fn found(report: &CheckReport) -> BTreeMap<FindingKind, Vec<String>> {
    let name = |place: &str| place.rsplit(['/', '\\']).next().unwrap().to_owned();
    let places = |examples: &[crate::data::Example]| {
        examples.iter().map(|example| name(&example.place)).collect()
    };
    report.findings.iter().map(|(kind, finding)| (*kind, places(&finding.examples))).collect()
}

#[test]
fn sound_data_has_no_findings() {
    let mut train = Corpus::new();
    train.say("a.wav", 0.5, "one")["speaker"] = json!("x");
    train.say("b.wav", 2.2, "two two two")["speaker"] = json!("y");
    train.say("c.wav", 2.0, "two two two")["speaker"] = json!("x");
    let report = run(&[train.manifest("train.jsonl")], 3).unwrap();
    assert_eq!((report.problems, report.warnings), (0, 0), "{:?}", report.findings);
    let summary = &report.manifests[0];
    assert_eq!((summary.utterances, summary.speakers, summary.words), (3, 2, 7));
    assert!((summary.seconds - 4.7).abs() < 1e-9);
    assert_eq!(report.rates_hz, BTreeMap::from([(8_000, 3)]));
    assert_eq!(report.channels, BTreeMap::from([(1, 3)]));
    let filled: Vec<_> = report.durations.iter().filter(|bin| bin.utterances > 0).collect();
    let bins: Vec<_> = filled.iter().map(|bin| (bin.from_s, bin.to_s, bin.utterances)).collect();
    assert_eq!(bins, [(0.5, Some(1.0), 1), (2.0, Some(3.0), 2)]);
    assert_eq!(report.durations.last().unwrap().to_s, None);
}

#[test]
fn every_kind_is_found_where_it_is() {
    let mut train = Corpus::new();
    train.say("1.wav", 0.5, "sound")["speaker"] = json!("x");
    train.line(json!({"audio_filepath": "1.wav", "duration": 0.5}));
    train.line(json!({"audio_filepath": "missing.wav", "duration": 1, "text": "a"}));
    std::fs::write(train.path("4.wav"), "this is no audio").unwrap();
    train.line(json!({"audio_filepath": "4.wav", "duration": 1, "text": "a"}));
    train.say("5.wav", 0.5, "Caf\u{e9} C");
    train.say("6.wav", 0.5, &"a".repeat(14));
    train.say("7.wav", 0.6, "longer")["duration"] = json!(1.6);
    write_wav(&train.path("8.wav"), 16_000, 2, &voice(3.0, "8"));
    train.line(json!({"audio_filepath": "8.wav", "duration": 0.75, "text": "rate"}));
    std::fs::copy(train.path("1.wav"), train.path("9.wav")).unwrap();
    train.line(json!({"audio_filepath": "9.wav", "duration": 0.5, "text": "sound"}));
    train.say("10.wav", 1.0, "the same words");
    train.say("11.wav", 1.0, "the same words");
    train.say("12.wav", 0.5, " ");
    write_wav(&train.path("13.wav"), 8_000, 1, &[0; 4_000]);
    train.line(json!({"audio_filepath": "13.wav", "duration": 0.5, "text": "silence"}));
    train.line(json!({"audio_filepath": ".", "duration": 0.5, "text": "a folder"}));

    let mut test = Corpus::new();
    test.say("1.wav", 0.5, "sound")["speaker"] = json!("x");
    test.say("2.wav", 0.5, "other")["speaker"] = json!("z");

    let report = run(&[train.manifest("train.jsonl"), test.manifest("test.jsonl")], 9).unwrap();
    let expected = [
        (FindingKind::BadLine, vec!["train.jsonl:2"]),
        (FindingKind::MissingFile, vec!["train.jsonl:3", "train.jsonl:14"]),
        (FindingKind::Unreadable, vec!["train.jsonl:4"]),
        (FindingKind::OutsideAlphabet, vec!["train.jsonl:5"]),
        (FindingKind::CtcImpossible, vec!["train.jsonl:6"]),
        (FindingKind::WrongDuration, vec!["train.jsonl:7"]),
        (FindingKind::WrongRate, vec!["train.jsonl:8"]),
        (FindingKind::DuplicateAudio, vec!["train.jsonl:9"]),
        (FindingKind::DuplicateText, vec!["train.jsonl:11"]),
        (FindingKind::EmptyText, vec!["train.jsonl:12"]),
        (FindingKind::SilentAudio, vec!["train.jsonl:13"]),
        (FindingKind::SameAudioInTwoSplits, vec!["test.jsonl:1"]),
        (FindingKind::SharedSpeaker, vec!["train.jsonl:1"]),
    ];
    let found = found(&report);
    for (kind, places) in &expected {
        assert_eq!(found.get(kind).map_or(&[][..], Vec::as_slice), places, "{kind:?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert_eq!((report.problems, report.warnings), (8, 6));
    assert_eq!(report.foreign_characters, BTreeMap::from([('C', 2), ('\u{e9}', 1)]));
    assert_eq!(report.channels[&2], 1);
    assert_eq!(report.rates_hz[&16_000], 1);
    let detail = |kind| report.findings[&kind].examples[0].detail.as_str();
    for (kind, words) in [
        (FindingKind::BadLine, "field `text`: missing"),
        (FindingKind::WrongDuration, "declared 1.600 s, decoded 0.600 s"),
        (FindingKind::WrongRate, "16000 Hz"),
        (FindingKind::CtcImpossible, "give 25"),
        (FindingKind::SharedSpeaker, "test.jsonl:1"),
        (FindingKind::DuplicateAudio, "train.jsonl:1"),
    ] {
        assert!(detail(kind).contains(words), "{kind:?}: {:?} lacks {words:?}", detail(kind));
    }
}

#[test]
fn examples_are_limited_and_all_are_counted() {
    let mut corpus = Corpus::new();
    for number in 0..5 {
        corpus.line(json!({"audio_filepath": format!("{number}.wav"), "duration": 1, "text": "a"}));
    }
    let report = run(&[corpus.manifest("m.jsonl")], 2).unwrap();
    let finding = &report.findings[&FindingKind::MissingFile];
    assert_eq!(
        (finding.count, finding.examples.len(), finding.severity),
        (5, 2, Severity::Problem)
    );

    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["problems"], 5);
    assert_eq!(json["findings"]["missing_file"]["count"], 5);
    assert_eq!(json["findings"]["missing_file"]["severity"], "problem");
    let error = run(&[corpus.path("none.jsonl")], 2).unwrap_err();
    assert!(matches!(error, DataError::Manifest(ManifestError::Io { .. })), "{error}");
}
