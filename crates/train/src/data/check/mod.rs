//! `data check`: finds what is wrong with manifests before a training run does.

mod inspect;
mod report;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use stonechat_audio::{FeatureConfig, WarningKind};
use stonechat_corpus::{ManifestError, Targets, Utterance, read_manifest_lines};
use stonechat_model::Alphabet;

use inspect::{Inspected, inspect};
use report::Collector;
pub use report::{
    CheckReport, Example, Finding, FindingKind, HistogramBin, ManifestSummary, Severity,
};

use super::Progress;
use super::error::DataError;

/// With fewer words than this, two utterances may share text and length by chance.
const WORDS_OF_A_DUPLICATE: usize = 3;

/// What a check compares against.
pub struct CheckOptions<'a> {
    /// Texts must be spelled in it.
    pub alphabet: &'a Alphabet,
    /// Its sample rate is the expected one; its hop determines what CTC can align.
    pub features: &'a FeatureConfig,
    /// The network's output frames for a number of feature frames.
    pub frames_out: &'a (dyn Fn(usize) -> usize + Sync),
    /// The most examples listed for each kind of finding; all are counted.
    pub examples: usize,
    /// Declared and decoded duration may differ by this much, in seconds.
    pub duration_tolerance_s: f64,
}

/// Reads every line and decodes every file of the manifests, on rayon's threads. Each manifest
/// counts as a split: speakers and recordings that occur in two of them are reported.
///
/// # Errors
/// A manifest itself cannot be read; everything else is a finding.
pub fn check(
    manifests: &[PathBuf],
    options: &CheckOptions,
    progress: Progress,
) -> Result<CheckReport, DataError> {
    let mut collector = Collector::new(options.examples);
    let mut lines = Vec::new();
    for (split, manifest) in manifests.iter().enumerate() {
        let listed = read_manifest_lines(manifest)?;
        if listed.is_empty() {
            let place = manifest.display().to_string();
            collector.add(FindingKind::EmptyManifest, place, "it lists no recording".into());
        }
        for line in listed {
            match line {
                Ok(utterance) => lines.push(Line { split, utterance }),
                Err(error) => {
                    // The error starts with the place, which is already in the example.
                    let ManifestError::Line { line, field, problem, .. } = error else {
                        return Err(error.into());
                    };
                    let place = format!("{}:{line}", manifest.display());
                    collector.add(
                        FindingKind::BadLine,
                        place,
                        format!("field `{field}`: {problem}"),
                    );
                }
            }
        }
    }
    let done = AtomicUsize::new(0);
    let inspected: Vec<Inspected> = lines
        .par_iter()
        .map(|line| {
            let inspected = inspect(&line.utterance, options.features.sample_rate_hz);
            if let Some(progress) = progress {
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, lines.len());
            }
            inspected
        })
        .collect();

    let targets = Targets::new(options.alphabet.clone());
    for (line, inspected) in lines.iter().zip(&inspected) {
        check_text(&line.utterance, &targets, &mut collector);
        check_audio(&line.utterance, inspected, options, &targets, &mut collector);
    }
    check_same_audio(&lines, &inspected, &mut collector);
    check_same_text(&lines, &inspected, &mut collector);
    check_speakers(&lines, &mut collector);
    let summaries = manifests
        .iter()
        .enumerate()
        .map(|(split, path)| summarise(split, path.clone(), &lines, &inspected, options));
    Ok(collector.report(summaries.collect(), &inspected, options.features.sample_rate_hz))
}

struct Line {
    /// Index of the manifest.
    split: usize,
    utterance: Utterance,
}

fn check_text(utterance: &Utterance, targets: &Targets, collector: &mut Collector) {
    if utterance.text.trim().is_empty() {
        let detail = "no text: right only for recordings without speech";
        collector.add(FindingKind::EmptyText, utterance.place(), detail.into());
    }
    if let Err(error) = targets.labels(&utterance.text) {
        collector.add(FindingKind::OutsideAlphabet, utterance.place(), error.to_string());
        let foreign =
            |character: &char| targets.labels(character.encode_utf8(&mut [0; 4])).is_err();
        utterance
            .text
            .chars()
            .filter(foreign)
            .for_each(|character| collector.foreign_character(character));
    }
}

