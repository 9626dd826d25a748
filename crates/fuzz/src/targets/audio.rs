//! Any bytes must end in samples or an error that names the file: never a panic, and no more work than they are worth.

use std::io::Cursor;

use stonechat_audio::{AudioReader, SignalRepair};

/// More samples than this of one small input are not waited for.
const MOST_SAMPLES: usize = 4_000_000;

/// Reads bytes as a file of any kind, from memory and through a pipe.
pub fn file(bytes: &[u8]) {
    let from_memory = read(AudioReader::from_bytes(bytes, "input", 16_000));
    let pipe = Cursor::new(bytes.to_vec());
    let piped = read(AudioReader::from_pipe(pipe, "input", 16_000));
    // A pipe may lack the index that a file has, but what both give must be samples.
    for samples in [from_memory, piped].into_iter().flatten() {
        assert!(samples.iter().all(|x| x.is_finite()), "not finite");
    }
}

/// Reads bytes as what follows the first letters of a wav.
pub fn wav(bytes: &[u8]) {
    let size = (bytes.len() as u32).to_le_bytes();
    file(&[b"RIFF", &size[..], b"WAVE", bytes].concat());
}

/// Takes bytes as float samples of up to four channels.
pub fn signal(bytes: &[u8]) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let channels = usize::from(first % 4) + 1;
    let samples: Vec<f32> =
        rest.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let mut repair = SignalRepair::live(1_000, channels);
    let mut out = Vec::new();
    repair.push(&samples[..samples.len() / channels * channels], &mut out);
    repair.finish(&mut out);
    assert!(out.len() == samples.len() / channels && out.iter().all(|x| x.is_finite()));
    repair.warnings();
}

fn read(reader: Result<AudioReader, stonechat_audio::Error>) -> Option<Vec<f32>> {
    let named = |error: stonechat_audio::Error| {
        assert!(error.to_string().starts_with("input: "), "{error} does not name the file");
    };
    let mut reader = reader.map_err(named).ok()?;
    let (mut out, mut count) = (Vec::new(), 0);
    while count < MOST_SAMPLES {
        out.clear();
        match reader.next_chunk(&mut out) {
            Ok(true) => count += out.len(),
            Ok(false) => break,
            Err(error) => {
                named(error);
                return None;
            }
        }
    }
    reader.warnings();
    Some(out)
}
