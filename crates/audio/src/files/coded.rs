//! Compressed files (flac, mp3, ogg vorbis) through symphonia.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Symphonia;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::Timestamp;

use crate::Error;
use crate::sample::clean;

/// Time stamps off by less than this many samples are rounded, not gaps. (The longest gap that is filled is a second: time
/// stamps of damaged files can say anything.)
const SHORTEST_GAP: u64 = 64;
/// A file may end this many samples before its stated length without being called truncated.
const END_TOLERANCE: u64 = 8_192;
/// Decoders swallow the first packets after a jump: how far before the target to aim, samples.
const AIM_BEFORE: u64 = 4_096;

/// Mono samples of a compressed file.
pub(super) struct CodedSource {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    rate_hz: u32,
    channels: usize,
    length: Option<u64>,
    interleaved: Vec<f32>,
    /// Samples decoded while finding out where a seek had landed.
    ahead: Vec<f32>,
    /// Sample numbers of the start and the end of the last packet that decoded.
    packet_start: u64,
    packet_end: u64,
    /// Whether anything has decoded: before that, a bad packet is no gap but a wrong guess of the format.
    decoded: bool,
    damage: Option<String>,
}

impl CodedSource {
    pub(super) fn open(path: &Path, file: File, head: &[u8]) -> Result<Self, Error> {
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let format = symphonia::default::get_probe()
            .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| open_error(path, error, head))?;
        let (track, decoder) = decoder(path, format.as_ref())?;
        let parameters = decoder.codec_params();
        let Some(rate_hz) = parameters.sample_rate else {
            return Err(unsupported(path, "its header does not say the sampling rate"));
        };
        let channels = parameters.channels.as_ref().map_or(1, |channels| channels.count());
        let length = format
            .tracks()
            .iter()
            .find(|candidate| candidate.id == track)
            .and_then(|track| track.num_frames);
        Ok(CodedSource {
            path: path.to_path_buf(),
            format,
            decoder,
            track,
            rate_hz,
            channels,
            length,
            interleaved: Vec::new(),
            ahead: Vec::new(),
            packet_start: 0,
            packet_end: 0,
            decoded: false,
            damage: None,
        })
    }

    pub(super) fn layout(&self) -> (u32, usize) {
        (self.rate_hz, self.channels)
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    pub(super) fn read(&mut self, mono: &mut Vec<f32>) -> Result<bool, Error> {
        let before = mono.len();
        mono.append(&mut self.ahead);
        while mono.len() == before {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => {
                    self.note_if_short();
                    return Ok(false);
                }
                // A chained stream (ogg) goes on with new parameters.
                Err(Symphonia::ResetRequired) => {
                    (self.track, self.decoder) = decoder(&self.path, self.format.as_ref())?;
                    continue;
                }
                Err(Symphonia::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                    return Err(Error::Read { path: self.path.clone(), source: error });
                }
                Err(error) => {
                    self.note(format!("truncated or damaged: {error}"));
                    return Ok(false);
                }
            };
            if packet.track_id != self.track {
                continue;
            }
            match self.decoder.decode(&packet) {
                Ok(audio) if audio.spec().rate() == self.rate_hz => {
                    if audio.frames() == 0 {
                        continue;
                    }
                    let channels = audio.num_planes().max(1);
                    self.channels = self.channels.max(channels);
                    audio.copy_to_vec_interleaved(&mut self.interleaved);
                    // What the decoder has trimmed from the packet lies before its first sample.
                    let start = packet.pts.get().saturating_add_unsigned(packet.trim_start.get());
                    self.fill_gap(u64::try_from(start).unwrap_or(0), mono);
                    let share = 1.0 / channels as f32;
                    let frames = self.interleaved.chunks_exact(channels);
                    self.packet_end = self.packet_start + frames.len() as u64;
                    mono.extend(
                        frames.map(|frame| frame.iter().copied().map(clean).sum::<f32>() * share),
                    );
                    self.decoded = true;
                }
                Ok(audio) => {
                    let rate_hz = audio.spec().rate();
                    self.note(format!(
                        "a part at {rate_hz} Hz in a file at {} Hz was left out",
                        self.rate_hz
                    ));
                }
                Err(error) => self.note(format!("a packet did not decode: {error}")),
            }
        }
        Ok(true)
    }

    pub(super) fn seek(&mut self, target: u64) -> Result<u64, Error> {
        let aim = i64::try_from(target.saturating_sub(AIM_BEFORE)).unwrap_or(i64::MAX);
        let to = SeekTo::Timestamp { ts: Timestamp::new(aim), track_id: self.track };
        if aim > 0 && self.format.seek(SeekMode::Accurate, to).is_ok() {
            self.decoder.reset();
            // What does not decode right after a jump leaves no gap: it lies before the first sample.
            self.decoded = false;
            let mut ahead = Vec::new();
            if self.read(&mut ahead)? && self.packet_start <= target {
                self.ahead = ahead;
                return Ok(self.packet_start);
            }
        }
        self.rewind()?;
        Ok(0)
    }

    /// Starts the file again: what a file that cannot be searched is left with.
    fn rewind(&mut self) -> Result<(), Error> {
        let file = File::open(&self.path)
            .map_err(|source| Error::Read { path: self.path.clone(), source })?;
        *self = CodedSource::open(&self.path, file, &[])?;
        Ok(())
    }

    /// Puts silence in place of packets that were lost before the one that starts at sample `start`, so that everything
    /// after them stays at its time.
    fn fill_gap(&mut self, start: u64, mono: &mut Vec<f32>) {
        let missing = start.saturating_sub(self.packet_end);
        if self.decoded && missing >= SHORTEST_GAP {
            self.note(format!("{missing} samples from {} on did not decode", self.packet_end));
            let silence = missing.min(u64::from(self.rate_hz)) as usize;
            mono.resize(mono.len() + silence, 0.0);
        }
        self.packet_start = start;
    }

    /// Formats without an end mark (mp3) just stop where they were cut; their header may say how long they should be.
    fn note_if_short(&mut self) {
        let (end, stated) = (self.packet_end, self.length.unwrap_or(0));
        if end.saturating_add(END_TOLERANCE) < stated {
            self.note(format!("truncated: {end} of {stated} samples are there"));
        }
    }

    /// Keeps the first complaint: the later ones follow from it.
    fn note(&mut self, what: String) {
        self.damage.get_or_insert(what);
    }
}

