//! `stonechat lm perplexity`: how well a model predicts a text.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use super::file::Texts;
use crate::failure::Verdict;
use crate::language_model::load;
use crate::memory::peak_rss_mb;
use crate::output;

#[derive(Args)]
pub struct Measure {
    /// The model, packed or ARPA
    #[arg(value_name = "LM")]
    model: PathBuf,
    #[command(flatten)]
    texts: Texts,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    /// Per known word and end of a sentence.
    perplexity: f64,
    /// Per word and end of a sentence, unknown words as `<unk>`.
    perplexity_with_oov: f64,
    /// Unknown words per word.
    oov_rate: f64,
    words: u64,
    sentences: u64,
    oov: u64,
    log10_prob: f64,
    lm_bytes: usize,
    seconds: f64,
    peak_rss_mb: Option<f64>,
}

impl Measure {
    pub fn run(self) -> Result<Verdict> {
        let model = load(&self.model)?;
        let start = Instant::now();
        let names: Vec<String> =
            self.texts.files().map(|path| path.display().to_string()).collect();
        let sum = model.perplexity(&mut self.texts.read()?)?;
        if sum.words == 0 {
            bail!("{}: there is no word in the text", names.join(", "));
        }
        let report = Report {
            perplexity: sum.perplexity(),
            perplexity_with_oov: sum.perplexity_with_unknown(),
            oov_rate: sum.oov_rate(),
            words: sum.words,
            sentences: sum.sentences,
            oov: sum.unknown_words,
            log10_prob: sum.log10_known + sum.log10_unknown,
            lm_bytes: model.bytes().len(),
            seconds: start.elapsed().as_secs_f64(),
            peak_rss_mb: peak_rss_mb(),
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&format!(
                "perplexity {:.2} ({:.2} with unknown words), {:.3} % of {} words unknown, {} sentences",
                report.perplexity,
                report.perplexity_with_oov,
                100.0 * report.oov_rate,
                output::thousands(report.words as usize),
                output::thousands(report.sentences as usize),
            ))?;
        }
        Ok(Verdict::Good)
    }
}
