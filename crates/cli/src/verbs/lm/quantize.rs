//! `stonechat lm quantize`: other widths, or the other format.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use stonechat_lm::Bits;

use super::file::{Widths, Written, read, write};
use crate::failure::Verdict;
use crate::output;

#[derive(Args)]
pub struct Quantize {
    /// The model, packed or ARPA
    #[arg(value_name = "LM")]
    model: PathBuf,
    /// Where the new model goes: `.arpa` and `.arpa.gz` are text, all other names packed
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    widths: Widths,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Quantize {
    pub fn run(self) -> Result<Verdict> {
        self.widths.check(&self.output)?;
        output::reserve(&self.output, [&*self.model])?;
        let bits = self.widths.or(Bits::default());
        let model = read(&self.model)?;
        write(&model, bits, &self.output)?;
        Written::new(&self.output, model.counts(), bits)?.print(self.json)?;
        Ok(Verdict::Good)
    }
}
