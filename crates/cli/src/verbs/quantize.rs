//! `stonechat quantize`: weights to int8, a scale per row.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use stonechat_compress::quantize_int8;

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
    /// Print one JSON object: `before` and `after`
    #[arg(long)]
    json: bool,
}

impl Quantize {
    pub fn run(self) -> Result<Verdict> {
        let step = json!({ "int8": true });
        let change =
            rewrite(&self.model, &self.output, step, |network| Ok(quantize_int8(network)))?;
        change.print(self.json)?;
        Ok(Verdict::Good)
    }
}
