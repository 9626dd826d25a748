//! Wav files, whose headers are often wrong.
//!
//! Interrupted recorders, pipes and converters write sizes that are 0, too large or outdated. The
//! real end of the file decides; a stated size only says where the audio may stop and other chunks
//! follow.

mod header;

use stonechat_kinds::FileKind;

use super::coded::CodedSource;
use super::mpeg::MpegSource;
use super::pcm::{self, Encoding};
use super::stream::{ByteStream, Origin};
use super::{Layout, Next, Source};
use crate::warning::Warnings;
use crate::{Error, Warning, WarningKind};
use header::{Audio, Behind, Chunks, Format};

/// Bytes decoded at a time.
const READ_BYTES: usize = 32 << 10;
/// So few bytes after the last chunk are not worth a warning.
const CRUMBS: u64 = 16;

/// Opens a wav file, which need not contain PCM.
pub(super) fn open(origin: Origin, mut stream: ByteStream) -> Result<Box<dyn Source>, Error> {
    let mut warnings = Warnings::default();
    let mut chunks = Chunks { origin: &origin, stream: &mut stream, warnings: &mut warnings };
    let audio = chunks.header()?;
    match audio.format.tag {
        // MPEG audio in a wav file is read as MPEG audio: its frames have all the information.
        0x50 | 0x55 => {
            stream.start_here();
            if let Some(stated) = audio.stated.filter(|_| !audio.is_open()) {
                stream.end_at(stated);
            }
            Ok(Box::new(MpegSource::open(origin, stream)?))
        }
        2 | 0x11 => {
            if stream.can_search() {
                let path = || origin.path().to_path_buf();
                stream.seek_to(0).map_err(|source| Error::Read { path: path(), source })?;
            } else {
                stream.back_to_start();
            }
            Ok(Box::new(CodedSource::open(origin, stream, FileKind::Wav)?))
        }
        _ => Ok(Box::new(WavSource::open(origin, stream, audio, warnings)?)),
    }
}

struct WavSource {
    origin: Origin,
    stream: ByteStream,
    audio: Audio,
    encoding: Encoding,
    layout: Layout,
    /// Where the first audio begins in the file, and the number of its frames if the file's length
    /// is known.
    start: u64,
    frames: Option<u64>,
    /// Bytes left of the chunk, if known.
    left: Option<u64>,
    ended: bool,
    warnings: Warnings,
}

impl WavSource {
    fn open(
        origin: Origin,
        mut stream: ByteStream,
        audio: Audio,
        warnings: Warnings,
    ) -> Result<Self, Error> {
        let start = stream.position();
        let encoding = encoding(&origin, &mut stream, &audio.format)?;
        let channels = usize::from(audio.format.channels);
        let frame_bytes = (channels * encoding.bytes()) as u64;
        let there = stream.length().map(|length| length.saturating_sub(start));
        let bytes = audio.stated.map_or(there, |stated| there.map(|there| there.min(stated)));
        let frames = bytes.map(|bytes| bytes / frame_bytes);
        if frames == Some(0) {
            let what = "its data chunk contains no whole sample".to_string();
            return Err(Error::NoSamples { path: origin.path().to_path_buf(), what });
        }
        let layout = Layout { rate_hz: audio.format.rate_hz, channels };
        let left = audio.stated;
        Ok(WavSource {
            origin,
            stream,
            audio,
            encoding,
            layout,
            start,
            frames,
            left,
            ended: false,
            warnings,
        })
    }

    fn frame_bytes(&self) -> usize {
        self.layout.channels * self.encoding.bytes()
    }

    /// Continues after the audio of a chunk; a change of format is reported.
    fn go_on(&mut self) -> Result<Next, Error> {
        let stated = self.audio.stated.unwrap_or(0);
        let mut chunks =
            Chunks { origin: &self.origin, stream: &mut self.stream, warnings: &mut self.warnings };
        match chunks.behind(stated)? {
            Behind::Audio(stated) => {
                (self.left, self.audio.stated) = (stated, stated);
                Ok(Next::Frames)
            }
            Behind::Wav => {
                // What cannot be understood ends the file, but not silently.
                let next = chunks.header().and_then(|audio| {
                    let encoding = encoding(&self.origin, &mut self.stream, &audio.format)?;
                    Ok((audio, encoding))
                });
                let Ok((audio, encoding)) = next else {
                    self.warnings.add(
                        WarningKind::LeftOver,
                        "another wav file is joined to its end, and was left out: its header is damaged",
                    );
                    self.ended = true;
                    return Ok(Next::End);
                };
                (self.audio, self.encoding, self.left) = (audio, encoding, audio.stated);
                let layout = Layout {
                    rate_hz: audio.format.rate_hz,
                    channels: audio.format.channels.into(),
                };
                let changed = layout != self.layout;
                self.layout = layout;
                Ok(if changed { Next::Changed } else { Next::Frames })
            }
            Behind::Other => self.unclaimed(),
            Behind::End => {
                self.ended = true;
                Ok(Next::End)
            }
        }
    }

