//! The reader for users of the crate: any file, mono, at one rate.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::stream::{ByteStream, Origin};
use super::{Next, Source, open};
use crate::resample::{self, Resampler};
use crate::signal::SignalRepair;
use crate::{Error, Warning};

/// How far before a segment decoding starts, in seconds: enough for mp3's bit reservoir, vorbis'
/// overlap and the resampler's filter to settle.
const RUN_UP_S: f64 = 0.5;
/// More changes of layout than this in one file are damage.
const MOST_CHANGES: usize = 10_000;

/// Streams a recording as mono `f32` samples (full scale 1) at a chosen rate.
///
/// Reads wav (integers, floats, A-law, µ-law, ADPCM, MPEG audio), flac, mp3, ogg (vorbis, opus,
/// flac), MPEG-4 and Core Audio (AAC-LC, ALAC, PCM), Matroska and WebM, AIFF and AAC frames,
/// recognised by content, from a file or a pipe. Several files joined into one are read to the
/// last. Memory does not grow with the length of the recording. Channels are averaged, and signals
/// that cannot be right are repaired ([`SignalRepair`]). [`AudioReader::warnings`] says what was
/// wrong and what was done about it.
pub struct AudioReader {
    path: PathBuf,
    source: Box<dyn Source>,
    repair: SignalRepair,
    resampler: Resampler,
    /// Interleaved channels at the file's rate, before repair; and mono samples between repair and
    /// resampler.
    interleaved: Vec<f32>,
    mono: Vec<f32>,
    /// Frames at the file's rate still to drop, because seeking landed before the wanted place.
    drop_source: u64,
    /// Samples at the target rate still to drop: the run-up.
    drop_target: u64,
    changes: usize,
    received: bool,
    finished: bool,
    /// Warnings of earlier parts with another layout.
    earlier: Vec<Warning>,
}

impl fmt::Debug for AudioReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudioReader")
            .field("path", &self.path)
            .field("resampler", &self.resampler)
            .finish_non_exhaustive()
    }
}

impl AudioReader {
    /// Opens a file or a pipe and reads its header.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Empty`], [`Error::NotAudio`], [`Error::Unsupported`],
    /// [`Error::Damaged`], [`Error::Malformed`] or [`Error::NoSamples`] about the file;
    /// [`Error::SampleRate`] if the target rate is below 1 kHz or above 768 kHz.
    pub fn open(path: impl AsRef<Path>, target_rate_hz: u32) -> Result<Self, Error> {
        let origin = Origin::File(path.as_ref().to_path_buf());
        resample::check_rate(target_rate_hz)?;
        let stream = origin.open()?;
        Self::of(origin, stream, target_rate_hz)
    }

    /// Reads a file in memory; messages call it `name`.
    ///
    /// # Errors
    /// Those of [`AudioReader::open`].
    pub fn from_bytes(
        bytes: impl Into<Arc<[u8]>>,
        name: &str,
        target_rate_hz: u32,
    ) -> Result<Self, Error> {
        let origin = Origin::Memory(name.into(), bytes.into());
        let stream = origin.open()?;
        Self::of(origin, stream, target_rate_hz)
    }

    /// Reads a file in order and only once: from a socket, the output of a program or standard
    /// input. Messages call it `name`.
    ///
    /// # Errors
    /// Those of [`AudioReader::open`].
    pub fn from_pipe(
        pipe: impl Read + Send + Sync + 'static,
        name: &str,
        target_rate_hz: u32,
    ) -> Result<Self, Error> {
        Self::of(Origin::Pipe(name.into()), ByteStream::pipe(Box::new(pipe)), target_rate_hz)
    }

