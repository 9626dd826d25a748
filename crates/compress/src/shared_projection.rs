//! One right factor for a layer's recurrent matrix and the input matrix above it (Prabhavalkar et
//! al. 2016, arXiv 1603.08042). It turns a network of plain recurrent layers into one of layers
//! with a projection.

use crate::{Calibration, DAMPING, Error, RankRule, Result, SecondMoment, Spectrum, Svd};
use serde::{Deserialize, Serialize};
use stonechat_model::{LinearMap, Network, NetworkConfig};

/// Which recurrent layers get a projection, and how wide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedProjection {
    /// How widths are chosen; a list names projections: `{ list = { "lstm.0.proj" = 120 } }`.
    pub rank: RankRule,
    /// What the projection is fitted to.
    #[serde(default)]
    pub basis: Basis,
}

/// The space spanned by the rows of the projection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The best subspace for the recurrent matrix alone, as in the paper: it is the more sensitive
    /// of the two.
    #[default]
    Recurrent,
    /// The best subspace for both matrices stacked by rows: never worse in the sum of their squared
    /// errors.
    Stacked,
}

/// `[W_h; W_x] = [Z_h; Z_x] P`, approximately: the factors of a layer's recurrent matrix and of the
/// input matrix above it.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedFactors {
    /// `P`, `rank x n`, rows of length 1.
    pub projection: Vec<f32>,
    /// `Z_h`, `rows of W_h x rank`.
    pub recurrent: Vec<f32>,
    /// `Z_x`, `rows of W_x x rank`.
    pub above: Vec<f32>,
}

/// The decomposition that [`shared_factors`] truncates: of `w_h` (`rows x n`), or with `w_x` below
/// it. With the moments of the layer's `states`, its truncation loses the least of the outputs
/// ([`Svd::whitened`]).
///
/// # Errors
/// Values that are not finite, and lengths that are not multiples of `n`.
pub fn basis_svd(
    basis: Basis,
    w_h: &[f32],
    w_x: &[f32],
    n: usize,
    states: Option<&SecondMoment>,
) -> Result<Svd> {
    let w = match basis {
        Basis::Recurrent => w_h.to_vec(),
        Basis::Stacked => [w_h, w_x].concat(),
    };
    let rows = w.len() / n;
    match states {
        None => Svd::new(&w, rows, n),
        Some(states) => Svd::whitened(&LinearMap::dense(rows, n, w)?, states, DAMPING),
    }
}

/// Factors of rank `rank` with the rows `P` of the largest singular values, from [`basis_svd`] with
/// the same `states`. `Z = W P^T` is the best left factor of either matrix because `P` has
/// orthonormal rows; with states of the second moment `H`, to which the rows are orthonormal, it is
/// `Z = W H P^T`. `rank` is limited to 1 to `svd.sigma.len()`.
pub fn shared_factors(
    svd: &Svd,
    w_h: &[f32],
    w_x: &[f32],
    rank: usize,
    states: Option<&SecondMoment>,
) -> SharedFactors {
    let n = svd.cols;
    let rank = rank.clamp(1, svd.sigma.len());
    let p = &svd.vt[..rank * n];
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths: Vec<f64> = p.chunks_exact(n).map(|p| dot(p, p).sqrt()).collect();
    let weighed: Vec<f64> = match states.map(|states| states.damped(DAMPING)) {
        None => p.to_vec(),
        Some(h) => {
            p.chunks_exact(n).flat_map(|p| h.chunks_exact(n).map(move |h| dot(h, p))).collect()
        }
    };
    let onto = |w: &[f32]| -> Vec<f32> {
        let rows = w.chunks_exact(n).flat_map(|row| {
            let row: Vec<f64> = row.iter().map(|&w| f64::from(w)).collect();
            let products = weighed.chunks_exact(n).zip(&lengths);
            products.map(|(p, length)| (dot(&row, p) * length) as f32).collect::<Vec<f32>>()
        });
        rows.collect()
    };
    let rows = p.chunks_exact(n).zip(&lengths);
    SharedFactors {
        projection: rows
            .flat_map(|(p, length)| p.iter().map(move |p| (p / length) as f32))
            .collect(),
        recurrent: onto(w_h),
        above: onto(w_x),
    }
}

