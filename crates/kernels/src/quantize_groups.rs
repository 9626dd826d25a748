//! 4-bit quantization: `w ~ row scale * group scale * q` with `q` in -8..=7, for
//! [`PackedI4`](crate::PackedI4).
//!
//! The scale of a group is a signed 8-bit integer, in units of the row scale. Because it is signed,
//! the largest magnitude of a group can be at -8 whatever its sign. Among the scales near that one
//! the quantizer takes the one with the least squared error: clipping the largest weight a little
//! often helps.
//!
//! Error, root mean square, as a share of the root mean square of the weights: 8 % for normally
//! distributed weights, for any size of rows and groups, and 6 % for uniform ones (8-bit weights
//! with one scale per row: about 0.7 %). The relative error of a product with random inputs is the
//! same.

use crate::quantize::SMALLEST;
use alloc::vec;
use alloc::vec::Vec;

/// Columns that share a scale.
pub const GROUP: usize = 32;
/// How many scales are tried for a group, for each sign.
const CANDIDATES: usize = 24;
/// Adding it to a double rounds it to an integer, half to even.
const ROUNDER: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52

/// A `rows x cols` matrix of 4-bit weights in groups of [`GROUP`] columns; the last group of a row
/// is shorter if `cols` is not a multiple.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouped {
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub cols: usize,
    /// In -8..=7, `rows x cols`.
    pub weights: Vec<i8>,
    /// One scale per group, `rows x ceil(cols / 32)`.
    pub group_scales: Vec<i8>,
    /// One scale per row; the weights of a row are its scale times that of the group times
    /// `weights`.
    pub row_scales: Vec<f32>,
}

impl Grouped {
    /// The floats that the weights represent, `rows x cols`.
    ///
    /// # Panics
    /// If a field has the wrong length for its shape.
    #[must_use]
    pub fn to_f32(&self) -> Vec<f32> {
        let groups = self.cols.div_ceil(GROUP);
        let mut floats = Vec::with_capacity(self.weights.len());
        for row in 0..self.rows {
            for k in 0..self.cols {
                let scale = i32::from(self.group_scales[row * groups + k / GROUP]);
                let weight = i32::from(self.weights[row * self.cols + k]) * scale;
                floats.push(weight as f32 * self.row_scales[row]);
            }
        }
        floats
    }
}

/// Quantizes a `rows x cols` row-major matrix to 4 bits. Values that are not finite count as 0.
///
/// # Panics
/// If `w` does not have `rows * cols` elements.
#[must_use]
pub fn quantize_groups(w: &[f32], rows: usize, cols: usize) -> Grouped {
    assert_eq!(
        Some(w.len()),
        rows.checked_mul(cols),
        "quantize_groups: `w` must hold rows * cols = {rows} * {cols} values"
    );
    let groups = cols.div_ceil(GROUP);
    let mut result = Grouped {
        rows,
        cols,
        weights: vec![0; rows * cols],
        group_scales: vec![0; rows * groups],
        row_scales: vec![0.0; rows],
    };
    if cols == 0 {
        return result;
    }
    let outputs = result.weights.chunks_exact_mut(cols);
    let outputs = outputs.zip(result.group_scales.chunks_exact_mut(groups));
    for ((row, (weights, scales)), row_scale) in
        w.chunks_exact(cols).zip(outputs).zip(&mut result.row_scales)
    {
        let largest = row.iter().map(|v| extreme(&[*v]).abs()).fold(0.0, f32::max);
        if largest < SMALLEST {
            continue;
        }
        *row_scale = largest / (8.0 * 127.0);
        for ((group, weights), scale) in
            row.chunks(GROUP).zip(weights.chunks_mut(GROUP)).zip(scales)
        {
            *scale = group_scale(group, *row_scale);
            for (q, &v) in weights.iter_mut().zip(group) {
                *q = quantize_weight(v, *scale, *row_scale);
            }
        }
    }
    result
}

/// The finite value of the largest magnitude, or 0.
fn extreme(values: &[f32]) -> f32 {
    let finite = values.iter().copied().filter(|v| v.is_finite());
    finite.fold(0.0, |most: f32, v| if v.abs() > most.abs() { v } else { most })
}

/// The scale with the least squared error for the weights of a group in a row with the scale
/// `row_scale`; of equal ones, the first that is tried. 0 if all weights are 0, or the row scale
/// is.
#[must_use]
pub fn group_scale(group: &[f32], row_scale: f32) -> i8 {
    let unit = f64::from(row_scale);
    if unit == 0.0 {
        return 0;
    }
    // Here the extreme is at -8; at 1.2 times that it is nearly at 7 with the other sign; below, it
    // is clipped.
    let widest = f64::from(extreme(group)) / (-8.0 * unit);
    if widest == 0.0 {
        return 0;
    }
    let mut best = (f64::INFINITY, 0);
    for sign in [1.0, -1.0] {
        for i in 0..CANDIDATES {
            let share = 1.2 - 0.5 * i as f64 / (CANDIDATES - 1) as f64;
            let scale = (sign * share * widest).clamp(-127.0, 127.0);
            let scale = (scale + ROUNDER) - ROUNDER;
            if scale == 0.0 {
                continue;
            }
            let step = scale * unit;
            let error: f64 = group
                .iter()
                .map(|&v| {
                    let v = if v.is_finite() { f64::from(v) } else { 0.0 };
                    let difference = v - nearest(v as f32, step) * step;
                    difference * difference
                })
                .sum();
            if error < best.0 {
                best = (error, scale as i8);
            }
        }
    }
    best.1
}

/// The 4-bit weight nearest to `v` in a group with the scale `group_scale`, in a row with the scale
/// `row_scale`.
#[must_use]
pub fn quantize_weight(v: f32, group_scale: i8, row_scale: f32) -> i8 {
    nearest(v, f64::from(group_scale) * f64::from(row_scale)) as i8
}

/// `v / step` rounded into -8..=7; 0 if `v` is not finite or the step is 0.
fn nearest(v: f32, step: f64) -> f64 {
    if !v.is_finite() || step == 0.0 {
        return 0.0;
    }
    ((f64::from(v) / step).clamp(-8.0, 7.0) + ROUNDER) - ROUNDER
}
