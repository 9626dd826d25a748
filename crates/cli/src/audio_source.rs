//! Audio as it comes in: a file, or raw PCM from a pipe, as mono samples at the model's rate.

use std::fmt::Display;
use std::io::{Cursor, ErrorKind, Read};

use anyhow::{Context, Result, bail};
use stonechat_audio::{AudioReader, Resampler, SignalRepair, Warning, WarningKind};
use stonechat_kinds::{FileKind, HEAD_BYTES};

use crate::inputs::Input;
#[cfg(feature = "microphone")]
use crate::microphone::Microphone;
use crate::{interrupt, output};

/// Bytes asked of a pipe at a time. A pipe gives what it has, so this delays nothing.
const PIPE_BYTES: usize = 32 << 10;

/// A stream of samples that ends.
pub enum AudioSource {
    File(Box<AudioReader>),
    #[cfg(feature = "microphone")]
    Microphone(Box<Microphone>),
    Pcm(Box<PcmSource<Stdin>>),
}

/// Standard input behind the bytes that were looked at.
type Stdin = std::io::Chain<Cursor<Vec<u8>>, StdinBytes>;

/// Standard input until it ends or the program is asked to end.
type StdinBytes = Box<dyn Read + Send + Sync>;

impl AudioSource {
    /// Opens `input` for samples at `rate_hz`; PCM on stdin is at `pcm_rate_hz`, if that is given. A file on stdin is read as one.
    pub fn open(input: &Input, rate_hz: u32, pcm_rate_hz: Option<u32>) -> Result<Self> {
        if let Input::File(path) = input {
            return Ok(Self::File(Box::new(AudioReader::open(path, rate_hz)?)));
        }
        let mut stdin: StdinBytes = Box::new(interrupt::stdin()?);
        let head = head(&mut stdin).context("stdin")?;
        let kind = FileKind::of(&head);
        let stdin = Cursor::new(head).chain(stdin);
        if is_file(kind) {
            if pcm_rate_hz.is_some() {
                output::warn(&format!(
                    "stdin: this is {kind}, which says its own rate: --rate is that of raw PCM and is not used"
                ));
            }
            return Ok(Self::File(Box::new(AudioReader::from_pipe(stdin, "-", rate_hz)?)));
        }
        Ok(Self::Pcm(Box::new(PcmSource::new(stdin, pcm_rate_hz.unwrap_or(rate_hz), rate_hz)?)))
    }

    /// Appends the next samples; false at the end.
    pub fn next_chunk(&mut self, out: &mut Vec<f32>) -> Result<bool> {
        match self {
            Self::File(reader) => Ok(reader.next_chunk(out)?),
            #[cfg(feature = "microphone")]
            Self::Microphone(microphone) => microphone.next_chunk(out),
            Self::Pcm(source) => source.next_chunk(out).context("stdin"),
        }
    }

    /// The level of what came since the last call, where it comes from a microphone.
    #[cfg(feature = "microphone")]
    pub fn level_db(&mut self) -> Option<f32> {
        match self {
            Self::Microphone(microphone) => Some(microphone.level_db()),
            _ => None,
        }
    }

    /// What was wrong with the audio although samples came out, and what was done about it.
    pub fn warnings(&self) -> Vec<Warning> {
        match self {
            Self::File(reader) => reader.warnings(),
            #[cfg(feature = "microphone")]
            Self::Microphone(microphone) => microphone.warnings(),
            Self::Pcm(source) => source.warnings(),
        }
    }

    /// Prints the warnings, `name: what`, and gives them.
    pub fn tell_warnings(&self, input: &impl Display) -> Vec<Warning> {
        let warnings = self.warnings();
        for warning in &warnings {
            eprintln!("warning: {input}: {warning}");
        }
        warnings
    }
}

