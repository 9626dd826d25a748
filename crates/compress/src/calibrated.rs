//! Integer weights chosen by the inputs of each map on real audio.

use crate::quantize::{Bits, Quantize, rounded_map};
use crate::svd::{matrix, row_major};
use crate::{Calibration, Error, Result, SecondMoment, correct, gptq};
use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};
use stonechat_model::{LinearMap, Matrix, Network};

/// [`quantize`](fn@crate::quantize) with error feedback ([`gptq`]): when a column is rounded, later
/// columns compensate for its effect on the map's outputs on the calibration audio.
///
/// The left factor of a low-rank map is first refitted to the outputs of the rounded right factor.
/// The parts of structured maps are rounded to the nearest.
///
/// # Errors
/// If the network is not valid or not float, or the calibration belongs to another network.
pub fn quantize_calibrated(
    network: &Network,
    how: &Quantize,
    calibration: &Calibration,
) -> Result<Network> {
    network.validate()?;
    let names: Vec<String> = network.maps().iter().map(|map| map.name()).collect();
    let mut network = network.clone();
    for ((id, map), name) in network.maps_mut().into_iter().zip(&names) {
        if map.is_quantized() {
            let reason = format!("`{name}` is quantized already: start from the float network");
            return Err(Error::Plan(reason));
        }
        let (bits, inputs) = (how.bits_of(id.kind), calibration.get(name)?);
        *map = match map.weight() {
            Some(w) if how.corrects(bits) => correct(name, w, bits, how.correction, Some(inputs))?,
            _ => calibrated_map(map, bits, inputs)?,
        };
    }
    Ok(network)
}

/// The map as integers of these bits, with error feedback.
pub(crate) fn calibrated_map(
    map: &LinearMap,
    bits: Bits,
    inputs: &SecondMoment,
) -> Result<LinearMap> {
    if let Some(w) = map.weight() {
        return Ok(LinearMap::from(fed(w, inputs, bits)?));
    }
    let Some((u, v)) = map.factors() else { return Ok(rounded_map(map, bits)) };
    let rounded = fed(v, inputs, bits)?;
    let images = inputs.image(&rounded)?;
    let u = fitted(u, v, &rounded, inputs, &images)?;
    Ok(LinearMap::of_factors(fed(&u, &images, bits)?, rounded)?)
}

fn fed(w: &Matrix, inputs: &SecondMoment, bits: Bits) -> Result<Matrix> {
    gptq(&w.to_dense(), w.rows(), w.cols(), &inputs.matrix(), bits)
}

/// The left factor `U'` for which `U' V'` is closest to `U V` on the inputs: `U' = U V H V'^T (V' H
/// V'^T)^-1`, where `images` is `V' H V'^T`, with a little added to its diagonal.
fn fitted(
    u: &Matrix,
    v: &Matrix,
    rounded: &Matrix,
    inputs: &SecondMoment,
    images: &SecondMoment,
) -> Result<Matrix> {
    let dense = |m: &Matrix| matrix("factor", &m.to_dense(), m.rows(), m.cols());
    let (left, right, new) = (dense(u)?, dense(v)?, dense(rounded)?);
    let (cols, rank) = (v.cols(), v.rows());
    let (h, g) = (inputs.matrix(), images.matrix());
    let h = MatRef::from_row_major_slice(&h, cols, cols);
    let mean = (0..rank).map(|i| g[i * rank + i]).sum::<f64>() / rank as f64;
    if mean <= 0.0 {
        return Ok(u.clone());
    }
    // Close to U where the inputs say little: with damping in both places, V' = V still gives U' =
    // U.
    let damping = 1e-6 * mean;
    let damped =
        Mat::from_fn(rank, rank, |i, j| g[i * rank + j] + if i == j { damping } else { 0.0 });
    let mut target = &left * (&right * h * new.transpose());
    for j in 0..rank {
        for i in 0..u.rows() {
            target[(i, j)] += damping * left[(i, j)];
        }
    }
    let singular = |_| Error::Calibration("the inputs' second moments have no inverse".into());
    let solved = damped.llt(Side::Lower).map_err(singular)?.solve(target.transpose());
    let data = row_major(solved.transpose()).into_iter().map(|v| v as f32).collect();
    Ok(Matrix::from_f32(u.rows(), rank, data)?)
}
