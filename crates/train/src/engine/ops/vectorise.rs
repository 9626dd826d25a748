//! Elementwise loops with the widest vectors of this processor.

/// Runs `f` compiled for the processor's best instruction set.
///
/// The release build is for any x86-64, whose vectors are four floats wide. Only code that is
/// inlined into `f` gains: pass it as `#[inline(always)] || ...`. The bits do not depend on the
/// instruction set, since the compiler neither fuses nor reorders arithmetic.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
