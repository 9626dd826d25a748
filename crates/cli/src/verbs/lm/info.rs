//! `stonechat lm info`: what a model is made of.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::failure::Verdict;
use crate::language_model::load;
use crate::output::{self, Table, megabytes, thousands};

#[derive(Args)]
pub struct Info {
    /// The model, packed or ARPA
    #[arg(value_name = "LM")]
    model: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    model: String,
    order: usize,
    words: usize,
    /// Unigrams first.
    ngrams: Vec<usize>,
    /// As a packed model.
    bytes: usize,
    bytes_per_ngram: f64,
    prob_bits: u32,
    backoff_bits: u32,
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Section {
    name: String,
    bytes: usize,
}

impl Info {
    pub fn run(self) -> Result<Verdict> {
        let model = load(&self.model)?;
        let total: usize = model.counts().iter().sum();
        let sections = model.sections().map(|(name, bytes)| Section { name, bytes }).collect();
        let report = Report {
            model: self.model.display().to_string(),
            order: model.order(),
            words: model.counts()[0],
            ngrams: model.counts().to_vec(),
            bytes: model.bytes().len(),
            bytes_per_ngram: model.bytes().len() as f64 / total as f64,
            prob_bits: model.bits().prob,
            backoff_bits: model.bits().backoff,
            sections,
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render())?;
        }
        Ok(Verdict::Good)
    }
}

impl Report {
    fn render(&self) -> String {
        let mut table = Table::new(["part", "bytes", "%"]);
        for section in &self.sections {
            let share = 100.0 * section.bytes as f64 / self.bytes as f64;
            table.row([section.name.clone(), thousands(section.bytes), format!("{share:.1}")]);
        }
        let counts: Vec<String> = self.ngrams.iter().map(|&count| thousands(count)).collect();
        format!(
            "{}: order {}, {} n-grams, {} packed, {:.2} bytes an n-gram\nprobabilities in {} bits, back-off weights in {}\n\n{}",
            self.model,
            self.order,
            counts.join(" + "),
            megabytes(self.bytes as u64),
            self.bytes_per_ngram,
            self.prob_bits,
            self.backoff_bits,
            table.render()
        )
    }
}
