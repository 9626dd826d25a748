//! FLAC: metadata and frame boundaries are found here, symphonia decodes the frames.
//!
//! A frame ends where its checksum is right and either the file ends or another frame begins. So
//! the last frame is found whatever follows it, and the stated number of samples is only compared
//! with what was found.

mod header;

use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::stream::{ByteStream, Origin};
use super::{Layout, Next, Source, longest_gap};
use crate::warning::Warnings;
use crate::{Error, Warning, WarningKind};
use header::{FrameHeader, HEADER_BYTES, StreamInfo, crc16};

/// Bytes by which the search goes further when a frame is longer than the bytes at hand.
const STEP_BYTES: usize = 16 << 10;

pub(super) struct FlacSource {
    origin: Origin,
    stream: ByteStream,
    info: StreamInfo,
    decoder: Box<dyn AudioDecoder>,
    /// Where the frames begin, and the number of samples expected in the whole file.
    first_frame: u64,
    length: Option<u64>,
    layout: Layout,
    /// Samples so far of the current stream; a file may contain several, one after another.
    position: u64,
    ended: bool,
    warnings: Warnings,
}

/// The end of a frame, counted from its start.
enum FrameEnd {
    Whole(usize),
    /// A frame begins there, but the checksum up to it is wrong.
    Damaged(usize),
    /// No frame begins in what follows.
    None,
}

impl FlacSource {
    pub(super) fn open(origin: Origin, mut stream: ByteStream) -> Result<Self, Error> {
        let info = metadata(&origin, &mut stream)?;
        let source = FlacSource {
            decoder: decoder(&origin, &info)?,
            first_frame: stream.position(),
            length: Some(info.samples).filter(|&samples| samples > 0),
            layout: Layout { rate_hz: info.rate_hz, channels: info.channels.into() },
            position: 0,
            ended: false,
            warnings: Warnings::default(),
            origin,
            stream,
            info,
        };
        Ok(source)
    }

    fn peek(&mut self, count: usize) -> Result<&[u8], Error> {
        let path = self.origin.path();
        self.stream.peek(count).map_err(|source| Error::Read { path: path.to_path_buf(), source })
    }

    /// Where the frame that begins here ends.
    fn frame_end(&mut self, header: &FrameHeader) -> Result<FrameEnd, Error> {
        let (mut crc, mut at, mut last_whole) = (0u16, 0, None);
        let info = self.info.clone();
        loop {
            let wanted = at + STEP_BYTES;
            let bytes = self.peek(wanted + HEADER_BYTES)?;
            let at_end = bytes.len() < wanted + HEADER_BYTES;
            let stop = if at_end { bytes.len() } else { wanted };
            while at < stop {
                // A frame may begin here: check whether the bytes before it are a frame.
                if at >= header.bytes && bytes[at] == 0xff {
                    let next = FrameHeader::parse(&bytes[at..], &info);
                    if next.is_some() && crc == 0 {
                        return Ok(FrameEnd::Whole(at));
                    }
                    if next.is_some_and(|next| {
                        next.start > header.start && next.start - header.start < 1 << 24
                    }) {
                        return Ok(FrameEnd::Damaged(at));
                    }
                }
                if at > header.bytes && crc == 0 && bytes[at..].starts_with(b"fLaC") {
                    return Ok(FrameEnd::Whole(at));
                }
                if at > header.bytes && crc == 0 {
                    last_whole = Some(at);
                }
                crc = crc16(crc, bytes[at]);
                at += 1;
            }
            if at_end || at > self.info.most_frame_bytes() {
                let whole =
                    if at_end && crc == 0 && at > header.bytes { Some(at) } else { last_whole };
                return Ok(whole.map_or(FrameEnd::None, FrameEnd::Whole));
            }
        }
    }

