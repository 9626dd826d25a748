//! GPTQ, rounding with error feedback: when a column is rounded, the columns not yet rounded
//! compensate for its error as far as possible (Frantar et al. 2022, "GPTQ", arXiv 2210.17323,
//! after Hassibi and Stork 1993).
//!
//! It minimises the error of the map's outputs on real inputs, `|(W - Q) X|^2 = sum over rows of e
//! H e^T` with `H = X X^T`, not the error of the weights. When column `j` has been rounded with the
//! error `w_j - q_j`, the best change of the later columns is `-(w_j - q_j) / C_jj * C_j,j+1..`
//! with `inverse(H) = C^T C`, `C` upper triangular, so that one decomposition serves all columns
//! and all rows.

use crate::{Bits, Error, Result};
use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, Side};
use stonechat_kernels::quantize::{group_scale, quantize_weight};
use stonechat_model::{INT4_GROUP, Matrix};

/// Share of the mean of the diagonal of `H` that is added to the diagonal. Without it, `H` has no
/// inverse if inputs never occur or always occur together.
const DAMPING: f64 = 0.01;

/// The `rows x cols` matrix `w` as integers of `bits`, for inputs with the second moments `hessian`
/// (`cols x cols`, symmetric); any multiple of it gives the same.
///
/// Rows are scaled as when rounding to the nearest; an int4 group gets its scale when its first
/// column is reached.
///
/// # Errors
/// If a length does not fit, or a value is not finite.
pub fn gptq(w: &[f32], rows: usize, cols: usize, hessian: &[f64], bits: Bits) -> Result<Matrix> {
    check(w, rows, cols, hessian)?;
    let factor = inverse_factor(hessian, cols)?;
    let mut data = Vec::with_capacity(w.len());
    let mut scales = Vec::with_capacity(rows);
    let mut group_scales = Vec::new();
    for row in w.chunks_exact(cols) {
        let largest = row.iter().fold(0f32, |most, w| most.max(w.abs()));
        let mut grid = Grid::new(bits, largest, &mut group_scales);
        scales.push(grid.scale);
        let mut rest: Vec<f64> = row.iter().map(|&w| f64::from(w)).collect();
        for (j, factor) in factor.chunks_exact(cols).enumerate() {
            let (q, value) = grid.round(&rest, j);
            data.push(q);
            let error = (rest[j] - value) / factor[j];
            for (w, c) in rest[j + 1..].iter_mut().zip(&factor[j + 1..]) {
                *w -= error * c;
            }
        }
    }
    Ok(match bits {
        Bits::Eight => Matrix::from_int8(rows, cols, data, scales)?,
        Bits::Four => Matrix::from_int4(rows, cols, data, group_scales, scales)?,
    })
}

/// The values that a row can take.
struct Grid<'a> {
    bits: Bits,
    scale: f32,
    group_scales: &'a mut Vec<i8>,
}

impl<'a> Grid<'a> {
    fn new(bits: Bits, largest: f32, group_scales: &'a mut Vec<i8>) -> Self {
        let scale = match bits {
            Bits::Eight => largest / 127.0,
            Bits::Four => largest / (8.0 * 127.0),
        };
        let scale = if largest < stonechat_kernels::quantize::SMALLEST { 0.0 } else { scale };
        Self { bits, scale, group_scales }
    }

    /// The integer for column `j` of the current row, and the value it represents.
    fn round(&mut self, rest: &[f64], j: usize) -> (i8, f64) {
        let step = match self.bits {
            Bits::Eight => f64::from(self.scale),
            Bits::Four => {
                if j.is_multiple_of(INT4_GROUP) {
                    let end = rest.len().min(j + INT4_GROUP);
                    let group: Vec<f32> = rest[j..end].iter().map(|&w| w as f32).collect();
                    self.group_scales.push(group_scale(&group, self.scale));
                }
                let group = self.group_scales.last().copied().unwrap_or(0);
                f64::from(self.scale) * f64::from(group)
            }
        };
        let q = match self.bits {
            _ if step == 0.0 => 0,
            Bits::Eight => (rest[j] / step).round_ties_even().clamp(-127.0, 127.0) as i8,
            Bits::Four => {
                let group = self.group_scales.last().copied().unwrap_or(0);
                quantize_weight(rest[j] as f32, group, self.scale)
            }
        };
        (q, f64::from(q) * step)
    }
}

/// `C`, row-major: the upper triangular matrix with `inverse(H + damping) = C^T C`.
fn inverse_factor(hessian: &[f64], n: usize) -> Result<Vec<f64>> {
    let mean = (0..n).map(|i| hessian[i * n + i]).sum::<f64>() / n as f64;
    // Without inputs all directions are alike.
    let (weight, damping) = if mean > 0.0 { (1.0, DAMPING * mean) } else { (0.0, 1.0) };
    let damped =
        Mat::from_fn(n, n, |i, j| weight * hessian[i * n + j] + if i == j { damping } else { 0.0 });
    let singular = |_| Error::Calibration("the inputs' second moments have no inverse".into());
    let inverse = damped.llt(Side::Lower).map_err(singular)?.inverse();
    let lower = inverse.llt(Side::Lower).map_err(singular)?;
    let lower = lower.L();
    Ok((0..n * n).map(|at| if at % n < at / n { 0.0 } else { lower[(at % n, at / n)] }).collect())
}

fn check(w: &[f32], rows: usize, cols: usize, hessian: &[f64]) -> Result<()> {
    let refuse = |reason: String| Err(Error::Calibration(reason));
    if w.is_empty() || rows.checked_mul(cols) != Some(w.len()) {
        return refuse(format!("{} values cannot be a {rows} x {cols} matrix", w.len()));
    }
    if cols.checked_mul(cols) != Some(hessian.len()) {
        let got = hessian.len();
        return refuse(format!("{got} second moments do not fit inputs of {cols}"));
    }
    if let Some(i) = w.iter().position(|w| !w.is_finite()) {
        return refuse(format!("weight {i} is {}, must be finite", w[i]));
    }
    match hessian.iter().position(|h| !h.is_finite()) {
        Some(i) => refuse(format!("second moment {i} is {}, must be finite", hessian[i])),
        None => Ok(()),
    }
}
