//! Arithmetic on as many floats as a register holds, so that an epilogue, a gate and a function are written once for all of them.
//!
//! A value of a type that implements [`Lanes`] is the proof that the processor has its instructions: the types of the wide registers are
//! made by `unsafe` functions. Every method is always inlined, so that it is compiled for the instruction set of its caller.
//!
//! All implementations give the same bits, which is why there is no fused multiply-add here.

/// `WIDTH` floats at a time.
pub(crate) trait Lanes: Copy {
    /// A register of floats.
    type F: Copy;
    /// How many floats it holds; a divisor of 32.
    const WIDTH: usize;

    /// The same value in every lane.
    fn splat(self, value: f32) -> Self::F;
    /// The first floats of a slice, which must hold at least `WIDTH`.
    fn load(self, from: &[f32]) -> Self::F;
    /// The first integers of a slice, which must hold at least `WIDTH`, as the nearest floats.
    fn load_integers(self, from: &[i32]) -> Self::F;
    /// To the front of a slice, which must hold at least `WIDTH`.
    fn store(self, value: Self::F, to: &mut [f32]);

    /// `a + b`.
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`.
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`.
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`.
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// `if a < b { a } else { b }`, hence `b` where one of them is NaN.
    fn smaller(self, a: Self::F, b: Self::F) -> Self::F;
    /// `if a > b { a } else { b }`, hence `b` where one of them is NaN.
    fn larger(self, a: Self::F, b: Self::F) -> Self::F;
    /// `if a < b { yes } else { no }`.
    fn if_less(self, a: Self::F, b: Self::F, yes: Self::F, no: Self::F) -> Self::F;
    /// `if x is NaN { x } else { value }`.
    fn keep_nan(self, x: Self::F, value: Self::F) -> Self::F;
    /// `|x|`.
    fn abs(self, x: Self::F) -> Self::F;
    /// `|magnitude|` with the sign of `sign`.
    fn copy_sign(self, magnitude: Self::F, sign: Self::F) -> Self::F;
    /// `2^n` for the integer `n` that stands in the low bits of `x`.
    fn power_of_low_bits(self, x: Self::F) -> Self::F;
}

/// One float: plain Rust, which the compiler vectorises in a loop.
#[derive(Clone, Copy)]
pub(crate) struct Scalar;

impl Lanes for Scalar {
    type F = f32;
    const WIDTH: usize = 1;

    #[inline(always)]
    fn splat(self, value: f32) -> f32 {
        value
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> f32 {
        from[0]
    }
    #[inline(always)]
    fn load_integers(self, from: &[i32]) -> f32 {
        from[0] as f32
    }
    #[inline(always)]
    fn store(self, value: f32, to: &mut [f32]) {
        to[0] = value;
    }
    #[inline(always)]
    fn add(self, a: f32, b: f32) -> f32 {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: f32, b: f32) -> f32 {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: f32, b: f32) -> f32 {
        a * b
    }
    #[inline(always)]
    fn div(self, a: f32, b: f32) -> f32 {
        a / b
    }
    #[inline(always)]
    fn smaller(self, a: f32, b: f32) -> f32 {
        if a < b { a } else { b }
    }
    #[inline(always)]
    fn larger(self, a: f32, b: f32) -> f32 {
        if a > b { a } else { b }
    }
    #[inline(always)]
    fn if_less(self, a: f32, b: f32, yes: f32, no: f32) -> f32 {
        if a < b { yes } else { no }
    }
    #[inline(always)]
    fn keep_nan(self, x: f32, value: f32) -> f32 {
        if x.is_nan() { x } else { value }
    }
    #[inline(always)]
    fn abs(self, x: f32) -> f32 {
        x.abs()
    }
    #[inline(always)]
    fn copy_sign(self, magnitude: f32, sign: f32) -> f32 {
        magnitude.copysign(sign)
    }
    #[inline(always)]
    fn power_of_low_bits(self, x: f32) -> f32 {
        f32::from_bits(x.to_bits().wrapping_add(127) << 23)
    }
}
