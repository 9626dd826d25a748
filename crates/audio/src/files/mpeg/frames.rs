//! Bytes to frames: skips tags and junk between frames, and bytes that only look like a frame.

use std::io;

use stonechat_kinds::id3v2_bytes;

use super::header::Header;
use crate::files::stream::ByteStream;

/// How many frames in a row are accepted as a beginning.
const FRAMES_TO_BELIEVE: usize = 3;

/// What comes next in the stream.
pub(super) enum Item {
    /// A frame; its bytes are where the caller asked for them.
    Frame(Header),
    /// Bytes, at this place, that are neither frame nor tag. Zeros do not count.
    Junk {
        at: u64,
        bytes: u64,
    },
    /// The file ends inside a frame.
    Cut,
    End,
}

/// Takes frames from a stream.
#[derive(Default)]
pub(super) struct Frames {
    /// The header of the frame before, if this one should follow it directly.
    last: Option<Header>,
}

/// Whether frames begin anywhere in `bytes`.
pub(crate) fn begins_within(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| bytes[at] == 0xff && row(&bytes[at..], None) >= FRAMES_TO_BELIEVE)
}

/// How many frames of one stream, after `last`, lie one after another at the start of `bytes`, up
/// to the number that makes a beginning. The end of the bytes may cut the last one.
fn row(bytes: &[u8], last: Option<Header>) -> usize {
    let (mut at, mut count, mut last) = (0, 0, last);
    while count < FRAMES_TO_BELIEVE {
        let Some(header) = bytes.get(at..).and_then(Header::parse) else { break };
        if last.is_some_and(|last| !header.goes_with(&last)) {
            break;
        }
        (at, count, last) = (at + header.bytes, count + 1, Some(header));
    }
    count
}

impl Frames {
    /// The next item; a frame replaces the contents of `frame`.
    pub(super) fn next(
        &mut self,
        stream: &mut ByteStream,
        frame: &mut Vec<u8>,
    ) -> io::Result<Item> {
        let (at, mut junk) = (stream.position(), 0);
        loop {
            let head = stream.peek(10)?;
            let there = head.len();
            let tag = tag_bytes(head).filter(|_| junk == 0);
            let header = Header::parse(head);
            if tag.is_some() || header.is_some() && self.is_frame(stream)? {
                if junk > 0 {
                    return Ok(Item::Junk { at, bytes: junk });
                }
                if let Some(tag) = tag {
                    stream.skip(tag)?;
                    continue;
                }
                let header = header.unwrap_or_else(|| unreachable!("a frame has a header"));
                self.last = Some(header);
                let bytes = stream.peek(header.bytes)?;
                if bytes.len() < header.bytes {
                    let left = bytes.len() as u64;
                    stream.skip(left)?;
                    return Ok(Item::Cut);
                }
                frame.clear();
                frame.extend_from_slice(bytes);
                stream.take(header.bytes);
                return Ok(Item::Frame(header));
            }
            if there == 0 {
                return Ok(if junk > 0 { Item::Junk { at, bytes: junk } } else { Item::End });
            }
            self.last = None;
            junk += u64::from(stream.peek(1)?[0] != 0);
            stream.take(1);
        }
    }

    /// Whether something that looks like a header is one: after a frame it must match it; elsewhere
    /// more frames must follow.
    fn is_frame(&self, stream: &mut ByteStream) -> io::Result<bool> {
        let Some(header) = Header::parse(stream.peek(4)?) else { return Ok(false) };
        if self.last.is_some_and(|last| header.goes_with(&last)) {
            return Ok(true);
        }
        let wanted = 4 + header.bytes * FRAMES_TO_BELIEVE;
        let bytes = stream.peek(wanted.max(8 << 10))?;
        let frames = row(bytes, None);
        // A file may have only one or two frames.
        let mut at = 0;
        for _ in 0..frames {
            at += Header::parse(&bytes[at..]).map_or(0, |header| header.bytes);
        }
        Ok(frames >= FRAMES_TO_BELIEVE || at == bytes.len() && frames > 0)
    }
}

/// Length of the tag at the start of `head`.
fn tag_bytes(head: &[u8]) -> Option<u64> {
    if head.starts_with(b"TAG") {
        return Some(128);
    }
    id3v2_bytes(head)
}
