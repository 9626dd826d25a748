//! `stonechat lm prune`: fewer n-grams.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use stonechat_lm::{Bits, LanguageModel, Pruner, fit};

use super::file::{Format, Widths, Written, read, write};
use super::size::Size;
use crate::failure::{Verdict, usage};
use crate::output;

#[derive(Args)]
pub struct Prune {
    /// The model, packed or ARPA
    #[arg(value_name = "LM")]
    model: PathBuf,
    /// Where the smaller model goes: `.arpa` and `.arpa.gz` are text, all other names packed
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Drop n-grams that change the perplexity by less than this share; useful values are 1e-9 to 1e-6
    #[arg(
        long,
        value_name = "X",
        required_unless_present = "target_size",
        conflicts_with = "target_size"
    )]
    threshold: Option<f32>,
    /// Prune until the packed model fits: 14MB
    #[arg(long, value_name = "SIZE")]
    target_size: Option<Size>,
    #[command(flatten)]
    widths: Widths,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Prune {
    pub fn run(self) -> Result<Verdict> {
        if let Some(threshold) = self.threshold.filter(|&t| !(t >= 0.0 && t.is_finite())) {
            return Err(usage(format!(
                "--threshold {threshold}: must be a number that is not negative"
            )));
        }
        if self.target_size.is_some() && Format::of(&self.output) != Format::Packed {
            return Err(usage("--target-size is for packed models, the output is named as ARPA"));
        }
        self.widths.check(&self.output)?;
        output::reserve(&self.output, [&*self.model])?;
        let bits = self.widths.or(bits_of(&self.model));
        let model = read(&self.model)?;
        let (pruned, threshold) = match (self.target_size, self.threshold) {
            (Some(Size(bytes)), _) => {
                let fitted = fit(&model, bytes, bits)?;
                (fitted.model, fitted.threshold)
            }
            (None, threshold) => {
                let threshold = threshold.unwrap_or(0.0);
                (Pruner::new(&model).prune(threshold), threshold)
            }
        };
        write(&pruned, bits, &self.output)?;
        let mut written = Written::new(&self.output, pruned.counts(), bits)?;
        written.threshold = Some(threshold);
        written.print(self.json)?;
        Ok(Verdict::Good)
    }
}

/// The widths of a packed file, the usual ones for any other.
pub(super) fn bits_of(path: &std::path::Path) -> Bits {
    LanguageModel::load(path).map_or(Bits::default(), |model| model.bits())
}
