//! `stonechat eval`: error rates and speed on a manifest.

mod acceptance;
mod logits;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use stonechat::{ConfidenceWeights, Options, Profile, Recognizer};
use stonechat_audio::Sound;
use stonechat_corpus::{Doubt, Doubts, Utterance, read_manifest};
use stonechat_decode::{ErrorCount, Evidence, expected_calibration_error};
use stonechat_files::Output;
use stonechat_tune::weights::{self, Try};

use self::acceptance::Acceptance;
use crate::decoder_args::DecoderArgs;
use crate::failure::{Verdict, usage};
use crate::memory::peak_rss_mb;
use crate::model_file::ModelArg;
use crate::output::{self, duration, megabytes, thousands};
use crate::progress;
use crate::voice_args::VoiceArgs;

#[derive(Args)]
pub struct Eval {
    /// Manifest (JSONL: audio_filepath, duration, text)
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    #[command(flatten)]
    model: ModelArg,
    #[command(flatten)]
    decoder: DecoderArgs,
    #[command(flatten)]
    voice: VoiceArgs,
    /// Search for the language model weight (alpha) and word bonus (beta) with
    /// the fewest word errors, and evaluate with them; do not use it on test data
    #[arg(long)]
    tune: bool,
    /// Fit the word confidences of a beam search or a grammar to this data, and report their error
    #[arg(long)]
    calibrate: bool,
    /// Write the network's logits of each utterance into FOLDER (NumPy), for other decoders
    #[arg(long, value_name = "FOLDER")]
    logits: Option<PathBuf>,
    /// Utterances recognised at the same time, each on one core
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// Only the first N utterances
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Write reference and hypothesis of each utterance to FILE (JSONL)
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Rates are shares: 0.25 is 25 %.
#[derive(Serialize)]
struct Report {
    wer: f64,
    cer: f64,
    /// Share of the utterances without any error.
    sentences_right: f64,
    utterances: usize,
    audio_seconds: f64,
    /// Seconds of work on one core (features, network, decoding; not the reading of files) per second of audio.
    rtf: f64,
    /// Share of the network in that.
    am_share: f64,
    peak_rss_mb: Option<f64>,
    model_bytes: u64,
    /// The language model's; 0 without one.
    lm_bytes: u64,
    /// Hypotheses of the beam search; null: greedy.
    beam: Option<usize>,
    alpha: Option<f32>,
    beta: Option<f32>,
    /// Expected calibration error of the word confidences, in 10 bins.
    ece: f64,
    /// With `--calibrate`: the weights fitted to all words, and the error of weights that were fitted
    /// to the other half of the utterances.
    #[serde(skip_serializing_if = "Option::is_none")]
    calibration: Option<Calibrated>,
    /// With a grammar: what it accepts and rejects by the least confidence, with `--calibrate` by confidences fitted
    /// to the other half of the utterances.
    #[serde(skip_serializing_if = "Option::is_none")]
    acceptance: Option<Acceptance>,
    /// With `--tune`: what was tried, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tries: Vec<Try>,
    words: ErrorCount,
    characters: ErrorCount,
    /// What was wrong with recordings, and what was done about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Doubt>,
}

#[derive(Serialize)]
struct Calibrated {
    weights: ConfidenceWeights,
    ece: f64,
}

/// One utterance, a line of `--details`.
#[derive(Serialize)]
struct Detail {
    /// Line of the manifest, from 1.
    line: usize,
    audio: PathBuf,
    seconds: f64,
    #[serde(rename = "ref")]
    reference: String,
    #[serde(rename = "hyp")]
    hypothesis: String,
    words: ErrorCount,
    characters: ErrorCount,
    /// Confidence of each word, and whether it is right.
    #[serde(skip)]
    judged: Vec<(f32, bool)>,
    /// What a beam search knew of each word.
    #[serde(skip)]
    evidence: Vec<Evidence>,
}

impl Detail {
    /// Those of the words.
    fn confidences(&self) -> Vec<f32> {
        self.judged.iter().map(|&(confidence, _)| confidence).collect()
    }
}

/// The work of one thread.
#[derive(Default)]
struct Share {
    details: Vec<(usize, Detail)>,
    time: Duration,
    profile: Option<Profile>,
    doubts: Doubts,
}

/// The work of all threads.
#[derive(Default)]
struct Heard {
    /// In the manifest's order.
    details: Vec<Detail>,
    /// What it took, and the network's part of that.
    time: Duration,
    acoustic: Duration,
    doubts: Doubts,
}

impl Eval {
    pub fn run(self) -> Result<Verdict> {
        if let Some(path) = &self.details {
            let read = [Some(&*self.manifest), self.model.path()];
            output::reserve(path, read.into_iter().flatten())?;
        }
        let mut utterances = read_manifest(&self.manifest)?;
        if let Some(path) = &self.details {
            stonechat_files::is_input(path, utterances.iter().map(|utterance| &*utterance.audio))?;
        }
        if let Some(rules) = self.decoder.normalise.normaliser() {
            utterances.iter_mut().for_each(|u| u.text = rules.line(&u.text));
        }
        utterances.truncate(self.limit.unwrap_or(usize::MAX));
        if utterances.is_empty() {
            bail!("{}: no utterance to evaluate on", self.manifest.display());
        }
        let options = Options { profile: true, ..Options::default() };
        let mut settings = self.decoder.settings()?;
        if settings.grammar.is_some() && self.tune {
            return Err(usage("--tune is for language models: leave --grammar out"));
        }
        if self.tune || self.calibrate && settings.grammar.is_none() {
            if settings.greedy {
                return Err(usage("--greedy finds one text and has no weights: leave it out"));
            }
            settings.beam = Some(settings.beam_width());
        }
        self.voice.apply(&mut settings, false)?;
        let recognizer = self.decoder.recognizer(&settings, &self.model)?;
        let mut recognizer = recognizer.with_options(options)?;
        let grammar = settings.grammar()?;
        warn_of_foreign_texts(&recognizer, &utterances);
        let tries = self.prepare(&mut recognizer, &utterances)?;
        let Heard { details, time, acoustic, doubts } = self.recognise(&recognizer, &utterances)?;
        output::tell(&doubts);
        if let Some(path) = &self.details {
            write_details(path, &details)?;
        }
        let audio_seconds: f64 = details.iter().map(|detail| detail.seconds).sum();
        let words: ErrorCount = details.iter().map(|detail| detail.words).sum();
        let characters: ErrorCount = details.iter().map(|detail| detail.characters).sum();
        let judged: Vec<(f32, bool)> = details.iter().flat_map(|d| d.judged.clone()).collect();
        let search = recognizer.search();
        let mut confidences: Vec<Vec<f32>> = details.iter().map(Detail::confidences).collect();
        let calibration = self.calibrate.then(|| calibrate(&details, &mut confidences));
        let right = details.iter().filter(|detail| detail.words.errors() == 0).count();
        let report = Report {
            wer: words.rate(),
            cer: characters.rate(),
            sentences_right: right as f64 / details.len() as f64,
            utterances: details.len(),
            audio_seconds,
            rtf: time.as_secs_f64() / audio_seconds,
            am_share: acoustic.as_secs_f64() / time.as_secs_f64(),
            peak_rss_mb: peak_rss_mb(),
            model_bytes: self.model.bytes()?,
            lm_bytes: self.decoder.lm_bytes(&self.model)?,
            beam: search.map(|search| search.options().width),
            alpha: search.map(|search| search.options().alpha),
            beta: search.map(|search| search.options().beta),
            ece: expected_calibration_error(&judged, BINS),
            calibration,
            acceptance: grammar.map(|grammar| Acceptance::new(&grammar, &details, &confidences)),
            tries,
            words,
            characters,
            warnings: doubts.list(),
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render(&self.model.name(), &self.manifest))?;
        }
        Ok(Verdict::Good)
    }

