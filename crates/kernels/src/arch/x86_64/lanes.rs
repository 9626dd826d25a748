//! Registers of 8 and of 16 floats.

use crate::lanes::{IntegerLanes, Lanes};
use core::arch::x86_64::*;

/// 8 floats.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The processor must have AVX2.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        Self(())
    }
}

/// 16 floats.
#[derive(Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The processor must have AVX-512F.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        Self(())
    }
}

/// A method of one intrinsic.
macro_rules! method {
    ($name:ident($($argument:ident),+) = $body:expr) => {
        #[inline(always)]
        fn $name(self, $($argument: Self::F),+) -> Self::F {
            // SAFETY: `self` is the proof that the processor has the instructions.
            unsafe { $body }
        }
    };
}

/// Loads, stores and the methods that need no mask.
macro_rules! common {
    ($register:ty, $width:literal, $splat:ident, $load:ident, $store:ident, $load_integers:ident, $convert:ident) => {
        type F = $register;
        const WIDTH: usize = $width;

        #[inline(always)]
        fn splat(self, value: f32) -> Self::F {
            // SAFETY: `self` is the proof that the processor has the instructions.
            unsafe { $splat(value) }
        }
        #[inline(always)]
        fn load(self, from: &[f32]) -> Self::F {
            let from = &from[..$width];
            // SAFETY: as in `splat`; the slice holds the floats of a register.
            unsafe { $load(from.as_ptr()) }
        }
        #[inline(always)]
        fn load_integers(self, from: &[i32]) -> Self::F {
            let from = &from[..$width];
            // SAFETY: as in `splat`; the slice holds the integers of a register.
            unsafe { $convert($load_integers(from.as_ptr().cast())) }
        }
        #[inline(always)]
        fn store(self, value: Self::F, to: &mut [f32]) {
            let to = &mut to[..$width];
            // SAFETY: as in `splat`; the slice has room for the floats of a register.
            unsafe { $store(to.as_mut_ptr(), value) }
        }
    };
}

impl Lanes for Avx2 {
    common!(
        __m256,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_loadu_si256,
        _mm256_cvtepi32_ps
    );
    method!(add(a, b) = _mm256_add_ps(a, b));
    method!(sub(a, b) = _mm256_sub_ps(a, b));
    method!(mul(a, b) = _mm256_mul_ps(a, b));
    method!(div(a, b) = _mm256_div_ps(a, b));
    // The instructions also return the second operand if one is NaN.
    method!(smaller(a, b) = _mm256_min_ps(a, b));
    method!(larger(a, b) = _mm256_max_ps(a, b));
    method!(if_less(a, b, yes, no) = _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)));
    method!(keep_nan(x, value) = _mm256_blendv_ps(value, x, _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x)));
    method!(abs(x) = _mm256_andnot_ps(_mm256_set1_ps(-0.0), x));
    method!(
        copy_sign(magnitude, sign) = {
            let mask = _mm256_set1_ps(-0.0);
            _mm256_or_ps(_mm256_andnot_ps(mask, magnitude), _mm256_and_ps(mask, sign))
        }
    );
    method!(
        power_of_low_bits(x) = {
            let biased = _mm256_add_epi32(_mm256_castps_si256(x), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
        }
    );

    #[inline(always)]
    fn largest(self, x: Self::F) -> f32 {
        // SAFETY: `self` is the proof that the processor has the instructions.
        unsafe {
            let four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }
}

impl Lanes for Avx512 {
    common!(
        __m512,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_loadu_si512,
        _mm512_cvtepi32_ps
    );
    method!(add(a, b) = _mm512_add_ps(a, b));
    method!(sub(a, b) = _mm512_sub_ps(a, b));
    method!(mul(a, b) = _mm512_mul_ps(a, b));
    method!(div(a, b) = _mm512_div_ps(a, b));
    // The instructions also return the second operand if one is NaN.
    method!(smaller(a, b) = _mm512_min_ps(a, b));
    method!(larger(a, b) = _mm512_max_ps(a, b));
    method!(
        if_less(a, b, yes, no) =
            _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), no, yes)
    );
    method!(
        keep_nan(x, value) =
            _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x), value, x)
    );
    method!(abs(x) = _mm512_abs_ps(x));
    method!(
        copy_sign(magnitude, sign) = {
            let (magnitude, sign) = (_mm512_castps_si512(magnitude), _mm512_castps_si512(sign));
            // 0xca: the bit of `sign` where the mask is set, otherwise that of `magnitude`.
            _mm512_castsi512_ps(_mm512_ternarylogic_epi32::<0xca>(
                _mm512_set1_epi32(i32::MIN),
                sign,
                magnitude,
            ))
        }
    );
    method!(
        power_of_low_bits(x) = {
            let biased = _mm512_add_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(127));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(biased))
        }
    );

    #[inline(always)]
    fn largest(self, x: Self::F) -> f32 {
        // SAFETY: `self` is the proof that the processor has the instructions.
        unsafe { _mm512_reduce_max_ps(x) }
    }
}

impl IntegerLanes for Avx2 {
    type I = __m256i;

    #[inline(always)]
    fn to_floats(self, value: Self::I) -> Self::F {
        // SAFETY: `self` is the proof that the processor has the instructions.
        unsafe { _mm256_cvtepi32_ps(value) }
    }
    #[inline(always)]
    fn store_integers(self, value: Self::I, to: &mut [i32]) {
        let to = &mut to[..8];
        // SAFETY: as in `to_floats`; the slice has room for the integers of a register.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), value) }
    }
}

impl IntegerLanes for Avx512 {
    type I = __m512i;

    #[inline(always)]
    fn to_floats(self, value: Self::I) -> Self::F {
        // SAFETY: `self` is the proof that the processor has the instructions.
        unsafe { _mm512_cvtepi32_ps(value) }
    }
    #[inline(always)]
    fn store_integers(self, value: Self::I, to: &mut [i32]) {
        let to = &mut to[..16];
        // SAFETY: as in `to_floats`; the slice has room for the integers of a register.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), value) }
    }
}
