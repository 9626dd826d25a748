//! `stonechat lm build` and `lm merge`: text, or counts of text, to model.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use stonechat_lm::estimate::{Estimate, EstimateOptions, Progress, estimate};
use stonechat_lm::{Bits, MAX_ORDER, fit_with_widths, words_for};

use super::file::{Format, Texts, Widths, Written, write, write_with};
use super::size::Size;
use crate::failure::{Verdict, usage};
use crate::kinds;
use crate::memory::peak_rss_mb;
use crate::output;

#[derive(Args)]
pub struct Build {
    #[command(flatten)]
    texts: Texts,
    /// Length of the longest n-grams, 1 to 5
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=5))]
    order: u8,
    #[command(flatten)]
    how: How,
}

/// How a model is made of counts.
#[derive(Args)]
pub struct How {
    /// Where the model goes: `.arpa` and `.arpa.gz` are text, all other names packed
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Choose vocabulary, pruning and widths so that the packed model fits: 14MB
    #[arg(long, value_name = "SIZE")]
    target_size: Option<Size>,
    #[command(flatten)]
    widths: Widths,
    /// Most words of the vocabulary; the most frequent are kept [default: all, or what fits the target size]
    #[arg(long, value_name = "N")]
    max_words: Option<usize>,
    /// Words that occur less often are unknown [default: 1, or 2 with a target size]
    #[arg(long, value_name = "N")]
    min_word_count: Option<u64>,
    /// N-grams that occur at most so often get no probability of their own: for bigrams, trigrams, ...
    #[arg(long, value_name = "N", value_delimiter = ',')]
    cutoffs: Vec<u64>,
    #[command(flatten)]
    pub sorting: Sorting,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What sorting may take.
#[derive(Args)]
pub struct Sorting {
    /// Memory for sorting; the vocabulary and, for packed output, the n-grams come on top
    #[arg(long, value_name = "SIZE", default_value = "1GB")]
    memory: Size,
    /// Folder for temporary files [default: the system's]
    #[arg(long, value_name = "FOLDER")]
    temporary: Option<PathBuf>,
}

impl Sorting {
    /// The folder, and the memory in bytes.
    pub fn disk(&self) -> (PathBuf, usize) {
        (self.temporary.clone().unwrap_or_else(std::env::temp_dir), self.memory.0)
    }
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    written: Written,
    sentences: u64,
    words: u64,
    different_words: u64,
    oov_rate: f64,
    /// Before pruning.
    estimated_ngrams: Vec<u64>,
    /// For each order what is taken off counts of 1, 2, 3 and more.
    discounts: Vec<[f64; 3]>,
    seconds: f64,
    peak_rss_mb: Option<f64>,
}

impl Build {
    pub fn run(self) -> Result<Verdict> {
        let Self { texts, order, how } = self;
        output::reserve(&how.output, texts.files())?;
        how.check()?;
        for path in texts.files() {
            kinds::regular(path, "text")?;
        }
        let names: Vec<String> = texts.files().map(|path| path.display().to_string()).collect();
        how.make(usize::from(order), |options, progress| {
            let estimated = estimate(&mut texts.read()?, options, progress);
            estimated.map_err(|error| match error {
                // Of all files together.
                error @ stonechat_lm::Error::Model(_) => {
                    anyhow::Error::new(error).context(names.join(", "))
                }
                error => error.into(),
            })
        })
    }
}

impl How {
    /// A usage error if the options do not go with the output.
    pub fn check(&self) -> Result<()> {
        self.widths.check(&self.output)
    }

    /// Estimates a model by `estimate`, writes it and says so.
    pub fn make(
        self,
        order: usize,
        estimate: impl FnOnce(&EstimateOptions, &mut dyn FnMut(Progress)) -> Result<Estimate>,
    ) -> Result<Verdict> {
        let start = Instant::now();
        let options = self.options(order)?;
        let Self { output: path, target_size, widths, json, .. } = self;
        let mut shown = Shown::new();
        let mut estimated = estimate(&options, &mut |progress| shown.show(progress))?;
        for (n, discounts) in estimated.discounts().iter().enumerate() {
            if discounts.fallback {
                shown.say(&format!(
                    "{}-grams: too few for discounts of their own, these are 0.5, 1, 1.5",
                    n + 1
                ));
            }
        }
        let (size, counts) = (estimated.text(), estimated.counts());
        let discounts = estimated.discounts().iter().map(|discounts| discounts.amounts).collect();
        let written = match Format::of(&path) {
            Format::Packed => pack(&mut shown, estimated, &path, target_size, &widths)?,
            _ => write_arpa(&mut shown, &mut estimated, &path)?,
        };
        shown.end();
        let report = Report {
            written,
            sentences: size.sentences,
            words: size.words,
            different_words: size.different_words,
            oov_rate: size.unknown_words as f64 / size.words as f64,
            estimated_ngrams: counts,
            discounts,
            seconds: start.elapsed().as_secs_f64(),
            peak_rss_mb: peak_rss_mb(),
        };
        if json {
            output::json(&report)?;
        } else {
            report.written.print(false)?;
        }
        Ok(Verdict::Good)
    }

