//! `stonechat data shard`: many recordings in few files.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use stonechat_corpus::import::{Import, Options};
use stonechat_corpus::{ShardWriter, Utterance};

use super::make::{found, measured, names, write};
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
}

impl Shard {
    pub fn run(self) -> Result<Verdict> {
        let manifest = PathBuf::from(format!("{}.jsonl", self.output.display()));
        output::reserve(&manifest, self.sources.iter().map(PathBuf::as_path))?;
        let Import { mut utterances, mut left_out } = found(&self.sources, &Options::default())?;
        // What has a length is believed to have been measured.
        if utterances.iter().any(|utterance| utterance.duration_s.is_none()) {
            left_out.extend(measured(&mut utterances));
        }
        if utterances.is_empty() {
            bail!("{}: no utterance is left", names(&self.sources));
        }
        let mut writer = ShardWriter::new(&self.output, self.shard_size.0 as u64);
        let bar = progress::bar(utterances.len(), "packing");
        let mut packed = Vec::with_capacity(utterances.len());
        for utterance in &utterances {
            packed.push(writer.add(utterance)?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let shards = writer.shards();
        writer.finish()?;
        let all: Vec<&Utterance> = packed.iter().collect();
        let summary = write(&manifest, &all)?;
        let report = Report {
            manifest,
            shards,
            utterances: summary.utterances,
            seconds: summary.seconds,
            left_out: left_out.len(),
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
