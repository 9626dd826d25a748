//! The bytes of a file or a pipe, with look-ahead, without the tags around them.
//!
//! For a regular file, a window excludes the tags at its end. A pipe cannot be searched, so its
//! last 128 bytes are held back until it is known whether they are such a tag. The reader need not
//! know which of the two it is.

use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use symphonia::core::io::MediaSource;

use crate::Error;

/// Bytes requested from the system at a time.
const READ_BYTES: usize = 32 << 10;
/// Length of an ID3v1 tag.
const ID3V1_BYTES: usize = 128;

/// Where bytes come from, so that they can be read again from the start.
#[derive(Clone)]
pub(super) enum Origin {
    File(PathBuf),
    Memory(PathBuf, Arc<[u8]>),
    /// A pipe whose bytes (and their number) are kept in an unnamed file.
    Spooled(PathBuf, Arc<File>, u64),
    /// Something that can be read only once.
    Pipe(PathBuf),
}

impl Origin {
    /// The name in messages.
    pub(super) fn path(&self) -> &Path {
        match self {
            Origin::File(path)
            | Origin::Memory(path, _)
            | Origin::Spooled(path, ..)
            | Origin::Pipe(path) => path,
        }
    }

    pub(super) fn open(&self) -> Result<ByteStream, Error> {
        let error = |source| Error::Read { path: self.path().to_path_buf(), source };
        match self {
            Origin::Memory(_, bytes) => {
                let length = bytes.len() as u64;
                ByteStream::searchable(Box::new(Cursor::new(bytes.clone())), length).map_err(error)
            }
            // All clones share one file position; only the last of them is read.
            Origin::Spooled(_, file, length) => {
                let file = file.try_clone().map_err(error)?;
                ByteStream::searchable(Box::new(file), *length).map_err(error)
            }
            Origin::Pipe(_) => Err(error(ErrorKind::NotSeekable.into())),
            Origin::File(path) => {
                let file = File::open(path).map_err(error)?;
                let metadata = file.metadata().map_err(error)?;
                if metadata.is_dir() {
                    return Err(error(ErrorKind::IsADirectory.into()));
                }
                if metadata.is_file() {
                    ByteStream::searchable(Box::new(file), metadata.len()).map_err(error)
                } else {
                    Ok(ByteStream::pipe(Box::new(file)))
                }
            }
        }
    }
}

trait Search: Read + Seek + Send + Sync {}
impl<T: Read + Seek + Send + Sync> Search for T {}

enum Inner {
    /// The bytes `start..end` of the source.
    Window {
        source: Box<dyn Search>,
        start: u64,
        end: u64,
    },
    Pipe {
        source: Box<dyn Read + Send + Sync>,
        tail: Vec<u8>,
        ended: bool,
    },
}

/// Bytes in order. Positions count from the start of the audio, after tags that were skipped with
/// [`ByteStream::start_here`].
pub(super) struct ByteStream {
    inner: Inner,
    /// Bytes fetched and not yet taken: `buffer[taken..]`.
    buffer: Vec<u8>,
    taken: usize,
    position: u64,
    /// Tracks the position for a caller that has given the stream away.
    watch: Option<Arc<AtomicU64>>,
    /// Read as a pipe is, although it could be searched.
    in_order: bool,
}

impl ByteStream {
    fn searchable(mut source: Box<dyn Search>, length: u64) -> io::Result<Self> {
        let end = length - tail_tags(source.as_mut(), length)?;
        source.seek(SeekFrom::Start(0))?;
        Ok(Self::new(Inner::Window { source, start: 0, end }))
    }

    pub(super) fn pipe(source: Box<dyn Read + Send + Sync>) -> Self {
        Self::new(Inner::Pipe { source, tail: Vec::new(), ended: false })
    }

    fn new(inner: Inner) -> Self {
        ByteStream {
            inner,
            buffer: Vec::new(),
            taken: 0,
            position: 0,
            watch: None,
            in_order: false,
        }
    }

    /// The position, wherever the stream is moved; only for streams that are read in order.
    pub(super) fn watch(&mut self) -> Arc<AtomicU64> {
        self.watch.get_or_insert_default().clone()
    }

    /// Hides its length and that it can be searched: for readers that give up on a file which ends too early.
    pub(super) fn in_order(self) -> Self {
        ByteStream { in_order: true, ..self }
    }

