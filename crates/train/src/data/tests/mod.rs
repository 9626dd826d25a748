//! Tests of the data part, on recordings generated in a temporary folder.

mod batches;
mod cache;
mod check;
mod dataset;
mod digits;
mod loader;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stonechat_audio::FeatureConfig;
use stonechat_model::Alphabet;
use stonechat_testing::wav_i16;

use super::{DataConfig, DataError, Dataset, Limits, Source};
use crate::random::Random;

/// Sample rate of the generated recordings and of the features in the tests.
const RATE_HZ: u32 = 8_000;

/// A folder of recordings with one manifest.
struct Corpus {
    folder: tempfile::TempDir,
    lines: Vec<Value>,
}

impl Corpus {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), lines: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a recording of `seconds` and its line, which is returned for changes.
    fn say(&mut self, name: &str, seconds: f64, text: &str) -> &mut Value {
        write_wav(&self.path(name), RATE_HZ, 1, &voice(seconds, name));
        self.line(json!({"audio_filepath": name, "duration": seconds, "text": text}))
    }

    fn line(&mut self, line: Value) -> &mut Value {
        self.lines.push(line);
        self.lines.last_mut().unwrap()
    }

    /// Writes the lines so far as a manifest.
    fn manifest(&self, name: &str) -> PathBuf {
        let lines: Vec<String> = self.lines.iter().map(Value::to_string).collect();
        let path = self.path(name);
        std::fs::write(&path, lines.join("\n")).unwrap();
        path
    }

    fn open(&self, config: &DataConfig) -> Result<Dataset, DataError> {
        open(&[self.manifest("all.jsonl").into()], config)
    }
}

/// Opens with the features of the tests and a network that halves the frames.
fn open(sources: &[Source], config: &DataConfig) -> Result<Dataset, DataError> {
    Dataset::open(
        sources,
        &Alphabet::english(),
        &features(),
        config,
        |frames| frames.div_ceil(2),
        None,
    )
}

fn features() -> FeatureConfig {
    FeatureConfig { sample_rate_hz: RATE_HZ, mels: 20, ..FeatureConfig::default() }
}

fn any_length() -> DataConfig {
    DataConfig { limits: Limits { min_s: 0.0, max_s: 1e9 }, ..DataConfig::default() }
}

/// Noise with slow swells, different for every name.
fn voice(seconds: f64, name: &str) -> Vec<i16> {
    let mut random = Random::keyed(&name.bytes().map(u64::from).collect::<Vec<_>>());
    let samples = (seconds * f64::from(RATE_HZ)).round() as usize;
    (0..samples)
        .map(|index| {
            let swell = 0.6 + 0.4 * (index as f64 * 0.002).sin();
            (4000.0 * swell * random.normal()).clamp(-32768.0, 32767.0) as i16
        })
        .collect()
}

/// A 16-bit wav; `samples` are interleaved.
fn write_wav(path: &Path, rate_hz: u32, channels: u16, samples: &[i16]) {
    std::fs::write(path, wav_i16(samples, rate_hz, channels)).unwrap();
}
