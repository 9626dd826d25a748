//! Registers of 4 floats.

use crate::lanes::Lanes;
use core::arch::wasm32::*;

/// 4 floats. It exists only if the crate is compiled with `simd128`, so no proof is needed that the
/// registers exist.
#[derive(Clone, Copy)]
pub(in crate::arch) struct Simd128;

/// A method of one or a few intrinsics.
macro_rules! method {
    ($name:ident($($argument:ident),+) = $body:expr) => {
        #[inline(always)]
        fn $name(self, $($argument: Self::F),+) -> Self::F {
            $body
        }
    };
}

impl Lanes for Simd128 {
    type F = v128;
    const WIDTH: usize = 4;

    #[inline(always)]
    fn splat(self, value: f32) -> v128 {
        f32x4_splat(value)
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> v128 {
        let from = &from[..4];
        // SAFETY: the slice holds the floats of a register.
        unsafe { v128_load(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn load_integers(self, from: &[i32]) -> v128 {
        let from = &from[..4];
        // SAFETY: the slice holds the integers of a register.
        f32x4_convert_i32x4(unsafe { v128_load(from.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self, value: v128, to: &mut [f32]) {
        let to = &mut to[..4];
        // SAFETY: the slice has room for the floats of a register.
        unsafe { v128_store(to.as_mut_ptr().cast(), value) };
    }
    method!(add(a, b) = f32x4_add(a, b));
    method!(sub(a, b) = f32x4_sub(a, b));
    method!(mul(a, b) = f32x4_mul(a, b));
    method!(div(a, b) = f32x4_div(a, b));
    // `pmin(p, q)` is `if q < p { q } else { p }`; `pmax` likewise.
    method!(smaller(a, b) = f32x4_pmin(b, a));
    method!(larger(a, b) = f32x4_pmax(b, a));
    method!(if_less(a, b, yes, no) = v128_bitselect(yes, no, f32x4_lt(a, b)));
    method!(keep_nan(x, value) = v128_bitselect(value, x, f32x4_eq(x, x)));
    method!(abs(x) = f32x4_abs(x));
    method!(copy_sign(magnitude, sign) = v128_bitselect(sign, magnitude, i32x4_splat(i32::MIN)));
    #[inline(always)]
    fn largest(self, x: v128) -> f32 {
        let two = f32x4_pmax(x, i32x4_shuffle::<2, 3, 0, 1>(x, x));
        f32x4_extract_lane::<0>(f32x4_pmax(two, i32x4_shuffle::<1, 0, 3, 2>(two, two)))
    }
    method!(power_of_low_bits(x) = i32x4_shl(i32x4_add(x, i32x4_splat(127)), 23));
}
