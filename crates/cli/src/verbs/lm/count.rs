//! `stonechat lm count`: the n-grams of a part of a text, in a file.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use stonechat_files::Output;
use stonechat_lm::estimate::Counts;

use super::build::{Shown, Sorting};
use super::file::Texts;
use crate::failure::Verdict;
use crate::memory::peak_rss_mb;
use crate::output::{self, thousands};

#[derive(Args)]
pub struct Count {
    #[command(flatten)]
    texts: Texts,
    /// Where the counts go
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Length of the longest n-grams, 1 to 5
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=5))]
    order: u8,
    #[command(flatten)]
    sorting: Sorting,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What is said of counts that were written.
#[derive(Serialize)]
pub struct Counted {
    output: PathBuf,
    bytes: u64,
    sentences: u64,
    words: u64,
    different_words: u64,
    /// Of the highest order.
    ngrams: u64,
    seconds: f64,
    peak_rss_mb: Option<f64>,
}

impl Count {
    pub fn run(self) -> Result<Verdict> {
        let start = Instant::now();
        output::reserve(&self.output, self.texts.files())?;
        let mut text = self.texts.read()?;
        let (folder, memory) = self.sorting.disk();
        let mut shown = Shown::new();
        let counts = Counts::of(&mut text, usize::from(self.order), (&folder, memory), &mut |p| {
            shown.show(p);
        })?;
        shown.end();
        Counted::write(counts, self.output, start)?.print(self.json)
    }
}

impl Counted {
    /// Writes counts; a file of that name stays as it was until all is written.
    pub fn write(mut counts: Counts, path: PathBuf, start: Instant) -> Result<Self> {
        let mut file = Output::create(&path)?;
        counts.write(&mut file)?;
        file.commit()?;
        let size = counts.text();
        Ok(Self {
            bytes: std::fs::metadata(&path)?.len(),
            output: path,
            sentences: size.sentences,
            words: size.words,
            different_words: size.different_words,
            ngrams: counts.ngrams(),
            seconds: start.elapsed().as_secs_f64(),
            peak_rss_mb: peak_rss_mb(),
        })
    }

    pub fn print(&self, json: bool) -> Result<Verdict> {
        if json {
            output::json(self)?;
        } else {
            let path = self.output.display();
            let (words, ngrams) = (thousands(self.words as usize), thousands(self.ngrams as usize));
            let size = output::megabytes(self.bytes);
            output::text(&format!("{path}: {words} words, {ngrams} different n-grams, {size}"))?;
        }
        Ok(Verdict::Good)
    }
}
