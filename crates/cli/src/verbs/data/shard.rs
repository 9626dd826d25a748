//! `stonechat data shard`: many recordings in few files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use stonechat_corpus::import::{Import, Options};
use stonechat_corpus::{Doubt, ShardWriter, Utterance};

use super::make::{found, measured, names, reads, sources, write};
use crate::failure::Verdict;
use crate::output::{self, duration, thousands};
use crate::progress;
use crate::verbs::lm::size::Size;

#[derive(Args)]
pub struct Shard {
    /// Manifests, or anything else that `data make` takes
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// PREFIX.jsonl, the manifest, and PREFIX-00000.tar, PREFIX-00001.tar ...
    #[arg(long, value_name = "PREFIX")]
    output: PathBuf,
    /// Size of a shard, about
    #[arg(long, value_name = "SIZE", default_value = "200MB")]
    shard_size: Size,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    manifest: PathBuf,
    shards: usize,
    utterances: usize,
    seconds: f64,
    /// What cannot be decoded.
    left_out: usize,
    /// What was wrong with recordings that were decoded.
    warnings: Vec<Doubt>,
}

impl Shard {
    pub fn run(self) -> Result<Verdict> {
        let manifest = PathBuf::from(format!("{}.jsonl", self.output.display()));
        output::reserve(&manifest, self.sources.iter().map(PathBuf::as_path))?;
        self.sources.iter().try_for_each(|source| reads(source))?;
        let Import { mut utterances, mut left_out } = found(&self.sources, &Options::default())?;
        // What has a length is believed to have been measured.
        if utterances.iter().any(|utterance| utterance.duration_s.is_none()) {
            left_out.extend(measured(&mut utterances));
        }
        if utterances.is_empty() {
            bail!("{}: no utterance is left", names(&self.sources));
        }
        let read: BTreeSet<&Path> = sources(&utterances).collect();
        output::reserve(&manifest, read.iter().copied())?;
        // Of other recordings than those in shards none is called as a shard is.
        let parts = utterances.iter().filter(|utterance| utterance.part.is_some());
        let shards: BTreeSet<PathBuf> = parts.map(|utterance| utterance.audio.clone()).collect();
        let mut writer =
            ShardWriter::new(&self.output, self.shard_size.0 as u64).apart_from(shards);
        let bar = progress::bar(utterances.len(), "packing");
        let mut packed = Vec::with_capacity(utterances.len());
        for utterance in &utterances {
            packed.push(writer.add(utterance)?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let (shards, warnings) = (writer.shards(), writer.doubts().list());
        writer.finish()?;
        warnings.iter().for_each(|doubt| output::warn(&doubt.to_string()));
        let all: Vec<&Utterance> = packed.iter().collect();
        let summary = write(&manifest, &all)?;
        let report = Report {
            manifest,
            shards,
            utterances: summary.utterances,
            seconds: summary.seconds,
            left_out: left_out.len(),
            warnings,
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render())?;
        }
        for left_out in left_out.iter().take(5) {
            output::warn(&format!("left out: {}: {}", left_out.place, left_out.reason));
        }
        Ok(if left_out.is_empty() { Verdict::Good } else { Verdict::Bad })
    }
}

impl Report {
    fn render(&self) -> String {
        let name = Path::display(&self.manifest);
        format!(
            "{name}: {} utterances, {}, in {} shards",
            thousands(self.utterances),
            duration(self.seconds),
            self.shards
        )
    }
}
