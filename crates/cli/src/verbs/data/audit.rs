//! `stonechat data audit`: transcripts that are not what is said.
//!
//! A trained network gives every transcript a loss (`-ln P`, CTC or Gram-CTC). What is garbled or noisy has a high one whatever
//! its transcript is; so utterances are judged by how much more likely the network finds its own best text: by the loss of
//! the transcript less that of what it hears, a character of the longer of the two. A wrong transcript of clear speech
//! stands far above all others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use stonechat::Model;
use stonechat_corpus::{
    DropList, Targets, Utterance, manifest_line, read_manifest, write_manifest,
};
use stonechat_decode::{ErrorCount, GreedyDecoder};

use crate::failure::Verdict;
use crate::model_file::ModelArg;
use crate::normalise::NormaliseArg;
use crate::output::{self, duration, thousands};
use crate::parallel::parallel;
use crate::progress;

#[derive(Args)]
pub struct Audit {
    /// Manifests (JSONL: audio_filepath, text)
    #[arg(required = true, value_name = "MANIFEST")]
    manifests: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArg,
    #[command(flatten)]
    normalise: NormaliseArg,
    /// Write all utterances, worst first, as a manifest with the fields doubt, loss, cer and heard
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write those in doubt in the same form: a list that `drop` in a recipe and `data make --drop` leave out
    #[arg(long, value_name = "FILE")]
    drop: Option<PathBuf>,
    /// Doubt from which an utterance is dropped, in nats a character [default: what sets the worst apart from the rest]
    #[arg(long, value_name = "NATS", requires = "drop")]
    above: Option<f64>,
    /// Leave out what this manifest lists; may be repeated
    #[arg(long, value_name = "FILE")]
    without: Vec<PathBuf>,
    /// Utterances shown
    #[arg(long, value_name = "N", default_value_t = 20)]
    show: usize,
    /// Utterances worked on at the same time, each on one core
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What the network makes of an utterance.
struct Judged {
    utterance: Utterance,
    seconds: f64,
    /// Loss of the transcript, nats an output frame; infinite where it does not fit into the audio.
    loss: f64,
    /// By how much the transcript is less likely than what is heard, nats a character.
    doubt: f64,
    characters: ErrorCount,
    words: ErrorCount,
    heard: String,
}

/// An utterance in `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    place: String,
    doubt: Option<f64>,
    loss: Option<f64>,
    cer: f64,
    text: &'a str,
    heard: &'a str,
}

#[derive(Serialize)]
struct Report<'a> {
    utterances: usize,
    audio_seconds: f64,
    cer: f64,
    wer: f64,
    /// Doubt from which utterances are dropped.
    above: f64,
    dropped: usize,
    dropped_seconds: f64,
    /// Utterances whose texts have characters that the model's alphabet lacks: they are not judged.
    foreign: usize,
    worst: Vec<Shown<'a>>,
}

impl Audit {
    pub fn run(self) -> Result<Verdict> {
        let model = Arc::new(self.model.load()?);
        let (utterances, foreign) = self.utterances(&model)?;
        let mut judged = self.judge(&model, &utterances)?;
        // Stable: of equals the first.
        judged.sort_by(|a, b| b.doubt.total_cmp(&a.doubt));
        let above = self.above.unwrap_or_else(|| threshold(&judged));
        let dropped = judged.partition_point(|judged| judged.doubt >= above);
        if let Some(path) = &self.output {
            write(path, &judged)?;
        }
        if let Some(path) = &self.drop {
            write(path, &judged[..dropped])?;
        }
        let seconds = |judged: &[Judged]| judged.iter().map(|judged| judged.seconds).sum();
        let report = Report {
            utterances: judged.len(),
            audio_seconds: seconds(&judged),
            cer: judged.iter().map(|judged| judged.characters).sum::<ErrorCount>().rate(),
            wer: judged.iter().map(|judged| judged.words).sum::<ErrorCount>().rate(),
            above,
            dropped,
            dropped_seconds: seconds(&judged[..dropped]),
            foreign,
            worst: judged.iter().take(self.show).map(Judged::shown).collect(),
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render())?;
        }
        Ok(Verdict::Good)
    }

    /// What is to be judged, and how many have texts that cannot be.
    fn utterances(&self, model: &Model) -> Result<(Vec<Utterance>, usize)> {
        let without = DropList::read(&self.without)?;
        let mut utterances = Vec::new();
        for manifest in &self.manifests {
            let all = read_manifest(manifest)?;
            utterances.extend(all.into_iter().filter(|utterance| !without.contains(utterance)));
        }
        if let Some(normaliser) = self.normalise.normaliser() {
            for utterance in &mut utterances {
                utterance.text = normaliser.line(&utterance.text);
            }
        }
        let all = utterances.len();
        let foreign = |utterance: &Utterance| model.alphabet().encode(&utterance.text).err();
        let first = utterances.iter().find_map(|u| Some((u.place(), foreign(u)?)));
        utterances.retain(|utterance| foreign(utterance).is_none());
        if let Some((place, error)) = first {
            let count = all - utterances.len();
            eprintln!("warning: {count} texts are not judged; first: {place}: {error}");
        }
        if utterances.is_empty() {
            bail!("no utterance to judge in {} lines", all);
        }
        let count = all - utterances.len();
        Ok((utterances, count))
    }

    fn judge(&self, model: &Arc<Model>, utterances: &[Utterance]) -> Result<Vec<Judged>> {
        let targets = Targets::new(model.alphabet().clone());
        let bar = progress::bar(utterances.len(), "utterances");
        let judged = parallel(utterances, usize::from(self.jobs), |utterance| {
            let judged = Judged::new(model, &targets, utterance);
            bar.inc(1);
            judged
        });
        bar.finish_and_clear();
        judged
    }
}

