//! `stonechat inspect`: what a package holds.

#[cfg(feature = "full")]
mod spectra;

use std::fmt::Write;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use stonechat::{MapPlan, Preference, RunPlan};
use stonechat_audio::FeatureConfig;
use stonechat_model::{Kind, LinearMap, MapRef, NetworkConfig, Package};

use crate::failure::Verdict;
use crate::map_summary::MapSummary;
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

/// Everything that is said of a package.
#[derive(Serialize)]
struct Report {
    model: String,
    model_bytes: u64,
    /// Of them, the language model inside.
    lm_bytes: usize,
    /// Weights, biases and taps.
    parameters: usize,
    /// How much audio after a frame the network hears before it decides on the frame.
    lookahead_ms: f32,
    /// From one frame of logits to the next.
    frame_ms: f32,
    maps: Vec<Map>,
    network: NetworkConfig,
    features: FeatureConfig,
    alphabet: Vec<String>,
    provenance: Value,
}

/// One linear map.
#[derive(Serialize)]
struct Map {
    #[serde(flatten)]
    summary: MapSummary,
    kind: Kind,
    /// The family with all that it is given by.
    hyperparameters: Value,
    /// Of the families that are defined by one (`toeplitz_like`, ...).
    displacement_rank: Option<u64>,
    /// Displacement rank that keeps 90 % of the displacement's variance.
    displacement_rank90: Option<usize>,
    /// 0 is rank one, 1 is all singular values equal. Like the ranks that keep 90 %, it takes a decomposition: only in
    /// builds with the feature `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    nu: Option<f64>,
    /// Rank that keeps 90 % of the variance.
    #[serde(skip_serializing_if = "Option::is_none")]
    rank90: Option<usize>,
    /// In which form the runtime multiplies, and why.
    runs_as: MapPlan,
}

impl Map {
    fn new(entry: &MapRef<'_>, runs_as: &MapPlan) -> Result<Self> {
        let (name, map) = (entry.name(), entry.map);
        // A family has no keys or values that JSON cannot say.
        let hyperparameters = serde_json::to_value(map.family()).unwrap_or_default();
        let displaced = map.family().name().ends_with("_like");
        let found = Self {
            summary: MapSummary::new(name, map),
            kind: entry.kind,
            displacement_rank: hyperparameters["rank"].as_u64().filter(|_| displaced),
            hyperparameters,
            nu: None,
            rank90: None,
            displacement_rank90: None,
            runs_as: runs_as.clone(),
        };
        found.measured(map)
    }

    #[cfg(feature = "full")]
    fn measured(self, map: &LinearMap) -> Result<Self> {
        let found = stonechat_compress::EffectiveRank::of(map)?;
        let (nu, rank90) = (Some(found.nu), Some(found.rank90));
        Ok(Self { nu, rank90, displacement_rank90: found.displacement_rank90, ..self })
    }

    #[cfg(not(feature = "full"))]
    fn measured(self, _map: &LinearMap) -> Result<Self> {
        Ok(self)
    }
}

impl Inspect {
    pub fn run(self) -> Result<Verdict> {
        #[cfg(feature = "full")]
        if let Some(path) = &self.svg {
            output::reserve(path, self.model.path())?;
            let svg = spectra::draw(&self.model.package()?.network)?;
            stonechat_files::write(path, svg.as_bytes())?;
        }
        let report = self.report()?;
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render()?)?;
        }
        Ok(Verdict::Good)
    }

    fn report(&self) -> Result<Report> {
        let Package { features, alphabet, network, provenance, language_model } =
            self.model.package()?;
        let features: FeatureConfig = serde_json::from_value(features)
            .with_context(|| format!("{}: `features`", self.model.name()))?;
        let plan = RunPlan::new(&network, &Preference::default());
        let maps = network.maps();
        let maps = maps.iter().zip(plan.maps()).map(|(map, plan)| Map::new(map, plan));
        let maps = maps.collect::<Result<_>>()?;
        Ok(Report {
            model: self.model.name(),
            model_bytes: self.model.bytes()?,
            lm_bytes: language_model.map_or(0, |lm| lm.len()),
            parameters: network.params(),
            lookahead_ms: network.config.lookahead_ms(features.hop_ms),
            frame_ms: network.config.time_stride() as f32 * features.hop_ms,
            maps,
            network: network.config,
            features,
            alphabet: alphabet.symbols().to_vec(),
            provenance,
        })
    }
}

impl Report {
    fn render(&self) -> Result<String> {
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
        for Map { summary: map, nu, rank90, runs_as, .. } in &self.maps {
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
            self.model,
            megabytes(self.model_bytes),
            thousands(self.parameters),
            self.features.sample_rate_hz,
            self.features.dim(),
            self.features.hop_ms,
            self.frame_ms,
            self.alphabet.len(),
            self.lookahead_ms,
            table.render(),
        );
        if self.lm_bytes > 0 {
            writeln!(text, "\nlanguage model: {} inside", megabytes(self.lm_bytes as u64))?;
        }
        // Its means and spreads, a number for each feature, say nothing to a reader.
        let features = FeatureConfig { normalise: None, ..self.features.clone() };
        let normalised = if self.features.normalise.is_some() { " (normalised)" } else { "" };
        write!(text, "\nnetwork\n{}", indented(&plain(&self.network)?))?;
        write!(text, "\nfeatures{normalised}\n{}", indented(&plain(&features)?))?;
        write!(text, "\nprovenance\n{}", indented(&self.provenance))?;
        Ok(text.trim_end().to_string())
    }
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
