//! The vectors of an int8 product on their way into the form that a kernel takes.

use crate::aligned::{Aligned, Plain};
use crate::quantize::quantize_with;

/// Columns that stand together in a row of a panel: what one VNNI lane multiplies in one instruction.
pub(crate) const QUAD: usize = 4;

/// A batch of vectors, `batch x cols`.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// To be quantized.
    Float(&'a [f32]),
    /// Quantized already; the scales are 1.
    Quantized(&'a [i8]),
}

/// Of the input.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Vectors.
    pub(crate) batch: usize,
    /// Elements of a vector.
    pub(crate) cols: usize,
    /// Elements from one stored vector to the next, as many as a row has in a panel. The padding is never cleared, for it meets weights of
    /// zero.
    pub(crate) stride: usize,
}

/// Stores each vector, every value through `convert`, and its scale.
#[inline(always)]
pub(crate) fn load<T: Plain>(
    input: Input,
    shape: Shape,
    stored: &mut Aligned<T>,
    scales: &mut Aligned<f32>,
    convert: impl Fn(i8) -> T + Copy,
) {
    load_by(
        input,
        shape,
        stored,
        scales,
        convert,
        #[inline(always)]
        |x, out| quantize_with(x, out, convert),
    );
}

/// [`load`] with a quantizer, which gives each value the form that `convert` gives it.
#[inline(always)]
pub(crate) fn load_by<T: Plain>(
    input: Input,
    shape: Shape,
    stored: &mut Aligned<T>,
    scales: &mut Aligned<f32>,
    convert: impl Fn(i8) -> T + Copy,
    quantize: impl Fn(&[f32], &mut [T]) -> f32,
) {
    let Shape { batch, cols, stride } = shape;
    stored.grow(batch * stride);
    scales.grow(batch);
    let vectors = stored.as_mut_slice().chunks_exact_mut(stride);
    for (vector, (out, scale)) in vectors.zip(scales.as_mut_slice()).take(batch).enumerate() {
        let out = &mut out[..cols];
        let range = vector * cols..(vector + 1) * cols;
        *scale = match input {
            Input::Float(x) => quantize(&x[range], out),
            Input::Quantized(x) => {
                out.iter_mut().zip(&x[range]).for_each(|(q, &v)| *q = convert(v));
                1.0
            }
        };
    }
}
