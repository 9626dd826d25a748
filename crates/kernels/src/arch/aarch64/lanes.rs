//! Registers of 4 floats.

use crate::lanes::Lanes;
use core::arch::aarch64::*;

/// 4 floats.
#[derive(Clone, Copy)]
pub(super) struct Neon(());

impl Neon {
    /// # Safety
    /// The processor must have NEON.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        Self(())
    }
}

/// A method of one or a few intrinsics.
macro_rules! method {
    ($name:ident($($argument:ident),+) = $body:expr) => {
        #[inline(always)]
        fn $name(self, $($argument: Self::F),+) -> Self::F {
            // SAFETY: `self` is the proof that the processor has the instructions.
            unsafe { $body }
        }
    };
}

impl Lanes for Neon {
    type F = float32x4_t;
    const WIDTH: usize = 4;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F {
        // SAFETY: `self` is the proof that the processor has the instructions.
        unsafe { vdupq_n_f32(value) }
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::F {
        let from = &from[..4];
        // SAFETY: as in `splat`; the slice holds the floats of a register.
        unsafe { vld1q_f32(from.as_ptr()) }
    }
    #[inline(always)]
    fn load_integers(self, from: &[i32]) -> Self::F {
        let from = &from[..4];
        // SAFETY: as in `splat`; the slice holds the integers of a register.
        unsafe { vcvtq_f32_s32(vld1q_s32(from.as_ptr())) }
    }
    #[inline(always)]
    fn store(self, value: Self::F, to: &mut [f32]) {
        let to = &mut to[..4];
        // SAFETY: as in `splat`; the slice has room for the floats of a register.
        unsafe { vst1q_f32(to.as_mut_ptr(), value) }
    }
    method!(add(a, b) = vaddq_f32(a, b));
    method!(sub(a, b) = vsubq_f32(a, b));
    method!(mul(a, b) = vmulq_f32(a, b));
    method!(div(a, b) = vdivq_f32(a, b));
    // Not `fmin` and `fmax`, which would return the NaN.
    method!(smaller(a, b) = vbslq_f32(vcltq_f32(a, b), a, b));
    method!(larger(a, b) = vbslq_f32(vcgtq_f32(a, b), a, b));
    method!(if_less(a, b, yes, no) = vbslq_f32(vcltq_f32(a, b), yes, no));
    method!(keep_nan(x, value) = vbslq_f32(vceqq_f32(x, x), value, x));
    method!(abs(x) = vabsq_f32(x));
    method!(copy_sign(magnitude, sign) = vbslq_f32(vdupq_n_u32(1 << 31), sign, magnitude));
    #[inline(always)]
    fn largest(self, x: Self::F) -> f32 {
        // SAFETY: as in `splat`.
        unsafe { vmaxvq_f32(x) }
    }
    method!(
        power_of_low_bits(x) = {
            let biased = vaddq_s32(vreinterpretq_s32_f32(x), vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased))
        }
    );
}
