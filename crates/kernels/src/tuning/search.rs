//! Finds the parameters of this machine by trying.

use super::{Cache, INSTALLED, Loops, Tuning};
use crate::drive::MAX_PASS;
use crate::machine::Caches;
use crate::quantize::{Grouped, quantize_groups, quantize_rows};
use crate::{
    Activation, Arena, Error, Isa, Packed, PackedF32, PackedI4, PackedI8, Product, Scratch,
};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::Ordering;
use std::time::Instant;

/// Rows and columns of the matrices to try: small enough for the second cache of most processors
/// even as floats.
const SHAPE: (usize, usize) = (768, 384);
/// Rounds, of which the best counts. All candidates take turns, so that a temporary disturbance
/// affects all of them.
const ROUNDS: usize = 12;
/// Products per round with weights from the second cache.
const HOT_CALLS: usize = 24;
/// Bytes of weights per round that come from memory.
const COLD_BYTES: usize = 6 << 20;
/// Numbers of cache lines ahead to try.
const AHEAD: [u16; 6] = [0, 8, 16, 32, 64, 96];
/// Numbers of stretches to try; kernels use the nearest for which they are compiled.
const STRETCHES: [u8; 4] = [1, 2, 3, 4];
/// Sizes of blocks to try, in bytes.
const BLOCKS: [usize; 4] = [128 << 10, 256 << 10, 512 << 10, 1 << 20];
/// The simpler choice is kept unless another is faster by this factor.
const WORTH_IT: f64 = 0.985;

/// The measurements for one kind of weights and one width with the winning parameters.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// `int8`, `int4` or `float`.
    pub kind: &'static str,
    /// Vectors of the pass.
    pub width: usize,
    /// Seconds of the untuned product divided by seconds with the winning parameters, with weights
    /// in the second cache.
    pub hot_gain: f64,
    /// The same with weights from memory.
    pub cold_gain: f64,
}

/// Searches for the parameters of this machine for an instruction set, and calls `found` after each
/// width of each kind. Takes about a minute; the machine should be idle. Meanwhile the products of
/// this program use changing parameters (with the same results), afterwards the previous ones.
///
/// # Errors
/// [`Error::IsaUnavailable`].
pub fn search(isa: Isa, mut found: impl FnMut(Found)) -> Result<Tuning, Error> {
    let isa = isa.require()?;
    let _restored = Restored(INSTALLED.load(Ordering::Acquire));
    let plain = Loops { stretches: [1; MAX_PASS], ahead: [0; MAX_PASS], into: Cache::L1 };
    let mut best = Tuning { block_bytes: 256 << 10, int8: plain, int4: plain, float: plain };
    for kind in [Kind::Int8, Kind::Int4, Kind::Float] {
        let mut trial = Trial::new(kind, isa)?;
        let loops = [Cache::L1, Cache::L2].map(|into| trial.loops(best, into));
        let [near, far] = &loops;
        let (loops, gains) = if far.1.seconds() < WORTH_IT * near.1.seconds() { far } else { near };
        *kind.of(&mut best) = *loops;
        for (width, (hot_gain, cold_gain)) in (1..).zip(gains.each()) {
            found(Found { kind: kind.name(), width, hot_gain, cold_gain });
        }
    }
    best.block_bytes = Trial::new(Kind::Int8, isa)?.block_bytes(best);
    Ok(best)
}

/// Restores the previous parameters, even if a search ends by a panic.
struct Restored(*mut Tuning);

impl Drop for Restored {
    fn drop(&mut self) {
        INSTALLED.store(self.0, Ordering::Release);
    }
}

/// Kinds of weights with separate parameters.
#[derive(Clone, Copy)]
enum Kind {
    Int8,
    Int4,
    Float,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::Int4 => "int4",
            Self::Float => "float",
        }
    }

    fn of(self, tuning: &mut Tuning) -> &mut Loops {
        match self {
            Self::Int8 => &mut tuning.int8,
            Self::Int4 => &mut tuning.int4,
            Self::Float => &mut tuning.float,
        }
    }

    /// Whether its kernels are compiled for several numbers of stretches.
    fn has_stretches(self) -> bool {
        matches!(self, Self::Int8)
    }

    fn pack(self, isa: Isa) -> Result<Box<dyn Product>, Error> {
        let (rows, cols) = SHAPE;
        let weights: Vec<f32> =
            (0..rows * cols).map(|i| (i * 7919 % 2003) as f32 / 1001.5 - 1.0).collect();
        Ok(match self {
            Self::Int8 => {
                let (weights, scales) = quantize_rows(&weights, rows, cols);
                Box::new(PackedI8::pack_for(isa, &weights, &scales, rows, cols)?)
            }
            Self::Int4 => {
                let Grouped { weights, group_scales, row_scales, .. } =
                    quantize_groups(&weights, rows, cols);
                Box::new(PackedI4::pack_for(isa, &weights, &group_scales, &row_scales, rows, cols)?)
            }
            Self::Float => Box::new(PackedF32::pack_for(isa, &weights, rows, cols)?),
        })
    }
}

/// Best seconds of a product, with weights from the second cache and from memory.
#[derive(Clone, Copy)]
struct Seconds {
    hot: f64,
    cold: f64,
}

