//! Sigmoid and tanh over slices, vectorised and bit-identical on every instruction set.
//!
//! Both use `e = exp(-|x|)`, which is in (0, 1], so that nothing overflows. `exp` is the classic
//! reduction `x = n ln 2 + r` with `|r| <= ln 2 / 2`, `exp(x) = 2^n P(r)`. The polynomials are
//! minimax fits (Lawson's algorithm) made for this crate; their own relative error is below 5e-9,
//! so that rounding dominates. The largest error against f64 is below 1.2e-7 absolute for both
//! functions; tanh also has a small relative error near 0.
//!
//! The code is plain arithmetic without branches, written once for registers of any width. It uses
//! no fused multiply-add, although that would save a few instructions: without it every processor
//! gives the same bits.

use crate::arch;
use crate::lanes::{Lanes, Scalar};
use crate::{Error, Isa};

/// Beyond this, `exp(-x)` is no longer a normal number; sigmoid is then 0 or 1 to within 2e-38.
const LARGEST: f32 = 87.0;
/// Adding it to a small float rounds that to an integer (half to even) and leaves the integer in
/// the low bits.
pub(crate) const ROUNDER: f32 = 12_582_912.0; // 1.5 * 2^23

const LN2_HIGH: f32 = 0.693_359_4; // 10 bits, so that n * LN2_HIGH is exact
const LN2_LOW: f32 = -2.121_944_4e-4;

/// `exp(-a)` for `a` in [0, LARGEST].
#[inline(always)]
fn exp_of_negative<L: Lanes>(l: L, a: L::F) -> L::F {
    let negative = l.sub(l.splat(-0.0), a);
    let shifted = l.add(l.mul(negative, l.splat(core::f32::consts::LOG2_E)), l.splat(ROUNDER));
    let n = l.sub(shifted, l.splat(ROUNDER));
    let r = l.sub(l.sub(negative, l.mul(n, l.splat(LN2_HIGH))), l.mul(n, l.splat(LN2_LOW)));
    let p = l.splat(0.001_381_446_7);
    let p = l.add(l.mul(p, r), l.splat(0.008_368_781));
    let p = l.add(l.mul(p, r), l.splat(0.041_668_393));
    let p = l.add(l.mul(p, r), l.splat(0.166_665_2));
    let p = l.add(l.mul(p, r), l.splat(0.499_999_94));
    let p = l.add(l.add(l.mul(l.mul(r, r), p), r), l.splat(1.0));
    // n is at least -126, so that the exponent field is at least 1.
    l.mul(p, l.power_of_low_bits(shifted))
}

/// `1 / (1 + exp(-x))` of a register.
#[inline(always)]
pub(crate) fn sigmoid_lanes<L: Lanes>(l: L, x: L::F) -> L::F {
    let (a, largest, one) = (l.abs(x), l.splat(LARGEST), l.splat(1.0));
    let e = exp_of_negative(l, l.smaller(a, largest));
    let e = l.if_less(largest, a, l.splat(0.0), e);
    let numerator = l.if_less(x, l.splat(0.0), e, one);
    l.keep_nan(x, l.div(numerator, l.add(one, e)))
}

/// `tanh(x)` of a register.
#[inline(always)]
pub(crate) fn tanh_lanes<L: Lanes>(l: L, x: L::F) -> L::F {
    let a = l.abs(x);
    // tanh is 1 to within half a bit from 9.02 on.
    let e = exp_of_negative(l, l.mul(l.splat(2.0), l.smaller(a, l.splat(10.0))));
    let far = l.div(l.sub(l.splat(1.0), e), l.add(l.splat(1.0), e));
    let u = l.mul(a, a);
    let p = l.splat(-0.005_704_986_4);
    let p = l.add(l.mul(p, u), l.splat(0.020_639_086));
    let p = l.sub(l.mul(p, u), l.splat(0.053_739_715));
    let p = l.add(l.mul(p, u), l.splat(0.133_314_42));
    let p = l.sub(l.mul(p, u), l.splat(0.333_332_8));
    let near = l.add(a, l.mul(l.mul(a, u), p));
    let value = l.if_less(a, l.splat(0.625), near, far);
    l.keep_nan(x, l.copy_sign(value, x))
}

/// `1 / (1 + exp(-x))` of one number, with the same bits as [`sigmoid`].
#[inline(always)]
#[must_use]
pub fn sigmoid_scalar(x: f32) -> f32 {
    sigmoid_lanes(Scalar, x)
}

/// `tanh(x)` of one number, with the same bits as [`tanh`].
#[inline(always)]
#[must_use]
pub fn tanh_scalar(x: f32) -> f32 {
    tanh_lanes(Scalar, x)
}

/// Replaces each value by `1 / (1 + exp(-x))`: within 1.2e-7 of the exact result, 0 and 1 at the
/// infinities, NaN for NaN.
pub fn sigmoid(values: &mut [f32]) {
    arch::map(Isa::detect(), Function::Sigmoid, values);
}

/// Replaces each value by `tanh(x)`: within 1.2e-7 of the exact result, -1 and 1 at the infinities,
/// NaN for NaN.
pub fn tanh(values: &mut [f32]) {
    arch::map(Isa::detect(), Function::Tanh, values);
}

/// [`sigmoid`] on a given instruction set, for tests and measurements.
///
/// # Errors
/// [`Error::IsaUnavailable`] where this processor lacks it.
pub fn sigmoid_for(isa: Isa, values: &mut [f32]) -> Result<(), Error> {
    arch::map(isa.require()?, Function::Sigmoid, values);
    Ok(())
}

/// [`tanh`] on a given instruction set, for tests and measurements.
///
/// # Errors
/// [`Error::IsaUnavailable`] where this processor lacks it.
pub fn tanh_for(isa: Isa, values: &mut [f32]) -> Result<(), Error> {
    arch::map(isa.require()?, Function::Tanh, values);
    Ok(())
}

/// The function to map over a slice.
#[derive(Clone, Copy)]
pub(crate) enum Function {
    Sigmoid,
    Tanh,
}

/// The body of the slice functions; inlined into one copy for each instruction set.
#[inline(always)]
pub(crate) fn map(function: Function, values: &mut [f32]) {
    match function {
        Function::Sigmoid => values.iter_mut().for_each(|v| *v = sigmoid_scalar(*v)),
        Function::Tanh => values.iter_mut().for_each(|v| *v = tanh_scalar(*v)),
    }
}

/// [`map`] with the registers of `lanes`.
#[inline(always)]
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))]
pub(crate) fn map_lanes<L: Lanes>(lanes: L, function: Function, values: &mut [f32]) {
    match function {
        Function::Sigmoid => map_register(
            lanes,
            values,
            #[inline(always)]
            |v| sigmoid_lanes(lanes, v),
        ),
        Function::Tanh => map_register(
            lanes,
            values,
            #[inline(always)]
            |v| tanh_lanes(lanes, v),
        ),
    }
}

#[inline(always)]
fn map_register<L: Lanes>(lanes: L, values: &mut [f32], function: impl Fn(L::F) -> L::F) {
    let mut whole = values.chunks_exact_mut(L::WIDTH);
    for chunk in &mut whole {
        lanes.store(function(lanes.load(chunk)), chunk);
    }
    let rest = whole.into_remainder();
    if !rest.is_empty() {
        let mut padded = [0.0; 32];
        padded[..rest.len()].copy_from_slice(rest);
        lanes.store(function(lanes.load(&padded)), &mut padded);
        rest.copy_from_slice(&padded[..rest.len()]);
    }
}
