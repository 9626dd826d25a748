//! Channels to one signal, with a check for what cannot be right.
//!
//! ```text
//! interleaved -> blocks of 20 ms -> measure (all blocks so far) -> coefficients -> mono = sum a_c x_c + b
//! ```
//! Everything is judged by running statistics over all blocks so far, [`LOOK_AHEAD_S`] ahead of the
//! block that is given out (a live stream has no look-ahead). So nothing depends on how the samples
//! were cut, and no recording is held as a whole. Sound signals get the plain mean of their
//! channels, to the bit. The others are repaired:
//!
//! * float samples in the range of integers are divided by 2^15, 2^23 or 2^31;
//! * NaN, infinities and a few samples far beyond full scale become silence;
//! * a constant offset is removed;
//! * channels without sound are left out, channels of opposite sign are inverted;
//! * speech whose peaks stay below -24 dBFS is raised to -12 dBFS, and peaks above +6 dBFS are
//!   lowered to full scale.
//!
//! When coefficients change, they move from the old to the new value within one block. The
//! statistics settle as a recording goes on: a quiet beginning is raised until something louder
//! comes. [`SignalRepair::warnings`] says what was done.

mod measure;
mod report;

use std::collections::VecDeque;

use crate::Warning;
use crate::sample::clean;
use measure::Measure;

/// How far files are examined ahead of the samples given out, in seconds.
pub const LOOK_AHEAD_S: f64 = 2.0;
/// Length of a block, as a share of a second.
const BLOCKS_PER_S: u32 = 50;
/// Many channels at high rates have shorter blocks and less look-ahead, because their headers may
/// be wrong and memory is bounded.
const MOST_BLOCK_SAMPLES: usize = 1 << 17;
const MOST_HELD_SAMPLES: usize = 1 << 20;

/// Interleaved channels in, one checked and repaired signal out.
#[derive(Clone, Debug)]
pub struct SignalRepair {
    channels: usize,
    block_frames: usize,
    look_ahead: usize,
    /// Samples of the block that is not full yet.
    pending: Vec<f32>,
    /// Full blocks that are measured but not given out yet, and empty buffers for more.
    held: VecDeque<Vec<f32>>,
    spare: Vec<Vec<f32>>,
    measure: Measure,
    /// The coefficients of the last block.
    last: Option<Coefficients>,
    done: report::Done,
}

/// `mono = sum over c of weights[c] * x[c] + offset`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Coefficients {
    weights: Vec<f32>,
    offset: f32,
}

impl SignalRepair {
    /// For a recording of `channels` channels at `rate_hz`, examined [`LOOK_AHEAD_S`] ahead.
    pub fn of_file(rate_hz: u32, channels: usize) -> Self {
        let look_ahead = (LOOK_AHEAD_S * f64::from(BLOCKS_PER_S)) as usize;
        Self::new(rate_hz, channels, look_ahead)
    }

    /// For live audio: a block of 20 ms is given out when it is full, and findings apply from then
    /// on.
    pub fn live(rate_hz: u32, channels: usize) -> Self {
        Self::new(rate_hz, channels, 0)
    }

    fn new(rate_hz: u32, channels: usize, look_ahead: usize) -> Self {
        let channels = channels.max(1);
        let most_frames = (MOST_BLOCK_SAMPLES / channels).max(1);
        let block_frames = ((rate_hz / BLOCKS_PER_S).max(1) as usize).min(most_frames);
        let look_ahead = look_ahead.min(MOST_HELD_SAMPLES / (block_frames * channels));
        SignalRepair {
            channels,
            block_frames,
            look_ahead,
            pending: Vec::new(),
            held: VecDeque::new(),
            spare: Vec::new(),
            measure: Measure::new(rate_hz, channels),
            last: None,
            done: report::Done::default(),
        }
    }

    /// Channels of the input.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Takes interleaved samples in whole frames, and appends what is ready to `mono`. NaN and
    /// infinite samples count as 0.
    pub fn push(&mut self, interleaved: &[f32], mono: &mut Vec<f32>) {
        let block = self.block_frames * self.channels;
        let mut rest = interleaved;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(block - self.pending.len()));
            rest = later;
            self.pending.extend_from_slice(now);
            if self.pending.len() == block {
                self.end_block();
                if self.held.len() > self.look_ahead {
                    self.give(mono);
                }
            }
        }
    }

    /// Ends the recording: appends what was held back. What comes next is another part of it: the
    /// statistics stay.
    pub fn finish(&mut self, mono: &mut Vec<f32>) {
        let whole = self.pending.len() / self.channels * self.channels;
        self.pending.truncate(whole);
        if !self.pending.is_empty() {
            self.end_block();
        }
        while !self.held.is_empty() {
            self.give(mono);
        }
    }

    /// What was found and done so far; complete when the recording has ended.
    pub fn warnings(&self) -> Vec<Warning> {
        report::warnings(&self.measure, &self.done)
    }

    /// Measures the pending block and queues it.
    fn end_block(&mut self) {
        let mut block = self.spare.pop().unwrap_or_default();
        std::mem::swap(&mut block, &mut self.pending);
        for sample in block.iter_mut().filter(|sample| !sample.is_finite()) {
            *sample = 0.0;
            self.done.no_numbers += 1;
        }
        self.measure.block(&block);
        self.held.push_back(block);
    }

    /// Gives out the first block in the queue.
    fn give(&mut self, mono: &mut Vec<f32>) {
        let Some(mut block) = self.held.pop_front() else { return };
        let now = self.measure.coefficients();
        if let Some(spike) = self.measure.spikes() {
            block.iter_mut().filter(|x| x.abs() > spike).for_each(|x| *x = 0.0);
        }
        self.done.note(&self.measure, block.len() / self.channels);
        let last = self.last.replace(now.clone()).unwrap_or_else(|| now.clone());
        let frames = block.chunks_exact(self.channels);
        if last == now {
            mono.extend(frames.map(|frame| clean(now.apply(frame))));
        } else {
            let step = 1.0 / frames.len() as f32;
            mono.extend(frames.enumerate().map(|(n, frame)| {
                let share = (n + 1) as f32 * step;
                clean(last.apply(frame) * (1.0 - share) + now.apply(frame) * share)
            }));
        }
        block.clear();
        self.spare.push(block);
    }
}

impl Coefficients {
    fn apply(&self, frame: &[f32]) -> f32 {
        frame.iter().zip(&self.weights).map(|(x, weight)| x * weight).sum::<f32>() + self.offset
    }
}
