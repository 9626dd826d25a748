//! The input vectors of an int8 product, in the form for a kernel.

use crate::aligned::{Aligned, Plain};
use crate::quantize::quantize_with;

/// Consecutive columns of a row in a panel: one VNNI lane multiplies them in one instruction.
pub(crate) const QUAD: usize = 4;

/// A batch of vectors, `batch x cols`.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// To be quantized.
    Float(&'a [f32]),
    /// Already quantized; the scales are 1.
    Quantized(&'a [i8]),
}

/// The shape of the input.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Vectors.
    pub(crate) batch: usize,
    /// Elements of a vector.
    pub(crate) cols: usize,
    /// Elements from one stored vector to the next, as many as a row has in a panel. The padding is
    /// never cleared, because it is multiplied by zero weights.
    pub(crate) stride: usize,
}

/// Stores each vector, with every value converted by `convert`, and its scale.
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

/// [`load`] with a given quantizer, which also converts each value.
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
