//! Running statistics of a signal, and the coefficients that follow from them.

use super::Coefficients;

/// Nothing is judged before this much was heard, in seconds.
const LEAST_S: f64 = 0.25;
/// Float samples above this cannot be meant as such: +36 dBFS.
const ABSURD: f32 = 64.0;
/// If this share of the samples is above it, all are integers; a few alone are damage.
const MANY_ABSURD: f64 = 1e-3;
const FEWEST_ABSURD: u64 = 20;
/// A louder peak is lowered to full scale: +6 dBFS.
const LOUD_PEAK: f32 = 2.0;
/// Speech that stays below this peak is raised: -24 dBFS.
pub(super) const QUIET_PEAK: f32 = 0.063_1;
/// A peak below this is rounding, not speech: -80 dBFS.
pub(super) const SILENT_PEAK: f32 = 1e-4;
/// Quiet speech is raised to this peak: -12 dBFS.
const TARGET_PEAK: f32 = 0.25;
/// A constant offset above this share of full scale is removed.
const LARGEST_OFFSET: f64 = 0.02;
/// A channel that is below the loudest by this factor, in power, has no sound: -50 dB.
const DEAD_SHARE: f64 = 1e-5;
/// Channels with a lower correlation coefficient have opposite signs.
const OPPOSITE: f64 = -0.8;
/// More channels than this are not compared with each other.
const MOST_COMPARED: usize = 8;
/// Samples this close to full scale may be clipped.
const FULL_SCALE: std::ops::RangeInclusive<f32> = 0.998..=1.1;
/// If neighbours differ by less than this,
const FLAT: f32 = 0.003;
/// this many in a row are clipped.
const CLIPPED_RUN: u32 = 2;
/// Speech exceeds its background by this many decibels, in this many blocks (0.2 s).
const SPEECH_DB: usize = 15;
const SPEECH_BLOCKS: u64 = 10;
/// Above this level (-12 dBFS), a signal without correlation between a sample and those that follow
/// is not sound but other data.
const NOISE_LEVEL: f64 = 0.25;
const NOISE_CORRELATION: f64 = 0.3;
/// Samples that are compared with each one. Of a tone at a quarter of the rate the next says nothing, the one after it all;
/// of two tones it may take four.
const NEIGHBOURS: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Measure {
    rate_hz: u32,
    pub(super) frames: u64,
    channels: Vec<Channel>,
    /// Sums of products of channels `i < j`, in the order (0,1), (0,2), (1,2), (0,3) ..., without
    /// and with absurd samples.
    products: [Vec<f64>; 2],
    /// Samples that are absurd unless they are integers.
    absurd: u64,
    /// Whether all samples so far were whole numbers.
    whole_numbers: bool,
    /// Blocks by the level of their mean over the channels: `levels[d]` counts d to d + 1 dB above
    /// -120 dBFS.
    levels: [u64; 256],
    /// Largest distance of the mono signal from its mean over the block, in units of the samples.
    peak: f32,
    /// Of the mono signal: its energy, its products with the previous samples, and those samples, the last one first.
    energy: f64,
    neighbours: [f64; NEIGHBOURS],
    before: [f32; NEIGHBOURS],
}

#[derive(Clone, Debug, Default)]
struct Channel {
    /// Of the samples that are not absurd, and of those that are.
    sums: [Sums; 2],
    previous: f32,
    /// Length of the current run at full scale.
    run: u32,
    clipped: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    sum: f64,
    squares: f64,
    peak: f32,
}

/// The repair to make.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Repair {
    /// Samples are divided by this.
    pub(super) scale: f32,
    /// 0, or 1 or -1 divided by the number of channels that count.
    pub(super) weights: Vec<f32>,
    /// Subtracted from each channel.
    pub(super) offsets: Vec<f64>,
    pub(super) gain: f32,
}

impl Measure {
    pub(super) fn new(rate_hz: u32, channels: usize) -> Self {
        let compared = if channels <= MOST_COMPARED { channels } else { 0 };
        Measure {
            rate_hz,
            frames: 0,
            channels: vec![Channel::default(); channels],
            products: [(); 2].map(|()| vec![0.0; compared * compared.saturating_sub(1) / 2]),
            absurd: 0,
            whole_numbers: true,
            levels: [0; 256],
            peak: 0.0,
            energy: 0.0,
            neighbours: [0.0; NEIGHBOURS],
            before: [0.0; NEIGHBOURS],
        }
    }