    /// Bytes after the stated end that belong to no chunk: audio of a recorder with outdated sizes,
    /// or rubbish.
    fn unclaimed(&mut self) -> Result<Next, Error> {
        let path = || self.origin.path().to_path_buf();
        let at = self.stream.position();
        let left = self.stream.length().map(|length| length - at);
        let head =
            self.stream.peek(READ_BYTES).map_err(|source| Error::Read { path: path(), source })?;
        let crumbs = head.len() as u64 <= CRUMBS;
        let zeros = head.iter().all(|&byte| byte == 0);
        let kind = FileKind::of(head);
        let audio = matches!(
            kind,
            FileKind::Unknown(_) | FileKind::Zeros | FileKind::Mpeg | FileKind::Utf16
        );
        if crumbs || zeros && left.is_none_or(|left| left <= READ_BYTES as u64) {
            self.ended = true;
            return Ok(Next::End);
        }
        if audio {
            self.warnings.add(
                WarningKind::Header,
                format!("its header says that the audio ends at byte {at}, but it goes on: everything was read"),
            );
            (self.left, self.audio.stated) = (None, None);
            return Ok(Next::Frames);
        }
        let bytes = left.map_or("some".to_string(), |left| left.to_string());
        self.warnings.add(
            WarningKind::LeftOver,
            format!("{bytes} bytes from byte {at} on were left out: they seem to be {kind}"),
        );
        self.ended = true;
        Ok(Next::End)
    }
}

impl Source for WavSource {
    fn layout(&self) -> Layout {
        self.layout
    }

    fn length(&self) -> Option<u64> {
        self.frames
    }

    fn read(&mut self, out: &mut Vec<f32>) -> Result<Next, Error> {
        let frame_bytes = self.frame_bytes();
        while !self.ended {
            let most = READ_BYTES.max(frame_bytes) / frame_bytes * frame_bytes;
            let wanted = self.left.map_or(most, |left| left.min(most as u64) as usize);
            if wanted < frame_bytes {
                // A partial frame at the end of a chunk is dropped.
                self.stream.skip(wanted as u64).map_err(|source| Error::Read {
                    path: self.origin.path().to_path_buf(),
                    source,
                })?;
                match self.go_on()? {
                    Next::Frames => continue,
                    next => return Ok(next),
                }
            }
            let bytes = self
                .stream
                .peek(wanted)
                .map_err(|source| Error::Read { path: self.origin.path().to_path_buf(), source })?;
            let there = bytes.len();
            let whole = there / frame_bytes * frame_bytes;
            self.encoding.decode(&bytes[..whole], out);
            self.stream.take(whole);
            self.left = self.left.map(|left| left - whole as u64);
            if there < wanted {
                self.ended = true;
                if let Some(stated) = self.audio.stated.filter(|_| !self.audio.is_open()) {
                    let found = stated - self.left.unwrap_or(0);
                    self.warnings.add(
                        WarningKind::Truncated,
                        format!("truncated: there are {found} of {stated} bytes of audio"),
                    );
                }
            }
            if whole > 0 {
                return Ok(Next::Frames);
            }
        }
        Ok(Next::End)
    }

    fn seek(&mut self, target: u64) -> Result<u64, Error> {
        let Some(frames) = self.frames.filter(|_| self.stream.can_search()) else {
            return Ok(0);
        };
        let target = target.min(frames);
        let byte = target * self.frame_bytes() as u64;
        self.stream
            .seek_to(self.start + byte)
            .map_err(|source| Error::Read { path: self.origin.path().to_path_buf(), source })?;
        self.left = self.audio.stated.map(|stated| stated - byte.min(stated));
        Ok(target)
    }

    fn warnings(&self) -> &[Warning] {
        self.warnings.list()
    }
}

/// How samples are encoded: by the header and, if that is ambiguous, by the audio that follows.
fn encoding(origin: &Origin, stream: &mut ByteStream, format: &Format) -> Result<Encoding, Error> {
    let path = || origin.path().to_path_buf();
    let offset = stream.position();
    let malformed = |what| Error::Malformed { path: path(), offset, what };
    Ok(match (format.tag, format.bits) {
        (1, bits @ 1..=32) => {
            let channels = u64::from(format.channels);
            let container = u64::from(format.block_bytes) / channels;
            let audio =
                stream.peek(READ_BYTES).map_err(|source| Error::Read { path: path(), source })?;
            pcm::integers(bits, container, &audio[..audio.len() / 4 * 4])
        }
        (3, 32) => Encoding::F32,
        (3, 64) => Encoding::F64,
        (6, _) => Encoding::ALaw,
        (7, _) => Encoding::MuLaw,
        (1 | 3, bits) => return Err(malformed(format!("{bits} bits per sample"))),
        (tag, _) => {
            let name = NAMES.iter().find(|(known, _)| *known == tag).map(|(_, name)| *name);
            let what = match name {
                Some(name) => format!("a wav file with {name} (encoding {tag:#06x})"),
                None => format!("a wav file of encoding {tag:#06x}"),
            };
            return Err(Error::Unsupported { path: path(), what });
        }
    })
}

/// Other encodings found in wav files.
const NAMES: [(u16, &str); 12] = [
    (0x0014, "G.723 ADPCM"),
    (0x0031, "GSM 6.10"),
    (0x0040, "G.721 ADPCM"),
    (0x0042, "G.723.1"),
    (0x0045, "G.726 ADPCM"),
    (0x0064, "G.726 ADPCM"),
    (0x0083, "G.729"),
    (0x00ff, "AAC"),
    (0x0160, "Windows Media Audio"),
    (0x0161, "Windows Media Audio"),
    (0x2000, "AC-3"),
    (0x674f, "Ogg Vorbis"),
];