fn decoder(path: &Path, format: &dyn FormatReader) -> Result<(u32, Box<dyn AudioDecoder>), Error> {
    let track = format
        .default_track(TrackType::Audio)
        .ok_or_else(|| unsupported(path, "no audio track"))?;
    let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
        return Err(unsupported(path, "an audio track of unknown encoding"));
    };
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| unsupported(path, &error.to_string()))?;
    Ok((track.id, decoder))
}

fn unsupported(path: &Path, what: &str) -> Error {
    Error::Unsupported { path: path.to_path_buf(), what: what.to_string() }
}

fn open_error(path: &Path, error: Symphonia, head: &[u8]) -> Error {
    let path = path.to_path_buf();
    match error {
        Symphonia::IoError(source) if source.kind() != ErrorKind::UnexpectedEof => {
            Error::Read { path, source }
        }
        Symphonia::Unsupported(_) | Symphonia::IoError(_) => {
            Error::UnknownFormat { path, found: describe(head) }
        }
        other => Error::Malformed { path, offset: 0, what: other.to_string() },
    }
}

/// What the first bytes look like, for people.
fn describe(head: &[u8]) -> String {
    let known: [(usize, &[u8], &str); 7] = [
        (0, b"OggS", "a damaged or cut ogg file"),
        (0, b"fLaC", "a damaged or cut flac file"),
        (0, b"ID3", "a damaged or cut mp3 file"),
        (4, b"ftyp", "MPEG-4 audio or video"),
        (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
        (0, b"FORM", "AIFF"),
        (0, b"RIFF", "a RIFF file that is not wav"),
    ];
    for (at, magic, name) in known {
        if head.get(at..at + magic.len()) == Some(magic) {
            return name.to_string();
        }
    }
    let text = head.iter().all(|&byte| byte >= 0x20 || matches!(byte, b'\t' | b'\r' | b'\n'))
        && std::str::from_utf8(&head[..head.len().min(32)]).is_ok();
    if text {
        return "it looks like text".to_string();
    }
    let bytes: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("it starts with the bytes {}", bytes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(name: &str) -> CodedSource {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        CodedSource::open(&path, File::open(&path).unwrap(), &[]).unwrap()
    }

    fn rest(source: &mut CodedSource) -> Vec<f32> {
        let mut mono = Vec::new();
        while source.read(&mut mono).unwrap() {}
        mono
    }

    #[test]
    fn seeking_lands_where_it_says() {
        for name in ["sweep.flac", "sweep.mp3", "sweep.ogg"] {
            let whole = rest(&mut open(name));
            for share in [0.3, 0.5, 0.8, 0.99] {
                let target = (whole.len() as f64 * share) as u64;
                let mut source = open(name);
                // From the middle, too: backwards is another way through the format.
                source.read(&mut Vec::new()).unwrap();
                let position = source.seek(target).unwrap() as usize;
                assert!(position as u64 <= target, "{name}: sample {position} is after {target}");
                assert!(position > 0, "{name}: gave up on seeking to {target} and started over");
                let found = rest(&mut source);
                assert_eq!(found.len(), whole.len() - position, "{name}: from {position}");
                // The first packets may miss what came before them (mp3: up to four of 1,152 samples); the run-up of
                // segments covers that.
                let settled = 4_608;
                assert!(
                    found[settled..] == whole[position + settled..],
                    "{name}: sample {position} is another one"
                );
            }
        }
    }
}
