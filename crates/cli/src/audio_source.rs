//! Audio as it comes in: a file, or raw PCM from a pipe, as mono samples at the model's rate.

use std::io::{ErrorKind, Read};

use anyhow::{Context, Result, bail};
use stonechat_audio::{AudioReader, Resampler};

use crate::inputs::Input;

/// Bytes asked of a pipe at a time. A pipe gives what it has, so this delays nothing.
const PIPE_BYTES: usize = 32 << 10;

/// A stream of samples that ends.
pub enum AudioSource {
    File(Box<AudioReader>),
    Pcm(Box<PcmSource<std::io::Stdin>>),
}

impl AudioSource {
    /// Opens `input` for samples at `rate_hz`; PCM on stdin is at `pcm_rate_hz`.
    pub fn open(input: &Input, rate_hz: u32, pcm_rate_hz: u32) -> Result<Self> {
        Ok(match input {
            Input::File(path) => Self::File(Box::new(AudioReader::open(path, rate_hz)?)),
            Input::Stdin => {
                Self::Pcm(Box::new(PcmSource::new(std::io::stdin(), pcm_rate_hz, rate_hz)?))
            }
        })
    }

    /// Appends the next samples; false at the end.
    pub fn next_chunk(&mut self, out: &mut Vec<f32>) -> Result<bool> {
        match self {
            Self::File(reader) => Ok(reader.next_chunk(out)?),
            Self::Pcm(source) => source.next_chunk(out).context("stdin"),
        }
    }

    /// What was wrong with the audio although samples came out.
    pub fn damage(&self) -> Option<String> {
        match self {
            Self::File(reader) => reader.damage().map(String::from),
            Self::Pcm(source) => source.damage().map(String::from),
        }
    }
}

/// Raw signed 16-bit little-endian mono PCM.
pub struct PcmSource<R> {
    reader: R,
    resampler: Resampler,
    bytes: Vec<u8>,
    /// The first half of a sample whose second half has not come yet.
    odd: Option<u8>,
    samples: Vec<f32>,
    received: bool,
    finished: bool,
    container: bool,
}

impl<R: Read> PcmSource<R> {
    pub fn new(reader: R, from_hz: u32, to_hz: u32) -> Result<Self> {
        Ok(Self {
            reader,
            resampler: Resampler::new(from_hz, to_hz)?,
            bytes: vec![0; PIPE_BYTES],
            odd: None,
            samples: Vec::new(),
            received: false,
            finished: false,
            container: false,
        })
    }

    /// Appends the next samples; false at the end.
    pub fn next_chunk(&mut self, out: &mut Vec<f32>) -> Result<bool> {
        let before = out.len();
        while out.len() == before && !self.finished {
            let read = self.read()?;
            if read == 0 {
                self.finished = true;
                if !self.received {
                    bail!("no audio came: raw signed 16-bit little-endian mono PCM is expected");
                }
                self.resampler.finish(out)?;
            } else {
                self.convert(read);
                self.resampler.push(&self.samples, out)?;
            }
        }
        Ok(out.len() > before)
    }

    pub fn damage(&self) -> Option<&str> {
        match (self.container, self.odd) {
            (true, _) => Some(
                "this looks like an audio file, but `-` takes raw PCM: give the file's name instead",
            ),
            (false, Some(_)) if self.finished => {
                Some("half a sample at the end: is it 16-bit PCM?")
            }
            _ => None,
        }
    }

    fn read(&mut self) -> Result<usize> {
        loop {
            match self.reader.read(&mut self.bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => return Ok(other?),
            }
        }
    }

    /// The first `read` bytes to samples.
    fn convert(&mut self, read: usize) {
        let bytes = &self.bytes[..read];
        if !self.received {
            self.container = [&b"RIFF"[..], b"fLaC", b"OggS", b"ID3"]
                .iter()
                .any(|magic| bytes.starts_with(magic));
        }
        self.samples.clear();
        let mut bytes = bytes.iter().copied();
        while let Some(low) = self.odd.take().or_else(|| bytes.next()) {
            match bytes.next() {
                Some(high) => {
                    self.samples.push(f32::from(i16::from_le_bytes([low, high])) / 32_768.0)
                }
                None => {
                    self.odd = Some(low);
                    break;
                }
            }
        }
        self.received |= !self.samples.is_empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe that gives its bytes in pieces of a size.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn read(bytes: &[u8], piece: usize, rate_hz: u32) -> (Result<Vec<f32>>, Option<String>) {
        let mut source = PcmSource::new(Pieces(bytes, piece), rate_hz, 16_000).unwrap();
        let mut out = Vec::new();
        loop {
            match source.next_chunk(&mut out) {
                Ok(true) => {}
                Ok(false) => return (Ok(out), source.damage().map(String::from)),
                Err(error) => return (Err(error), None),
            }
        }
    }

    #[test]
    fn samples_do_not_depend_on_the_pieces() {
        let values = [0i16, 1, -1, i16::MAX, i16::MIN, 258];
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let expected: Vec<f32> = values.iter().map(|&v| f32::from(v) / 32_768.0).collect();
        for piece in [1, 2, 3, 5, 100] {
            let (samples, damage) = read(&bytes, piece, 16_000);
            assert_eq!(samples.unwrap(), expected, "pieces of {piece}");
            assert_eq!(damage, None);
        }
    }

    #[test]
    fn other_rates_are_resampled() {
        let bytes = vec![0; 2 * 8_000];
        assert_eq!(read(&bytes, 999, 8_000).0.unwrap().len(), 16_000);
    }

    #[test]
    fn odd_ends_and_files_are_noticed() {
        for bytes in [&[][..], &[7]] {
            let error = read(bytes, 10, 16_000).0.unwrap_err().to_string();
            assert!(error.contains("no audio"), "{error}");
        }
        let cases: [(&[u8], &str); 2] =
            [(&[0, 0, 7], "half a sample"), (b"RIFFxxxxWAVE", "audio file")];
        for (bytes, expected) in cases {
            let (samples, damage) = read(bytes, 2, 16_000);
            assert!(samples.is_ok());
            // Two bytes at a time hide the file's magic: that is a hint, not a promise.
            let damage = damage.or_else(|| read(bytes, 100, 16_000).1).unwrap();
            assert!(damage.contains(expected), "{damage}");
        }
    }
}
