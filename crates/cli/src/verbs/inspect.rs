//! `stonechat inspect`: what a package holds.

#[cfg(feature = "full")]
mod spectra;

use std::fmt::Write;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use stonechat::FeatureConfig;
use stonechat_tune::report::{Contents, MapContents};

use crate::failure::Verdict;
use crate::model_file::ModelArg;
use crate::output::{self, Table, megabytes, thousands};

#[derive(Args)]
pub struct Inspect {
    #[command(flatten)]
    model: ModelArg,
    /// Draw the singular values of every weight into FILE (SVG), with the ranks that keep 90 % of the variance
    #[cfg(feature = "full")]
    #[arg(long, value_name = "FILE")]
    svg: Option<std::path::PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub fn run(self) -> Result<Verdict> {
        #[cfg(feature = "full")]
        if let Some(path) = &self.svg {
            output::reserve(path, self.model.path())?;
            let svg = spectra::draw(&self.model.package()?.network)?;
            stonechat_files::write(path, svg.as_bytes())?;
        }
        let model = &self.model;
        let report = Contents::of(model.package()?, model.name(), model.bytes()?)?;
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&render(&report)?)?;
        }
        Ok(Verdict::Good)
    }
}

fn render(report: &Contents) -> Result<String> {
    let mut table = Table::new([
        "map",
        "family",
        "shape",
        "rank",
        "rank 90 %",
        "nu",
        "parameters",
        "bytes",
        "runs as",
    ]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    for MapContents { summary: map, nu, rank90, runs_as, .. } in &report.maps {
        table.row([
            map.name.clone(),
            format!("{} {}", map.family, map.storage),
            format!("{} x {}", map.shape[0], map.shape[1]),
            map.rank.to_string(),
            or_dash(rank90.map(|rank| rank.to_string())),
            or_dash(nu.map(|nu| format!("{nu:.3}"))),
            thousands(map.parameters),
            thousands(map.bytes),
            runs_as.form.name().to_owned(),
        ]);
    }
    let mut text = format!(
        "{}: {}, {} parameters\n{} Hz, {} features every {} ms; logits every {} ms over {} symbols; look-ahead {} ms\n\n{}\n",
        report.model,
        megabytes(report.model_bytes),
        thousands(report.parameters),
        report.features.sample_rate_hz,
        report.features.dim(),
        report.features.hop_ms,
        report.frame_ms,
        report.alphabet.len(),
        report.lookahead_ms,
        table.render(),
    );
    if report.lm_bytes > 0 {
        writeln!(text, "\nlanguage model: {} inside", megabytes(report.lm_bytes as u64))?;
    }
    // Its means and spreads, a number for each feature, say nothing to a reader.
    let features = FeatureConfig { normalise: None, ..report.features.clone() };
    let normalised = if report.features.normalise.is_some() { " (normalised)" } else { "" };
    write!(text, "\nnetwork\n{}", indented(&plain(&report.network)?))?;
    write!(text, "\nfeatures{normalised}\n{}", indented(&plain(&features)?))?;
    write!(text, "\nprovenance\n{}", indented(&report.provenance))?;
    Ok(text.trim_end().to_string())
}

/// A value as JSON, through its text: straight from an `f32`, 0.97 would become 0.9700000286102295.
fn plain(value: &impl Serialize) -> Result<Value> {
    Ok(serde_json::from_str(&serde_json::to_string(value)?)?)
}

/// A JSON value for reading: a line for each key, texts of several lines as they are.
fn indented(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::String(lines) if lines.contains('\n') => {
                        text += &format!("  {key}\n");
                        for line in lines.lines() {
                            text += format!("    {line}").trim_end();
                            text += "\n";
                        }
                    }
                    Value::String(line) => text += &format!("  {key}: {line}\n"),
                    value => text += &format!("  {key}: {value}\n"),
                }
            }
        }
        Value::Null => text += "  none\n",
        other => text += &format!("  {other}\n"),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_for_reading() {
        let cases = [
            (json!(null), "  none\n"),
            (json!({ "a": 1, "b": "x", "c": [1, 2] }), "  a: 1\n  b: x\n  c: [1,2]\n"),
            (json!({ "recipe": "seed = 1\n\nx = 2\n" }), "  recipe\n    seed = 1\n\n    x = 2\n"),
        ];
        for (value, expected) in cases {
            assert_eq!(indented(&value), expected);
        }
    }
}