    /// Writes logits and looks for weights, if asked to; the recognizer then has the best.
    fn prepare(&self, recognizer: &mut Recognizer, utterances: &[Utterance]) -> Result<Vec<Try>> {
        if !self.tune && self.logits.is_none() {
            return Ok(Vec::new());
        }
        let jobs = usize::from(self.jobs);
        let bar = progress::bar(utterances.len(), "network");
        let heard = weights::hear(recognizer.model(), utterances, jobs, &|| bar.inc(1))?;
        bar.finish_and_clear();
        if let Some(folder) = &self.logits {
            logits::write(folder, recognizer.model(), &heard)?;
        }
        let (true, Some(search)) = (self.tune, recognizer.search().cloned()) else {
            return Ok(Vec::new());
        };
        let tries = weights::tune(&search, &heard, jobs, &mut |tried| {
            let Try { alpha, beta, wer } = tried;
            output::say(&format!("alpha {alpha:.3}, beta {beta:.3}: WER {:.2} %", 100.0 * wer));
        })?;
        if let Some(best) = tries.first() {
            let search = (*search).clone().with_weights(best.alpha, best.beta)?;
            *recognizer = recognizer.clone().with_search(search)?;
        }
        Ok(tries)
    }

    fn recognise(&self, recognizer: &Recognizer, utterances: &[Utterance]) -> Result<Heard> {
        let queue = Queue { utterances, next: AtomicUsize::new(0), failed: AtomicBool::new(false) };
        let bar = progress::bar(utterances.len(), "utterances");
        let jobs = usize::from(self.jobs).min(utterances.len());
        let shares = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    let share = queue.work(recognizer, &bar);
                    shares.lock().unwrap_or_else(|broken| broken.into_inner()).push(share);
                });
            }
        });
        bar.finish_and_clear();
        let mut details = Vec::new();
        let mut heard = Heard::default();
        for share in shares.into_inner().unwrap_or_else(|broken| broken.into_inner()) {
            let share = share?;
            details.extend(share.details);
            heard.time += share.time;
            heard.acoustic += share.profile.as_ref().map_or(Duration::ZERO, Profile::acoustic);
            heard.doubts.merge(share.doubts);
        }
        details.sort_by_key(|(index, _)| *index);
        heard.details = details.into_iter().map(|(_, detail)| detail).collect();
        Ok(heard)
    }
}

