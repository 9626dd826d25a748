//! `stonechat lm mix`: two models become one.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use stonechat_lm::{Bits, mix};

use super::file::{Widths, Written, read, write};
use crate::failure::{Verdict, usage};
use crate::output;

#[derive(Args)]
pub struct Mix {
    /// The first model, packed or ARPA
    #[arg(value_name = "LM")]
    first: PathBuf,
    /// The second model, packed or ARPA
    #[arg(value_name = "OTHER")]
    second: PathBuf,
    /// Share of the first model, between 0 and 1
    #[arg(long, value_name = "X", default_value_t = 0.5)]
    weight: f64,
    /// Where the new model goes: `.arpa` and `.arpa.gz` are text, all other names packed
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    widths: Widths,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Mix {
    pub fn run(self) -> Result<Verdict> {
        if !(self.weight > 0.0 && self.weight < 1.0) {
            return Err(usage(format!("--weight {}: must be between 0 and 1", self.weight)));
        }
        self.widths.check(&self.output)?;
        output::reserve(&self.output, [&*self.first, &*self.second])?;
        let bits = self.widths.or(Bits::default());
        let mixed = mix(&read(&self.first)?, &read(&self.second)?, self.weight)?;
        write(&mixed, bits, &self.output)?;
        Written::new(&self.output, mixed.counts(), bits)?.print(self.json)?;
        Ok(Verdict::Good)
    }
}