    fn options(&self, order: usize) -> Result<EstimateOptions> {
        let mut options = EstimateOptions::new(order);
        if self.cutoffs.len() >= order.max(2) {
            return Err(usage(format!(
                "--cutoffs has {} numbers, {order}-grams have {}: the first is for bigrams",
                self.cutoffs.len(),
                order - 1
            )));
        }
        let mut last = 0;
        for n in 1..MAX_ORDER {
            last = self.cutoffs.get(n - 1).copied().unwrap_or(last);
            options.cutoffs[n] = last;
        }
        if let Some(Size(bytes)) = self.target_size {
            if Format::of(&self.output) != Format::Packed {
                return Err(usage(
                    "--target-size is for packed models, the output is named as ARPA",
                ));
            }
            options.max_words = words_for(bytes);
            options.min_word_count = 2;
        }
        options.max_words = self.max_words.unwrap_or(options.max_words);
        options.min_word_count = self.min_word_count.unwrap_or(options.min_word_count);
        (options.folder, options.memory) = self.sorting.disk();
        Ok(options)
    }
}

/// ARPA straight from the temporary files.
fn write_arpa(shown: &mut Shown, estimated: &mut Estimate, output: &Path) -> Result<Written> {
    shown.say("writing");
    write_with(output, |out| Ok(estimated.write_arpa(out)?))?;
    let counts = estimated.counts().into_iter().map(|count| count as usize).collect();
    Written::new(output, counts, Bits::UNQUANTIZED)
}

fn pack(
    shown: &mut Shown,
    estimated: Estimate,
    output: &Path,
    target: Option<Size>,
    widths: &Widths,
) -> Result<Written> {
    shown.say("reading the n-grams back");
    let model = estimated.into_model()?;
    let Some(Size(bytes)) = target else {
        let bits = widths.or(Bits::default());
        shown.say("packing");
        write(&model, bits, output)?;
        return Written::new(output, model.counts(), bits);
    };
    shown.say("pruning");
    let (prob, backoff) = widths.given();
    let fitted = fit_with_widths(&model, bytes, prob, backoff)?;
    drop(model);
    shown.say("packing");
    write(&fitted.model, fitted.bits, output)?;
    let mut written = Written::new(output, fitted.model.counts(), fitted.bits)?;
    written.threshold = Some(fitted.threshold);
    Ok(written)
}

/// Progress on stderr: a line that is written over on a terminal, a line a stage elsewhere.
pub struct Shown {
    terminal: bool,
    last: Instant,
    stage: &'static str,
}

impl Shown {
    pub fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), last: Instant::now(), stage: "" }
    }

    pub fn show(&mut self, progress: Progress) {
        let (stage, words) = match progress {
            Progress::Words(words) => ("counting words", Some(words)),
            Progress::Ngrams(words) => ("counting n-grams", Some(words)),
            Progress::Adjusting => ("adjusting counts", None),
            Progress::Order(n) => {
                return self.say(&format!("probabilities of {n}-grams done"));
            }
            _ => return,
        };
        if stage != self.stage {
            self.stage = stage;
            self.say(stage);
        }
        // Not with each sentence.
        let Some(words) = words.filter(|_| self.terminal) else {
            return;
        };
        if self.last.elapsed() > Duration::from_millis(100) {
            self.last = Instant::now();
            let _ = write!(std::io::stderr(), "\r{stage}: {:.1} million words", words as f64 / 1e6);
        }
    }

    fn say(&mut self, what: &str) {
        match self.terminal {
            true => drop(write!(std::io::stderr(), "\r\x1b[K{what}")),
            false => output::say(what),
        }
    }

    pub fn end(&mut self) {
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