impl Judged {
    fn new(model: &Arc<Model>, targets: &Targets, utterance: &Utterance) -> Result<Self> {
        let samples = utterance.read(model.sample_rate_hz())?;
        let logits = model.logits(&samples);
        let symbols = model.alphabet().symbols();
        let mut decoder = GreedyDecoder::new(symbols, model.frame_seconds())?;
        for frame in logits.chunks_exact(symbols.len()) {
            decoder.push(frame)?;
        }
        let heard = decoder.text().to_owned();
        let loss = |text: &str| targets.loss(&logits, text).with_context(|| utterance.place());
        let (transcript, own) = (loss(&utterance.text)?, loss(&heard)?);
        let longer = utterance.text.chars().count().max(heard.chars().count()).max(1);
        Ok(Self {
            seconds: samples.len() as f64 / f64::from(model.sample_rate_hz()),
            loss: transcript / (logits.len() / symbols.len()).max(1) as f64,
            doubt: (transcript - own) / longer as f64,
            characters: ErrorCount::characters(&utterance.text, &heard),
            words: ErrorCount::words(&utterance.text, &heard),
            heard,
            utterance: utterance.clone(),
        })
    }

    fn shown(&self) -> Shown<'_> {
        Shown {
            place: self.utterance.place(),
            doubt: finite(self.doubt),
            loss: finite(self.loss),
            cer: self.characters.rate(),
            text: &self.utterance.text,
            heard: &self.heard,
        }
    }
}

/// A number that JSON has.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Where doubt is no longer that of a network that errs: so many deviations above the middle. Both are told from the
/// middle half of the utterances, which the wrong ones do not reach.
fn threshold(judged: &[Judged]) -> f64 {
    let quantile = |share: f64| {
        let at = ((1.0 - share) * judged.len() as f64) as usize;
        judged.get(at).map_or(0.0, |judged| judged.doubt)
    };
    // Half of a normal distribution lies within 0.674 deviations of its middle.
    let deviation = (quantile(0.75) - quantile(0.25)) / (2.0 * 0.674);
    quantile(0.5) + DEVIATIONS * deviation
}

/// How far the threshold lies above the middle.
const DEVIATIONS: f64 = 4.0;

/// Rounds to what a reader compares.
fn rounded(value: f64) -> Option<f64> {
    finite((1e4 * value).round() / 1e4)
}

/// Writes the utterances as a manifest, with what was found of each.
fn write(path: &Path, judged: &[Judged]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let lines = judged.iter().map(|judged| {
        let mut utterance = judged.utterance.clone();
        utterance.duration_s = Some(judged.seconds);
        let mut line = manifest_line(&utterance, folder);
        line.insert("doubt".into(), json!(rounded(judged.doubt)));
        line.insert("loss".into(), json!(rounded(judged.loss)));
        line.insert("cer".into(), json!(rounded(judged.characters.rate())));
        line.insert("heard".into(), json!(judged.heard));
        line
    });
    Ok(write_manifest(path, lines)?)
}

impl Report<'_> {
    fn render(&self) -> String {
        let mut text = format!(
            "{} utterances, {}: CER {:.2} %, WER {:.2} %\n\
             {} of them, {}, above {:.3} nats a character",
            thousands(self.utterances),
            duration(self.audio_seconds),
            100.0 * self.cer,
            100.0 * self.wer,
            thousands(self.dropped),
            duration(self.dropped_seconds),
            self.above,
        );
        let number = |value: Option<f64>| value.map_or("never".into(), |v| format!("{v:.3}"));
        for shown in &self.worst {
            text += &format!(
                "\n\n{}  doubt {}, loss {}, CER {:.0} %\n  text   {}\n  heard  {}",
                shown.place,
                number(shown.doubt),
                number(shown.loss),
                100.0 * shown.cer,
                shown.text,
                shown.heard,
            );
        }
        text
    }
}
