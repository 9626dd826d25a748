//! `stonechat eval`: error rates and speed on a manifest.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use stonechat::{Options, Profile, Recognizer};
use stonechat_decode::ErrorCount;
use stonechat_train::data::{Utterance, read_manifest};

use crate::failure::Verdict;
use crate::memory::peak_rss_mb;
use crate::model_file::ModelArg;
use crate::output::{self, duration, megabytes, thousands};
use crate::progress;

#[derive(Args)]
pub struct Eval {
    /// Manifest (JSONL: audio_filepath, duration, text)
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    #[command(flatten)]
    model: ModelArg,
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
    utterances: usize,
    audio_seconds: f64,
    /// Seconds of work on one core (features, network, decoding; not the reading of files) per second of audio.
    rtf: f64,
    /// Share of the network in that.
    am_share: f64,
    peak_rss_mb: Option<f64>,
    model_bytes: u64,
    /// The language model's; there is none yet.
    lm_bytes: u64,
    words: ErrorCount,
    characters: ErrorCount,
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
}

/// The work of one thread.
#[derive(Default)]
struct Share {
    details: Vec<(usize, Detail)>,
    time: Duration,
    profile: Option<Profile>,
}

impl Eval {
    pub fn run(self) -> Result<Verdict> {
        let mut utterances = read_manifest(&self.manifest)?;
        utterances.truncate(self.limit.unwrap_or(usize::MAX));
        if utterances.is_empty() {
            bail!("{}: no utterance to evaluate on", self.manifest.display());
        }
        let options = Options { profile: true, ..Options::default() };
        let recognizer = Recognizer::new(self.model.load()?, options)?;
        warn_of_foreign_texts(&recognizer, &utterances);
        let (details, time, acoustic) = self.recognise(&recognizer, &utterances)?;
        if let Some(path) = &self.details {
            write_details(path, &details).with_context(|| path.display().to_string())?;
        }
        let audio_seconds: f64 = details.iter().map(|detail| detail.seconds).sum();
        let words: ErrorCount = details.iter().map(|detail| detail.words).sum();
        let characters: ErrorCount = details.iter().map(|detail| detail.characters).sum();
        let report = Report {
            wer: words.rate(),
            cer: characters.rate(),
            utterances: details.len(),
            audio_seconds,
            rtf: time.as_secs_f64() / audio_seconds,
            am_share: acoustic.as_secs_f64() / time.as_secs_f64(),
            peak_rss_mb: peak_rss_mb(),
            model_bytes: self.model.bytes()?,
            lm_bytes: 0,
            words,
            characters,
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render(&self.model.name(), &self.manifest))?;
        }
        Ok(Verdict::Good)
    }

    /// All utterances in the manifest's order, the time they took, and the network's part of it.
    fn recognise(
        &self,
        recognizer: &Recognizer,
        utterances: &[Utterance],
    ) -> Result<(Vec<Detail>, Duration, Duration)> {
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
        let (mut details, mut time, mut acoustic) = (Vec::new(), Duration::ZERO, Duration::ZERO);
        for share in shares.into_inner().unwrap_or_else(|broken| broken.into_inner()) {
            let share = share?;
            details.extend(share.details);
            time += share.time;
            acoustic += share.profile.as_ref().map_or(Duration::ZERO, Profile::acoustic);
        }
        details.sort_by_key(|(index, _)| *index);
        Ok((details.into_iter().map(|(_, detail)| detail).collect(), time, acoustic))
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
            let samples = utterance
                .read(rate_hz)
                .inspect_err(|_| self.failed.store(true, Ordering::Relaxed))?;
            let start = Instant::now();
            stream.push(&samples)?;
            let hypothesis = stream.finish().text;
            share.time += start.elapsed();
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
                },
            ));
            bar.inc(1);
        }
        share.profile = stream.profile().cloned();
        Ok(share)
    }
}

/// Texts are compared as they are: one in capitals is wrong from end to end, which should not go unnoticed.
fn warn_of_foreign_texts(recognizer: &Recognizer, utterances: &[Utterance]) {
    let alphabet = recognizer.model().alphabet();
    let mut foreign = utterances.iter().filter_map(|u| Some((u, alphabet.encode(&u.text).err()?)));
    if let Some((first, error)) = foreign.next() {
        let others = foreign.count();
        eprintln!(
            "warning: {}: {error} ({others} more such lines); it counts as an error",
            first.place()
        );
    }
}

fn write_details(path: &Path, details: &[Detail]) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for detail in details {
        serde_json::to_writer(&mut file, detail)?;
        file.write_all(b"\n")?;
    }
    file.flush()?;
    Ok(())
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
        let rss = self.peak_rss_mb.map_or("unknown".into(), |mb| format!("{mb:.1} MB"));
        format!(
            "{model} ({}) on {}: {} utterances, {}\n\
             WER  {}\nCER  {}\n\
             RTF  {:.4} on one core, {:.0} % of it in the network; peak memory {rss}",
            megabytes(self.model_bytes),
            manifest.display(),
            self.utterances,
            duration(self.audio_seconds),
            errors(&self.words),
            errors(&self.characters),
            self.rtf,
            100.0 * self.am_share,
        )
    }
}
