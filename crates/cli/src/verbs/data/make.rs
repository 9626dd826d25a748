//! `stonechat data make`: a manifest of recordings and texts as they were found.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde::Serialize;
use stonechat_corpus::import::{Import, Layout, LeftOut, Options, import};
use stonechat_corpus::{DropList, Utterance, manifest_line, measure, write_manifest};
use stonechat_kinds::FileKind;
use stonechat_tune::spread;

use crate::failure::{Verdict, usage};
use crate::kinds;
use crate::normalise::NormaliseArg;
use crate::output::{self, Table, duration, thousands};
use crate::progress;

/// Things without counterpart that are named; all are counted.
const EXAMPLES: usize = 5;

/// How recordings and texts lie together.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LayoutArg {
    /// JSONL with audio_filepath and text
    Manifest,
    /// x.wav next to x.txt, in a folder and its subfolders
    Folder,
    /// A table with headings: path, text, and perhaps speaker, offset, duration
    Csv,
    /// A TSV beside the folder clips
    CommonVoice,
    /// SPEAKER-CHAPTER.trans.txt beside the recordings
    Librispeech,
    /// wav.scp, text, and perhaps segments and utt2spk
    Kaldi,
    /// Tar files of x.flac beside x.txt or x.json
    Webdataset,
    /// Parquet tables with the recordings in a column (a build with the feature `parquet`)
    Parquet,
}

#[derive(Args)]
pub struct Make {
    /// Folder, table or manifest; several become one manifest
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// The manifest to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Layout of the source [default: detected]
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<LayoutArg>,
    /// Folder that the paths of a table or of Kaldi start from [default: the source's own; Common Voice: clips in it]
    #[arg(long, value_name = "FOLDER")]
    audio: Option<PathBuf>,
    /// Columns of a table without headings, such as path,,text,speaker
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Option<Vec<String>>,
    #[command(flatten)]
    normalise: NormaliseArg,
    /// Leave out the utterances of this manifest, as `data audit --drop` writes it; may be repeated
    #[arg(long, value_name = "FILE")]
    drop: Vec<PathBuf>,
    /// Hold out utterances from all over the source and write them to this manifest
    #[arg(long, value_name = "FILE")]
    dev: Option<PathBuf>,
    /// How many are held out
    #[arg(long, value_name = "N", default_value_t = 50, requires = "dev")]
    dev_utterances: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    manifests: Vec<Summary>,
    /// Utterances that a drop list names.
    dropped: usize,
    /// What has no counterpart or cannot be decoded.
    left_out: usize,
    /// The first of them.
    examples: Vec<Example>,
    /// Texts with capitals, digits or signs, which the English alphabet lacks.
    written_texts: usize,
}

#[derive(Serialize)]
pub struct Summary {
    pub manifest: PathBuf,
    pub utterances: usize,
    pub seconds: f64,
    words: usize,
    speakers: usize,
}

#[derive(Serialize)]
struct Example {
    place: String,
    reason: String,
}

impl Make {
    pub fn run(self) -> Result<Verdict> {
        let layout = self.layout.map(LayoutArg::layout);
        for source in &self.sources {
            reads(source)?;
            self.check(layout.map_or_else(|| Layout::of(source), Ok)?)?;
        }
        let options = Options { layout, audio: self.audio.clone(), columns: self.columns.clone() };
        let Import { mut utterances, mut left_out } = found(&self.sources, &options)?;
        let outputs: Vec<&Path> =
            [Some(&self.output), self.dev.as_ref()].into_iter().flatten().map(|p| &**p).collect();
        let read = self.sources.iter().chain(&self.drop).map(|path| &**path);
        output::reserve_all(&outputs, read.chain(sources(&utterances)))?;
        let drop = DropList::read(&self.drop)?;
        let all = utterances.len();
        utterances.retain(|utterance| !drop.contains(utterance));
        let dropped = all - utterances.len();
        left_out.extend(measured(&mut utterances));
        if utterances.is_empty() {
            let why = left_out.first().map_or(String::new(), |LeftOut { place, reason }| {
                format!(" of {}; first: {place}: {reason}", left_out.len() + dropped)
            });
            bail!("{}: no utterance is left{why}", names(&self.sources));
        }
        if let Some(normaliser) = self.normalise.normaliser() {
            for utterance in &mut utterances {
                utterance.text = normaliser.line(&utterance.text);
            }
        }
        let written_texts = utterances.iter().filter(|u| !is_spoken(&u.text)).count();
        let manifests = self.write(&utterances)?;
        let count = left_out.len();
        left_out.truncate(EXAMPLES);
        let examples =
            left_out.into_iter().map(|LeftOut { place, reason }| Example { place, reason });
        let report = Report {
            manifests,
            dropped,
            left_out: count,
            examples: examples.collect(),
            written_texts,
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render())?;
        }
        Ok(if count == 0 { Verdict::Good } else { Verdict::Bad })
    }

    /// Writes one manifest or two.
    fn write(&self, utterances: &[Utterance]) -> Result<Vec<Summary>> {
        let all: Vec<&Utterance> = utterances.iter().collect();
        let Some(dev) = &self.dev else { return Ok(vec![write(&self.output, &all)?]) };
        if utterances.len() <= self.dev_utterances {
            bail!(
                "{} of {} utterances cannot be held out: lower --dev-utterances",
                self.dev_utterances,
                utterances.len()
            );
        }
        let held: Vec<&Utterance> = spread(utterances).take(self.dev_utterances).collect();
        let is_held =
            |utterance: &&Utterance| held.iter().any(|held| std::ptr::eq(*held, *utterance));
        let (apart, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(is_held);
        Ok(vec![write(&self.output, &kept)?, write(dev, &apart)?])
    }
}

