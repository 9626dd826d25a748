//! The result of a check: counts, a few examples, tables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::inspect::Inspected;

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A manifest line is not an utterance.
    BadLine,
    /// A manifest has no lines.
    EmptyManifest,
    /// The audio file does not exist.
    MissingFile,
    /// The audio cannot be decoded.
    Unreadable,
    /// The text has characters that are not in the alphabet.
    OutsideAlphabet,
    /// The text needs more output frames than the audio gives.
    CtcImpossible,
    /// Declared and decoded duration differ.
    WrongDuration,
    /// The same samples are in two manifests: an evaluation on one after training on the other is
    /// worthless.
    SameAudioInTwoSplits,
    /// The file's rate is not the model's.
    WrongRate,
    /// The same samples occur twice in a manifest.
    DuplicateAudio,
    /// The same text (three words or more) and length, with different samples.
    DuplicateText,
    /// A speaker occurs in more than one manifest.
    SharedSpeaker,
    /// No text.
    EmptyText,
    /// No sound in it.
    SilentAudio,
    /// A readable recording with a problem: truncated, clipped, far too quiet, a dead channel.
    DoubtfulAudio,
}

/// Whether a finding must be fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The utterance is unusable or spoils the evaluation.
    Problem,
    /// May be intended.
    Warning,
}

impl FindingKind {
    /// Whether it must be fixed.
    pub fn severity(self) -> Severity {
        match self {
            Self::BadLine
            | Self::EmptyManifest
            | Self::MissingFile
            | Self::Unreadable
            | Self::OutsideAlphabet
            | Self::CtcImpossible
            | Self::WrongDuration
            | Self::SameAudioInTwoSplits => Severity::Problem,
            Self::WrongRate
            | Self::DuplicateAudio
            | Self::DuplicateText
            | Self::SharedSpeaker
            | Self::EmptyText
            | Self::SilentAudio
            | Self::DoubtfulAudio => Severity::Warning,
        }
    }
}

/// One place where something was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// `manifest:line`.
    pub place: String,
    /// File, figures, reason.
    pub detail: String,
}

/// All findings of a kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Whether they must be fixed.
    pub severity: Severity,
    /// How many there are.
    pub count: usize,
    /// The first few, in the manifests' order.
    pub examples: Vec<Example>,
}

/// Totals of a manifest, over its readable lines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ManifestSummary {
    /// The manifest.
    pub manifest: PathBuf,
    /// Well-formed lines.
    pub utterances: usize,
    /// Decoded length in seconds.
    pub seconds: f64,
    /// Different speakers named.
    pub speakers: usize,
    /// Words of all texts.
    pub words: usize,
}

/// Utterances whose decoded length is in [from_s, to_s).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistogramBin {
    /// Lower bound, inclusive, in seconds.
    pub from_s: f64,
    /// Upper bound, exclusive, in seconds; none means no bound.
    pub to_s: Option<f64>,
    /// How many.
    pub utterances: usize,
}

/// Everything a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckReport {
    /// Totals for each manifest.
    pub manifests: Vec<ManifestSummary>,
    /// Number of findings that must be fixed.
    pub problems: usize,
    /// Number of findings that may be intended.
    pub warnings: usize,
    /// The findings by kind; kinds without findings are absent.
    pub findings: BTreeMap<FindingKind, Finding>,
    /// Characters outside the alphabet, and how often each occurs.
    pub foreign_characters: BTreeMap<char, usize>,
    /// Utterances by sample rate of their file, in Hz.
    pub rates_hz: BTreeMap<u32, usize>,
    /// Utterances by number of channels of their file.
    pub channels: BTreeMap<usize, usize>,
    /// Utterances by decoded length.
    pub durations: Vec<HistogramBin>,
}

/// Bounds of the duration histogram, in seconds.
const BOUNDS_S: [f64; 12] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0];

/// Gathers findings.
pub(super) struct Collector {
    examples: usize,
    findings: BTreeMap<FindingKind, Finding>,
    foreign: BTreeMap<char, usize>,
}

impl Collector {
    pub(super) fn new(examples: usize) -> Self {
        Self { examples, findings: BTreeMap::new(), foreign: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, kind: FindingKind, place: String, detail: String) {
        let severity = kind.severity();
        let finding = self.findings.entry(kind).or_insert(Finding {
            severity,
            count: 0,
            examples: Vec::new(),
        });
        finding.count += 1;
        if finding.examples.len() < self.examples {
            finding.examples.push(Example { place, detail });
        }
    }

    pub(super) fn foreign_character(&mut self, character: char) {
        *self.foreign.entry(character).or_default() += 1;
    }

    pub(super) fn report(
        self,
        manifests: Vec<ManifestSummary>,
        inspected: &[Inspected],
        rate_hz: u32,
    ) -> CheckReport {
        let with =
            |severity| self.findings.values().filter(move |finding| finding.severity == severity);
        let count = |severity| with(severity).map(|finding| finding.count).sum();
        let (mut rates_hz, mut channels) = (BTreeMap::new(), BTreeMap::new());
        let mut durations: Vec<HistogramBin> = BOUNDS_S
            .iter()
            .enumerate()
            .map(|(bin, &from_s)| HistogramBin {
                from_s,
                to_s: BOUNDS_S.get(bin + 1).copied(),
                utterances: 0,
            })
            .collect();
        for inspected in inspected {
            let Inspected::Audio(audio) = inspected else {
                continue;
            };
            *rates_hz.entry(audio.source_rate_hz).or_default() += 1;
            *channels.entry(audio.channels).or_default() += 1;
            let seconds = audio.samples as f64 / f64::from(rate_hz);
            durations[BOUNDS_S.partition_point(|&from| from <= seconds).max(1) - 1].utterances += 1;
        }
        CheckReport {
            manifests,
            problems: count(Severity::Problem),
            warnings: count(Severity::Warning),
            findings: self.findings,
            foreign_characters: self.foreign,
            rates_hz,
            channels,
            durations,
        }
    }
}