    /// Takes one block of interleaved finite samples.
    pub(super) fn block(&mut self, samples: &[f32]) {
        let count = self.channels.len();
        let mut frames = 0;
        for frame in samples.chunks_exact(count) {
            for (channel, &x) in self.channels.iter_mut().zip(frame) {
                channel.take(x);
            }
            let absurd = frame.iter().filter(|x| x.abs() > ABSURD).count();
            self.absurd += absurd as u64;
            let products = &mut self.products[usize::from(absurd > 0)];
            if !products.is_empty() {
                let mut pair = 0;
                for j in 1..count {
                    for i in 0..j {
                        products[pair] += f64::from(frame[i]) * f64::from(frame[j]);
                        pair += 1;
                    }
                }
            }
            frames += 1;
        }
        self.whole_numbers = self.whole_numbers && samples.iter().all(|x| x.fract() == 0.0);
        self.frames += frames;
        self.level(samples, frames);
    }

    /// Records peak and power of the block as it would be given out. An offset does not count: it
    /// may be known later.
    fn level(&mut self, samples: &[f32], frames: u64) {
        let unscaled = Repair { scale: 1.0, ..self.repair_without_gain() }.coefficients();
        let (mut sum, mut squares) = (0.0f64, 0.0f64);
        let (mut low, mut high) = (f32::MAX, f32::MIN);
        let damaged = self.spikes().is_some();
        for frame in samples.chunks_exact(self.channels.len()) {
            if damaged && frame.iter().any(|x| x.abs() > ABSURD) {
                continue;
            }
            let x = unscaled.apply(frame);
            self.energy += f64::from(x) * f64::from(x);
            for (sum, &before) in self.neighbours.iter_mut().zip(&self.before) {
                *sum += f64::from(x) * f64::from(before);
            }
            self.before.rotate_right(1);
            self.before[0] = x;
            (low, high) = (low.min(x), high.max(x));
            sum += f64::from(x);
            squares += f64::from(x) * f64::from(x);
        }
        let count = frames.max(1) as f64;
        let mean = sum / count;
        if low <= high {
            self.peak = self.peak.max(high - mean as f32).max(mean as f32 - low);
        }
        let power = (squares / count - mean * mean).max(1e-12);
        let decibels = 10.0 * power.log10();
        let level = ((decibels + 120.0).max(0.0) as usize).min(self.levels.len() - 1);
        self.levels[level] += 1;
    }

    pub(super) fn coefficients(&self) -> Coefficients {
        self.repair().coefficients()
    }

    pub(super) fn repair(&self) -> Repair {
        let mut repair = self.repair_without_gain();
        let peak = self.peak();
        if peak > LOUD_PEAK {
            repair.gain = 1.0 / peak;
        } else if peak < QUIET_PEAK && peak > SILENT_PEAK && self.stands_out() {
            repair.gain = TARGET_PEAK / peak;
        }
        repair
    }

    /// Largest magnitude before the level is repaired; full scale is 1.
    pub(super) fn peak(&self) -> f32 {
        self.peak / self.scale()
    }

    pub(super) fn seconds(&self, frames: usize) -> f64 {
        frames as f64 / f64::from(self.rate_hz.max(1))
    }

    fn repair_without_gain(&self) -> Repair {
        let scale = self.scale();
        let judged = self.frames as f64 >= LEAST_S * f64::from(self.rate_hz);
        let count = self.channels.len();
        if !judged {
            let weights = vec![1.0 / count as f32; count];
            return Repair { scale, weights, offsets: vec![0.0; count], gain: 1.0 };
        }
        let frames = self.frames as f64;
        // If a few samples are absurd, they are excluded from the sound and from all statistics.
        let integers = self.absurd_count() == 0;
        let sums: Vec<Sums> = self.channels.iter().map(|channel| channel.sums(integers)).collect();
        let means: Vec<f64> = sums.iter().map(|sums| sums.sum / frames).collect();
        let offset =
            |mean: &f64| if mean.abs() / f64::from(scale) > LARGEST_OFFSET { *mean } else { 0.0 };
        let offsets = means.iter().map(offset).collect();
        let power = |n: usize| (sums[n].squares / frames - means[n] * means[n]).max(0.0);
        let loudest = (0..count).fold(0, |best, n| if power(n) > power(best) { n } else { best });
        let largest = power(loudest);
        let heard = |n: usize| power(n) > DEAD_SHARE * largest || n == loudest;
        let alive = (0..count).filter(|&n| heard(n)).count();
        let sign = |n: usize| {
            if n == loudest || self.products[0].is_empty() {
                return 1.0;
            }
            let (i, j) = (n.min(loudest), n.max(loudest));
            let [tame, absurd] = [0, 1].map(|which| self.products[which][j * (j - 1) / 2 + i]);
            let product = if integers { tame + absurd } else { tame };
            let product = product / frames - means[i] * means[j];
            if product < OPPOSITE * (power(i) * power(j)).sqrt() { -1.0 } else { 1.0 }
        };
        let weight = |n: usize| if heard(n) { sign(n) / alive as f32 } else { 0.0 };
        Repair { scale, weights: (0..count).map(weight).collect(), offsets, gain: 1.0 }
    }

