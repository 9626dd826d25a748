//! Figures by which the loops over weights run, by processor.
//!
//! How far ahead weights are asked for, how many sums run side by side, and how many weights are worked on at a time are properties of a
//! processor: what is fast on one is slow on another. They are data, measured and written down a row a processor ([`ROWS`]), and change
//! no bit of any result.

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

/// A cache that weights are asked into.
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

/// How the loop over weights of one kind runs. The first number of an array is for a pass of one vector, the last for one of eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(deny_unknown_fields)
)]
pub struct Loops {
    /// Stretches of columns that are summed side by side, so that a sum need not wait for the one before it. A kernel takes the nearest
    /// number that it is compiled for; 4-bit and float weights have one each.
    pub stretches: [u8; MAX_PASS],
    /// Cache lines (64 bytes) that weights are asked for ahead of their use; 0 leaves it to the processor.
    pub ahead: [u16; MAX_PASS],
    /// The cache that they are asked into.
    pub into: Cache,
}

/// The figures of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(deny_unknown_fields)
)]
pub struct Tuning {
    /// Bytes of weights that all vectors of a batch are multiplied with before the next ones are read: a part of the second cache.
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
    /// For a pass of so many vectors, 1 to 8.
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

/// What [`Tuning::install`] was given last, else null.
static INSTALLED: AtomicPtr<Tuning> = AtomicPtr::new(ptr::null_mut());

impl Tuning {
    /// The figures that products run by now: those that were installed last, else the row of this processor.
    #[must_use]
    #[inline]
    pub fn current() -> &'static Self {
        let installed = INSTALLED.load(Ordering::Acquire);
        // SAFETY: `install` alone stores pointers, to boxes that live as long as the program.
        if let Some(installed) = unsafe { installed.as_ref() } {
            return installed;
        }
        Self::detected()
    }

    /// The row of this processor, or that of its like.
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

    /// Makes all products of this program run by these figures from now on. Their results stay the same to the bit. The few bytes are held
    /// until the program ends.
    pub fn install(self) {
        INSTALLED.store(Box::into_raw(Box::new(self)), Ordering::Release);
    }
}
