//! The chunks of wav files (RIFF, RF64, BW64), read in one direction so that pipes work as well.

use std::io;

use crate::Error;
use crate::WarningKind;
use crate::files::stream::{ByteStream, Origin};
use crate::warning::Warnings;

/// More chunks than this before the audio are not a recording.
const MOST_CHUNKS: usize = 4_096;
/// How far to search for a `data` chunk if the chunk sizes are wrong.
const MOST_SEARCHED: usize = 1 << 20;
/// Sizes from here on mean that the writer did not know the size: 2 GiB and 4 GiB, minus some
/// bytes.
const OPEN_SIZE: u64 = 0x7fff_0000;
/// Chunks that editors and recorders write.
const KNOWN: [&[u8; 4]; 22] = [
    b"fmt ", b"data", b"LIST", b"fact", b"bext", b"iXML", b"cue ", b"smpl", b"inst", b"PEAK",
    b"JUNK", b"junk", b"id3 ", b"ID3 ", b"PAD ", b"FLLR", b"ds64", b"axml", b"cart", b"DISP",
    b"plst", b"afsp",
];

/// The contents of a `fmt ` chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) tag: u16,
    pub(super) channels: u16,
    pub(super) rate_hz: u32,
    pub(super) block_bytes: u16,
    pub(super) bits: u16,
}

/// The audio that the stream has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Audio {
    pub(super) format: Format,
    /// Its bytes by the header; `None` if it goes to the end of the file.
    pub(super) stated: Option<u64>,
}

/// What follows the audio of a chunk.
pub(super) enum Behind {
    /// More audio of the same format, in a separate chunk.
    Audio(Option<u64>),
    /// Another wav file.
    Wav,
    End,
    /// Not a chunk.
    Other,
}

/// Reads chunks.
pub(super) struct Chunks<'a> {
    pub(super) origin: &'a Origin,
    pub(super) stream: &'a mut ByteStream,
    pub(super) warnings: &'a mut Warnings,
}