/// The layers that can get a projection, bottom to top: plain ones below a matrix. (Above the
/// topmost layer there may be a row convolution, which treats its units separately.)
pub fn projectable_layers(config: &NetworkConfig) -> Vec<usize> {
    let last = config.recurrent.len() - 1;
    let plain = |&l: &usize| {
        let layer = &config.recurrent[l];
        let matrix_above = l < last || config.row_conv.is_none();
        matrix_above && layer.projection.is_none() && layer.joint.is_none()
    };
    (0..=last).filter(plain).collect()
}

/// The name of the matrix that takes the output of layer `l`.
pub fn name_above(config: &NetworkConfig, l: usize) -> String {
    config.map_name(config.map_above(l))
}

/// The network with projections in all layers that [can get one](projectable_layers) and become
/// smaller with it. If the `inputs` of its maps are known, the projections are those that lose the
/// least of the outputs of the matrices.
///
/// Recurrent and input matrices of any family become dense factors. The errors in the outputs are
/// those of the truncated singular values: fine-tune afterwards.
///
/// # Errors
/// If the network is not valid, a matrix is already quantized, a list names a projection that is
/// not possible, or the rule cannot be followed.
pub fn shared_projection(
    network: &Network,
    plan: &SharedProjection,
    inputs: Option<&Calibration>,
) -> Result<Network> {
    network.validate()?;
    plan.rank.validate()?;
    let layers = projectable_layers(&network.config);
    let name = |l: usize| format!("{}.proj", network.config.recurrent_name(l));
    if let RankRule::List(ranks) = &plan.rank
        && let Some(wrong) = ranks.keys().find(|key| !layers.iter().any(|&l| name(l) == **key))
    {
        let there: Vec<String> = layers.iter().map(|&l| name(l)).collect();
        return Err(Error::Rank(format!(
            "the network can have no projection `{wrong}`; it can have {}",
            there.join(", ")
        )));
    }
    let mut shared = Vec::new();
    let mut fixed = network.params();
    for &l in &layers {
        let above = network.map(network.config.map_above(l)).unwrap_or(&network.output.map);
        let (w_h, w_x) = (&network.recurrent[l].rec, above);
        for map in [w_h, w_x] {
            if map.is_quantized() {
                let reason =
                    "is quantized already or lies below such a map: share first, then quantize";
                return Err(Error::Plan(format!("`{}` {reason}", name(l))));
            }
            fixed -= map.params();
        }
        let (w_h, w_x) = (w_h.to_dense(), w_x.to_dense());
        let states = inputs
            .map(|inputs| inputs.get(&format!("{}.rec", network.config.recurrent_name(l))))
            .transpose()?;
        let svd = basis_svd(plan.basis, &w_h, &w_x, network.config.recurrent[l].hidden, states)?;
        shared.push((svd, w_h, w_x, states));
    }
    let spectra: Vec<Spectrum> = shared
        .iter()
        .zip(&layers)
        .map(|((svd, w_h, w_x, _), &l)| Spectrum {
            name: name(l),
            rows: (w_h.len() + w_x.len()) / svd.cols,
            cols: svd.cols,
            sigma: svd.sigma.clone(),
        })
        .collect();
    let ranks = plan.rank.choose(&spectra, fixed, false)?;

    let mut network = network.clone();
    for (((l, (svd, w_h, w_x, states)), spectrum), rank) in
        layers.into_iter().zip(shared).zip(&spectra).zip(ranks)
    {
        if rank * (spectrum.rows + spectrum.cols) >= spectrum.rows * spectrum.cols {
            continue;
        }
        let n = svd.cols;
        let factors = shared_factors(&svd, &w_h, &w_x, rank, states);
        if let Some(above) = network.map_mut(network.config.map_above(l)) {
            *above = LinearMap::dense(w_x.len() / n, rank, factors.above)?;
        }
        let layer = &mut network.recurrent[l];
        layer.rec = LinearMap::dense(w_h.len() / n, rank, factors.recurrent)?;
        layer.projection = Some(LinearMap::dense(rank, n, factors.projection)?);
        network.config.recurrent[l].projection = Some(rank);
    }
    network.validate()?;
    Ok(network)
}
