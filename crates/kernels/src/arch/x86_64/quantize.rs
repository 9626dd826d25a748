//! The quantizer of [`quantize`](crate::quantize) in explicit registers, with the same bits as the
//! plain one.

use super::lanes::{Avx2, Avx512};
use crate::Scratch;
use crate::input::{Input, Shape, load_by};
use crate::lanes::Lanes;
use crate::math::ROUNDER;
use crate::quantize::SMALLEST;
use core::arch::x86_64::{
    _mm_cvtsi128_si64, _mm_set1_epi8, _mm_storeu_si128, _mm_unpacklo_epi32, _mm_xor_si128,
    _mm256_castps_si256, _mm256_castsi256_si128, _mm256_extracti128_si256,
    _mm256_permute4x64_epi64, _mm256_set_epi8, _mm256_shuffle_epi8, _mm512_castps_si512,
    _mm512_cvtepi32_epi8,
};

/// Registers whose low bits can be stored as integers of type `T`.
pub(super) trait Narrow<T>: Lanes {
    /// Stores the integers in the low bits of a register at the front of a slice, in the form for
    /// the kernel.
    fn store_low(self, value: Self::F, to: &mut [T]);
}

/// Quantizes one vector into `out`, which has the same length, and returns its scale.
#[inline(always)]
pub(super) fn quantize<T: Copy + Default, L: Narrow<T>>(lanes: L, x: &[f32], out: &mut [T]) -> f32 {
    let largest = largest_magnitude(lanes, x);
    let (inverse, scale) =
        if largest < SMALLEST { (0.0, 0.0) } else { (127.0 / largest, largest / 127.0) };
    let (inverse, rounder) = (lanes.splat(inverse), lanes.splat(ROUNDER));
    let (zero, infinity) = (lanes.splat(0.0), lanes.splat(f32::INFINITY));
    let out = &mut out[..x.len()];
    let whole = x.len() - x.len() % L::WIDTH;
    let mut at = 0;
    while at < whole {
        let v = lanes.load(&x[at..]);
        let v = lanes.if_less(lanes.abs(v), infinity, v, zero);
        lanes.store_low(lanes.add(lanes.mul(v, inverse), rounder), &mut out[at..]);
        at += L::WIDTH;
    }
    if whole < x.len() {
        let (mut padded, mut low) = ([0.0; 16], [T::default(); 16]);
        padded[..x.len() - whole].copy_from_slice(&x[whole..]);
        let v = lanes.load(&padded);
        let v = lanes.if_less(lanes.abs(v), infinity, v, zero);
        lanes.store_low(lanes.add(lanes.mul(v, inverse), rounder), &mut low);
        out[whole..].copy_from_slice(&low[..x.len() - whole]);
    }
    scale
}

/// Stores vectors in the form for VNNI, each value plus 128, and their scales.
#[inline(always)]
pub(super) fn load_unsigned<L: Narrow<u8>>(
    lanes: L,
    input: Input,
    shape: Shape,
    scratch: &mut Scratch,
) {
    let Scratch { unsigned, scales, .. } = scratch;
    load_by(
        input,
        shape,
        unsigned,
        scales,
        |q| (q as u8) ^ 0x80,
        #[inline(always)]
        |x, out| quantize(lanes, x, out),
    );
}

/// The largest finite magnitude.
#[inline(always)]
fn largest_magnitude<L: Lanes>(lanes: L, x: &[f32]) -> f32 {
    // Four maxima, because each waits for its previous value.
    let mut largest = [lanes.splat(0.0); 4];
    let mut blocks = x.chunks_exact(4 * L::WIDTH);
    for block in &mut blocks {
        for i in 0..4 {
            largest[i] = larger_finite(lanes, lanes.load(&block[i * L::WIDTH..]), largest[i]);
        }
    }
    let mut rest = blocks.remainder().chunks_exact(L::WIDTH);
    for values in &mut rest {
        largest[0] = larger_finite(lanes, lanes.load(values), largest[0]);
    }
    let mut padded = [0.0; 16];
    let rest = rest.remainder();
    if !rest.is_empty() {
        padded[..rest.len()].copy_from_slice(rest);
        largest[1] = larger_finite(lanes, lanes.load(&padded), largest[1]);
    }
    lanes.largest(
        lanes.larger(lanes.larger(largest[0], largest[1]), lanes.larger(largest[2], largest[3])),
    )
}

