//! Arithmetic on as many floats as a register holds, so that epilogues, gates and functions are
//! written once for all widths.
//!
//! A value of a type that implements [`Lanes`] proves that the processor has its instructions: only
//! `unsafe` functions make the types of the wide registers. Every method is always inlined, so that
//! it is compiled for the instruction set of its caller.
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
    /// Loads the first floats of a slice, which must have at least `WIDTH`.
    fn load(self, from: &[f32]) -> Self::F;
    /// Loads the first integers of a slice, which must have at least `WIDTH`, as the nearest
    /// floats.
    fn load_integers(self, from: &[i32]) -> Self::F;
    /// Stores to the front of a slice, which must have at least `WIDTH`.
    fn store(self, value: Self::F, to: &mut [f32]);

    /// `a + b`.
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`.
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`.
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`.
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// `if a < b { a } else { b }`, so `b` if one of them is NaN.
    fn smaller(self, a: Self::F, b: Self::F) -> Self::F;
    /// `if a > b { a } else { b }`, so `b` if one of them is NaN.
    fn larger(self, a: Self::F, b: Self::F) -> Self::F;
    /// `if a < b { yes } else { no }`.
    fn if_less(self, a: Self::F, b: Self::F, yes: Self::F, no: Self::F) -> Self::F;
    /// `if x is NaN { x } else { value }`.
    fn keep_nan(self, x: Self::F, value: Self::F) -> Self::F;
    /// `|x|`.
    fn abs(self, x: Self::F) -> Self::F;
    /// `|magnitude|` with the sign of `sign`.
    fn copy_sign(self, magnitude: Self::F, sign: Self::F) -> Self::F;
    /// The largest of the lanes, none of which is NaN.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))] // elsewhere the compiler vectorises the quantizer
    fn largest(self, x: Self::F) -> f32;
    /// `2^n` for the integer `n` in the low bits of `x`.
    fn power_of_low_bits(self, x: Self::F) -> Self::F;
}

/// Registers that hold integers as well.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) trait IntegerLanes: Lanes {
    /// A register of `WIDTH` integers.
    type I: Copy;

    /// Converts to the nearest floats.
    fn to_floats(self, value: Self::I) -> Self::F;
    /// Stores to the front of a slice, which must have at least `WIDTH`.
    fn store_integers(self, value: Self::I, to: &mut [i32]);
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
    fn largest(self, x: f32) -> f32 {
        x
    }
    #[inline(always)]
    fn power_of_low_bits(self, x: f32) -> f32 {
        f32::from_bits(x.to_bits().wrapping_add(127) << 23)
    }
}

/// Two registers as one. A function is a long chain of operations that wait for each other; with
/// two of them side by side the processor can interleave them.
#[derive(Clone, Copy)]
pub(crate) struct Twice<L>(pub(crate) L);

/// Methods that do the same to both registers.
macro_rules! both {
    ($($name:ident($($argument:ident),+);)+) => {
        $(
            #[inline(always)]
            fn $name(self, $($argument: Self::F),+) -> Self::F {
                [self.0.$name($($argument[0]),+), self.0.$name($($argument[1]),+)]
            }
        )+
    };
}

impl<L: Lanes> Lanes for Twice<L> {
    type F = [L::F; 2];
    const WIDTH: usize = 2 * L::WIDTH;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F {
        [self.0.splat(value); 2]
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::F {
        [self.0.load(from), self.0.load(&from[L::WIDTH..])]
    }
    #[inline(always)]
    fn load_integers(self, from: &[i32]) -> Self::F {
        [self.0.load_integers(from), self.0.load_integers(&from[L::WIDTH..])]
    }
    #[inline(always)]
    fn store(self, value: Self::F, to: &mut [f32]) {
        self.0.store(value[0], to);
        self.0.store(value[1], &mut to[L::WIDTH..]);
    }
    #[inline(always)]
    fn largest(self, x: Self::F) -> f32 {
        self.0.largest(self.0.larger(x[0], x[1]))
    }
    both! {
        add(a, b);
        sub(a, b);
        mul(a, b);
        div(a, b);
        smaller(a, b);
        larger(a, b);
        if_less(a, b, yes, no);
        keep_nan(x, value);
        abs(x);
        copy_sign(magnitude, sign);
        power_of_low_bits(x);
    }
}
