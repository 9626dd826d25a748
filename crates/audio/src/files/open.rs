//! Chooses the reader of a file by its content, never by its name.

use std::io;

use stonechat_kinds::{FileKind, HEAD_BYTES, id3v2_bytes};

use super::coded::CodedSource;
use super::flac::FlacSource;
use super::mpeg::{self, MpegSource};
use super::stream::{ByteStream, Origin};
use super::wav;
use super::{Source, codec, spool};
use crate::Error;

/// More tags than this before the audio are not believed to be tags.
const MOST_TAGS: usize = 16;
/// How many bytes are searched for the first frame of an mp3.
const MOST_JUNK: usize = 64 << 10;
/// More channels than this are not believed of an AIFF file: its reader reserves room for all of them before the first sample.
const MOST_AIFF_CHANNELS: u16 = 64;
/// Bytes of an ID3v2 header, which the size in it does not include.
const ID3_HEADER: u64 = 10;

/// Opens `stream`, the bytes of `origin` from their start.
pub(super) fn open(origin: &Origin, mut stream: ByteStream) -> Result<Box<dyn Source>, Error> {
    let path = || origin.path().to_path_buf();
    let read = |source| Error::Read { path: path(), source };
    let mut head = stream.peek(HEAD_BYTES).map_err(read)?.to_vec();
    if head.is_empty() {
        return Err(Error::Empty { path: path() });
    }
    let tagged = id3v2_bytes(&head).is_some();
    for _ in 0..MOST_TAGS {
        let Some(tag) = id3v2_bytes(&head) else { break };
        let start = stream.position();
        if !stream.skip(tag).map_err(read)? && stream.can_search() {
            // A tag that claims to be longer than the file: search what follows its header.
            stream.seek_to(start + ID3_HEADER).map_err(read)?;
        }
        head = stream.peek(HEAD_BYTES).map_err(read)?.to_vec();
    }
    stream.start_here();
    if head.is_empty() {
        let what = "its ID3 tag goes to its end or beyond".to_string();
        return Err(Error::NoSamples { path: path(), what });
    }
    let mut kind = FileKind::of(&head);
    // Frames of MPEG audio have no magic number, and anything may precede them.
    if matches!(kind, FileKind::Unknown(_) | FileKind::Zeros | FileKind::Mpeg)
        || tagged && !kind.is_audio()
    {
        let found = mpeg::begins_within(stream.peek(MOST_JUNK).map_err(read)?);
        kind = if found || kind == FileKind::Mpeg { FileKind::Mpeg } else { kind };
    }
    let mut origin = origin.clone();
    if !stream.can_search() && spool::is_needed(kind, stream.peek(MOST_JUNK).map_err(read)?) {
        (origin, stream) = spool::spool(&origin, stream)?;
    }
    if kind == FileKind::Aiff {
        let channels = aiff_channels(stream.peek(MOST_JUNK).map_err(read)?);
        if let Some(channels) = channels.filter(|&channels| channels > MOST_AIFF_CHANNELS) {
            let what = format!("an AIFF file of {channels} channels");
            return Err(Error::Unsupported { path: path(), what });
        }
    }
    match kind {
        FileKind::Wav => wav::open(origin, stream),
        FileKind::Flac => Ok(Box::new(FlacSource::open(origin, stream)?)),
        FileKind::Mpeg => Ok(Box::new(MpegSource::open(origin, stream)?)),
        FileKind::Ogg(_)
        | FileKind::Aiff
        | FileKind::Caf
        | FileKind::Mp4
        | FileKind::Matroska
        | FileKind::Adts => Ok(Box::new(CodedSource::open(origin, stream, kind)?)),
        kind if kind.is_audio() => Err(Error::Unsupported { path: path(), what: kind.to_string() }),
        kind => Err(Error::NotAudio { path: path(), kind }),
    }
}

/// The channels that the COMM chunk of an AIFF file states, if it is among these bytes.
fn aiff_channels(head: &[u8]) -> Option<u16> {
    let at = head.windows(4).position(|four| four == b"COMM")? + 8;
    Some(u16::from_be_bytes(*head.get(at..at + 2)?.first_chunk()?))
}

/// Opens an origin again, at the same place: after the tags at its start.
pub(super) fn reopen(origin: &Origin) -> Result<ByteStream, Error> {
    let read = |source: io::Error| Error::Read { path: origin.path().to_path_buf(), source };
    let mut stream = origin.open()?;
    while let Some(tag) = id3v2_bytes(stream.peek(10).map_err(read)?) {
        if !stream.skip(tag).map_err(read)? {
            break;
        }
    }
    stream.start_here();
    Ok(stream)
}

/// The error for a container whose first track cannot be decoded.
pub(super) fn unsupported(origin: &Origin, kind: FileKind, codec: Option<&str>) -> Error {
    let what = match (codec, kind) {
        (Some(codec), FileKind::Ogg(_)) => format!("an ogg file with {codec}"),
        (Some(codec), kind) => format!("{kind}, with {codec}"),
        (None, kind) => format!("{kind}, with {}", codec::UNKNOWN),
    };
    Error::Unsupported { path: origin.path().to_path_buf(), what }
}
