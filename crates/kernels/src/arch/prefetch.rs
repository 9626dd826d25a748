//! Prefetching of weights.

/// Values of a constant parameter, so that a loop without prefetching contains no trace of it.
pub(in crate::arch) const NOT: u8 = 0;
pub(in crate::arch) const INTO_L1: u8 = 1;
pub(in crate::arch) const INTO_L2: u8 = 2;

/// Prefetches the cache line of an address. Any address is allowed: an unmapped one has no effect.
#[inline(always)]
pub(in crate::arch) fn prefetch<const TO: u8>(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint, which faults on no address.
        unsafe {
            match TO {
                INTO_L1 => _mm_prefetch::<_MM_HINT_T0>(address.cast()),
                INTO_L2 => _mm_prefetch::<_MM_HINT_T1>(address.cast()),
                _ => {}
            }
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        use core::arch::asm;
        // SAFETY: a hint, which faults on no address.
        unsafe {
            match TO {
                INTO_L1 => {
                    asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, preserves_flags, readonly))
                }
                INTO_L2 => {
                    asm!("prfm pldl2keep, [{}]", in(reg) address, options(nostack, preserves_flags, readonly))
                }
                _ => {}
            }
        }
    }
}

/// `by_cache!(pace, TO, call::<TO>(...))`: the call with the constant for the pace's cache.
macro_rules! by_cache {
    ($pace:expr, $to:ident, $call:expr) => {
        match ($pace.ahead, $pace.into) {
            (0, _) => {
                const $to: u8 = $crate::arch::prefetch::NOT;
                $call
            }
            (_, $crate::tuning::Cache::L1) => {
                const $to: u8 = $crate::arch::prefetch::INTO_L1;
                $call
            }
            (_, $crate::tuning::Cache::L2) => {
                const $to: u8 = $crate::arch::prefetch::INTO_L2;
                $call
            }
        }
    };
}
pub(in crate::arch) use by_cache;