/// The utterances that are left.
struct Queue<'a> {
    utterances: &'a [Utterance],
    next: AtomicUsize,
    failed: AtomicBool,
}

impl Queue<'_> {
    /// Takes utterances and recognises them until none is left or one failed anywhere.
    fn work(&self, recognizer: &Recognizer, bar: &ProgressBar) -> Result<Share> {
        let mut share = Share::default();
        let mut stream = recognizer.stream();
        let rate_hz = recognizer.model().sample_rate_hz();
        while !self.failed.load(Ordering::Relaxed) {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(utterance) = self.utterances.get(index) else { break };
            let Sound { samples, warnings } = utterance
                .read(rate_hz)
                .inspect_err(|_| self.failed.store(true, Ordering::Relaxed))?;
            share.doubts.add(utterance, &warnings);
            let start = Instant::now();
            stream.push(&samples)?;
            let transcript = stream.finish();
            share.time += start.elapsed();
            let hypothesis = transcript.text;
            let right = ErrorCount::right_words(&utterance.text, &hypothesis);
            let confidences = transcript.words.iter().map(|word| word.conf);
            let judged = confidences.zip(right).collect();
            let evidence = stream.decoder().evidence();
            stream.reset();
            share.details.push((
                index,
                Detail {
                    line: utterance.line,
                    audio: utterance.audio.clone(),
                    seconds: samples.len() as f64 / f64::from(rate_hz),
                    words: ErrorCount::words(&utterance.text, &hypothesis),
                    characters: ErrorCount::characters(&utterance.text, &hypothesis),
                    reference: utterance.text.clone(),
                    hypothesis,
                    judged,
                    evidence,
                },
            ));
            bar.inc(1);
        }
        share.profile = stream.profile().cloned();
        Ok(share)
    }
}

