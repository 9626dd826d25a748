//! `stonechat lm query`: sentences word by word.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use serde::Serialize;
use stonechat_files::Lines;
use stonechat_lm::{LanguageModel, WordId};

use crate::failure::Verdict;
use crate::language_model::load;
use crate::output::{self, Table};

/// Longest sentence in bytes.
const MAX_LINE_BYTES: usize = 1 << 20;

#[derive(Args)]
pub struct Query {
    /// The model, packed or ARPA
    #[arg(value_name = "LM")]
    model: PathBuf,
    /// Sentences, words separated by spaces; without any, they are read from stdin, one per line
    #[arg(value_name = "SENTENCE")]
    sentences: Vec<String>,
    /// Print one JSON object: `sentences`
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    sentences: Vec<Sentence>,
}

#[derive(Serialize)]
struct Sentence {
    text: String,
    log10_prob: f32,
    oov: usize,
    words: Vec<Word>,
}

#[derive(Serialize)]
struct Word {
    word: String,
    log10_prob: f32,
    /// Length of the n-gram that the probability came from.
    ngram: usize,
    oov: bool,
}

impl Query {
    pub fn run(self) -> Result<Verdict> {
        let model = load(&self.model)?;
        let mut sentences = self.sentences;
        if sentences.is_empty() {
            let mut lines = Lines::new(std::io::stdin().lock(), MAX_LINE_BYTES);
            let wrong = |(line, error)| anyhow!("stdin, line {line}: {error}");
            while let Some((_, line)) = lines.next_line().map_err(wrong)? {
                sentences.push(line.to_string());
            }
        }
        let scored = sentences.iter().map(|sentence| score(&model, sentence));
        if self.json {
            output::json(&Report { sentences: scored.collect() })?;
        } else {
            for sentence in scored {
                output::text(&sentence.render())?;
            }
        }
        Ok(Verdict::Good)
    }
}

fn score(model: &LanguageModel, sentence: &str) -> Sentence {
    let mut state = model.start();
    let mut words = Vec::new();
    for word in sentence.split_ascii_whitespace().chain(["</s>"]) {
        let id = model.word_id(word);
        let score = model.score_in_full(state, id.unwrap_or(WordId::UNKNOWN));
        words.push(Word {
            word: word.to_string(),
            log10_prob: score.log10_prob,
            ngram: score.length,
            oov: id.is_none_or(|id| id == WordId::UNKNOWN),
        });
        state = score.state;
    }
    Sentence {
        text: sentence.to_string(),
        log10_prob: words.iter().map(|word| word.log10_prob).sum(),
        oov: words.iter().filter(|word| word.oov).count(),
        words,
    }
}

impl Sentence {
    fn render(&self) -> String {
        let mut table = Table::new(["word", "log10 p", "n-gram"]);
        for word in &self.words {
            let ngram = if word.oov { "unknown".into() } else { word.ngram.to_string() };
            table.row([word.word.clone(), format!("{:.4}", word.log10_prob), ngram]);
        }
        table.row(["sum".into(), format!("{:.4}", self.log10_prob), String::new()]);
        table.render() + "\n"
    }
}
