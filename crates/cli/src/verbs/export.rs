//! `stonechat export`: a package becomes an ONNX model.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use stonechat_exchange::{IR_VERSION, OPSET, to_onnx, to_onnx_streaming};

use crate::failure::Verdict;
use crate::model_file::ModelArg;
use crate::output::{self, megabytes};

#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    model: ModelArg,
    /// Where the ONNX model goes
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// For utterances in pieces: states go in and come out with each call
    #[arg(long)]
    streaming: bool,
    /// Print one JSON object: `format`, `opset`, `ir_version`, `streaming`, `bytes`
    #[arg(long)]
    json: bool,
}

impl Export {
    pub fn run(self) -> Result<Verdict> {
        output::reserve(&self.output, self.model.path())?;
        let package = self.model.package()?;
        if package.language_model.is_some() {
            let name = self.model.name();
            output::warn(&format!("{name}: its language model is no part of the ONNX model"));
        }
        let onnx = if self.streaming { to_onnx_streaming(&package) } else { to_onnx(&package) };
        let bytes = onnx.with_context(|| self.model.name())?;
        stonechat_files::write(&self.output, &bytes)?;
        if self.json {
            output::json(&json!({
                "format": "onnx",
                "opset": OPSET,
                "ir_version": IR_VERSION,
                "streaming": self.streaming,
                "bytes": bytes.len(),
            }))?;
        } else {
            output::text(&format!(
                "{}: ONNX, opset {OPSET}, {}; features in, logits out",
                self.output.display(),
                megabytes(bytes.len() as u64)
            ))?;
        }
        Ok(Verdict::Good)
    }
}
