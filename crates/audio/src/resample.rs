//! Streaming conversion of the sampling rate (rubato).

use std::fmt;

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _, WindowFunction};

use crate::Error;
use crate::sample::clean;

/// Lowest and highest rate on either side.
pub(crate) const RATES_HZ: (u32, u32) = (1_000, 768_000);

/// Largest term of the ratio of two rates. A ratio with larger terms is replaced by a close one
/// that fits: 191,999 Hz is then off by 5 microseconds per second instead of costing hundreds of
/// megabytes.
const LARGEST_TERM: u64 = 50_000;

/// Converts a mono stream from one sampling rate to another.
///
/// Samples are processed in blocks of about 20 ms, so the output does not depend on how the input
/// was cut. The filter's delay is removed: output sample `n` is the input at time `n / to_hz`. A
/// stream of `n` samples gives `ceil(n * to_hz / from_hz)`.
pub struct Resampler {
    from_hz: u32,
    to_hz: u32,
    /// None if the rates are equal.
    engine: Option<Engine>,
}

struct Engine {
    /// Rate of input : rate of output, in small integers.
    ratio: (u32, u32),
    method: Fft<f32>,
    /// Input samples of one block.
    block: usize,
    pending: Vec<f32>,
    output: Vec<f32>,
    /// Output samples still to drop: the delay of the filter.
    drop: usize,
    taken: u64,
    given: u64,
}

impl fmt::Debug for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resampler")
            .field("from_hz", &self.from_hz)
            .field("to_hz", &self.to_hz)
            .finish_non_exhaustive()
    }
}

impl Resampler {
    /// Prepares the filter. Equal rates pass samples through (cleaned).
    ///
    /// # Errors
    /// [`Error::SampleRate`] if a rate is below 1 kHz or above 768 kHz.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, Error> {
        for rate_hz in [from_hz, to_hz] {
            check_rate(rate_hz)?;
        }
        let engine = if from_hz == to_hz { None } else { Some(Engine::new(from_hz, to_hz)?) };
        Ok(Resampler { from_hz, to_hz, engine })
    }

    /// Rate of the input, Hz.
    pub fn from_hz(&self) -> u32 {
        self.from_hz
    }

    /// Rate of the output, Hz.
    pub fn to_hz(&self) -> u32 {
        self.to_hz
    }

    /// Takes samples and appends what is ready to `out`. NaN and infinite samples count as 0.
    ///
    /// # Errors
    /// [`Error::Resample`] if the converter fails, which no input should cause.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) -> Result<(), Error> {
        let (from_hz, to_hz) = (self.from_hz, self.to_hz);
        let Some(engine) = &mut self.engine else {
            out.extend(samples.iter().copied().map(clean));
            return Ok(());
        };
        let mut rest = samples;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(engine.block - engine.pending.len()));
            rest = later;
            engine.pending.extend(now.iter().copied().map(clean));
            engine.taken += now.len() as u64;
            if engine.pending.len() == engine.block {
                engine.process(u64::MAX, out).map_err(|message| Error::Resample {
                    from_hz,
                    to_hz,
                    message,
                })?;
            }
        }
        Ok(())
    }

    /// Ends the stream: appends the last samples and resets the converter.
    ///
    /// # Errors
    /// Those of [`Resampler::push`].
    pub fn finish(&mut self, out: &mut Vec<f32>) -> Result<(), Error> {
        let (from_hz, to_hz) = (self.from_hz, self.to_hz);
        let Some(engine) = &mut self.engine else {
            return Ok(());
        };
        let due = scale(engine.taken, engine.ratio);
        while engine.given < due {
            engine.process(due, out).map_err(|message| Error::Resample {
                from_hz,
                to_hz,
                message,
            })?;
        }
        engine.reset();
        Ok(())
    }

    /// Forgets all samples: the next one starts a new stream.
    pub fn reset(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.reset();
        }
    }

    /// The number of output samples for `samples` of input.
    #[cfg(feature = "files")]
    pub(crate) fn length(&self, samples: u64) -> u64 {
        self.engine.as_ref().map_or(samples, |engine| scale(samples, engine.ratio))
    }

    /// Input samples between two places where the converter can be started so that its output is at
    /// the same instants as that of a converter started at 0.
    #[cfg(feature = "files")]
    pub(crate) fn grid(&self) -> u64 {
        self.engine.as_ref().map_or(1, |engine| engine.block as u64)
    }
}