    /// Skips everything that is not a frame, up to the next frame or stream. True if there is one.
    fn find_frame(&mut self) -> Result<bool, Error> {
        let (at, mut skipped, mut zeros) = (self.stream.position(), 0u64, true);
        let info = self.info.clone();
        let found = loop {
            let bytes = self.peek(STEP_BYTES + HEADER_BYTES)?;
            if bytes.is_empty() {
                break false;
            }
            let begins = |n: usize| {
                FrameHeader::parse(&bytes[n..], &info).is_some() || bytes[n..].starts_with(b"fLaC")
            };
            let whole = bytes.len().min(STEP_BYTES);
            let next = (0..whole).find(|&n| matches!(bytes[n], 0xff | b'f') && begins(n));
            let count = next.unwrap_or(whole);
            zeros = zeros && bytes[..count].iter().all(|&byte| byte == 0);
            skipped += count as u64;
            self.stream.take(count);
            if next.is_some() {
                break true;
            }
        };
        let cut = self.info.samples > self.position && !found;
        if skipped > 0 && !zeros && !cut {
            self.warnings.add(
                WarningKind::LeftOver,
                format!("{skipped} bytes from byte {at} on are not flac frames and were left out"),
            );
        }
        Ok(found)
    }

    /// Compares the samples found with the header.
    fn end_stream(&mut self) {
        let (there, stated) = (self.position, self.info.samples);
        if stated > there {
            self.warnings.add(
                WarningKind::Truncated,
                format!("truncated: {there} of {stated} samples are there"),
            );
        } else if stated > 0 && stated < there {
            self.warnings.add(
                WarningKind::Header,
                format!("its header says {stated} samples, but there are {there}: all were read"),
            );
        }
    }

    /// Silence in place of lost samples, so that what follows keeps its time.
    fn fill_gap(&mut self, start: u64, out: &mut Vec<f32>) {
        let missing = start.saturating_sub(self.position);
        if missing > 0 {
            self.warnings.add(
                WarningKind::Damaged,
                format!("damaged: {missing} samples from {} on became silence", self.position),
            );
            let silence = missing.min(longest_gap(self.layout)) as usize;
            out.resize(out.len() + silence * self.layout.channels, 0.0);
        }
        self.position = self.position.max(start);
    }

    /// Decodes a frame of `bytes` bytes.
    fn decode(
        &mut self,
        header: &FrameHeader,
        bytes: usize,
        out: &mut Vec<f32>,
    ) -> Result<(), Error> {
        let data = self.peek(bytes)?.to_vec();
        self.stream.take(bytes);
        let packet = Packet::new(0, Timestamp::ZERO, Duration::new(header.samples), data);
        let mut samples = Vec::new();
        if let Ok(audio) = self.decoder.decode(&packet)
            && audio.num_planes() == self.layout.channels
        {
            audio.copy_to_vec_interleaved(&mut samples);
        }
        if samples.is_empty() {
            let what =
                format!("damaged: the frame at sample {} could not be decoded", header.start);
            self.warnings.add(WarningKind::Damaged, what);
            return Ok(());
        }
        // A part cut out of a longer stream keeps the sample numbers of that stream.
        if self.position == 0 && header.start > longest_gap(self.layout) {
            self.position = header.start;
        }
        self.fill_gap(header.start, out);
        self.position += (samples.len() / self.layout.channels) as u64;
        out.append(&mut samples);
        Ok(())
    }
}

