//! Low-rank corrections of rounding errors: `W ~ Q + U V` with `Q` of few bits.

use crate::quantize::Bits;
use crate::svd::matrix;
use crate::{DAMPING, Error, Result, SecondMoment, Svd, gptq};
use faer::MatRef;
use stonechat_model::{Corrected, Family, FamilySpec, LinearMap, Matrix};

/// How often `Q` and `U V` are refitted to the remainder of the other (Li et al. 2023, "LoftQ",
/// arXiv 2310.08659).
const ROUNDS: usize = 4;

/// The dense map `w` as a matrix of `bits` and an int8 correction of inner size `rank` (at most the
/// smaller side).
///
/// With the moments of its inputs, both minimise the error of the outputs (rounding by [`gptq`],
/// the correction by [`Svd::whitened`]); otherwise that of the weights. The best of all rounds is
/// kept.
///
/// # Errors
/// If `rank` is 0, a value is not finite, or the moments belong to other inputs.
pub fn correct(
    name: &str,
    w: &Matrix,
    bits: Bits,
    rank: usize,
    inputs: Option<&SecondMoment>,
) -> Result<LinearMap> {
    let (rows, cols) = (w.rows(), w.cols());
    let rank = rank.min(rows).min(cols);
    let spec = FamilySpec::new(name, Family::Corrected(Corrected { rank }), rows, cols)?;
    let whole = w.to_dense();
    matrix(name, &whole, rows, cols)?;
    let mut best: Option<(f64, Vec<Matrix>)> = None;
    let mut correction = vec![0.0; whole.len()];
    for _ in 0..ROUNDS {
        let target = difference(&whole, &correction);
        let q = match inputs {
            Some(inputs) => gptq(&target, rows, cols, &inputs.matrix(), bits)?,
            None => bits.round(&target, rows, cols),
        };
        let left = difference(&whole, &q.to_dense());
        let (u, v) = truncated(&left, rows, cols, rank, inputs)?;
        let (u, v) = (Bits::Eight.round(&u, rows, rank), Bits::Eight.round(&v, rank, cols));
        correction = LinearMap::of_factors(u.clone(), v.clone())?.to_dense();
        let error = power(&difference(&left, &correction), cols, inputs);
        if best.as_ref().is_none_or(|(least, _)| error < *least) {
            best = Some((error, vec![q, u, v]));
        }
    }
    let Some((_, parts)) = best else {
        return Err(Error::svd(name, "has an error that is not finite"));
    };
    Ok(LinearMap::new(name, spec, parts, None)?)
}

fn truncated(
    w: &[f32],
    rows: usize,
    cols: usize,
    rank: usize,
    inputs: Option<&SecondMoment>,
) -> Result<(Vec<f32>, Vec<f32>)> {
    let svd = match inputs {
        Some(inputs) => Svd::whitened(&LinearMap::dense(rows, cols, w.to_vec())?, inputs, DAMPING)?,
        None => Svd::new(w, rows, cols)?,
    };
    Ok(svd.truncate(rank))
}

fn difference(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// `|E|^2`, or `E |E x|^2` over the inputs.
fn power(e: &[f32], cols: usize, inputs: Option<&SecondMoment>) -> f64 {
    let wide: Vec<f64> = e.iter().map(|&e| f64::from(e)).collect();
    let Some(inputs) = inputs else { return wide.iter().map(|e| e * e).sum() };
    let moment = inputs.matrix();
    let e = MatRef::from_row_major_slice(&wide, wide.len() / cols, cols);
    let product = e * MatRef::from_row_major_slice(&moment, cols, cols);
    wide.iter().enumerate().map(|(at, e)| e * product[(at / cols, at % cols)]).sum()
}
