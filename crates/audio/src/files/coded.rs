//! The containers that symphonia reads: ogg, MPEG-4, Matroska, AIFF, Core Audio, AAC frames.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stonechat_kinds::{FileKind, HEAD_BYTES};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::errors::Error as Symphonia;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::Timestamp;

use super::codec::Decoder;
use super::stream::{ByteStream, Origin};
use super::{Layout, Next, Source, open};
use crate::warning::Warnings;
use crate::{Error, Warning, WarningKind};

/// Time stamps that are off by fewer samples than this are rounding, not gaps.
const SHORTEST_GAP: u64 = 64;
/// Decoders swallow the first packets after a jump: how far before the target to aim, in samples.
const AIM_BEFORE: u64 = 8_192;
/// More packets in a row that cannot be decoded count as the end.
const MOST_BAD_PACKETS: usize = 10_000;

pub(super) struct CodedSource {
    origin: Origin,
    kind: FileKind,
    /// Whether it can be read only once.
    pipe: bool,
    /// Whether it is read from start to end: a pipe, or a file that ends before its index or inside a cluster.
    in_order: bool,
    /// If it is read in order and its container states its length: the bytes read, and how many there should be.
    promised: Option<(Arc<AtomicU64>, u64)>,
    format: Box<dyn FormatReader>,
    decoder: Decoder,
    track: u32,
    layout: Layout,
    length: Option<u64>,
    /// Decoded frames that are not given out yet: found while seeking, or with a new layout.
    ahead: Vec<f32>,
    /// Sample numbers of the start and the end of the last packet that could be decoded.
    packet_start: u64,
    packet_end: u64,
    /// Whether anything has been decoded since the start or a jump: a failure before that leaves no
    /// gap.
    decoded: bool,
    warnings: Warnings,
}

impl CodedSource {
    pub(super) fn open(
        origin: Origin,
        mut stream: ByteStream,
        kind: FileKind,
    ) -> Result<Self, Error> {
        let pipe = !stream.can_search();
        let mut in_order = pipe;
        let mut promised = None;
        if pipe && kind == FileKind::Matroska {
            let head = stream.peek(HEAD_BYTES);
            let head = head.map_err(|error| read_error(&origin, error))?;
            promised = matroska_bytes(head).map(|bytes| (stream.watch(), bytes));
        }
        let format = match probe(stream) {
            // A cluster or an index that goes beyond the end is refused as a whole where the end is known.
            Err(_) if kind == FileKind::Matroska && !pipe => {
                let mut stream = open::reopen(&origin)?.in_order();
                in_order = true;
                promised = Some((stream.watch(), u64::MAX));
                probe(stream)
            }
            other => other,
        };
        let format = format.map_err(|error| open_error(&origin, error, kind))?;
        let (track, decoder, layout) = decoder(&origin, format.as_ref(), kind)?;
        let length = format.tracks().iter().find(|candidate| candidate.id == track);
        let length = length.and_then(|track| track.num_frames);
        Ok(CodedSource {
            origin,
            kind,
            pipe,
            in_order,
            promised,
            format,
            decoder,
            track,
            layout,
            length: length.filter(|_| kind != FileKind::Adts),
            ahead: Vec::new(),
            packet_start: 0,
            packet_end: 0,
            decoded: false,
            warnings: Warnings::default(),
        })
    }

    /// Starts the file again, if it cannot be searched.
    fn rewind(&mut self) -> Result<(), Error> {
        let stream = open::reopen(&self.origin)?;
        *self = CodedSource::open(self.origin.clone(), stream, self.kind)?;
        Ok(())
    }

    /// Silence in place of packets that were lost before the one that starts at sample `start`, so
    /// that everything after them keeps its time.
    fn fill_gap(&mut self, start: u64, out: &mut Vec<f32>) {
        let missing = start.saturating_sub(self.packet_end);
        if self.decoded && missing >= SHORTEST_GAP {
            self.warnings.add(
                WarningKind::Damaged,
                format!("damaged: {missing} samples from {} on became silence", self.packet_end),
            );
            let silence = missing.min(super::longest_gap(self.layout)) as usize;
            out.resize(out.len() + silence * self.layout.channels, 0.0);
        }
        self.packet_start = start;
    }

    /// Interprets the end of the packets.
    fn end(&mut self, error: Option<&Symphonia>) {
        match error {
            None => {}
            // A pipe of Matroska always ends in the middle of something: only the length marks its
            // end.
            Some(Symphonia::IoError(_))
                if self.in_order && self.kind == FileKind::Matroska && !self.is_short() => {}
            Some(Symphonia::IoError(_)) => self
                .warnings
                .add(WarningKind::Truncated, "truncated: the file ends without its end mark"),
            Some(_) => self.warnings.add(
                WarningKind::Damaged,
                format!("damaged: nothing could be read from sample {} on", self.packet_end),
            ),
        }
    }

