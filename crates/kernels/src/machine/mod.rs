//! The limits of one core of this machine: how fast it reads memory and how fast it multiplies.
//!
//! A small-batch product reads every weight once and multiplies it once per vector. It can be no
//! faster than the core reads the weights from their cache or memory, and no faster than its
//! multipliers run; the lower of the two is the *roofline* (Williams, Waterman, Patterson 2009). A
//! kernel's share of it says how much could still be gained, on any machine.
//!
//! Measuring takes about a second and a buffer of four times the last cache. Run it pinned to a
//! core, on an idle machine.

mod caches;
mod peak;
mod read;

pub use caches::Caches;
pub use read::Reader;

use crate::{Error, Isa};
use std::time::Instant;

/// Timed rounds, of which the best counts: disturbances only make a round slower.
const ROUNDS: usize = 11;
/// A round repeats the call until it takes this long, in seconds.
const ROUND_S: f64 = 2e-3;

/// The limits of one core.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// The instruction set whose loads and multiplications were measured.
    pub isa: Isa,
    /// The sizes of the caches.
    pub caches: Caches,
    /// Read bandwidth of the first cache, 10^9 bytes per second.
    pub l1_gbs: f64,
    /// Read bandwidth of the second cache, 10^9 bytes per second.
    pub l2_gbs: f64,
    /// Read bandwidth of the third cache, 10^9 bytes per second; `None` where there is none or it is
    /// not known.
    pub l3_gbs: Option<f64>,
    /// Read bandwidth of memory, 10^9 bytes per second, from a buffer allocated as packed weights
    /// are.
    pub dram_gbs: f64,
    /// Exact 8-bit multiplications and additions out of registers, 10^9 a second.
    pub peak_gops: f64,
    /// Float multiplications and additions out of registers, 10^9 a second.
    pub peak_gflops: f64,
}

impl Report {
    /// Measures the core that this thread runs on.
    ///
    /// # Errors
    /// [`Error::IsaUnavailable`].
    pub fn measure(isa: Isa) -> Result<Self, Error> {
        let isa = isa.require()?;
        let caches = Caches::detect();
        let gbs = |bytes| Reader::new(isa, bytes).map(|reader| reader.gbs());
        Ok(Self {
            isa,
            caches,
            l1_gbs: gbs(caches.l1 / 2)?,
            l2_gbs: gbs(caches.l2 / 2)?,
            l3_gbs: caches.l3.map(|l3| gbs((caches.l2 * l3).isqrt())).transpose()?,
            dram_gbs: gbs(caches.beyond())?,
            peak_gops: peak::int8(isa),
            peak_gflops: peak::float32(isa),
        })
    }

    /// The most integer operations a second, in 10^9, for `ops` operations (a multiplication and an
    /// addition are two) over `bytes` of weights that are read at `gbs`: a dense product of 8-bit
    /// weights has `2 * batch` operations a byte. For weights that are used over and over, `gbs` is
    /// what a [`Reader`] of the same size measures; for weights that come from memory, it is
    /// `dram_gbs`.
    #[must_use]
    pub fn roofline_gops(&self, ops: usize, bytes: usize, gbs: f64) -> f64 {
        self.peak_gops.min(gbs * ops as f64 / bytes as f64)
    }
}

/// Seconds that one call takes: the best of [`ROUNDS`].
fn best_seconds(mut call: impl FnMut()) -> f64 {
    let mut round = |calls: u32| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed().as_secs_f64()
    };
    let mut calls = 1;
    while round(calls) < ROUND_S {
        calls *= 2;
    }
    (0..ROUNDS).map(|_| round(calls)).fold(f64::INFINITY, f64::min) / f64::from(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: Report = Report {
        isa: Isa::Portable,
        caches: Caches { l1: 1 << 15, l2: 1 << 20, l3: Some(1 << 25) },
        l1_gbs: 200.0,
        l2_gbs: 100.0,
        l3_gbs: Some(90.0),
        dram_gbs: 20.0,
        peak_gops: 400.0,
        peak_gflops: 100.0,
    };

    #[test]
    fn the_roofline_is_the_lower_limit() {
        // 100 GB/s and 2 operations a byte for each vector, until the multipliers are full.
        for (batch, expected) in [(1, 200.0), (2, 400.0), (3, 400.0), (8, 400.0)] {
            assert_eq!(REPORT.roofline_gops(2 * batch * 640, 640, 100.0), expected, "{batch}");
        }
    }
}
