//! Wav (RIFF and RF64) front: finds the audio in headers that lie.
//!
//! Recorders that were killed, pipes and converters write sizes that are 0, too large or never updated. A strict parser
//! turns these files down; here the file's real length has the last word, and only what cannot be guessed is an error.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::pcm::Encoding;
use crate::Error;

/// More chunks than this before the audio are not a recording.
const MOST_CHUNKS: usize = 4_096;
/// Bytes fetched at a time.
const READ_BYTES: usize = 64 * 1024;

pub(super) fn looks_like_wav(head: &[u8]) -> bool {
    head.len() >= 12 && matches!(&head[..4], b"RIFF" | b"RF64" | b"BW64") && &head[8..12] == b"WAVE"
}

/// Mono samples of a wav file.
pub(super) struct WavSource {
    path: PathBuf,
    file: BufReader<File>,
    layout: Layout,
    /// Frames of all channels in the file, and how many have been read.
    frames: u64,
    position: u64,
    bytes: Vec<u8>,
    damage: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Layout {
    encoding: Encoding,
    channels: u16,
    rate_hz: u32,
    data_start: u64,
}

impl Layout {
    fn frame_bytes(&self) -> u64 {
        u64::from(self.channels) * self.encoding.bytes() as u64
    }
}

impl WavSource {
    pub(super) fn open(path: &Path, file: File) -> Result<Self, Error> {
        let length = file
            .metadata()
            .map_err(|source| Error::Read { path: path.to_path_buf(), source })?
            .len();
        let mut parser = Parser { path, file: BufReader::new(file), length };
        let (layout, data_bytes, damage) = parser.parse()?;
        let frames = data_bytes / layout.frame_bytes();
        if frames == 0 {
            return Err(parser.no_samples("its data chunk holds no whole sample"));
        }
        let mut source = WavSource {
            path: path.to_path_buf(),
            file: parser.file,
            layout,
            frames,
            position: 0,
            bytes: Vec::new(),
            damage,
        };
        source.seek(0)?;
        Ok(source)
    }

    pub(super) fn layout(&self) -> (u32, usize) {
        (self.layout.rate_hz, usize::from(self.layout.channels))
    }

    pub(super) fn length(&self) -> u64 {
        self.frames
    }

    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    pub(super) fn seek(&mut self, target: u64) -> Result<u64, Error> {
        self.position = target.min(self.frames);
        let byte = self.layout.data_start + self.position * self.layout.frame_bytes();
        self.file
            .seek(SeekFrom::Start(byte))
            .map_err(|source| Error::Read { path: self.path.clone(), source })?;
        Ok(self.position)
    }

    pub(super) fn read(&mut self, mono: &mut Vec<f32>) -> Result<bool, Error> {
        let frame_bytes = self.layout.frame_bytes();
        let frames = (READ_BYTES as u64 / frame_bytes).max(1).min(self.frames - self.position);
        if frames == 0 {
            return Ok(false);
        }
        self.bytes.clear();
        let read = Read::by_ref(&mut self.file)
            .take(frames * frame_bytes)
            .read_to_end(&mut self.bytes)
            .map_err(|source| Error::Read { path: self.path.clone(), source })?;
        let whole = read as u64 / frame_bytes;
        self.layout.encoding.mix(
            &self.bytes[..(whole * frame_bytes) as usize],
            usize::from(self.layout.channels),
            mono,
        );
        self.position += whole;
        if whole < frames {
            // The file has become shorter since it was opened.
            self.damage = Some("the file was cut while it was read".to_string());
            self.frames = self.position;
        }
        Ok(whole > 0)
    }
}

struct Parser<'a> {
    path: &'a Path,
    file: BufReader<File>,
    length: u64,
}