    /// Whether less came than the container states.
    fn is_short(&self) -> bool {
        let promised = self.promised.as_ref();
        promised.is_some_and(|(read, bytes)| read.load(Ordering::Relaxed) < *bytes)
    }

    /// The number of a packet's first sample, by its time stamp.
    fn start_of(&self, pts: i64, trimmed: u64) -> u64 {
        let track = self.format.tracks().iter().find(|track| track.id == self.track);
        let Some(base) = track.and_then(|track| track.time_base) else { return self.packet_end };
        let pts = u64::try_from(pts.saturating_add_unsigned(trimmed)).unwrap_or(0);
        let (numerator, denominator) = (u64::from(base.numer.get()), u64::from(base.denom.get()));
        let ticks = u128::from(pts) * u128::from(numerator) * u128::from(self.layout.rate_hz);
        let start = u64::try_from(ticks / u128::from(denominator.max(1))).unwrap_or(u64::MAX);
        // Ticks longer than a sample (Matroska's milliseconds) are too coarse for single samples.
        let tick = (u64::from(self.layout.rate_hz) * numerator).div_ceil(denominator.max(1));
        if tick > 1 && start.abs_diff(self.packet_end) <= tick.saturating_mul(4) {
            self.packet_end
        } else {
            start
        }
    }
}

impl Source for CodedSource {
    fn layout(&self) -> Layout {
        self.layout
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    fn read(&mut self, out: &mut Vec<f32>) -> Result<Next, Error> {
        let before = out.len();
        out.append(&mut self.ahead);
        let (mut frames, mut bad) = (Vec::new(), 0);
        while out.len() == before {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => {
                    self.end(None);
                    return Ok(Next::End);
                }
                // A chained stream (ogg) continues with new parameters.
                Err(Symphonia::ResetRequired) => {
                    let old = self.layout;
                    (self.track, self.decoder, self.layout) =
                        decoder(&self.origin, self.format.as_ref(), self.kind)?;
                    (self.packet_end, self.decoded) = (0, false);
                    if self.layout != old {
                        return Ok(Next::Changed);
                    }
                    continue;
                }
                Err(Symphonia::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                    return Err(read_error(&self.origin, error));
                }
                Err(error) => {
                    self.end(Some(&error));
                    return Ok(Next::End);
                }
            };
            if packet.track_id != self.track {
                continue;
            }
            let Some(layout) = self.decoder.decode(&packet, &mut frames) else {
                bad += 1;
                self.warnings.add(WarningKind::Damaged, "damaged: a packet could not be decoded");
                if bad > MOST_BAD_PACKETS {
                    return Ok(Next::End);
                }
                continue;
            };
            if frames.is_empty() {
                continue;
            }
            if layout != self.layout {
                self.layout = layout;
                self.ahead.append(&mut frames);
                self.packet_end += (self.ahead.len() / layout.channels) as u64;
                return Ok(Next::Changed);
            }
            // Samples that the decoder trimmed from the packet come before its first sample.
            let trimmed = packet.trim_start.get() + self.decoder.skipped();
            let start =
                self.start_of(packet.pts.get(), trimmed).saturating_sub(self.decoder.delay());
            self.fill_gap(start, out);
            self.packet_end =
                self.packet_start.saturating_add((frames.len() / layout.channels) as u64);
            out.append(&mut frames);
            self.decoded = true;
        }
        Ok(Next::Frames)
    }

    fn seek(&mut self, target: u64) -> Result<u64, Error> {
        let track = self.format.tracks().iter().find(|track| track.id == self.track);
        let base = track.and_then(|track| track.time_base);
        let aim = target.saturating_sub(AIM_BEFORE);
        if let Some(base) = base.filter(|_| aim > 0 && !self.in_order) {
            let ticks = u128::from(aim) * u128::from(base.denom.get())
                / (u128::from(base.numer.get()) * u128::from(self.layout.rate_hz.max(1)));
            let timestamp = Timestamp::new(i64::try_from(ticks).unwrap_or(i64::MAX));
            let to = SeekTo::Timestamp { ts: timestamp, track_id: self.track };
            if self.format.seek(SeekMode::Accurate, to).is_ok() {
                self.decoder.reset();
                // A packet that cannot be decoded right after a jump leaves no gap: it comes before
                // the first sample.
                self.decoded = false;
                self.packet_end = 0;
                let mut ahead = Vec::new();
                let exact = u64::from(base.numer.get()) * u64::from(self.layout.rate_hz)
                    <= u64::from(base.denom.get());
                if exact && self.read(&mut ahead)? == Next::Frames && self.packet_start <= target {
                    self.ahead = ahead;
                    return Ok(self.packet_start);
                }
            }
        }
        if self.pipe {
            return Ok(0);
        }
        self.rewind()?;
        Ok(0)
    }

