//! The reader people use: any file, mono, at one rate.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Source;
use crate::Error;
use crate::resample::{self, Resampler};

/// How far before a segment decoding starts, seconds: long enough for mp3's bit reservoir, vorbis' overlap and the
/// resampler's filter to have settled.
const RUN_UP_S: f64 = 0.5;

/// Streams one audio file as mono `f32` samples (mean of its channels, full scale 1) at a rate of choice.
///
/// Wav (8 to 32-bit integer, 32 and 64-bit float, A-law, µ-law), flac, mp3 and ogg vorbis, told apart by content. Memory
/// does not grow with the length of the recording. A damaged or cut file gives what can be decoded;
/// [`AudioReader::damage`] then says what was wrong.
pub struct AudioReader {
    path: PathBuf,
    source: Source,
    resampler: Resampler,
    /// Mono at the file's rate, between source and resampler.
    mono: Vec<f32>,
    /// Samples at the file's rate still to drop: where seeking landed before the place wanted.
    drop_source: u64,
    /// Samples at the target rate still to drop: the run-up.
    drop_target: u64,
    received: bool,
    finished: bool,
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
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Empty`], [`Error::UnknownFormat`], [`Error::Unsupported`], [`Error::Malformed`] or
    /// [`Error::NoSamples`] about the file; [`Error::SampleRate`] if the target rate is below 1 kHz or above 768 kHz.
    pub fn open(path: impl AsRef<Path>, target_rate_hz: u32) -> Result<Self, Error> {
        let path = path.as_ref();
        resample::check_rate(target_rate_hz)?;
        let source = Source::open(path)?;
        let (rate_hz, _) = source.layout();
        // Rates are the file's word here: say which file.
        let resampler = Resampler::new(rate_hz, target_rate_hz).map_err(|error| {
            Error::Unsupported { path: path.to_path_buf(), what: error.to_string() }
        })?;
        Ok(AudioReader {
            path: path.to_path_buf(),
            source,
            resampler,
            mono: Vec::new(),
            drop_source: 0,
            drop_target: 0,
            received: false,
            finished: false,
        })
    }

    /// Opens a file so that the first sample is the one at `offset_s` seconds.
    ///
    /// # Errors
    /// As [`AudioReader::open`], and [`Error::Segment`] if the offset is not a time in the file.
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
        if let Some(seconds) = reader.duration_s()
            && offset_s > 0.0
            && offset_s >= seconds
        {
            return Err(reader.segment_error(offset_s, &format!("the file ends at {seconds:.3} s")));
        }
        let rate_hz = reader.source_rate_hz();
        let wanted = (offset_s * f64::from(target_rate_hz)).round() as u64;
        let run_up = ((offset_s - RUN_UP_S).max(0.0) * f64::from(rate_hz)) as u64;
        // From here the resampler's output falls on the same instants as from the start of the file.
        let start = run_up - run_up % reader.resampler.grid();
        if start > 0 {
            reader.drop_source = start.saturating_sub(reader.source.seek(start)?);
        }
        reader.drop_target = wanted.saturating_sub(reader.resampler.length(start));
        Ok(reader)
    }

    /// Sampling rate of the file, Hz.
    pub fn source_rate_hz(&self) -> u32 {
        self.source.layout().0
    }

    /// Number of channels of the file.
    pub fn channels(&self) -> usize {
        self.source.layout().1
    }

    /// Length of the whole file in seconds, if its header says. (For wav it is what the file really holds.)
    pub fn duration_s(&self) -> Option<f64> {
        self.source.length().map(|samples| samples as f64 / f64::from(self.source_rate_hz()))
    }

    /// What was wrong with the parts read so far although audio came out: truncation, packets that did not decode
    /// (replaced by silence).
    pub fn damage(&self) -> Option<&str> {
        self.source.damage()
    }

    /// Appends the next samples to `out`, a fraction of a second; false (and nothing appended) at the end.
    ///
    /// # Errors
    /// [`Error::Read`] if the system fails; [`Error::NoSamples`] if the whole file gave no sample;
    /// [`Error::Resample`].
    pub fn next_chunk(&mut self, out: &mut Vec<f32>) -> Result<bool, Error> {
        let before = out.len();
        while out.len() == before && !self.finished {
            self.mono.clear();
            if self.source.read(&mut self.mono)? {
                self.received |= !self.mono.is_empty();
                drop_front(&mut self.mono, 0, &mut self.drop_source);
                self.resampler.push(&self.mono, out)?;
            } else {
                self.finished = true;
                if !self.received {
                    let what = self.damage().unwrap_or("the recording has no samples").to_string();
                    return Err(Error::NoSamples { path: self.path.clone(), what });
                }
                self.resampler.finish(out)?;
            }
            drop_front(out, before, &mut self.drop_target);
        }
        Ok(out.len() > before)
    }

    fn segment_error(&self, offset_s: f64, what: &str) -> Error {
        Error::Segment { path: self.path.clone(), offset_s, what: what.to_string() }
    }
}

/// Removes up to `count` samples of `samples[from..]` from its front, and counts them off.
fn drop_front(samples: &mut Vec<f32>, from: usize, count: &mut u64) {
    let dropped = usize::try_from(*count).unwrap_or(usize::MAX).min(samples.len() - from);
    if dropped > 0 {
        samples.drain(from..from + dropped);
        *count -= dropped as u64;
    }
}

/// A whole file as mono samples at `target_rate_hz`.
///
/// # Errors
/// As [`AudioReader::open`] and [`AudioReader::next_chunk`].
pub fn read_file(path: impl AsRef<Path>, target_rate_hz: u32) -> Result<Vec<f32>, Error> {
    let mut reader = AudioReader::open(path, target_rate_hz)?;
    let mut out = Vec::new();
    while reader.next_chunk(&mut out)? {}
    Ok(out)
}

/// The part of a file that starts at `offset_s` and lasts `duration_s` seconds, or to the end if `None`, as mono samples
/// at `target_rate_hz`: what [`read_file`] gives, sliced. A segment that runs over the end stops there.
///
/// # Errors
/// As [`read_file`]; [`Error::Segment`] if the offset or the duration is not a time, or nothing of the segment lies in the
/// file.
pub fn read_segment(
    path: impl AsRef<Path>,
    target_rate_hz: u32,
    offset_s: f64,
    duration_s: Option<f64>,
) -> Result<Vec<f32>, Error> {
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
    Ok(out)
}