    fn of(origin: Origin, stream: ByteStream, target_rate_hz: u32) -> Result<Self, Error> {
        resample::check_rate(target_rate_hz)?;
        let source = open::open(&origin, stream)?;
        let path = origin.path().to_path_buf();
        let layout = source.layout();
        Ok(AudioReader {
            repair: SignalRepair::of_file(layout.rate_hz, layout.channels),
            resampler: resampler(&path, layout.rate_hz, target_rate_hz)?,
            path,
            source,
            interleaved: Vec::new(),
            mono: Vec::new(),
            drop_source: 0,
            drop_target: 0,
            changes: 0,
            received: false,
            finished: false,
            earlier: Vec::new(),
        })
    }

    /// Opens a file so that the first sample is the one at `offset_s` seconds. [`SignalRepair`]
    /// then starts half a second before it. An offset beyond the end gives no samples.
    ///
    /// # Errors
    /// Those of [`AudioReader::open`], and [`Error::Segment`] if the offset is not a time.
    pub fn open_at(
        path: impl AsRef<Path>,
        target_rate_hz: u32,
        offset_s: f64,
    ) -> Result<Self, Error> {
        let mut reader = AudioReader::open(path, target_rate_hz)?;
        if !(0.0..=1e9).contains(&offset_s) {
            return Err(
                reader.segment_error(offset_s, "the offset must be a number of seconds, 0 or more")
            );
        }
        let rate_hz = reader.source_rate_hz();
        let wanted = (offset_s * f64::from(target_rate_hz)).round() as u64;
        let run_up = ((offset_s - RUN_UP_S).max(0.0) * f64::from(rate_hz)) as u64;
        // From here the resampler's output is at the same instants as from the start of the file.
        let start = run_up - run_up % reader.resampler.grid();
        if start > 0 {
            reader.drop_source = start.saturating_sub(reader.source.seek(start)?);
        }
        reader.drop_target = wanted.saturating_sub(reader.resampler.length(start));
        Ok(reader)
    }

    /// Sampling rate of the file, Hz.
    pub fn source_rate_hz(&self) -> u32 {
        self.source.layout().rate_hz
    }

    /// Number of channels of the file.
    pub fn channels(&self) -> usize {
        self.source.layout().channels
    }

    /// Length of the whole file in seconds, if its header states one. The file may contain more or
    /// less: all of it is read.
    pub fn duration_s(&self) -> Option<f64> {
        self.source.length().map(|samples| samples as f64 / f64::from(self.source_rate_hz()))
    }

    /// What was wrong with the parts read so far, although audio came out, and what was done about
    /// it; complete at the end.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut all = self.source.warnings().to_vec();
        for warning in self.earlier.iter().cloned().chain(self.repair.warnings()) {
            if !all.contains(&warning) {
                all.push(warning);
            }
        }
        all
    }

    /// Appends the next samples to `out`, a fraction of a second (up to two seconds at the end).
    /// Returns false, without appending, at the end.
    ///
    /// # Errors
    /// [`Error::Read`] if the system fails; [`Error::NoSamples`] if the whole file gave no samples;
    /// [`Error::Resample`].
    pub fn next_chunk(&mut self, out: &mut Vec<f32>) -> Result<bool, Error> {
        let before = out.len();
        while out.len() == before && !self.finished {
            self.interleaved.clear();
            match self.source.read(&mut self.interleaved)? {
                Next::Frames => {
                    self.received |= !self.interleaved.is_empty();
                    let channels = self.repair.channels();
                    drop_front(&mut self.interleaved, 0, channels, &mut self.drop_source);
                    self.mono.clear();
                    self.repair.push(&self.interleaved, &mut self.mono);
                    self.resampler.push(&self.mono, out)?;
                }
                Next::Changed => {
                    self.end_part(out)?;
                    self.begin_part()?;
                }
                Next::End => {
                    self.finished = true;
                    if !self.received {
                        return Err(self.no_samples());
                    }
                    self.end_part(out)?;
                }
            }
            drop_front(out, before, 1, &mut self.drop_target);
        }
        Ok(out.len() > before)
    }

    /// Flushes repair and resampler.
    fn end_part(&mut self, out: &mut Vec<f32>) -> Result<(), Error> {
        self.mono.clear();
        self.repair.finish(&mut self.mono);
        self.resampler.push(&self.mono, out)?;
        self.resampler.finish(out)
    }

    /// Begins a part with another rate or number of channels.
    fn begin_part(&mut self) -> Result<(), Error> {
        let layout = self.source.layout();
        self.earlier.extend(self.repair.warnings());
        self.repair = SignalRepair::of_file(layout.rate_hz, layout.channels);
        self.resampler = resampler(&self.path, layout.rate_hz, self.resampler.to_hz())?;
        self.changes += 1;
        if self.changes > MOST_CHANGES {
            let what = "a file whose sampling rate changes again and again".to_string();
            return Err(Error::Unsupported { path: self.path.clone(), what });
        }
        Ok(())
    }

    fn no_samples(&self) -> Error {
        let told = self.source.warnings().first().map(|warning| warning.message.clone());
        let what = told.unwrap_or_else(|| "the recording has no samples".to_string());
        Error::NoSamples { path: self.path.clone(), what }
    }

    fn segment_error(&self, offset_s: f64, what: &str) -> Error {
        Error::Segment { path: self.path.clone(), offset_s, what: what.to_string() }
    }
}

