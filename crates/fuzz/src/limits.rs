//! What an input may cost.

use std::panic::{AssertUnwindSafe, catch_unwind};

use stonechat_testing::peak_bytes;

use crate::Target;

/// Seconds of the processor for one input.
const MOST_SECONDS: f64 = 1.0;
/// Bytes for an input of `size`.
fn most_bytes(size: usize) -> usize {
    4 * size + (16 << 20)
}

/// What an input did cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Seconds of the processor: a busy machine takes none of them.
    pub seconds: f64,
    /// The most bytes that were allocated at any time.
    pub bytes: usize,
}

/// Runs a target.
///
/// # Errors
/// It panicked, or took more time or memory than an input may.
pub fn trial(target: &Target, input: &[u8]) -> Result<Spent, String> {
    let begun = processor_seconds();
    let run = || catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let (ended, bytes) = peak_bytes(run);
    let spent = Spent { seconds: processor_seconds() - begun, bytes };
    if ended.is_err() {
        return Err("it panicked".into());
    }
    if spent.bytes > most_bytes(input.len()) {
        return Err(format!("{} bytes of memory for {} bytes", spent.bytes, input.len()));
    }
    if spent.seconds > MOST_SECONDS {
        return Err(format!("{:.2} s for {} bytes", spent.seconds, input.len()));
    }
    Ok(spent)
}

/// What this thread has used of the processor so far.
#[cfg(unix)]
fn processor_seconds() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

/// Elsewhere nothing is said about time.
#[cfg(not(unix))]
fn processor_seconds() -> f64 {
    0.0
}