/// The larger of a finite magnitude and the largest one so far.
#[inline(always)]
fn larger_finite<L: Lanes>(lanes: L, x: L::F, before: L::F) -> L::F {
    let magnitude = lanes.abs(x);
    let finite = lanes.if_less(magnitude, lanes.splat(f32::INFINITY), magnitude, lanes.splat(0.0));
    lanes.larger(finite, before)
}

/// Plus 128, for `vpdpbusd`.
impl Narrow<u8> for Avx512 {
    #[inline(always)]
    fn store_low(self, value: Self::F, to: &mut [u8]) {
        let to = &mut to[..16];
        // SAFETY: `self` is the proof that the processor has the instructions; the slice holds 16
        // bytes.
        unsafe {
            let bytes = _mm512_cvtepi32_epi8(_mm512_castps_si512(value));
            _mm_storeu_si128(to.as_mut_ptr().cast(), _mm_xor_si128(bytes, _mm_set1_epi8(-128)));
        }
    }
}

impl Narrow<i8> for Avx512 {
    #[inline(always)]
    fn store_low(self, value: Self::F, to: &mut [i8]) {
        let to = &mut to[..16];
        // SAFETY: `self` is the proof that the processor has the instructions; the slice holds 16
        // bytes.
        unsafe {
            let bytes = _mm512_cvtepi32_epi8(_mm512_castps_si512(value));
            _mm_storeu_si128(to.as_mut_ptr().cast(), bytes);
        }
    }
}

impl Avx2 {
    /// The low bytes of eight 32-bit lanes.
    #[inline(always)]
    fn low_bytes(self, value: <Self as Lanes>::F) -> u64 {
        // SAFETY: `self` is the proof that the processor has the instructions.
        unsafe {
            #[rustfmt::skip]
            let order = _mm256_set_epi8(
                -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 12, 8, 4, 0,
                -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 12, 8, 4, 0,
            );
            let bytes = _mm256_shuffle_epi8(_mm256_castps_si256(value), order);
            let (low, high) = (_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes));
            _mm_cvtsi128_si64(_mm_unpacklo_epi32(low, high)) as u64
        }
    }
}

/// Plus 128, for `vpdpbusd`.
impl Narrow<u8> for Avx2 {
    #[inline(always)]
    fn store_low(self, value: Self::F, to: &mut [u8]) {
        let bytes = self.low_bytes(value) ^ 0x8080_8080_8080_8080;
        to[..8].copy_from_slice(&bytes.to_le_bytes());
    }
}

impl Narrow<i8> for Avx2 {
    #[inline(always)]
    fn store_low(self, value: Self::F, to: &mut [i8]) {
        to[..8].copy_from_slice(&self.low_bytes(value).to_le_bytes().map(|byte| byte as i8));
    }
}

/// Widened, for `vpmaddwd`.
impl Narrow<i16> for Avx2 {
    #[inline(always)]
    fn store_low(self, value: Self::F, to: &mut [i16]) {
        let to = &mut to[..8];
        // SAFETY: `self` is the proof that the processor has the instructions; the slice holds 16
        // bytes.
        unsafe {
            #[rustfmt::skip]
            let order = _mm256_set_epi8(
                -1, -1, -1, -1, -1, -1, -1, -1, 13, 12, 9, 8, 5, 4, 1, 0,
                -1, -1, -1, -1, -1, -1, -1, -1, 13, 12, 9, 8, 5, 4, 1, 0,
            );
            let words = _mm256_shuffle_epi8(_mm256_castps_si256(value), order);
            let words = _mm256_castsi256_si128(_mm256_permute4x64_epi64::<0b10_00>(words));
            _mm_storeu_si128(to.as_mut_ptr().cast(), words);
        }
    }
}