/// Removes up to `count` frames from the front of `samples[from..]`, and subtracts them from
/// `count`.
fn drop_front(samples: &mut Vec<f32>, from: usize, channels: usize, count: &mut u64) {
    let there = (samples.len() - from) / channels;
    let dropped = usize::try_from(*count).unwrap_or(usize::MAX).min(there);
    if dropped > 0 {
        samples.drain(from..from + dropped * channels);
        *count -= dropped as u64;
    }
}

/// The file states the rate, so an impossible one is an error of the file.
fn resampler(path: &Path, from_hz: u32, to_hz: u32) -> Result<Resampler, Error> {
    Resampler::new(from_hz, to_hz).map_err(|_| Error::Unsupported {
        path: path.to_path_buf(),
        what: format!("a sampling rate of {from_hz} Hz"),
    })
}

/// A recording in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sound {
    /// Mono samples, full scale 1.
    pub samples: Vec<f32>,
    /// What was wrong with it, and what was done about it.
    pub warnings: Vec<Warning>,
}

/// A whole file as mono samples at `target_rate_hz`.
///
/// # Errors
/// Those of [`AudioReader::open`] and [`AudioReader::next_chunk`].
pub fn read_file(path: impl AsRef<Path>, target_rate_hz: u32) -> Result<Sound, Error> {
    let mut reader = AudioReader::open(path, target_rate_hz)?;
    let mut samples = Vec::new();
    while reader.next_chunk(&mut samples)? {}
    Ok(Sound { samples, warnings: reader.warnings() })
}

/// The part of a file that starts at `offset_s` and lasts `duration_s` seconds (`None`: to the
/// end), as mono samples at `target_rate_hz`: a slice of what [`read_file`] gives. A segment that
/// runs beyond the end stops there.
///
/// # Errors
/// Those of [`read_file`]; [`Error::Segment`] if the offset or the duration is not a time, or
/// nothing of the segment is in the file.
pub fn read_segment(
    path: impl AsRef<Path>,
    target_rate_hz: u32,
    offset_s: f64,
    duration_s: Option<f64>,
) -> Result<Sound, Error> {
    let mut reader = AudioReader::open_at(path, target_rate_hz, offset_s)?;
    let samples = match duration_s {
        None => usize::MAX,
        Some(seconds) if seconds > 0.0 => (seconds * f64::from(target_rate_hz)).round() as usize,
        Some(seconds) => {
            return Err(reader
                .segment_error(offset_s, &format!("its duration ({seconds} s) must be above 0")));
        }
    };
    let mut out = Vec::new();
    while out.len() < samples && reader.next_chunk(&mut out)? {}
    out.truncate(samples);
    if out.is_empty() {
        return Err(reader.segment_error(offset_s, "the file ends before it"));
    }
    Ok(Sound { samples: out, warnings: reader.warnings() })
}
