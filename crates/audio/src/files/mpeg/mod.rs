//! MPEG audio (mp3, mp2, mp1): streams of frames, any number of them one after another.
//!
//! The frames are found here and decoded by symphonia. An info frame (Xing, LAME, VBRI) begins a
//! stream: it gives the number of frames that follow and of samples that the encoder added. Reading
//! never stops at that count; the samples after it are dropped only if it is right.

mod frames;
mod header;

pub(super) use frames::begins_within;

use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::stream::{ByteStream, Origin};
use super::{Layout, Next, Source};
use crate::warning::Warnings;
use crate::{Error, Warning, WarningKind};
use frames::{Frames, Item};
use header::{Header, Info};

/// How far before the target of a seek decoding begins, in samples: mp3 frames depend on earlier
/// ones.
const AIM_BEFORE: u64 = 8 * 1_152;

pub(super) struct MpegSource {
    origin: Origin,
    stream: ByteStream,
    frames: Frames,
    frame: Vec<u8>,
    /// A frame that was read but belongs to the next stream.
    waiting: Option<Header>,
    decoder: Option<Box<dyn AudioDecoder>>,
    /// The layout of the samples given out, and of the stream being decoded.
    layout: Layout,
    decoded: Layout,
    info: Info,
    length: Option<u64>,
    /// Frames of this stream so far, and samples still to be dropped at its start.
    count: u64,
    skip: u64,
    /// Decoded samples that may be the encoder's padding.
    held: Vec<f32>,
    /// Frames that may fail because earlier ones are missing.
    settling: u32,
    /// Samples given out so far, of each channel.
    position: u64,
    ended: bool,
    warnings: Warnings,
}

impl MpegSource {
    pub(super) fn open(origin: Origin, stream: ByteStream) -> Result<Self, Error> {
        let mut source = MpegSource {
            origin,
            stream,
            frames: Frames::default(),
            frame: Vec::new(),
            waiting: None,
            decoder: None,
            layout: Layout { rate_hz: 0, channels: 0 },
            decoded: Layout { rate_hz: 0, channels: 0 },
            info: Info::default(),
            length: None,
            settling: 0,
            count: 0,
            skip: 0,
            held: Vec::new(),
            position: 0,
            ended: false,
            warnings: Warnings::default(),
        };
        source.start()?;
        Ok(source)
    }

    /// Reads the first frame.
    fn start(&mut self) -> Result<(), Error> {
        (self.frames, self.waiting, self.ended) = (Frames::default(), None, false);
        self.held.clear();
        self.position = 0;
        let Some(header) = self.next_frame()? else {
            let what = "it contains no whole frame of MPEG audio".to_string();
            return Err(Error::NoSamples { path: self.origin.path().to_path_buf(), what });
        };
        self.begin(header)?;
        self.layout = self.decoded;
        let added = self.info.delay + self.info.padding;
        self.length =
            self.info.frames.map(|frames| (frames * header.samples).saturating_sub(added));
        Ok(())
    }

    /// Back to the start.
    fn again(&mut self) -> Result<(), Error> {
        let path = || self.origin.path().to_path_buf();
        self.stream.seek_to(0).map_err(|source| Error::Read { path: path(), source })?;
        self.start()
    }

    /// The next frame, audio or info.
    fn next_frame(&mut self) -> Result<Option<Header>, Error> {
        if let Some(header) = self.waiting.take() {
            return Ok(Some(header));
        }
        loop {
            let item = self.frames.next(&mut self.stream, &mut self.frame);
            let path = || self.origin.path().to_path_buf();
            match item.map_err(|source| Error::Read { path: path(), source })? {
                Item::Frame(header) => return Ok(Some(header)),
                Item::Junk { at, bytes } => self.warnings.add(
                    WarningKind::LeftOver,
                    format!("{bytes} bytes from byte {at} on are not MPEG audio and were left out"),
                ),
                Item::Cut => self
                    .warnings
                    .add(WarningKind::Truncated, "truncated: the file ends inside a frame"),
                Item::End => return Ok(None),
            }
        }
    }

    /// Begins a stream with the frame just read; if that is audio, it waits to be decoded.
    fn begin(&mut self, header: Header) -> Result<(), Error> {
        let info = Info::parse(&header, &self.frame);
        self.info = info.unwrap_or_default();
        (self.count, self.skip, self.settling) = (0, self.info.delay, 1);
        self.decoded = Layout { rate_hz: header.rate_hz, channels: header.channels };
        self.decoder =
            Some(decoder(header.layer).map_err(|what| Error::Unsupported {
                path: self.origin.path().to_path_buf(),
                what,
            })?);
        self.waiting = if info.is_none() { Some(header) } else { self.next_frame()? };
        Ok(())
    }