fn check_audio(
    utterance: &Utterance,
    inspected: &Inspected,
    options: &CheckOptions,
    targets: &Targets,
    collector: &mut Collector,
) {
    let rate_hz = options.features.sample_rate_hz;
    let audio = match inspected {
        Inspected::Missing(detail) => {
            return collector.add(FindingKind::MissingFile, utterance.place(), detail.clone());
        }
        Inspected::Unreadable(detail) => {
            return collector.add(FindingKind::Unreadable, utterance.place(), detail.clone());
        }
        Inspected::Audio(audio) => audio,
    };
    let mut add = |kind, detail| collector.add(kind, utterance.place(), detail);
    let file = utterance.audio.display();
    if audio.source_rate_hz < rate_hz {
        let missing = audio.source_rate_hz / 2;
        add(
            FindingKind::WrongRate,
            format!(
                "{file}: {} Hz, below the model's {rate_hz} Hz: nothing above {missing} Hz",
                audio.source_rate_hz
            ),
        );
    } else if audio.source_rate_hz > rate_hz {
        add(
            FindingKind::WrongRate,
            format!(
                "{file}: {} Hz, is resampled to the model's {rate_hz} Hz",
                audio.source_rate_hz
            ),
        );
    }
    let seconds = audio.samples as f64 / f64::from(rate_hz);
    if let Some(declared) = utterance.duration_s
        && (seconds - declared).abs() > options.duration_tolerance_s
    {
        add(
            FindingKind::WrongDuration,
            format!("{file}: declared {declared:.3} s, decoded {seconds:.3} s"),
        );
    }
    if audio.peak == 0.0 {
        add(FindingKind::SilentAudio, format!("{file}: all samples are zero"));
    }
    for warning in audio.warnings.iter().filter(|_| audio.peak > 0.0) {
        let kind = match warning.kind {
            WarningKind::Silent => FindingKind::SilentAudio,
            _ => FindingKind::DoubtfulAudio,
        };
        add(kind, format!("{file}: {warning}"));
    }
    if let Ok(labels) = targets.labels(&utterance.text) {
        let needed = targets.frames_needed(&labels);
        let given = (options.frames_out)(options.features.frames(audio.samples));
        if needed > given {
            add(
                FindingKind::CtcImpossible,
                format!(
                    "the text needs {needed} output frames, {seconds:.3} s of audio give {given}"
                ),
            );
        }
    }
}

/// Finds equal decoded samples: the second and later occurrences are reported.
fn check_same_audio(lines: &[Line], inspected: &[Inspected], collector: &mut Collector) {
    let mut first_of: HashMap<(u64, usize), &Line> = HashMap::new();
    for (line, inspected) in lines.iter().zip(inspected) {
        let Inspected::Audio(audio) = inspected else {
            continue;
        };
        let first = *first_of.entry((audio.hash, audio.samples)).or_insert(line);
        if std::ptr::eq(first, line) {
            continue;
        }
        let kind = if first.split == line.split {
            FindingKind::DuplicateAudio
        } else {
            FindingKind::SameAudioInTwoSplits
        };
        collector.add(
            kind,
            line.utterance.place(),
            format!("same samples as {}", first.utterance.place()),
        );
    }
}

/// Finds equal text and length with different samples: probably one recording, encoded twice.
fn check_same_text(lines: &[Line], inspected: &[Inspected], collector: &mut Collector) {
    let mut first_of: HashMap<(&str, usize), (u64, &Line)> = HashMap::new();
    for (line, inspected) in lines.iter().zip(inspected) {
        let Inspected::Audio(audio) = inspected else {
            continue;
        };
        let text = line.utterance.text.trim();
        if text.split_whitespace().count() < WORDS_OF_A_DUPLICATE {
            continue;
        }
        let (hash, first) = *first_of.entry((text, audio.samples)).or_insert((audio.hash, line));
        if hash != audio.hash {
            let detail = format!("same text and length as {}", first.utterance.place());
            collector.add(FindingKind::DuplicateText, line.utterance.place(), detail);
        }
    }
}

fn check_speakers(lines: &[Line], collector: &mut Collector) {
    /// The first line of a speaker in each split.
    type Splits<'a> = BTreeMap<usize, &'a Line>;
    let mut splits_of: BTreeMap<&str, Splits> = BTreeMap::new();
    for line in lines {
        if let Some(speaker) = &line.utterance.speaker {
            splits_of.entry(speaker).or_default().entry(line.split).or_insert(line);
        }
    }
    for (speaker, splits) in splits_of.iter().filter(|(_, splits)| splits.len() > 1) {
        let places: Vec<String> = splits.values().map(|line| line.utterance.place()).collect();
        let detail =
            format!("speaker {speaker:?} is in {} splits: {}", splits.len(), places.join(", "));
        collector.add(FindingKind::SharedSpeaker, places[0].clone(), detail);
    }
}

fn summarise(
    split: usize,
    path: PathBuf,
    lines: &[Line],
    inspected: &[Inspected],
    options: &CheckOptions,
) -> ManifestSummary {
    let of_split = || lines.iter().zip(inspected).filter(|(line, _)| line.split == split);
    let samples: usize = of_split().map(|(_, inspected)| inspected.samples()).sum();
    let speakers: BTreeSet<_> =
        of_split().filter_map(|(line, _)| line.utterance.speaker.as_deref()).collect();
    ManifestSummary {
        manifest: path,
        utterances: of_split().count(),
        seconds: samples as f64 / f64::from(options.features.sample_rate_hz),
        speakers: speakers.len(),
        words: of_split().map(|(line, _)| line.utterance.text.split_whitespace().count()).sum(),
    }
}
