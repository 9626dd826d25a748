//! Tuning parameters of the loops over weights, by processor.
//!
//! How far ahead to prefetch, how many sums to run side by side, and how many weights to process at
//! a time depend on the processor: what is fast on one is slow on another. They are data, measured
//! and stored in a table with one row per processor ([`ROWS`]), and change no bit of any result.

mod processor;
mod rows;
#[cfg(feature = "roofline")]
mod search;

pub use processor::Processor;
pub use rows::{ROWS, Row};
#[cfg(feature = "roofline")]
pub use search::{Found, search};

use crate::drive::MAX_PASS;
use alloc::boxed::Box;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// A cache into which weights are prefetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "lowercase")
)]
pub enum Cache {
    /// The first, beside the core.
    L1,
    /// The second.
    L2,
}

/// How the loop over weights of one kind runs. The first number of an array is for a pass of one
/// vector, the last for one of eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(deny_unknown_fields)
)]
pub struct Loops {
    /// Stretches of columns that are summed side by side, so that a sum need not wait for the
    /// previous one. A kernel uses the nearest number for which it is compiled; 4-bit and float
    /// weights have only one.
    pub stretches: [u8; MAX_PASS],
    /// How many cache lines (64 bytes) ahead weights are prefetched; 0 leaves it to the processor.
    pub ahead: [u16; MAX_PASS],
    /// The cache into which they are prefetched.
    pub into: Cache,
}

/// The parameters of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(deny_unknown_fields)
)]
pub struct Tuning {
    /// Bytes of weights that are multiplied by all vectors of a batch before the next ones are
    /// read: a part of the second cache.
    pub block_bytes: usize,
    /// 8-bit weights, also those of sparse, low-rank and recurrent forms.
    pub int8: Loops,
    /// 4-bit weights.
    pub int4: Loops,
    /// Float weights.
    pub float: Loops,
}

/// [`Loops`] for one width.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) struct Pace {
    pub(crate) stretches: u8,
    /// Bytes.
    pub(crate) ahead: usize,
    pub(crate) into: Cache,
}

impl Loops {
    /// The parameters for a pass of this many vectors, 1 to 8.
    #[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))]
    #[inline]
    pub(crate) fn at(&self, width: usize) -> Pace {
        let i = width.clamp(1, MAX_PASS) - 1;
        Pace {
            stretches: self.stretches[i],
            ahead: usize::from(self.ahead[i]) * 64,
            into: self.into,
        }
    }
}

/// The last argument of [`Tuning::install`], otherwise null.
static INSTALLED: AtomicPtr<Tuning> = AtomicPtr::new(ptr::null_mut());

impl Tuning {
    /// The current parameters of products: those that were installed last, otherwise those of this
    /// processor.
    #[must_use]
    #[inline]
    pub fn current() -> &'static Self {
        let installed = INSTALLED.load(Ordering::Acquire);
        // SAFETY: only `install` stores pointers, to boxes that live as long as the program.
        if let Some(installed) = unsafe { installed.as_ref() } {
            return installed;
        }
        Self::detected()
    }

    /// The row of this processor, or of a similar one.
    #[must_use]
    pub fn detected() -> &'static Self {
        #[cfg(feature = "std")]
        {
            static DETECTED: std::sync::OnceLock<&'static Tuning> = std::sync::OnceLock::new();
            DETECTED.get_or_init(|| rows::of(Processor::detect()))
        }
        #[cfg(not(feature = "std"))]
        rows::of(Processor::detect())
    }

    /// Makes all products of this program use these parameters from now on. Their results stay the
    /// same to the bit. The few bytes are kept until the program ends.
    pub fn install(self) {
        INSTALLED.store(Box::into_raw(Box::new(self)), Ordering::Release);
    }
}