impl Seconds {
    const NEVER: Self = Self { hot: f64::INFINITY, cold: f64::INFINITY };

    /// The criterion for candidates: both times count.
    fn mean(self) -> f64 {
        (self.hot * self.cold).sqrt()
    }
}

/// Seconds of each width, untuned and with the winner.
struct Gains([(Seconds, Seconds); MAX_PASS]);

impl Gains {
    /// The geometric mean of the winners.
    fn seconds(&self) -> f64 {
        self.0.iter().map(|(_, best)| best.mean().ln()).sum::<f64>().exp()
    }

    fn each(&self) -> impl Iterator<Item = (f64, f64)> {
        self.0.iter().map(|(plain, best)| (plain.hot / best.hot, plain.cold / best.cold))
    }
}

/// Matrices of one kind to try parameters on: so many that they do not fit the caches.
struct Trial {
    kind: Kind,
    matrices: Vec<Box<dyn Product>>,
    scratch: Scratch,
    /// The next matrix to read from memory.
    next: usize,
}

impl Trial {
    fn new(kind: Kind, isa: Isa) -> Result<Self, Error> {
        let first = kind.pack(isa)?;
        let count = Caches::detect().beyond().min(512 << 20).div_ceil(first.bytes()).max(2);
        let mut matrices = vec![first; count];
        let mut packed: Vec<&mut dyn Packed> =
            matrices.iter_mut().map(|matrix| &mut **matrix as &mut dyn Packed).collect();
        let _memory = Arena::of(&mut packed);
        Ok(Self { kind, matrices, scratch: Scratch::new(), next: 0 })
    }

    /// The best loops with weights prefetched into one cache.
    fn loops(&mut self, from: Tuning, into: Cache) -> (Loops, Gains) {
        let mut loops = Loops { stretches: [1; MAX_PASS], ahead: [0; MAX_PASS], into };
        let gains = core::array::from_fn(|i| {
            let stretches =
                if self.kind.has_stretches() { &STRETCHES[..] } else { &STRETCHES[..1] };
            let candidates: Vec<(u8, u16)> = AHEAD
                .iter()
                .flat_map(|&ahead| stretches.iter().map(move |&s| (s, ahead)))
                .collect();
            let tunings = candidates.iter().map(|&(stretches, ahead)| {
                let mut tuning = from;
                let mut tried = loops;
                (tried.stretches[i], tried.ahead[i]) = (stretches, ahead);
                *self.kind.of(&mut tuning) = tried;
                tuning
            });
            let tunings: Vec<Tuning> = tunings.collect();
            let seconds = self.try_all(&tunings, i + 1);
            let mut best = 0;
            for candidate in 1..seconds.len() {
                if seconds[candidate].mean() < WORTH_IT * seconds[best].mean() {
                    best = candidate;
                }
            }
            (loops.stretches[i], loops.ahead[i]) = candidates[best];
            (seconds[0], seconds[best])
        });
        (loops, Gains(gains))
    }

    /// The best block size, for a batch of two passes.
    fn block_bytes(&mut self, from: Tuning) -> usize {
        let tunings = BLOCKS.map(|block_bytes| Tuning { block_bytes, ..from });
        let seconds = self.try_all(&tunings, 2 * MAX_PASS);
        let mut best = 1;
        for candidate in [0, 2, 3] {
            if seconds[candidate].mean() < WORTH_IT * seconds[best].mean() {
                best = candidate;
            }
        }
        BLOCKS[best]
    }

    /// Seconds of a batch with each of the parameters.
    fn try_all(&mut self, tunings: &[Tuning], batch: usize) -> Vec<Seconds> {
        let (rows, cols) = SHAPE;
        let (x, mut y) = (vec![0.5; batch * cols], vec![0.0; batch * rows]);
        // One allocation for all of them; it is never freed, because another thread may still read
        // the pointer.
        let tunings: &'static [Tuning] = Box::leak(tunings.into());
        let mut best = vec![Seconds::NEVER; tunings.len()];
        for _ in 0..ROUNDS {
            for (tuning, best) in tunings.iter().zip(&mut best) {
                INSTALLED.store(ptr::from_ref(tuning).cast_mut(), Ordering::Release);
                let cold = (COLD_BYTES / self.matrices[0].bytes()).max(1);
                let seconds = self.time(cold, batch, &x, &mut y, |trial| {
                    trial.next = (trial.next + 1) % trial.matrices.len();
                    trial.next
                });
                best.cold = best.cold.min(seconds);
                self.time(2, batch, &x, &mut y, |_| 0);
                let seconds = self.time(HOT_CALLS, batch, &x, &mut y, |_| 0);
                best.hot = best.hot.min(seconds);
            }
        }
        best
    }

    /// Seconds per product for a number of products with the matrices chosen by `which`.
    fn time(
        &mut self,
        calls: usize,
        batch: usize,
        x: &[f32],
        y: &mut [f32],
        which: impl Fn(&mut Self) -> usize,
    ) -> f64 {
        let start = Instant::now();
        for _ in 0..calls {
            let matrix = which(self);
            self.matrices[matrix].matmul(x, batch, None, Activation::None, &mut self.scratch, y);
        }
        start.elapsed().as_secs_f64() / calls as f64
    }
}