    /// 1, or the full scale of the integers if the samples are integers.
    fn scale(&self) -> f32 {
        if self.spikes().is_some() {
            return 1.0;
        }
        let peaks = self.channels.iter().map(|channel| channel.sums(true).peak);
        let peak = peaks.fold(0.0, f32::max);
        match peak {
            _ if peak <= 1.0 || peak <= ABSURD && !self.whole_numbers => 1.0,
            // Resampled integers overshoot.
            ..49_152.0 => 32_768.0,
            ..12_582_912.0 => 8_388_608.0,
            _ => 2_147_483_648.0,
        }
    }

    /// The number of samples far beyond full scale in a signal that is not integers: damage.
    pub(super) fn absurd_count(&self) -> u64 {
        let all = self.frames.max(1) as f64 * self.channels.len() as f64;
        let many = self.absurd >= FEWEST_ABSURD && self.absurd as f64 > MANY_ABSURD * all;
        let integers = self.whole_numbers || many;
        if integers { 0 } else { self.absurd }
    }

    /// The magnitude above which samples are damage, if any are.
    pub(super) fn spikes(&self) -> Option<f32> {
        (self.absurd_count() > 0).then_some(ABSURD)
    }

    /// Whether it sounds like bytes that are not samples: white, and louder than any recording of
    /// speech.
    pub(super) fn is_noise(&self) -> bool {
        let level = (self.energy / self.frames.max(1) as f64).sqrt() / f64::from(self.scale());
        let related = NOISE_CORRELATION * self.energy;
        level > NOISE_LEVEL && self.neighbours.iter().all(|sum| sum.abs() < related)
    }

    /// Whether something stands out from the background as speech does.
    fn stands_out(&self) -> bool {
        let blocks: u64 = self.levels.iter().sum();
        let mut below = 0;
        let floor = self.levels.iter().position(|&count| {
            below += count;
            below * 10 > blocks
        });
        let speech = floor.unwrap_or(0) + SPEECH_DB;
        self.levels.iter().skip(speech).sum::<u64>() >= SPEECH_BLOCKS
    }

    /// The largest share of clipped samples of a channel.
    pub(super) fn clipped(&self) -> f64 {
        let most = self.channels.iter().map(|channel| channel.clipped).max().unwrap_or(0);
        most as f64 / self.frames.max(1) as f64
    }

    /// Whether there was enough audio to judge.
    pub(super) fn is_judged(&self) -> bool {
        self.frames as f64 >= LEAST_S * f64::from(self.rate_hz)
    }
}

impl Channel {
    /// Sums over all samples, or only over those that are not absurd.
    fn sums(&self, all: bool) -> Sums {
        let [tame, absurd] = self.sums;
        if !all {
            return tame;
        }
        Sums {
            sum: tame.sum + absurd.sum,
            squares: tame.squares + absurd.squares,
            peak: tame.peak.max(absurd.peak),
        }
    }

    fn take(&mut self, x: f32) {
        let wide = f64::from(x);
        let sums = &mut self.sums[usize::from(x.abs() > ABSURD)];
        sums.sum += wide;
        sums.squares += wide * wide;
        sums.peak = sums.peak.max(x.abs());
        // Samples that stay near full scale are clipped; those that only pass it are floats with
        // headroom.
        let flat = FULL_SCALE.contains(&x.abs()) && (x - self.previous).abs() < FLAT;
        self.previous = x;
        self.run = if flat { self.run + 1 } else { 0 };
        self.clipped += match self.run {
            CLIPPED_RUN => u64::from(CLIPPED_RUN),
            run if run > CLIPPED_RUN => 1,
            _ => 0,
        };
    }
}

impl Repair {
    fn coefficients(&self) -> Coefficients {
        let factor = self.gain / self.scale;
        let weights: Vec<f32> = self.weights.iter().map(|weight| weight * factor).collect();
        let offset = weights.iter().zip(&self.offsets).map(|(w, o)| f64::from(*w) * o).sum::<f64>();
        Coefficients { weights, offset: -offset as f32 }
    }
}
