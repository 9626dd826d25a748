//! `stonechat data grams`: which grams texts have, or a trained net uses.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::Result;
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use stonechat_corpus::read_manifest;
use stonechat_model::Alphabet;
use stonechat_train::grams;

use crate::failure::Verdict;
use crate::output;
use crate::progress;

#[derive(Args)]
pub struct Grams {
    /// Manifests whose texts, or with --trained whose audio, say which grams are frequent
    #[arg(required = true, value_name = "MANIFEST")]
    manifests: Vec<PathBuf>,
    /// Characters of the longest gram
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..))]
    longest: u8,
    /// Grams kept, the most frequent ones [default: all]
    #[arg(long, value_name = "N")]
    max: Option<usize>,
    /// Count the grams on the best paths of this net (a package or a checkpoint) and not in the texts: train one with
    /// all grams first, then keep what it uses
    #[arg(long, value_name = "FILE", conflicts_with = "longest")]
    trained: Option<PathBuf>,
    /// Print one JSON object: `alphabet` and, for each gram in it, its `counts`
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct GramReport {
    alphabet: Vec<String>,
    counts: BTreeMap<String, usize>,
}

impl Grams {
    pub fn run(self) -> Result<Verdict> {
        let (characters, counts) = match &self.trained {
            Some(trained) => {
                let bar: Mutex<Option<ProgressBar>> = Mutex::new(None);
                let counted = stonechat_train::use_of(
                    trained,
                    &self.manifests,
                    Some(&|_, total| {
                        let mut bar = bar.lock().unwrap_or_else(|broken| broken.into_inner());
                        bar.get_or_insert_with(|| progress::bar(total, "files")).inc(1);
                        true
                    }),
                );
                if let Ok(Some(bar)) = bar.into_inner() {
                    bar.finish_and_clear();
                }
                counted?
            }
            None => {
                let mut texts = Vec::new();
                for manifest in &self.manifests {
                    texts.extend(read_manifest(manifest)?.into_iter().map(|u| u.text));
                }
                let counts =
                    grams::count(texts.iter().map(String::as_str), usize::from(self.longest));
                (Alphabet::english(), counts)
            }
        };
        let chosen = grams::select(&characters, &counts, self.max);
        let alphabet = grams::alphabet(&characters, chosen.iter().map(|(gram, _)| gram.clone()))?;
        let symbols = alphabet.symbols().to_vec();
        if self.json {
            output::json(&GramReport { alphabet: symbols, counts: chosen.into_iter().collect() })?;
        } else {
            // TOML's strings are quoted and escaped as JSON's are.
            output::text(&format!("alphabet = {}", serde_json::to_string(&symbols)?))?;
        }
        Ok(Verdict::Good)
    }
}