    fn warnings(&self) -> &[Warning] {
        self.warnings.list()
    }
}

fn read_error(origin: &Origin, source: io::Error) -> Error {
    Error::Read { path: origin.path().to_path_buf(), source }
}

/// Bytes of a Matroska file that begins with `head`, as stated by its one segment (RFC 9559,
/// section 5.1). `None` if it does not say, as in recordings that are sent while they are made.
fn matroska_bytes(head: &[u8]) -> Option<u64> {
    // Length and value of a number whose leading zeros give its length; all ones mean an unknown
    // value.
    let number = |at: usize| {
        let first = *head.get(at)?;
        let length = first.leading_zeros() as usize + 1;
        let bytes = head.get(at..at + length).filter(|_| length <= 8)?;
        let value = bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
        let mask = (1u64 << (7 * length)) - 1;
        (value & mask != mask).then_some((length, value & mask))
    };
    let (length, header) = number(4)?;
    let segment = 4 + length + usize::try_from(header).ok()?;
    head.get(segment..)?.strip_prefix(b"\x18\x53\x80\x67")?;
    let (length, bytes) = number(segment + 4)?;
    (segment as u64 + 4 + length as u64).checked_add(bytes)
}

fn probe(stream: ByteStream) -> Result<Box<dyn FormatReader>, Symphonia> {
    let stream = MediaSourceStream::new(Box::new(stream), Default::default());
    symphonia::default::get_probe().probe(
        &Hint::new(),
        stream,
        FormatOptions::default(),
        MetadataOptions::default(),
    )
}

/// The first audio track that can be decoded.
fn decoder(
    origin: &Origin,
    format: &dyn FormatReader,
    kind: FileKind,
) -> Result<(u32, Decoder, Layout), Error> {
    let default = format.default_track(TrackType::Audio).map(|track| track.id);
    let mut refused = None;
    let mut tracks: Vec<_> = format.tracks().iter().collect();
    tracks.sort_by_key(|track| Some(track.id) != default);
    for track in tracks {
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else { continue };
        match Decoder::new(parameters) {
            Ok(decoder) => {
                let Some(rate_hz) = parameters
                    .sample_rate
                    .or(matches!(decoder, Decoder::Opus(_)).then_some(48_000))
                else {
                    let path = origin.path().to_path_buf();
                    let what = format!("{kind} without a sampling rate");
                    return Err(Error::Unsupported { path, what });
                };
                let channels =
                    parameters.channels.as_ref().map_or(1, |channels| channels.count()).max(1);
                return Ok((track.id, decoder, Layout { rate_hz, channels }));
            }
            Err(name) => refused = refused.or(Some(name)),
        }
    }
    match refused {
        Some(name) => Err(open::unsupported(origin, kind, name.as_deref())),
        None if matches!(kind, FileKind::Ogg(_)) => Err(open::unsupported(origin, kind, None)),
        None => {
            let what = format!("{kind} has no track of audio");
            Err(Error::NoSamples { path: origin.path().to_path_buf(), what })
        }
    }
}

/// The reason why the container could not be opened, in our words.
fn open_error(origin: &Origin, error: Symphonia, kind: FileKind) -> Error {
    let path = origin.path().to_path_buf();
    match error {
        Symphonia::IoError(source) if source.kind() != ErrorKind::UnexpectedEof => {
            read_error(origin, source)
        }
        // Without a header or an index nothing else is known about it.
        _ if matches!(kind, FileKind::Mp4 | FileKind::Caf | FileKind::Matroska) => {
            Error::Damaged { path, kind }
        }
        Symphonia::Unsupported(_) => open::unsupported(origin, kind, ogg_codec(kind)),
        _ => match ogg_codec(kind) {
            Some(codec) if !matches!(codec, "vorbis" | "opus" | "flac") => {
                open::unsupported(origin, kind, Some(codec))
            }
            _ => Error::Damaged { path, kind },
        },
    }
}

fn ogg_codec(kind: FileKind) -> Option<&'static str> {
    match kind {
        FileKind::Ogg(codec) => Some(codec),
        _ => None,
    }
}
