//! `stonechat pack`: one file of a model and its language model.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use stonechat_model::Package;

use crate::failure::Verdict;
use crate::language_model;
use crate::model_file::{ModelArg, file_bytes};
use crate::output::{self, megabytes};

/// One file of a model and its language model, which everything that loads the package then decodes with
#[derive(Args)]
pub struct Pack {
    #[command(flatten)]
    model: ModelArg,
    /// Language model that goes in, in place of one that is there (made by `stonechat lm`, or ARPA)
    #[arg(long, value_name = "FILE", required_unless_present = "no_lm")]
    lm: Option<PathBuf>,
    /// Take the language model out
    #[arg(long, conflicts_with = "lm")]
    no_lm: bool,
    /// Where the new package goes
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Print one JSON object: `output`, `bytes`, `lm_bytes`
    #[arg(long)]
    json: bool,
}

impl Pack {
    pub fn run(self) -> Result<Verdict> {
        let read = [self.model.path(), self.lm.as_deref()];
        output::reserve(&self.output, read.into_iter().flatten())?;
        let lm = self.lm.as_deref().map(language_model::load).transpose()?;
        let language_model = lm.map(|lm| lm.bytes().to_vec());
        let lm_bytes = language_model.as_ref().map_or(0, Vec::len);
        Package { language_model, ..self.model.package()? }.save(&self.output)?;
        let bytes = file_bytes(&self.output)?;
        if self.json {
            output::json(&json!({ "output": self.output, "bytes": bytes, "lm_bytes": lm_bytes }))?;
        } else {
            output::text(&format!(
                "{}: {}, of them a language model of {}",
                self.output.display(),
                megabytes(bytes),
                megabytes(lm_bytes as u64)
            ))?;
        }
        Ok(Verdict::Good)
    }
}