impl Engine {
    fn new(from_hz: u32, to_hz: u32) -> Result<Self, Error> {
        let failed = |error: rubato::ResamplerConstructionError| Error::Resample {
            from_hz,
            to_hz,
            message: error.to_string(),
        };
        let ratio = nearest_ratio(from_hz, to_hz);
        let (from, to) = (ratio.0 as usize, ratio.1 as usize);
        // An even multiple of the ratio puts the centre of the filter on a sample on both sides.
        let smallest = 2 * from;
        let block = smallest * (from_hz as usize / 50).div_ceil(smallest).max(1);
        let window = WindowFunction::BlackmanHarris2;
        let method =
            Fft::new_custom(from, to, block, 1, 1, window, FixedSync::Both).map_err(failed)?;
        let block = method.input_frames_next();
        Ok(Engine {
            ratio,
            block,
            pending: Vec::with_capacity(block),
            output: vec![0.0; method.output_frames_max()],
            drop: method.output_delay(),
            method,
            taken: 0,
            given: 0,
        })
    }

    /// Runs one block, padded with zeros if short, and gives out at most as many samples as bring
    /// the total to `due`.
    fn process(&mut self, due: u64, out: &mut Vec<f32>) -> Result<(), String> {
        let frames = self.pending.len();
        self.pending.resize(self.block, 0.0);
        let input = SequentialSlice::new(self.pending.as_slice(), 1, self.block)
            .map_err(|error| error.to_string())?;
        let room = self.output.len();
        let mut output = SequentialSlice::new_mut(self.output.as_mut_slice(), 1, room)
            .map_err(|error| error.to_string())?;
        let indexing = Indexing::new().partial_len(frames);
        let (_, made) = self
            .method
            .process_into_buffer(&input, &mut output, Some(&indexing))
            .map_err(|error| error.to_string())?;
        self.pending.clear();
        let dropped = self.drop.min(made);
        self.drop -= dropped;
        let wanted = usize::try_from(due - self.given).unwrap_or(usize::MAX);
        let ready = &self.output[dropped..made];
        let ready = &ready[..ready.len().min(wanted)];
        out.extend_from_slice(ready);
        self.given += ready.len() as u64;
        Ok(())
    }

    fn reset(&mut self) {
        self.method.reset();
        self.pending.clear();
        self.drop = self.method.output_delay();
        self.taken = 0;
        self.given = 0;
    }
}

/// `samples * ratio.1 / ratio.0`, rounded up.
fn scale(samples: u64, (from, to): (u32, u32)) -> u64 {
    let exact = (u128::from(samples) * u128::from(to)).div_ceil(u128::from(from.max(1)));
    u64::try_from(exact).unwrap_or(u64::MAX)
}

pub(crate) fn check_rate(rate_hz: u32) -> Result<(), Error> {
    let (low_hz, high_hz) = RATES_HZ;
    if (low_hz..=high_hz).contains(&rate_hz) {
        Ok(())
    } else {
        Err(Error::SampleRate { rate_hz, low_hz, high_hz })
    }
}

/// The last convergent of the continued fraction of `from / to` with small enough terms: the ratio
/// itself in lowest terms if it fits.
fn nearest_ratio(from: u32, to: u32) -> (u32, u32) {
    let (mut dividend, mut divisor) = (u64::from(from), u64::from(to));
    let (mut before, mut best) = ((0, 1), (1, 0));
    while divisor != 0 {
        let quotient = dividend / divisor;
        let next = (quotient * best.0 + before.0, quotient * best.1 + before.1);
        if next.0 > LARGEST_TERM || next.1 > LARGEST_TERM {
            break;
        }
        (before, best) = (best, next);
        (dividend, divisor) = (divisor, dividend % divisor);
    }
    // The first convergent of a ratio below 1 is 0 : 1, and that of one above the limit is 1 : 0;
    // rates in RATES_HZ get further.
    (best.0.max(1) as u32, best.1.max(1) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios() {
        let exact = [
            (48_000, 16_000, 3, 1),
            (44_100, 16_000, 441, 160),
            (8_000, 16_000, 1, 2),
            (1_000, 768_000, 1, 768),
        ];
        for (from_hz, to_hz, from, to) in exact {
            assert_eq!(nearest_ratio(from_hz, to_hz), (from, to), "{from_hz} : {to_hz}");
        }
        for (from_hz, to_hz) in
            [(44_101, 16_000), (15_999, 16_000), (47_999, 16_000), (191_999, 16_000)]
        {
            let (from, to) = nearest_ratio(from_hz, to_hz);
            assert!(u64::from(from.max(to)) <= LARGEST_TERM);
            let error =
                f64::from(from) / f64::from(to) * f64::from(to_hz) / f64::from(from_hz) - 1.0;
            assert!(error.abs() < 1e-5, "{from_hz} : {to_hz} became {from} : {to}, off by {error}");
        }
        let (low, high) = RATES_HZ;
        for (from_hz, to_hz) in [(low, high), (high, low), (low + 1, high - 1), (high - 1, low + 1)]
        {
            let (from, to) = nearest_ratio(from_hz, to_hz);
            let error =
                f64::from(from) / f64::from(to) * f64::from(to_hz) / f64::from(from_hz) - 1.0;
            assert!(error.abs() < 1e-4, "{from_hz} : {to_hz} became {from} : {to}, off by {error}");
        }
    }
}
