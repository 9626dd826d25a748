//! `stonechat data audit`: transcripts that are not what is said.
//!
//! A trained network gives every transcript a loss (`-ln P`, CTC or Gram-CTC). Garbled or noisy speech has a high one whatever
//! its transcript is, so a transcript is compared with those of other utterances of its length: its *fit* is by how many of their
//! standard deviations it is more likely than they are on average. A right transcript mostly fits by four and more, even where
//! half of the words are misheard; one that belongs elsewhere is one of the others, around 0. Loss and error rate go with it,
//! for networks that hear well enough for single wrong words to show.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;
use stonechat::Model;
use stonechat_audio::{Sound, Warning};
use stonechat_corpus::{
    Doubts, DropList, Targets, Utterance, manifest_line, read_manifest, write_manifest,
};
use stonechat_decode::{Decoder, ErrorCount, GreedyDecoder};
use stonechat_tune::parallel;

use super::make::sources;
use crate::failure::{Verdict, usage};
use crate::model_file::ModelArg;
use crate::normalise::NormaliseArg;
use crate::output::{self, duration, thousands};
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
    /// What is worst
    #[arg(long, value_name = "MEASURE", default_value = "fit")]
    by: Measure,
    /// Write all utterances, worst first, as a manifest with the fields fit, loss, cer and heard
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the worst in the same form: a list that `drop` in a recipe and `data make --drop` leave out
    #[arg(long, value_name = "FILE")]
    drop: Option<PathBuf>,
    /// Where the worst end: the fit from which a transcript is kept, or the loss or CER up to which it is [default: a fit of 1]
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    threshold: Option<f64>,
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

/// What utterances are put in order by.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Measure {
    /// Standard deviations by which the transcript is more likely than others of its length; low is bad
    Fit,
    /// Nats an output frame
    Loss,
    /// Share of the characters that are misheard
    Cer,
}

/// Transcripts of others that one is compared with, at most; and at least, or its fit is not known.
const OTHERS: usize = 16;
const FEWEST_OTHERS: usize = 4;

/// Fit below which a transcript is dropped. Of 200 transcripts of a game that were exchanged for others of their length, 94 %
/// lay below 1, and 0.5 % of 200 that were not, by a model that mishears more than half of the characters.
const FIT: f64 = 1.0;

/// What the network makes of an utterance.
struct Judged {
    utterance: Utterance,
    seconds: f64,
    /// Loss of the transcript, nats an output frame; infinite where it does not fit into the audio.
    loss: f64,
    /// See [`Measure::Fit`]; minus infinity where the transcript does not fit into the audio, `None` where there is nothing
    /// to compare it with.
    fit: Option<f64>,
    characters: ErrorCount,
    words: ErrorCount,
    heard: String,
    warnings: Vec<Warning>,
}

/// An utterance in `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    place: String,
    fit: Option<f64>,
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
    /// Where the worst end; null where nothing says so.
    threshold: Option<f64>,
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
        let outputs: Vec<&Path> =
            [&self.output, &self.drop].into_iter().flatten().map(|path| &**path).collect();
        let lists = self.manifests.iter().chain(&self.without).map(|path| &**path);
        output::reserve_all(&outputs, lists.chain(self.model.path()).chain(sources(&utterances)))?;
        let mut judged = self.judge(&model, &utterances)?;
        let mut doubts = Doubts::default();
        judged.iter().for_each(|judged| doubts.add(&judged.utterance, &judged.warnings));
        output::tell(&doubts);
        // Stable: of equals the first.
        judged.sort_by(|a, b| b.badness(self.by).total_cmp(&a.badness(self.by)));
        let threshold = self.threshold.or((self.by == Measure::Fit).then_some(FIT));
        let limit = match (threshold, self.by) {
            (None, _) if self.drop.is_some() => {
                return Err(usage("--drop by loss or CER needs a --threshold"));
            }
            (None, _) => f64::INFINITY,
            (Some(fit), Measure::Fit) => -fit,
            (Some(most), _) => most,
        };
        let dropped = judged.partition_point(|judged| judged.badness(self.by) > limit);
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
            threshold,
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
            output::warn(&format!("{count} texts are not judged; first: {place}: {error}"));
        }
        if utterances.is_empty() {
            bail!("no utterance to judge in {} lines", all);
        }
        let count = all - utterances.len();
        Ok((utterances, count))
    }

    fn judge(&self, model: &Arc<Model>, utterances: &[Utterance]) -> Result<Vec<Judged>> {
        let targets = Targets::new(model.alphabet().clone());
        let texts = Texts::new(utterances);
        let bar = progress::bar(utterances.len(), "utterances");
        let judged = parallel(utterances, usize::from(self.jobs), |utterance| {
            let judged = Judged::new(model, &targets, utterance, &texts);
            bar.inc(1);
            judged
        });
        bar.finish_and_clear();
        judged
    }
}

/// All texts, each once, by length.
struct Texts<'a>(Vec<(usize, &'a str)>);

impl<'a> Texts<'a> {
    fn new(utterances: &'a [Utterance]) -> Self {
        let texts: BTreeSet<(usize, &str)> =
            utterances.iter().map(|u| (u.text.chars().count(), u.text.as_str())).collect();
        Self(texts.into_iter().collect())
    }

