//! `stonechat data bench`: how fast recordings become features.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use stonechat_audio::{FeatureConfig, FeatureExtractor};
use stonechat_corpus::read_manifest;
use stonechat_tune::spread;

use crate::failure::Verdict;
use crate::output;

#[derive(Args)]
pub struct Bench {
    /// Manifest (JSONL)
    manifest: PathBuf,
    /// Seconds to measure for
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    seconds: f64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Hours of audio a minute of one core.
#[derive(Serialize)]
struct Report {
    /// Audio that was measured with, in hours.
    hours: f64,
    read_and_decode: f64,
    features: f64,
    /// One after the other.
    both: f64,
}

impl Bench {
    pub fn run(self) -> Result<Verdict> {
        let utterances = read_manifest(&self.manifest)?;
        let config = FeatureConfig::default();
        let extractor = FeatureExtractor::new(&config)?;
        let (mut decoding, mut extracting, mut samples) = (Duration::ZERO, Duration::ZERO, 0);
        let begun = Instant::now();
        for utterance in spread(&utterances) {
            let start = Instant::now();
            let audio = utterance.read(config.sample_rate_hz)?.samples;
            decoding += start.elapsed();
            let start = Instant::now();
            let (mut extractor, mut features) = (extractor.clone(), Vec::new());
            extractor.push(&audio, &mut features);
            extractor.finish(&mut features);
            extracting += start.elapsed();
            samples += audio.len();
            if begun.elapsed().as_secs_f64() >= self.seconds {
                break;
            }
        }
        if samples == 0 {
            bail!("{}: no utterance", self.manifest.display());
        }
        let hours = samples as f64 / f64::from(config.sample_rate_hz) / 3600.0;
        let rate = |time: Duration| hours / (time.as_secs_f64() / 60.0);
        let report = Report {
            hours,
            read_and_decode: rate(decoding),
            features: rate(extracting),
            both: rate(decoding + extracting),
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&format!(
                "hours of audio a minute of a core: {:.1} read and decoded, {:.1} to features, {:.1} both",
                report.read_and_decode, report.features, report.both
            ))?;
        }
        Ok(Verdict::Good)
    }
}
