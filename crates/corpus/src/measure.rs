//! How long recordings are.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::import::LeftOut;
use crate::manifest::ANY_RATE_HZ;
use crate::{ManifestError, Part, Utterance};

/// Decodes every file that `utterances` name, each once and on rayon's threads, and notes how long each utterance is;
/// a segment ends with its file at the latest. What cannot be decoded, or starts behind the end of its file, is taken
/// out and returned. `progress` is called with (done, total) files, from several threads.
pub fn measure(
    utterances: &mut Vec<Utterance>,
    progress: Option<&(dyn Fn(usize, usize) + Sync)>,
) -> Vec<LeftOut> {
    let mut files: Vec<&Utterance> = utterances.iter().collect();
    files.sort_by_key(|utterance| recording(utterance));
    files.dedup_by_key(|utterance| recording(utterance));
    let done = AtomicUsize::new(0);
    let lengths: HashMap<_, Result<f64, String>> = files
        .par_iter()
        .map(|&file| {
            let length = seconds(file).map_err(|error| match error {
                // Its place is told beside it.
                ManifestError::Audio { source, .. } => source.to_string(),
                error => error.to_string(),
            });
            if let Some(progress) = progress {
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, files.len());
            }
            (recording(file), length)
        })
        .collect();
    let measured: Vec<Result<f64, String>> = utterances
        .iter()
        .map(|utterance| {
            let whole = lengths[&recording(utterance)].clone()?;
            let Some(offset) = utterance.offset_s else { return Ok(whole) };
            match whole - offset {
                left if left > 0.0 => Ok(utterance.duration_s.map_or(left, |d| d.min(left))),
                _ => Err(format!(
                    "{}: ends at {whole:.3} s, before the utterance starts ({offset:.3} s)",
                    utterance.audio.display()
                )),
            }
        })
        .collect();
    let mut left_out = Vec::new();
    let mut measured = measured.into_iter();
    utterances.retain_mut(|utterance| match measured.next() {
        Some(Ok(seconds)) => {
            utterance.duration_s = Some(seconds);
            true
        }
        Some(Err(reason)) => {
            left_out.push(LeftOut { place: utterance.place(), reason });
            false
        }
        None => true,
    });
    left_out
}

/// What was recorded in one go: a file, or a part of one.
fn recording(utterance: &Utterance) -> (&Path, Option<Part>) {
    (&utterance.audio, utterance.part)
}

/// Length of a recording by what can be decoded of it: headers lie.
fn seconds(utterance: &Utterance) -> Result<f64, ManifestError> {
    // The header alone is read for the rate, at which nothing is resampled.
    let rate_hz = utterance.open(ANY_RATE_HZ)?.source_rate_hz();
    let mut reader = utterance.open(rate_hz)?;
    let (mut samples, mut chunk) = (0, Vec::new());
    while reader.next_chunk(&mut chunk).map_err(|error| utterance.audio_error(error))? {
        samples += chunk.len();
        chunk.clear();
    }
    Ok(samples as f64 / f64::from(rate_hz))
}
