//! `stonechat quantize`: weights to int8, a scale per row, or int4, a scale per 32 columns.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use stonechat_compress::{Bits, Quantize as How, quantize};

use crate::failure::Verdict;
use crate::model_file::ModelArg;
use crate::verbs::compress::rewrite;

#[derive(Args)]
pub struct Quantize {
    #[command(flatten)]
    model: ModelArg,
    /// Where the new package goes
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Bits of the weights of recurrent and fully connected layers, 8 or 4; all others get 8
    #[arg(long, default_value = "8", value_parser = bits)]
    bits: Bits,
    /// With --bits 4: inner size of a low-rank correction of each dense map, in int8
    #[arg(long, value_name = "RANK", default_value_t = 0)]
    correction: usize,
    /// Print one JSON object: `before` and `after`
    #[arg(long)]
    json: bool,
}

fn bits(text: &str) -> Result<Bits, String> {
    let bits: u8 = text.parse().map_err(|error| format!("{error}"))?;
    Bits::try_from(bits)
}

impl Quantize {
    pub fn run(self) -> Result<Verdict> {
        let how = How { correction: self.correction, ..How::new(self.bits) };
        let step = match self.bits {
            Bits::Eight => json!({ "int8": true }),
            Bits::Four => json!({ "quantize": how }),
        };
        let change =
            rewrite(&self.model, &self.output, step, |network| Ok(quantize(network, &how)?))?;
        change.print(self.json)?;
        Ok(Verdict::Good)
    }
}