impl Chunks<'_> {
    /// Reads from `RIFF` to the first byte of audio.
    pub(super) fn header(&mut self) -> Result<Audio, Error> {
        let riff_bytes = u32_at(self.peek(12)?, 4);
        let riff_start = self.stream.position();
        self.stream.take(12);
        let (mut format, mut long_data_bytes, mut empty_data) = (None, None, false);
        for _ in 0..MOST_CHUNKS {
            let at = self.stream.position();
            let head = self.peek(8)?;
            if head.len() < 8 {
                return Err(match (format, empty_data) {
                    (_, true) => self.no_samples("its data chunk is empty"),
                    (None, _) => self.malformed(at, "the file ends before a fmt chunk"),
                    (Some(_), _) => self.malformed(at, "the file ends before a data chunk"),
                });
            }
            let (id, stated) = ([head[0], head[1], head[2], head[3]], u64::from(u32_at(head, 4)));
            if !is_id(&id) && self.find_data(format.is_some())? {
                continue;
            }
            self.stream.take(8);
            match &id {
                b"fmt " => format = Some(self.format(stated)?),
                b"ds64" if stated >= 16 => {
                    let sizes = self.peek(16)?;
                    let bytes = sizes.get(8..16).and_then(|bytes| bytes.try_into().ok());
                    long_data_bytes = bytes.map(u64::from_le_bytes);
                }
                b"data" => {
                    let Some(format) = format else {
                        return Err(self.malformed(at, "the data chunk comes before the fmt chunk"));
                    };
                    let start = self.stream.position();
                    let riff_end = riff_start + 8 + u64::from(riff_bytes);
                    let unknown = riff_bytes == u32::MAX || riff_end <= start;
                    if stated == 0 && (unknown || !self.is_chunk()?) && !self.peek(1)?.is_empty() {
                        self.warnings.add(
                            WarningKind::Header,
                            "its header was never completed: everything after it was read as audio",
                        );
                        return Ok(Audio { format, stated: None });
                    }
                    if stated == u64::from(u32::MAX) {
                        return Ok(Audio { format, stated: long_data_bytes });
                    }
                    if stated > 0 {
                        return Ok(Audio { format, stated: Some(stated) });
                    }
                    empty_data = true;
                }
                _ => {}
            }
            self.skip_chunk(start_of_rest(self.stream.position(), at + 8, stated))?;
        }
        let at = self.stream.position();
        Err(self.malformed(at, format!("no data chunk among the first {MOST_CHUNKS} chunks")))
    }

    /// Finds what follows the audio of a data chunk, and skips chunks without audio.
    pub(super) fn behind(&mut self, stated: u64) -> Result<Behind, Error> {
        self.pad(stated)?;
        for _ in 0..MOST_CHUNKS {
            let head = self.peek(12)?;
            if head.len() < 8 {
                return Ok(Behind::End);
            }
            if matches!(&head[..4], b"RIFF" | b"RF64") && head.get(8..12) == Some(b"WAVE") {
                return Ok(Behind::Wav);
            }
            let (id, bytes) = ([head[0], head[1], head[2], head[3]], u64::from(u32_at(head, 4)));
            if !self.is_chunk()? {
                return Ok(Behind::Other);
            }
            self.stream.take(8);
            if &id == b"data" && bytes > 0 {
                return Ok(Behind::Audio(Some(bytes).filter(|&bytes| bytes < OPEN_SIZE)));
            }
            self.skip_chunk((bytes, bytes))?;
        }
        Ok(Behind::End)
    }

    /// Whether a chunk seems to begin here: a known one, or one that ends inside the file.
    fn is_chunk(&mut self) -> Result<bool, Error> {
        let left = self.stream.length().map(|length| length - self.stream.position().min(length));
        let head = self.peek(8)?;
        let [a, b, c, d, ..] = head else { return Ok(false) };
        let (id, bytes) =
            ([*a, *b, *c, *d], u64::from(if head.len() == 8 { u32_at(head, 4) } else { 0 }));
        let fits = left.is_none_or(|left| bytes + 8 <= left);
        Ok(head.len() == 8 && is_id(&id) && (KNOWN.contains(&&id) || fits && left.is_some()))
    }

    /// Skips the rest of a chunk and its padding: `(bytes left of it, bytes stated)`.
    fn skip_chunk(&mut self, (left, stated): (u64, u64)) -> Result<(), Error> {
        let read = self.stream.skip(left);
        read.map_err(|source| self.read_error(source))?;
        self.pad(stated)
    }

    /// Chunks begin at even bytes, but some writers forget the padding byte.
    fn pad(&mut self, stated: u64) -> Result<(), Error> {
        if stated % 2 == 1 {
            let ids = self.peek(5)?;
            let unpadded = ids.get(..4).is_some_and(known) && !ids.get(1..5).is_some_and(known);
            self.stream.take(usize::from(!unpadded));
        }
        Ok(())
    }

    /// Goes to the next `data` chunk (or `fmt `, if that is missing); false, without moving, if
    /// none is near.
    fn find_data(&mut self, has_format: bool) -> Result<bool, Error> {
        let wanted: &[u8; 4] = if has_format { b"data" } else { b"fmt " };
        let bytes = self.peek(MOST_SEARCHED)?;
        let Some(found) = bytes.windows(4).position(|window| window == wanted) else {
            return Ok(false);
        };
        let at = self.stream.position();
        self.stream.take(found);
        self.warnings.add(
            WarningKind::Header,
            format!("the chunk sizes of its header are wrong: {found} bytes from byte {at} on were left out"),
        );
        Ok(true)
    }

    fn format(&mut self, stated: u64) -> Result<Format, Error> {
        let at = self.stream.position();
        let there = self.peek(26)?;
        let bytes = there.len().min(usize::try_from(stated).unwrap_or(usize::MAX));
        if bytes < 16 {
            let what = format!("the fmt chunk has {bytes} bytes, at least 16 are needed");
            return Err(self.malformed(at - 4, what));
        }
        let fmt = &there[..bytes];
        let mut format = Format {
            tag: u16_at(fmt, 0),
            channels: u16_at(fmt, 2),
            rate_hz: u32_at(fmt, 4),
            block_bytes: u16_at(fmt, 12),
            bits: u16_at(fmt, 14),
        };
        // WAVE_FORMAT_EXTENSIBLE: the real tag is at the start of the 16 bytes of the sub-format.
        if format.tag == 0xfffe {
            if bytes < 26 {
                let what = format!("the extensible fmt chunk has {bytes} bytes, not 40");
                return Err(self.malformed(at, what));
            }
            format.tag = u16_at(fmt, 24);
        }
        if format.channels == 0 {
            return Err(self.malformed(at + 2, "the fmt chunk says 0 channels"));
        }
        Ok(format)
    }

    fn peek(&mut self, count: usize) -> Result<&[u8], Error> {
        let path = self.origin.path();
        let error = |source| Error::Read { path: path.to_path_buf(), source };
        self.stream.peek(count).map_err(error)
    }

    fn read_error(&self, source: io::Error) -> Error {
        Error::Read { path: self.origin.path().to_path_buf(), source }
    }

    pub(super) fn malformed(&self, offset: u64, what: impl Into<String>) -> Error {
        // An error position cannot be beyond the end of the file.
        let offset = self.stream.length().map_or(offset, |length| offset.min(length));
        Error::Malformed { path: self.origin.path().to_path_buf(), offset, what: what.into() }
    }

    fn no_samples(&self, what: &str) -> Error {
        Error::NoSamples { path: self.origin.path().to_path_buf(), what: what.to_string() }
    }
}

impl Audio {
    /// Whether the stated size means "unknown".
    pub(super) fn is_open(&self) -> bool {
        self.stated.is_none_or(|stated| stated >= OPEN_SIZE)
    }
}

/// What is left of a chunk whose body began at `body`.
fn start_of_rest(position: u64, body: u64, stated: u64) -> (u64, u64) {
    (stated.saturating_sub(position - body), stated)
}

fn is_id(id: &[u8; 4]) -> bool {
    id.iter().all(|byte| (0x20..0x7f).contains(byte))
}

fn known(id: &[u8]) -> bool {
    KNOWN.iter().any(|known| &known[..] == id)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}