    /// Those nearest to `text` in length, but not it.
    fn others(&self, text: &str) -> impl Iterator<Item = &'a str> {
        let at = self.0.partition_point(|other| *other < (text.chars().count(), text));
        let first = at.saturating_sub(OTHERS / 2).min(self.0.len().saturating_sub(OTHERS + 1));
        let around = &self.0[first..(first + OTHERS + 1).min(self.0.len())];
        around.iter().map(|(_, other)| *other).filter(move |other| *other != text)
    }
}

impl Judged {
    fn new(
        model: &Arc<Model>,
        targets: &Targets,
        utterance: &Utterance,
        texts: &Texts,
    ) -> Result<Self> {
        let Sound { samples, warnings } = utterance.read(model.sample_rate_hz())?;
        let logits = model.logits(&samples);
        let symbols = model.alphabet().symbols();
        let mut decoder = GreedyDecoder::new(symbols, model.frame_seconds())?;
        for frame in logits.chunks_exact(symbols.len()) {
            decoder.push(frame)?;
        }
        let heard = decoder.text().to_owned();
        let loss = |text: &str| targets.loss(&logits, text).with_context(|| utterance.place());
        let own = loss(&utterance.text)?;
        let others = texts.others(&utterance.text).map(loss).collect::<Result<Vec<f64>>>()?;
        Ok(Self {
            seconds: samples.len() as f64 / f64::from(model.sample_rate_hz()),
            loss: own / (logits.len() / symbols.len()).max(1) as f64,
            fit: fit(own, &others),
            characters: ErrorCount::characters(&utterance.text, &heard),
            words: ErrorCount::words(&utterance.text, &heard),
            heard,
            warnings,
            utterance: utterance.clone(),
        })
    }

    /// The measure with the worst highest; what is not known is best.
    fn badness(&self, by: Measure) -> f64 {
        match by {
            Measure::Fit => self.fit.map_or(f64::NEG_INFINITY, |fit| -fit),
            Measure::Loss => self.loss,
            Measure::Cer => self.characters.rate(),
        }
    }

    fn shown(&self) -> Shown<'_> {
        Shown {
            place: self.utterance.place(),
            fit: self.fit.and_then(finite),
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

/// Standard deviations of `others` by which the loss `own` is less than their mean; of others that are impossible
/// there is none.
fn fit(own: f64, others: &[f64]) -> Option<f64> {
    if own.is_infinite() {
        return Some(f64::NEG_INFINITY);
    }
    let others: Vec<f64> = others.iter().copied().filter(|loss| loss.is_finite()).collect();
    if others.len() < FEWEST_OTHERS {
        return None;
    }
    let count = others.len() as f64;
    let mean = others.iter().sum::<f64>() / count;
    let variance = others.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Some((mean - own) / variance.sqrt().max(f64::MIN_POSITIVE))
}

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
        line.insert("fit".into(), json!(judged.fit.and_then(rounded)));
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
             {} of them, {}, are beyond the threshold{}",
            thousands(self.utterances),
            duration(self.audio_seconds),
            100.0 * self.cer,
            100.0 * self.wer,
            thousands(self.dropped),
            duration(self.dropped_seconds),
            self.threshold.map_or(String::new(), |threshold| format!(" ({threshold})")),
        );
        let number = |value: Option<f64>| value.map_or("none".into(), |v| format!("{v:.2}"));
        for shown in &self.worst {
            text += &format!(
                "\n\n{}  fit {}, loss {}, CER {:.0} %\n  text   {}\n  heard  {}",
                shown.place,
                number(shown.fit),
                number(shown.loss),
                100.0 * shown.cer,
                shown.text,
                shown.heard,
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fit_is_counted_in_deviations_of_the_others() {
        let others = [10.0, 12.0, 14.0, 12.0]; // mean 12, variance 8/3
        for (own, expected) in [
            (12.0, 0.0),
            (12.0 - 2.0 * (8.0f64 / 3.0).sqrt(), 2.0),
            (f64::INFINITY, f64::NEG_INFINITY),
        ] {
            let fit = fit(own, &others).unwrap();
            assert!(fit == expected || (fit - expected).abs() < 1e-9, "{own}: {fit}");
        }
        assert_eq!(fit(1.0, &[10.0, 12.0, 14.0, f64::INFINITY]), None);
    }

    #[test]
    fn others_are_near_in_length_and_never_the_same() {
        let utterance = |text: &str| Utterance {
            audio: PathBuf::new(),
            part: None,
            offset_s: None,
            duration_s: None,
            text: text.into(),
            speaker: None,
            manifest: Path::new("").into(),
            line: 1,
            files: stonechat_corpus::Files::default(),
        };
        let words: Vec<Utterance> = (1..=60).map(|n| utterance(&"a".repeat(1 + n % 50))).collect();
        let texts = Texts::new(&words);
        for n in [1, 2, 25, 49, 50] {
            let own = "a".repeat(n);
            let others: Vec<&str> = texts.others(&own).collect();
            assert_eq!(others.len(), OTHERS, "{n}");
            assert!(
                others.iter().all(|other| *other != own && other.len().abs_diff(n) <= OTHERS),
                "{n}: {others:?}"
            );
        }
        assert_eq!(Texts::new(&words[..1]).others(&words[0].text).count(), 0);
    }
}