    /// Bytes from start to end, unless it is a pipe.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.inner {
            Inner::Window { start, end, .. } if !self.in_order => Some(end - start),
            _ => None,
        }
    }

    pub(super) fn can_search(&self) -> bool {
        !self.in_order && matches!(self.inner, Inner::Window { .. })
    }

    /// Bytes taken since the start.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Makes the current place position 0.
    pub(super) fn start_here(&mut self) {
        if let Inner::Window { start, .. } = &mut self.inner {
            *start += self.position;
        }
        self.position = 0;
    }

    /// Back to position 0, if the bytes since then are still in memory, as those of a header are.
    pub(super) fn back_to_start(&mut self) {
        if let Ok(position) = usize::try_from(self.position)
            && position <= self.taken
        {
            self.taken -= position;
            self.position = 0;
        }
    }

    /// Ends the stream this many bytes from here at the latest; a pipe goes on to its end.
    pub(super) fn end_at(&mut self, bytes: u64) {
        if let Inner::Window { start, end, .. } = &mut self.inner {
            *end = (*end).min(start.saturating_add(self.position).saturating_add(bytes));
        }
    }

    /// The next `count` bytes, without taking them; fewer only at the end.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.taken < count && self.fetch()? {}
        let there = (self.buffer.len() - self.taken).min(count);
        Ok(&self.buffer[self.taken..self.taken + there])
    }

    /// Takes `count` bytes that were peeked.
    pub(super) fn take(&mut self, count: usize) {
        let count = count.min(self.buffer.len() - self.taken);
        self.taken += count;
        self.position += count as u64;
        if let Some(watch) = &self.watch {
            watch.store(self.position, Ordering::Relaxed);
        }
    }

    /// Skips `count` bytes; false if the end comes first.
    pub(super) fn skip(&mut self, count: u64) -> io::Result<bool> {
        if let Some(length) = self.length()
            && count > READ_BYTES as u64
        {
            let target = self.position.saturating_add(count);
            self.seek_to(target.min(length))?;
            return Ok(target <= length);
        }
        let mut left = count;
        while left > 0 {
            let there = self.peek(left.min(READ_BYTES as u64) as usize)?.len();
            if there == 0 {
                return Ok(false);
            }
            self.take(there);
            left -= there as u64;
        }
        Ok(true)
    }

    /// Goes to a position; only if [`ByteStream::can_search`].
    pub(super) fn seek_to(&mut self, position: u64) -> io::Result<()> {
        let Inner::Window { source, start, .. } = &mut self.inner else {
            return Err(ErrorKind::NotSeekable.into());
        };
        source.seek(SeekFrom::Start(start.saturating_add(position)))?;
        self.buffer.clear();
        (self.taken, self.position) = (0, position);
        Ok(())
    }

    /// Fetches more bytes after those in the buffer; false at the end.
    fn fetch(&mut self) -> io::Result<bool> {
        if self.taken > 0 && self.taken == self.buffer.len() || self.taken > 4 * READ_BYTES {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        let ahead = (self.buffer.len() - self.taken) as u64;
        match &mut self.inner {
            Inner::Window { source, start, end } => {
                let next = self.position.saturating_add(ahead);
                let left = end.saturating_sub(start.saturating_add(next));
                append(source, left.min(READ_BYTES as u64) as usize, &mut self.buffer)
            }
            Inner::Pipe { source, tail, ended } => {
                while !*ended {
                    *ended = !append(source, READ_BYTES, tail)?;
                    if *ended && tail.starts_with(b"TAG") && tail.len() == ID3V1_BYTES {
                        tail.clear();
                    }
                    let keep = if *ended { 0 } else { ID3V1_BYTES };
                    if tail.len() > keep {
                        let ready = tail.len() - keep;
                        self.buffer.extend(tail.drain(..ready));
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

/// Appends the result of one read of at most `count` bytes; false at the end.
fn append(source: &mut dyn Read, count: usize, to: &mut Vec<u8>) -> io::Result<bool> {
    let before = to.len();
    to.resize(before + count, 0);
    let read = loop {
        match source.read(&mut to[before..]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => break other,
        }
    };
    to.truncate(before + *read.as_ref().unwrap_or(&0));
    Ok(read? > 0)
}

/// Bytes of the tags at the end: ID3v1, Lyrics3 and APE, in any order, as tagging programs leave
/// them.
fn tail_tags(source: &mut dyn Search, length: u64) -> io::Result<u64> {
    let mut tags = 0;
    loop {
        let left = length - tags;
        let mut tail = vec![0; left.min(ID3V1_BYTES as u64) as usize];
        source.seek(SeekFrom::Start(left - tail.len() as u64))?;
        source.read_exact(&mut tail)?;
        let found = tag_at_end(&tail).filter(|&found| found <= left);
        match found {
            Some(found) => tags += found,
            None => return Ok(tags),
        }
    }
}

fn tag_at_end(tail: &[u8]) -> Option<u64> {
    if tail.len() == ID3V1_BYTES && tail.starts_with(b"TAG") {
        return Some(ID3V1_BYTES as u64);
    }
    if let Some(digits) = tail.strip_suffix(b"LYRICS200") {
        let digits = std::str::from_utf8(digits.get(digits.len().checked_sub(6)?..)?).ok()?;
        return Some(digits.parse::<u64>().ok()? + 15);
    }
    let footer = tail.get(tail.len().checked_sub(32)?..)?;
    let size = u32::from_le_bytes(footer[12..16].try_into().ok()?);
    let header = if footer[23] & 0x80 != 0 { 32 } else { 0 };
    footer.starts_with(b"APETAGEX").then_some(u64::from(size) + header)
}

impl Read for ByteStream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let there = self.peek(1)?.len();
        let count = to.len().min(self.buffer.len() - self.taken);
        if there > 0 {
            to[..count].copy_from_slice(&self.buffer[self.taken..self.taken + count]);
            self.take(count);
        }
        Ok(count)
    }
}

impl Seek for ByteStream {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length().and_then(|length| length.checked_add_signed(by)),
        };
        self.seek_to(target.ok_or(ErrorKind::InvalidInput)?)?;
        Ok(self.position)
    }
}

impl MediaSource for ByteStream {
    fn is_seekable(&self) -> bool {
        self.can_search()
    }

    fn byte_len(&self) -> Option<u64> {
        self.length()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All bytes of a stream in pieces of `piece`.
    fn all(mut stream: ByteStream, piece: usize) -> Vec<u8> {
        let (mut out, mut bytes) = (Vec::new(), vec![0; piece]);
        loop {
            match stream.read(&mut bytes).unwrap() {
                0 => return out,
                count => out.extend_from_slice(&bytes[..count]),
            }
        }
    }

    #[test]
    fn tags_at_the_end_are_left_out() {
        let audio: Vec<u8> = (0..70_000u32).map(|n| (n % 251) as u8).collect();
        let id3v1 = [b"TAG".to_vec(), vec![b'y'; 125]].concat();
        let ape = |header: bool| {
            let mut footer = b"APETAGEX\xd0\x07\0\0".to_vec();
            footer.extend((50u32 + 32).to_le_bytes());
            footer.extend(1u32.to_le_bytes());
            footer.extend([0, 0, 0, if header { 0x80 } else { 0 }]);
            footer.extend([0; 8]);
            [if header { footer.clone() } else { vec![] }, vec![3; 50], footer].concat()
        };
        let lyrics = [b"LYRICSBEGININD00002".to_vec(), b"00000019LYRICS200"[2..].to_vec()].concat();
        // (name, tags, whether a pipe recognises them, too)
        let cases = [
            ("nothing", vec![], true),
            ("ID3v1", id3v1.clone(), true),
            ("APE", ape(false), false),
            ("APE with a header, then ID3v1", [ape(true), id3v1.clone()].concat(), false),
            ("Lyrics3, then ID3v1", [lyrics, id3v1.clone()].concat(), false),
        ];
        for (what, tags, in_pipes) in cases {
            let bytes = [audio.clone(), tags].concat();
            let origin = Origin::Memory("a".into(), bytes.clone().into());
            assert_eq!(origin.open().unwrap().length(), Some(70_000), "{what}");
            for piece in [1_000, 99_999] {
                assert!(all(origin.open().unwrap(), piece) == audio, "{what}");
                let pipe = ByteStream::pipe(Box::new(Cursor::new(bytes.clone())));
                assert!(!in_pipes || all(pipe, piece) == audio, "{what}, in a pipe");
            }
        }
        for short in [&b""[..], b"TAG", b"LYRICS200", b"9LYRICS200", b"APETAGEX"] {
            let origin = Origin::Memory("a".into(), short.into());
            assert_eq!(all(origin.open().unwrap(), 10), short);
            assert_eq!(all(ByteStream::pipe(Box::new(short)), 10), short);
        }
    }

    #[test]
    fn peeking_takes_nothing_and_skipping_goes_on() {
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n / 7 % 256) as u8).collect();
        let window = Origin::Memory("a".into(), bytes.clone().into()).open().unwrap();
        for mut stream in [window, ByteStream::pipe(Box::new(Cursor::new(bytes.clone())))] {
            assert_eq!(stream.peek(10).unwrap(), &bytes[..10]);
            assert!(stream.skip(20).unwrap());
            stream.start_here();
            assert_eq!(stream.peek(50_000).unwrap(), &bytes[20..50_020]);
            assert!(stream.skip(150_000).unwrap());
            assert_eq!(
                (stream.position(), stream.peek(3).unwrap()),
                (150_000, &bytes[150_020..150_023])
            );
            assert!(!stream.skip(1_000_000).unwrap());
            assert!(stream.peek(1).unwrap().is_empty());
            if stream.can_search() {
                stream.seek(SeekFrom::Start(5)).unwrap();
                assert_eq!(stream.peek(2).unwrap(), &bytes[25..27]);
                stream.seek(SeekFrom::End(-4)).unwrap();
                assert_eq!(stream.peek(9).unwrap(), &bytes[199_996..]);
            }
        }
    }
}