    /// Whether a frame begins a new stream.
    fn begins(&self, header: &Header) -> bool {
        let layout = Layout { rate_hz: header.rate_hz, channels: header.channels };
        layout != self.decoded || Info::parse(header, &self.frame).is_some()
    }

    /// Decodes the frame just read into `held`.
    fn decode(&mut self, header: &Header) {
        self.count += 1;
        let before = self.held.len();
        let wanted = header.samples as usize * self.decoded.channels;
        let packet =
            Packet::new(0, Timestamp::ZERO, Duration::new(header.samples), self.frame.clone());
        if let Some(Ok(audio)) = self.decoder.as_mut().map(|decoder| decoder.decode(&packet))
            && audio.num_planes() == self.decoded.channels
        {
            let mut samples = Vec::new();
            audio.copy_to_vec_interleaved(&mut samples);
            self.held.append(&mut samples);
        } else if self.settling == 0 {
            self.warnings.add(
                WarningKind::Damaged,
                format!(
                    "damaged: the frame at sample {} could not be decoded and became silence",
                    self.position
                ),
            );
        }
        self.settling = self.settling.saturating_sub(1);
        // Lost samples become silence, so that the rest keeps its time.
        self.held.resize(before + wanted, 0.0);
        if self.skip > 0 {
            let skipped = self.skip.min(header.samples);
            self.held.drain(before..before + skipped as usize * self.decoded.channels);
            self.skip -= skipped;
        }
    }

    /// Gives out the held samples except the last `keep` of each channel.
    fn give(&mut self, keep: u64, out: &mut Vec<f32>) {
        let keep = keep as usize * self.decoded.channels;
        let ready = self.held.len().saturating_sub(keep);
        out.extend(self.held.drain(..ready));
        self.position += (ready / self.decoded.channels.max(1)) as u64;
    }

    /// Ends a stream: its padding is dropped if its info frame was right.
    fn end_stream(&mut self, out: &mut Vec<f32>) {
        match self.info.frames {
            Some(stated) if stated > self.count => self.warnings.add(
                WarningKind::Truncated,
                format!("truncated: there are {} of {stated} frames", self.count),
            ),
            Some(stated) if stated < self.count => self.warnings.add(
                WarningKind::Header,
                format!(
                    "its header says {stated} frames, but there are {}: all were read",
                    self.count
                ),
            ),
            _ => {
                self.give(self.info.padding, out);
                self.held.clear();
            }
        }
        self.give(0, out);
    }
}

fn decoder(layer: u8) -> Result<Box<dyn AudioDecoder>, String> {
    let codec = [CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3][usize::from(layer.clamp(1, 3)) - 1];
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(codec);
    symphonia::default::get_codecs()
        .make_audio_decoder(&parameters, &AudioDecoderOptions::default())
        .map_err(|_| format!("MPEG audio of layer {layer}"))
}

impl Source for MpegSource {
    fn layout(&self) -> Layout {
        self.layout
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    fn read(&mut self, out: &mut Vec<f32>) -> Result<Next, Error> {
        let before = out.len();
        while out.len() == before {
            if self.layout != self.decoded {
                self.layout = self.decoded;
                return Ok(Next::Changed);
            }
            match self.next_frame()? {
                Some(header) if self.count > 0 && self.begins(&header) => {
                    self.end_stream(out);
                    self.begin(header)?;
                }
                Some(header) => {
                    self.decode(&header);
                    self.give(self.info.padding, out);
                }
                None if self.ended => return Ok(Next::End),
                None => {
                    self.ended = true;
                    self.end_stream(out);
                }
            }
        }
        Ok(Next::Frames)
    }

    fn seek(&mut self, target: u64) -> Result<u64, Error> {
        if !self.stream.can_search() {
            return Ok(self.position);
        }
        self.again()?;
        let aim = target.saturating_sub(AIM_BEFORE);
        // Frames are only counted until the target is near; nothing is decoded.
        let mut passed = 0;
        while let Some(header) = self.next_frame()? {
            if self.count > 0 && self.begins(&header) {
                break;
            }
            if (passed + header.samples).saturating_sub(self.info.delay) > aim {
                if passed <= self.info.delay {
                    break;
                }
                self.waiting = Some(header);
                (self.skip, self.settling) = (0, 8);
                self.position = passed - self.info.delay;
                return Ok(self.position);
            }
            passed += header.samples;
            self.count += 1;
        }
        self.again()?;
        Ok(0)
    }

    fn warnings(&self) -> &[Warning] {
        self.warnings.list()
    }
}