impl Parser<'_> {
    /// Layout, bytes of audio really there, and what is wrong although they can be read.
    fn parse(&mut self) -> Result<(Layout, u64, Option<String>), Error> {
        let riff_bytes = u32_at(&self.bytes_at::<12>(0)?, 4);
        let mut format = None;
        let mut long_data_bytes = None;
        let mut empty_data = false;
        let mut at = 12;
        for _ in 0..MOST_CHUNKS {
            if at + 8 > self.length {
                return Err(match (format, empty_data) {
                    (_, true) => self.no_samples("its data chunk is empty"),
                    (None, _) => self.malformed(at, "the file ends before a fmt chunk".to_string()),
                    (Some(_), _) => {
                        self.malformed(at, "the file ends before a data chunk".to_string())
                    }
                });
            }
            let header = self.bytes_at::<8>(at)?;
            let (id, stated) = (&header[..4], u64::from(u32_at(&header, 4)));
            let start = at + 8;
            match id {
                b"fmt " => format = Some(self.format(start, stated)?),
                b"ds64" if stated >= 16 && start + 16 <= self.length => {
                    long_data_bytes =
                        Some(u64::from_le_bytes(part(&self.bytes_at::<16>(start)?, 8)));
                }
                b"data" => {
                    let Some((encoding, channels, rate_hz)) = format else {
                        return Err(self.malformed(
                            at,
                            "the data chunk comes before the fmt chunk".to_string(),
                        ));
                    };
                    let layout = Layout { encoding, channels, rate_hz, data_start: start };
                    let there = self.length - start;
                    // Never updated by its writer: the audio goes on to the end of the file.
                    let unfinished = stated == 0
                        && there > 0
                        && (riff_bytes == u32::MAX || u64::from(riff_bytes) + 8 <= start);
                    let open_ended = stated == u64::from(u32::MAX);
                    let stated = if open_ended { long_data_bytes.unwrap_or(there) } else { stated };
                    if unfinished {
                        return Ok((
                            layout,
                            there,
                            Some("the header was never completed".to_string()),
                        ));
                    }
                    if stated > there {
                        let damage =
                            format!("truncated: {there} of {stated} bytes of audio are there");
                        return Ok((layout, there, Some(damage)));
                    }
                    if stated > 0 {
                        return Ok((layout, stated, None));
                    }
                    empty_data = true;
                }
                _ => {}
            }
            // Chunks start on even bytes.
            at = start + stated + (stated & 1);
        }
        Err(self.malformed(at, format!("no data chunk among the first {MOST_CHUNKS} chunks")))
    }

    fn format(&mut self, start: u64, stated: u64) -> Result<(Encoding, u16, u32), Error> {
        let there = stated.min(self.length - start);
        if there < 16 {
            return Err(self.malformed(
                start - 4,
                format!("the fmt chunk has {there} bytes, at least 16 are needed"),
            ));
        }
        let fmt = self.bytes_at::<16>(start)?;
        let (mut tag, channels) = (u16_at(&fmt, 0), u16_at(&fmt, 2));
        let (rate_hz, bits) = (u32_at(&fmt, 4), u16_at(&fmt, 14));
        if tag == 0xfffe {
            // WAVE_FORMAT_EXTENSIBLE: the real tag opens the 16 bytes of the sub-format.
            if there < 26 {
                return Err(self.malformed(
                    start,
                    format!("the extensible fmt chunk has {there} bytes, not 40"),
                ));
            }
            tag = u16_at(&self.bytes_at::<2>(start + 24)?, 0);
        }
        if channels == 0 {
            return Err(self.malformed(start + 2, "the fmt chunk says 0 channels".to_string()));
        }
        // The block size of the header is redundant and often wrong: the number of bits decides.
        let encoding = match (tag, bits) {
            (1, 1..=8) => Encoding::U8,
            (1, 9..=16) => Encoding::I16,
            (1, 17..=24) => Encoding::I24,
            (1, 25..=32) => Encoding::I32,
            (3, 32) => Encoding::F32,
            (3, 64) => Encoding::F64,
            (6, _) => Encoding::ALaw,
            (7, _) => Encoding::MuLaw,
            (1 | 3, _) => return Err(self.malformed(start + 14, format!("{bits} bits per sample"))),
            _ => {
                let what = format!("wav encoding {tag:#06x} (not PCM, float, A-law or mu-law)");
                return Err(Error::Unsupported { path: self.path.to_path_buf(), what });
            }
        };
        Ok((encoding, channels, rate_hz))
    }

    fn bytes_at<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|source| Error::Read { path: self.path.to_path_buf(), source })?;
        Ok(bytes)
    }

    fn malformed(&self, offset: u64, what: String) -> Error {
        Error::Malformed { path: self.path.to_path_buf(), offset, what }
    }

    fn no_samples(&self, what: &str) -> Error {
        Error::NoSamples { path: self.path.to_path_buf(), what: what.to_string() }
    }
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(part(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(part(bytes, at))
}