/// Bins of the calibration error.
const BINS: usize = 10;

/// The weights that fit all words, and the error where they were not fitted: the utterances are split
/// in two, and each half is judged by the weights of the other, which make its `confidences`.
fn calibrate(details: &[Detail], confidences: &mut [Vec<f32>]) -> Calibrated {
    let words = |first: usize, step: usize| -> Vec<(Evidence, bool)> {
        let details = details.iter().skip(first).step_by(step);
        details.flat_map(|d| d.evidence.iter().copied().zip(d.judged.iter().map(|j| j.1))).collect()
    };
    let others = [1, 0].map(|first| ConfidenceWeights::fit(&words(first, 2)));
    let mut judged = Vec::new();
    for (n, (detail, confidences)) in details.iter().zip(confidences).enumerate() {
        *confidences = detail.evidence.iter().map(|e| others[n % 2].confidence(e)).collect();
        judged.extend(confidences.iter().copied().zip(detail.judged.iter().map(|j| j.1)));
    }
    let weights = ConfidenceWeights::fit(&words(0, 1));
    Calibrated { weights, ece: expected_calibration_error(&judged, BINS) }
}

/// Texts are compared as they are: one in capitals is wrong from end to end, which should not go unnoticed.
fn warn_of_foreign_texts(recognizer: &Recognizer, utterances: &[Utterance]) {
    let alphabet = recognizer.model().alphabet();
    let mut foreign = utterances.iter().filter_map(|u| Some((u, alphabet.encode(&u.text).err()?)));
    if let Some((first, error)) = foreign.next() {
        let others = foreign.count();
        output::warn(&format!(
            "{}: {error} ({others} more such lines); it counts as an error",
            first.place()
        ));
    }
}

fn write_details(path: &Path, details: &[Detail]) -> Result<()> {
    let mut file = Output::create(path)?;
    for detail in details {
        let line = serde_json::to_string(detail)?;
        writeln!(file, "{line}").map_err(|error| file.error(error))?;
    }
    Ok(file.commit()?)
}

impl Report {
    fn render(&self, model: &str, manifest: &Path) -> String {
        let errors = |count: &ErrorCount| {
            format!(
                "{:6.2} %  ({} substitutions, {} deletions, {} insertions in {})",
                100.0 * count.rate(),
                count.substitutions,
                count.deletions,
                count.insertions,
                thousands(count.reference as usize),
            )
        };
        let mut search = String::new();
        if let (Some(beam), Some(alpha), Some(beta)) = (self.beam, self.alpha, self.beta) {
            search += &format!("\nbeam of {beam}, language model {}", megabytes(self.lm_bytes));
            search += &format!(", alpha {alpha:.3}, beta {beta:.3}");
        }
        search += &format!("\ncalibration error of confidences {:.3}", self.ece);
        if let Some(Calibrated { weights, ece }) = &self.calibration {
            search += &format!("; {ece:.3} with fitted weights {:?}", weights.weights);
        }
        if let Some(acceptance) = &self.acceptance {
            search += &acceptance.render();
        }
        let rss = self.peak_rss_mb.map_or("unknown".into(), |mb| format!("{mb:.1} MB"));
        format!(
            "{model} ({}) on {}: {} utterances, {}\n\
             WER  {}\nCER  {}\nsentences right {:.1} %\n\
             RTF  {:.4} on one core, {:.0} % of it in the network; peak memory {rss}{search}",
            megabytes(self.model_bytes),
            manifest.display(),
            self.utterances,
            duration(self.audio_seconds),
            errors(&self.words),
            errors(&self.characters),
            100.0 * self.sentences_right,
            self.rtf,
            100.0 * self.am_share,
        )
    }
}