impl Source for FlacSource {
    fn layout(&self) -> Layout {
        self.layout
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    fn read(&mut self, out: &mut Vec<f32>) -> Result<Next, Error> {
        let before = out.len();
        while out.len() == before && !self.ended {
            if !self.find_frame()? {
                self.ended = true;
                self.end_stream();
                break;
            }
            if self.peek(4)?.starts_with(b"fLaC") {
                // Another file was appended to this one.
                let at = self.stream.position();
                self.end_stream();
                let next = metadata(&self.origin, &mut self.stream);
                let next = next.and_then(|info| Ok((decoder(&self.origin, &info)?, info)));
                let Ok((decoder, info)) = next else {
                    let what = format!(
                        "what begins at byte {at} looks like another flac file, but is damaged"
                    );
                    self.warnings.add(WarningKind::LeftOver, what);
                    self.ended = true;
                    break;
                };
                (self.decoder, self.info, self.position) = (decoder, info, 0);
                let layout =
                    Layout { rate_hz: self.info.rate_hz, channels: self.info.channels.into() };
                if std::mem::replace(&mut self.layout, layout) != layout {
                    return Ok(Next::Changed);
                }
                continue;
            }
            let info = self.info.clone();
            let header = FrameHeader::parse(self.peek(HEADER_BYTES)?, &info);
            let Some(header) = header else { continue };
            match self.frame_end(&header)? {
                FrameEnd::Whole(bytes) => self.decode(&header, bytes, out)?,
                // The gap is filled when the position of the next frame is known.
                FrameEnd::Damaged(bytes) => self.stream.take(bytes),
                FrameEnd::None => self.stream.take(2),
            }
        }
        Ok(if out.len() > before { Next::Frames } else { Next::End })
    }

    fn seek(&mut self, target: u64) -> Result<u64, Error> {
        let Some(length) = self.stream.length().filter(|_| self.stream.can_search()) else {
            return Ok(0);
        };
        let path = self.origin.path().to_path_buf();
        let read = |source| Error::Read { path: path.clone(), source };
        // Bisects the bytes between a frame that begins before the target and the end of the file.
        let (mut low, mut low_start, mut high) = (self.first_frame, 0, length);
        while high > low + 2 * STEP_BYTES as u64 {
            let middle = low + (high - low) / 2;
            self.stream.seek_to(middle).map_err(read)?;
            let info = self.info.clone();
            let bytes = self
                .stream
                .peek(self.info.most_frame_bytes().min((high - middle) as usize))
                .map_err(read)?;
            let found = (0..bytes.len()).filter(|&n| bytes[n] == 0xff).find_map(|n| {
                FrameHeader::parse(&bytes[n..], &info)
                    .map(|header| (middle + n as u64, header.start))
            });
            match found {
                Some((at, start)) if start <= target && start >= low_start => {
                    (low, low_start) = (at, start)
                }
                _ => high = middle,
            }
        }
        self.stream.seek_to(low).map_err(read)?;
        (self.position, self.ended) = (low_start, false);
        self.decoder.reset();
        Ok(low_start)
    }

    fn warnings(&self) -> &[Warning] {
        self.warnings.list()
    }
}

/// Reads the marker and all metadata blocks.
fn metadata(origin: &Origin, stream: &mut ByteStream) -> Result<StreamInfo, Error> {
    let path = || origin.path().to_path_buf();
    let read = |source| Error::Read { path: path(), source };
    let malformed =
        |offset, what: &str| Error::Malformed { path: path(), offset, what: what.to_string() };
    stream.take(4);
    let mut info = None;
    loop {
        let at = stream.position();
        let Some(&[kind, a, b, c]) = stream.peek(4).map_err(read)?.get(..4) else {
            return Err(malformed(at, "the flac file ends inside its metadata"));
        };
        stream.take(4);
        if kind & 0x7f == 0 && info.is_none() {
            info = StreamInfo::parse(stream.peek(34).map_err(read)?);
        }
        if kind & 0x7f == 127 {
            return Err(malformed(at, "no block of flac metadata begins there"));
        }
        if !stream.skip(u64::from(u32::from_be_bytes([0, a, b, c]))).map_err(read)? {
            return Err(malformed(at, "a block of flac metadata is longer than the file"));
        }
        if kind & 0x80 != 0 {
            let at = stream.position();
            return info.ok_or_else(|| malformed(at, "the flac file has no stream info"));
        }
    }
}

fn decoder(origin: &Origin, info: &StreamInfo) -> Result<Box<dyn AudioDecoder>, Error> {
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(CODEC_ID_FLAC).with_extra_data(Box::from(&info.bytes[..]));
    symphonia::default::get_codecs()
        .make_audio_decoder(&parameters, &AudioDecoderOptions::default())
        .map_err(|_| Error::Malformed {
            path: origin.path().to_path_buf(),
            offset: 8,
            what: "the flac file has an impossible stream info".to_string(),
        })
}
