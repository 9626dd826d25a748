//! Sigmoid and tanh over slices, vectorised and bit-identical on every instruction set.
//!
//! Both stand on `e = exp(-|x|)`, which lies in (0, 1], so that nothing overflows. `exp` is the classic reduction
//! `x = n ln 2 + r` with `|r| <= ln 2 / 2`, `exp(x) = 2^n P(r)`. The polynomials are least-maximum fits (Lawson's algorithm) made for this
//! crate; their own relative error is below 5e-9, so that rounding dominates. Largest error against f64: below 1.2e-7 absolute for either
//! function; tanh also keeps small relative error near 0.
//!
//! The code is plain arithmetic without branches, which the compiler vectorises; the slice functions only choose for which registers it is
//! compiled. No fused multiply-add is used although it would save a few instructions: without it every processor gives the same bits.

use crate::arch;
use crate::{Error, Isa};

/// Beyond it `exp(-x)` leaves the normal numbers; there sigmoid is 0 or 1 to within 2e-38.
const LARGEST: f32 = 87.0;
/// Adding it to a small float rounds it to an integer (half to even) and leaves that integer in the low bits.
pub(crate) const ROUNDER: f32 = 12_582_912.0; // 1.5 * 2^23

const LN2_HIGH: f32 = 0.693_359_4; // 10 bits, so that n * LN2_HIGH is exact
const LN2_LOW: f32 = -2.121_944_4e-4;

/// `exp(-a)` for `a` in [0, LARGEST].
#[inline(always)]
fn exp_of_negative(a: f32) -> f32 {
    let shifted = -a * core::f32::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = (-a - n * LN2_HIGH) - n * LN2_LOW;
    let p = 0.001_381_446_7;
    let p = p * r + 0.008_368_781;
    let p = p * r + 0.041_668_393;
    let p = p * r + 0.166_665_2;
    let p = p * r + 0.499_999_94;
    let p = (r * r) * p + r + 1.0;
    // n is at least -126, so that the exponent field is at least 1.
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    p * power
}

/// `1 / (1 + exp(-x))` of one number: the same bits as [`sigmoid`] gives.
#[inline(always)]
#[must_use]
pub fn sigmoid_scalar(x: f32) -> f32 {
    let a = x.abs();
    let clamped = if a < LARGEST { a } else { LARGEST };
    let e = exp_of_negative(clamped);
    let e = if a > LARGEST { 0.0 } else { e };
    let numerator = if x < 0.0 { e } else { 1.0 };
    let value = numerator / (1.0 + e);
    if x.is_nan() { x } else { value }
}

/// `tanh(x)` of one number: the same bits as [`tanh`] gives.
#[inline(always)]
#[must_use]
pub fn tanh_scalar(x: f32) -> f32 {
    let a = x.abs();
    // tanh is 1 to within half a bit from 9.02 on.
    let clamped = if a < 10.0 { a } else { 10.0 };
    let e = exp_of_negative(2.0 * clamped);
    let far = (1.0 - e) / (1.0 + e);
    let u = a * a;
    let p = -0.005_704_986_4;
    let p = p * u + 0.020_639_086;
    let p = p * u - 0.053_739_715;
    let p = p * u + 0.133_314_42;
    let p = p * u - 0.333_332_8;
    let near = a + (a * u) * p;
    let value = if a < 0.625 { near } else { far };
    let signed = value.copysign(x);
    if x.is_nan() { x } else { signed }
}

/// Replaces each value by `1 / (1 + exp(-x))`: within 1.2e-7 of the exact result, 0 and 1 at the infinities, NaN for NaN.
pub fn sigmoid(values: &mut [f32]) {
    arch::map(Isa::detect(), Function::Sigmoid, values);
}

/// Replaces each value by `tanh(x)`: within 1.2e-7 of the exact result, -1 and 1 at the infinities, NaN for NaN.
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

/// Which function to map over a slice.
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