/// The first bytes of a pipe, fewer only if it ends.
fn head(pipe: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    pipe.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Whether it begins as no PCM does: then it is read as what it is, or told by its name.
fn is_file(kind: FileKind) -> bool {
    use FileKind::{Empty, Unknown, Utf16, Zeros};
    // Quiet samples with an offset look like text in UTF-16.
    !matches!(kind, Empty | Unknown(_) | Utf16 | Zeros)
}

/// Raw signed 16-bit little-endian mono PCM.
pub struct PcmSource<R> {
    reader: R,
    repair: SignalRepair,
    resampler: Resampler,
    bytes: Vec<u8>,
    /// The first half of a sample whose second half has not come yet.
    odd: Option<u8>,
    samples: Vec<f32>,
    checked: Vec<f32>,
    received: bool,
    finished: bool,
}

impl<R: Read> PcmSource<R> {
    pub fn new(reader: R, from_hz: u32, to_hz: u32) -> Result<Self> {
        Ok(Self {
            reader,
            repair: SignalRepair::live(from_hz, 1),
            resampler: Resampler::new(from_hz, to_hz)?,
            bytes: vec![0; PIPE_BYTES],
            odd: None,
            samples: Vec::new(),
            checked: Vec::new(),
            received: false,
            finished: false,
        })
    }

    /// Appends the next samples; false at the end.
    pub fn next_chunk(&mut self, out: &mut Vec<f32>) -> Result<bool> {
        let before = out.len();
        while out.len() == before && !self.finished {
            let read = self.read()?;
            self.checked.clear();
            if read == 0 {
                self.finished = true;
                if !self.received {
                    bail!(
                        "no audio came: an audio file or raw PCM (signed 16 bit, little endian, mono) is expected"
                    );
                }
                self.repair.finish(&mut self.checked);
                self.resampler.push(&self.checked, out)?;
                self.resampler.finish(out)?;
            } else {
                self.convert(read);
                self.repair.push(&self.samples, &mut self.checked);
                self.resampler.push(&self.checked, out)?;
            }
        }
        Ok(out.len() > before)
    }

    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.repair.warnings();
        if self.odd.is_some() && self.finished {
            let message = "half a sample at the end: is it 16-bit PCM?".to_string();
            warnings.push(Warning::new(WarningKind::LeftOver, message));
        }
        warnings
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
        self.samples.clear();
        let mut bytes = self.bytes[..read].iter().copied();
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

    fn read(bytes: &[u8], piece: usize, rate_hz: u32) -> (Result<Vec<f32>>, Vec<Warning>) {
        let mut source = PcmSource::new(Pieces(bytes, piece), rate_hz, 16_000).unwrap();
        let mut out = Vec::new();
        loop {
            match source.next_chunk(&mut out) {
                Ok(true) => {}
                Ok(false) => return (Ok(out), source.warnings()),
                Err(error) => return (Err(error), Vec::new()),
            }
        }
    }

    #[test]
    fn samples_do_not_depend_on_the_pieces() {
        let values = [0i16, 1, -1, i16::MAX, i16::MIN, 258];
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let expected: Vec<f32> = values.iter().map(|&v| f32::from(v) / 32_768.0).collect();
        for piece in [1, 2, 3, 5, 100] {
            let (samples, warnings) = read(&bytes, piece, 16_000);
            assert_eq!(samples.unwrap(), expected, "pieces of {piece}");
            assert_eq!(warnings, []);
        }
    }

    #[test]
    fn other_rates_are_resampled() {
        let bytes = vec![0; 2 * 8_000];
        assert_eq!(read(&bytes, 999, 8_000).0.unwrap().len(), 16_000);
    }

    #[test]
    fn odd_ends_and_empty_pipes_are_noticed() {
        for bytes in [&[][..], &[7]] {
            let error = read(bytes, 10, 16_000).0.unwrap_err().to_string();
            assert!(error.contains("no audio"), "{error}");
        }
        let (samples, warnings) = read(&[0, 0, 7], 2, 16_000);
        assert_eq!(samples.unwrap().len(), 1);
        assert!(warnings[0].message.contains("half a sample"), "{warnings:?}");
    }

    #[test]
    fn files_are_told_from_samples_whatever_the_pieces() {
        // (bytes, whether they begin a file)
        let cases: [(&[u8], bool); 8] = [
            (b"RIFFxxxxWAVEfmt \x10", true),
            (b"OggS\0\x02xxxxxxxxxxxxxx", true),
            (b"ID3\x03\0\0\0\0\0\x7fxxxxxxxx", true),
            (b"\0\0\0\x18ftypM4A xxxx", true),
            (b"\xff\xfb\x90\0\xff\xff\0\0\x01\0\xff\xff\0\0\0\0", false),
            (b"\0\0", false),
            (b".snd\0\0\0\x18", true),
            (b"turn on the light\n", true),
        ];
        for (bytes, expected) in cases {
            for piece in [1, 5, 100] {
                let head = head(&mut Pieces(bytes, piece)).unwrap();
                assert_eq!(head, bytes[..bytes.len().min(HEAD_BYTES)]);
                assert_eq!(is_file(FileKind::of(&head)), expected, "{bytes:x?}");
            }
        }
    }
}
