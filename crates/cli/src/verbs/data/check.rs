//! `stonechat data check`: what is wrong with manifests before a training run finds out.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::ProgressBar;
use stonechat_audio::FeatureConfig;
use stonechat_model::{Alphabet, NetworkConfig};
use stonechat_train::Recipe;
use stonechat_train::data::{CheckOptions, CheckReport, FindingKind, Severity, check};

use crate::failure::Verdict;
use crate::model_file::ModelArg;
use crate::output::{self, Table, duration, thousands};
use crate::progress;

/// Width of the longest bar of the histogram.
const BAR: usize = 40;

#[derive(Args)]
pub struct Check {
    /// Manifests (JSONL: audio_filepath, duration, text), one for each split
    #[arg(required = true, value_name = "MANIFEST")]
    manifests: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArg,
    /// Take alphabet, rate and frame length from this recipe and not from a model
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    recipe: Option<PathBuf>,
    /// Examples listed for each kind of finding
    #[arg(long, value_name = "N", default_value_t = 5)]
    examples: usize,
    /// Seconds by which the declared duration may be wrong
    #[arg(long, value_name = "SECONDS", default_value = "0.1", value_parser = tolerance)]
    tolerance: f64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What the data must fit.
struct Target {
    alphabet: Alphabet,
    features: FeatureConfig,
    network: NetworkConfig,
}

/// Seconds that something may be off by.
fn tolerance(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| *seconds >= 0.0 && seconds.is_finite());
    seconds.ok_or_else(|| "must be a number of seconds, 0 or more".into())
}

impl Check {
    pub fn run(self) -> Result<Verdict> {
        let target = self.target()?;
        let options = CheckOptions {
            alphabet: &target.alphabet,
            features: &target.features,
            frames_out: &|frames| target.network.frames_out(frames),
            examples: self.examples,
            duration_tolerance_s: self.tolerance,
        };
        let bar: Mutex<Option<ProgressBar>> = Mutex::new(None);
        let report = check(
            &self.manifests,
            &options,
            Some(&|_, total| {
                let mut bar = bar.lock().unwrap_or_else(|broken| broken.into_inner());
                bar.get_or_insert_with(|| progress::bar(total, "files")).inc(1);
                true
            }),
        );
        if let Ok(Some(bar)) = bar.into_inner() {
            bar.finish_and_clear();
        }
        let report = report?;
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&render(&report)?)?;
        }
        Ok(if report.problems == 0 { Verdict::Good } else { Verdict::Bad })
    }

    fn target(&self) -> Result<Target> {
        if let Some(path) = &self.recipe {
            let recipe = Recipe::load(path, &[])?;
            let alphabet = recipe.symbols()?;
            return Ok(Target { alphabet, features: recipe.features, network: recipe.network });
        }
        let package = self.model.package()?;
        let features = serde_json::from_value(package.features)
            .with_context(|| format!("{}: `features`", self.model.name()))?;
        Ok(Target { alphabet: package.alphabet, features, network: package.network.config })
    }
}

fn render(report: &CheckReport) -> Result<String> {
    let mut table = Table::new(["manifest", "utterances", "audio", "words", "speakers"]);
    for manifest in &report.manifests {
        table.row([
            manifest.manifest.display().to_string(),
            thousands(manifest.utterances),
            duration(manifest.seconds),
            thousands(manifest.words),
            manifest.speakers.to_string(),
        ]);
    }
    let mut text = table.render();
    write!(text, "\n\nrates     {}", counts(&report.rates_hz, " Hz"))?;
    write!(text, "\nchannels  {}\n", counts(&report.channels, ""))?;
    write!(text, "\n{}\n", histogram(report))?;
    for (kind, finding) in &report.findings {
        let severity = match finding.severity {
            Severity::Problem => "problem",
            Severity::Warning => "warning",
        };
        write!(text, "\n{severity}: {} ({})\n", title(*kind), thousands(finding.count))?;
        for example in &finding.examples {
            writeln!(text, "  {}: {}", example.place, example.detail)?;
        }
        if finding.count > finding.examples.len() {
            writeln!(text, "  ...")?;
        }
    }
    if !report.foreign_characters.is_empty() {
        let listed = report.foreign_characters.iter().map(|(c, n)| format!("{c:?} {n} x"));
        write!(text, "\noutside the alphabet: {}\n", listed.collect::<Vec<_>>().join(", "))?;
    }
    write!(
        text,
        "\n{} problems, {} warnings",
        thousands(report.problems),
        thousands(report.warnings)
    )?;
    Ok(text)
}

fn title(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::BadLine => "lines that are no utterance",
        FindingKind::EmptyManifest => "empty manifests",
        FindingKind::MissingFile => "missing files",
        FindingKind::Unreadable => "audio that cannot be decoded",
        FindingKind::OutsideAlphabet => "texts with characters outside the alphabet",
        FindingKind::CtcImpossible => "texts too long for their audio (CTC)",
        FindingKind::WrongDuration => "declared durations that are wrong",
        FindingKind::SameAudioInTwoSplits => "recordings in two manifests",
        FindingKind::WrongRate => "files at another rate than the model's",
        FindingKind::DuplicateAudio => "recordings listed twice",
        FindingKind::DuplicateText => "same text and length, probably one recording coded twice",
        FindingKind::SharedSpeaker => "speakers in several manifests",
        FindingKind::EmptyText => "empty texts",
        FindingKind::SilentAudio => "silent recordings",
        FindingKind::DoubtfulAudio => "recordings with a fault",
    }
}

fn counts<K: std::fmt::Display>(
    counts: &std::collections::BTreeMap<K, usize>,
    unit: &str,
) -> String {
    let all = counts.iter().map(|(value, count)| format!("{value}{unit}: {}", thousands(*count)));
    all.collect::<Vec<_>>().join(", ")
}

/// A bar for each range of durations, the empty ones at both ends left out.
fn histogram(report: &CheckReport) -> String {
    let bins = &report.durations;
    let filled = |bin: usize| bins[bin].utterances > 0;
    let (Some(first), Some(last)) =
        ((0..bins.len()).find(|&b| filled(b)), (0..bins.len()).rfind(|&b| filled(b)))
    else {
        return "no audio".into();
    };
    let most = bins.iter().map(|bin| bin.utterances).max().unwrap_or(0).max(1);
    let lines = bins[first..=last].iter().map(|bin| {
        let range = match bin.to_s {
            Some(to) => format!("{:4.1} -{to:5.1} s", bin.from_s),
            None => format!("{:4.1} s and more", bin.from_s),
        };
        // What is there is seen, however little it is.
        let bar = "#".repeat((bin.utterances * BAR).div_ceil(most));
        format!("{range:16}{:>8}  {bar}", thousands(bin.utterances)).trim_end().to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}