impl Make {
    /// A usage error if an option says nothing of recordings that lie like that.
    fn check(&self, layout: Layout) -> Result<()> {
        if self.columns.is_some() && layout != Layout::Csv {
            return Err(usage("--columns is for tables (--layout csv): leave it out"));
        }
        let paths = [Layout::Csv, Layout::CommonVoice, Layout::Kaldi];
        if self.audio.is_some() && !paths.contains(&layout) {
            return Err(usage(
                "--audio is for tables, Common Voice and Kaldi, whose paths start anywhere: leave it out",
            ));
        }
        Ok(())
    }
}

impl LayoutArg {
    fn layout(self) -> Layout {
        match self {
            LayoutArg::Manifest => Layout::Manifest,
            LayoutArg::Folder => Layout::Folder,
            LayoutArg::Csv => Layout::Csv,
            LayoutArg::CommonVoice => Layout::CommonVoice,
            LayoutArg::Librispeech => Layout::LibriSpeech,
            LayoutArg::Kaldi => Layout::Kaldi,
            LayoutArg::Webdataset => Layout::WebDataset,
            LayoutArg::Parquet => Layout::Parquet,
        }
    }
}

/// What is found in all sources.
pub fn found(sources: &[PathBuf], options: &Options) -> Result<Import> {
    let mut all = Import::default();
    for source in sources {
        let Import { utterances, left_out } = import(source, options)?;
        all.utterances.extend(utterances);
        all.left_out.extend(left_out);
    }
    Ok(all)
}

/// What sources are called in messages.
pub fn names(sources: &[PathBuf]) -> String {
    let names: Vec<String> = sources.iter().map(|source| source.display().to_string()).collect();
    names.join(", ")
}

/// An error if a source that is a file is of a kind that lists no recordings.
pub fn reads(source: &Path) -> Result<()> {
    if source.is_dir() {
        return Ok(());
    }
    kinds::regular(source, "a list of recordings")?;
    kinds::check(source, "a list of recordings (a manifest, a table, a tar file)", |kind| {
        kinds::plain(kind)
            || matches!(kind, FileKind::Manifest | FileKind::Parquet)
            || matches!(kind, FileKind::Archive(name) if name.contains("tar"))
    })
}

/// The files that recordings and their texts are in.
pub fn sources(utterances: &[Utterance]) -> impl Iterator<Item = &Path> + Clone {
    utterances.iter().flat_map(|utterance| [&*utterance.audio, &*utterance.manifest])
}

/// Lengths, behind a bar.
pub fn measured(utterances: &mut Vec<Utterance>) -> Vec<LeftOut> {
    let bar: Mutex<Option<ProgressBar>> = Mutex::new(None);
    let left_out = measure(
        utterances,
        Some(&|_, total| {
            let mut bar = bar.lock().unwrap_or_else(|broken| broken.into_inner());
            bar.get_or_insert_with(|| progress::bar(total, "files")).inc(1);
        }),
    );
    if let Ok(Some(bar)) = bar.into_inner() {
        bar.finish_and_clear();
    }
    left_out
}

pub fn write(path: &Path, utterances: &[&Utterance]) -> Result<Summary> {
    let folder = path.parent().unwrap_or(Path::new(""));
    write_manifest(path, utterances.iter().map(|utterance| manifest_line(utterance, folder)))?;
    let speakers: HashSet<&str> = utterances.iter().filter_map(|u| u.speaker.as_deref()).collect();
    Ok(Summary {
        manifest: path.to_path_buf(),
        utterances: utterances.len(),
        seconds: utterances.iter().filter_map(|u| u.duration_s).sum(),
        words: utterances.iter().map(|u| u.text.split_whitespace().count()).sum(),
        speakers: speakers.len(),
    })
}

/// Is the text in the letters of the English alphabet already?
fn is_spoken(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_lowercase() || c == '\'' || c == ' ')
}

impl Report {
    fn render(&self) -> String {
        let mut table = Table::new(["manifest", "utterances", "audio", "words", "speakers"]);
        for summary in &self.manifests {
            table.row([
                summary.manifest.display().to_string(),
                thousands(summary.utterances),
                duration(summary.seconds),
                thousands(summary.words),
                summary.speakers.to_string(),
            ]);
        }
        let mut text = table.render();
        if self.dropped > 0 {
            text += &format!("\n\n{} dropped", thousands(self.dropped));
        }
        if self.left_out > 0 {
            text += &format!("\n\n{} left out:", thousands(self.left_out));
            for Example { place, reason } in &self.examples {
                text += &format!("\n  {place}: {reason}");
            }
            if self.left_out > self.examples.len() {
                text += "\n  ...";
            }
        }
        if self.written_texts > 0 {
            text += &format!(
                "\n\n{} texts have capitals, digits or signs: --normalize english turns them into spoken words",
                thousands(self.written_texts)
            );
        }
        text
    }
}
