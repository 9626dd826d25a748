//! `--calibrate`: what goes into the maps of a network on real audio, and how far a changed network strays there.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use stonechat::Model;
use stonechat_compress::Calibration;
use stonechat_corpus::{Utterance, read_manifest};
use stonechat_decode::{ErrorCount, GreedyDecoder};
use stonechat_model::Package;

use crate::progress;

/// Which audio to calibrate with.
#[derive(Args)]
pub struct CalibrationArgs {
    /// Calibration audio (manifest): compression goes by what the network hears there
    #[arg(long, value_name = "FILE")]
    calibrate: Option<PathBuf>,
    /// Take so many seconds of it, from utterances spread over the manifest
    #[arg(long, value_name = "SECONDS", default_value_t = 180.0, requires = "calibrate")]
    calibrate_seconds: f64,
}

/// Audio in memory with its texts.
pub struct CalibrationAudio {
    utterances: Vec<(Vec<f32>, String)>,
    pub seconds: f64,
}

impl CalibrationArgs {
    /// Whether there is any.
    pub fn is_given(&self) -> bool {
        self.calibrate.is_some()
    }

    /// Reads the audio at the rate of the package's features.
    pub fn read(&self, model: &Model) -> Result<CalibrationAudio> {
        let Some(manifest) = &self.calibrate else {
            bail!("this goes by what the network hears: give --calibrate MANIFEST");
        };
        let utterances = read_manifest(manifest)?;
        let rate_hz = model.sample_rate_hz();
        let mut audio = CalibrationAudio { utterances: Vec::new(), seconds: 0.0 };
        for utterance in spread(&utterances) {
            if audio.seconds >= self.calibrate_seconds {
                break;
            }
            let samples = utterance.read(rate_hz)?;
            audio.seconds += samples.len() as f64 / f64::from(rate_hz);
            audio.utterances.push((samples, utterance.text.clone()));
        }
        if audio.utterances.is_empty() {
            bail!("{}: no audio to calibrate with", manifest.display());
        }
        Ok(audio)
    }
}

/// All utterances in an order in which any beginning is spread over the whole: manifests are often sorted.
fn spread(utterances: &[Utterance]) -> impl Iterator<Item = &Utterance> {
    let count = utterances.len();
    // Multiples of a number near the golden section of the count and prime to it visit everything once.
    let divisor = |a: usize, b: usize| -> usize {
        let (mut a, mut b) = (a, b);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let start = (count as f64 * 0.618) as usize;
    let step = (start.max(1)..).find(|&step| divisor(step, count) <= 1).unwrap_or(1);
    (0..count).map(move |n| &utterances[n * step % count])
}

/// What a network says of the audio.
pub struct Hearing {
    /// Log probabilities of each utterance, `frames x symbols`.
    logs: Vec<Vec<f64>>,
    symbols: usize,
    /// Character errors of the best path.
    pub characters: ErrorCount,
}

impl CalibrationAudio {
    /// The inputs of all maps.
    pub fn inputs(&self, model: &Arc<Model>, package: &Package) -> Result<Calibration> {
        let mut calibration = Calibration::new(&package.network);
        let bar = progress::bar(self.utterances.len(), "calibration");
        for (samples, _) in &self.utterances {
            let mut added = Ok(());
            model.logits_observed(samples, &mut |map, x| {
                if added.is_ok() {
                    added = calibration.add(map, x);
                }
            });
            added?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(calibration)
    }

    /// What a model makes of it.
    pub fn hear(&self, model: &Arc<Model>) -> Result<Hearing> {
        let symbols = model.alphabet().symbols();
        let mut hearing =
            Hearing { logs: Vec::new(), symbols: symbols.len(), characters: ErrorCount::default() };
        for (samples, text) in &self.utterances {
            let logits = model.logits(samples);
            let mut decoder = GreedyDecoder::new(symbols, model.frame_seconds())?;
            for frame in logits.chunks_exact(symbols.len()) {
                decoder.push(frame)?;
            }
            hearing.characters.add(&ErrorCount::characters(text, decoder.text()));
            hearing.logs.push(logits.chunks_exact(symbols.len()).flat_map(log_softmax).collect());
        }
        Ok(hearing)
    }
}

impl Hearing {
    /// Mean Kullback-Leibler divergence of another hearing of the same audio from this one, in nats per frame: 0
    /// where all probabilities are equal.
    pub fn divergence(&self, other: &Hearing) -> f64 {
        let pairs = self.logs.iter().flatten().zip(other.logs.iter().flatten());
        let sum: f64 = pairs.map(|(p, q)| p.exp() * (p - q)).sum();
        let frames: usize = self.logs.iter().map(|logs| logs.len() / self.symbols).sum();
        sum / frames.max(1) as f64
    }
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::MIN, f32::max);
    let shifted = logits.iter().map(|x| f64::from(x - largest));
    let sum: f64 = shifted.clone().map(f64::exp).sum();
    shifted.map(|x| x - sum.ln()).collect()
}

/// A package packed for this processor.
pub fn pack(package: &Package) -> Result<Arc<Model>> {
    Ok(Arc::new(Model::from_package(package.clone()).context("the network")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_utterance_is_taken_once() {
        for count in [0, 1, 2, 3, 10, 97, 100] {
            let text = (0..count).map(|n| {
                format!("{{\"audio_filepath\": \"{n}.wav\", \"duration\": 1, \"text\": \"\"}}\n")
            });
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("m.jsonl");
            std::fs::write(&path, text.collect::<String>()).unwrap();
            let utterances = read_manifest(&path).unwrap();
            let mut lines: Vec<usize> = spread(&utterances).map(|u| u.line).collect();
            if count == 100 {
                assert!(lines[..10].iter().any(|l| *l > 50) && lines[..10].iter().any(|l| *l < 50));
            }
            lines.sort_unstable();
            assert_eq!(lines, (1..=count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn divergence_by_hand() {
        let hearing = |logits: &[f32]| Hearing {
            logs: vec![logits.chunks(2).flat_map(log_softmax).collect()],
            symbols: 2,
            characters: ErrorCount::default(),
        };
        let even = hearing(&[3.0, 3.0, 3.0, 3.0]);
        let odd = hearing(&[0.0, 0.0, 3f32.ln(), 0.0]);
        assert!(even.divergence(&even).abs() < 1e-12);
        // One frame as before, one of (3/4, 1/4) in the place of (1/2, 1/2).
        let expected = 0.5 * (0.5 * (0.5f64 / 0.75).ln() + 0.5 * (0.5f64 / 0.25).ln());
        assert!((even.divergence(&odd) - expected).abs() < 1e-6);
    }
}
