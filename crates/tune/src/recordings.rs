//! Recordings with their texts, and the inputs of a network's maps for them.

use std::path::Path;
use std::sync::Arc;

use stonechat::Model;
use stonechat_corpus::{Doubts, Utterance, read_manifest};
use stonechat_model::Package;

use crate::{Error, Hearing, Result};

/// Audio in memory with its texts.
#[derive(Debug, Clone, Default)]
pub struct Recordings {
    /// Samples at the rate of the model, and their text.
    pub utterances: Vec<(Vec<f32>, String)>,
    /// Total length.
    pub seconds: f64,
    /// Problems with recordings.
    pub doubts: Doubts,
}

impl Recordings {
    /// At least `seconds` of the audio in a manifest, if it has that much, from utterances in all
    /// parts of it, at `rate_hz`.
    ///
    /// # Errors
    /// If the manifest or its audio cannot be read, or there is none.
    pub fn read(manifest: &Path, rate_hz: u32, seconds: f64) -> Result<Self> {
        let utterances = read_manifest(manifest)?;
        let mut recordings = Self::default();
        for utterance in spread(&utterances) {
            if recordings.seconds >= seconds {
                break;
            }
            let sound = utterance.read(rate_hz)?;
            recordings.doubts.add(utterance, &sound.warnings);
            recordings.seconds += sound.samples.len() as f64 / f64::from(rate_hz);
            recordings.utterances.push((sound.samples, utterance.text.clone()));
        }
        if recordings.utterances.is_empty() {
            return Err(Error::NoAudio { manifest: manifest.to_path_buf() });
        }
        Ok(recordings)
    }

    /// The inputs of all maps of `network`, from which `model` was made. `done` is called after
    /// each utterance.
    ///
    /// # Errors
    /// If the model was made from another network.
    #[cfg(feature = "compress")]
    pub fn inputs(
        &self,
        model: &Arc<Model>,
        network: &stonechat_model::Network,
        done: &mut dyn FnMut(),
    ) -> Result<stonechat_compress::Calibration> {
        let mut calibration = stonechat_compress::Calibration::new(network);
        for (samples, _) in &self.utterances {
            let mut added = Ok(());
            model.logits_observed(samples, &mut |map, x| {
                if added.is_ok() {
                    added = calibration.add(map, x);
                }
            });
            added?;
            done();
        }
        Ok(calibration)
    }

    /// The output of a model for it.
    ///
    /// # Errors
    /// If the model's alphabet cannot be decoded.
    pub fn hear(&self, model: &Arc<Model>) -> Result<Hearing> {
        let mut hearing = Hearing::new(model);
        for (samples, text) in &self.utterances {
            hearing.add(model, samples, text)?;
        }
        Ok(hearing)
    }
}

/// A package packed for this processor.
///
/// # Errors
/// If no model can be made from it.
pub fn pack(package: &Package) -> Result<Arc<Model>> {
    Model::from_package(package.clone()).map(Arc::new).map_err(Error::Network)
}

/// All utterances, in an order in which any beginning is spread over the whole: manifests are often
/// sorted.
pub fn spread(utterances: &[Utterance]) -> impl Iterator<Item = &Utterance> {
    let count = utterances.len();
    // Multiples of a number near the golden section of the count and coprime to it visit everything
    // once.
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
}
