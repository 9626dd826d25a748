//! `stonechat quantize`: weights to int8, a scale per row, or int4, a scale per 32 columns.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use stonechat_compress::{Bits, Measured, Plan, Quantize as How};

use crate::calibration::CalibrationArgs;
use crate::change;
use crate::failure::{Verdict, usage};
use crate::model_file::ModelArg;
use crate::output;
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
    #[command(flatten)]
    calibration: CalibrationArgs,
    /// Print one JSON object: `before` and `after`
    #[arg(long)]
    json: bool,
}

/// Reads `8` or `4`.
pub fn bits(text: &str) -> Result<Bits, String> {
    let bits: u8 = text.parse().map_err(|error| format!("{error}"))?;
    Bits::try_from(bits)
}

impl Quantize {
    pub fn run(self) -> Result<Verdict> {
        if self.correction > 0 && self.bits == Bits::Eight {
            return Err(usage("--correction is of maps of 4 bits: add --bits 4"));
        }
        let read = [self.model.path(), self.calibration.path()];
        output::reserve(&self.output, read.into_iter().flatten())?;
        self.model.warn_of_integers()?;
        let gptq = self.calibration.is_given();
        let how = How { correction: self.correction, gptq, ..How::new(self.bits) };
        let step = json!({ "quantize": how });
        let plan = Plan { quantize: Some(how), ..Plan::default() };
        let inputs = match gptq {
            false => None,
            true => Some(self.calibration.inputs(&self.model.float_package()?)?),
        };
        let measured = Measured { inputs: inputs.as_ref(), machine: None };
        let change = rewrite(&self.model, &self.output, step, &plan, measured)?;
        change::print(&change, self.json)?;
        Ok(Verdict::Good)
    }
}
