//! A network with its maps cut to low rank: the warm start of stage 2, or compression after training.

use crate::{Error, RankRule, Result, Spectrum, Svd};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use stonechat_model::{Kind, LinearMap, Network};

/// Which maps are factored, and to which rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowRank {
    /// How ranks are chosen.
    pub rank: RankRule,
    /// Kinds of maps to factor; a rank list names its maps itself, whatever their kind.
    #[serde(default = "default_maps")]
    pub maps: Vec<Kind>,
    /// Factor even where the factors have as many parameters as the dense map or more.
    #[serde(default)]
    pub force: bool,
}

/// The large products of Kliegl et al. 2017: the GRUs' and the fully connected layer's.
pub(crate) fn default_maps() -> Vec<Kind> {
    vec![Kind::Nonrecurrent, Kind::Recurrent, Kind::FullyConnected]
}

impl LowRank {
    /// The GRUs and the fully connected layer by `rank`, where it saves parameters.
    pub fn new(rank: RankRule) -> Self {
        Self { rank, maps: default_maps(), force: false }
    }
}

/// The network with the chosen maps replaced by the balanced factors of their truncated SVD.
///
/// Only where `rank * (rows + cols) < rows * cols`: otherwise the map becomes dense, or stays so
/// (unless `plan.force`). Biases and all other maps are unchanged.
///
/// # Errors
/// If the network is not valid, a map to be factored is int8 already, a list names a map that the network does
/// not have, or the rule cannot be met.
pub fn low_rank(network: &Network, plan: &LowRank) -> Result<Network> {
    network.validate()?;
    plan.rank.validate()?;
    let names: Vec<String> = network.maps().iter().map(|map| map.name()).collect();
    let chosen: Vec<bool> = match &plan.rank {
        RankRule::List(ranks) => {
            let known: BTreeSet<&String> = names.iter().collect();
            if let Some(name) = ranks.keys().find(|name| !known.contains(name)) {
                return Err(Error::Rank(format!(
                    "the network has no map `{name}`; it has {}",
                    names.join(", ")
                )));
            }
            names.iter().map(|name| ranks.contains_key(name)).collect()
        }
        _ => network.maps().iter().map(|map| plan.maps.contains(&map.kind)).collect(),
    };
    let mut svds = Vec::new();
    let mut spectra = Vec::new();
    let mut fixed = network.params();
    for (i, map) in network.maps().iter().enumerate() {
        if !chosen[i] {
            continue;
        }
        if map.map.parts().iter().any(|(_, part)| part.is_quantised()) {
            return Err(Error::Plan(format!(
                "`{}` is quantised already: cut the float network first, then quantise",
                names[i]
            )));
        }
        let svd = Svd::of(map.map)?;
        fixed -= map.map.params();
        spectra.push(Spectrum {
            name: names[i].clone(),
            rows: svd.rows,
            cols: svd.cols,
            sigma: svd.sigma.clone(),
        });
        svds.push(svd);
    }
    let ranks = plan.rank.choose(&spectra, fixed, plan.force)?;

    let mut cut = svds.iter().zip(ranks);
    let mut network = network.clone();
    for ((_, map), chosen) in network.maps_mut().into_iter().zip(chosen) {
        if !chosen {
            continue;
        }
        if let Some((svd, rank)) = cut.next() {
            *map = factored(map, svd, rank, plan.force)?;
        }
    }
    Ok(network)
}

/// The map at `rank`, in the family that has fewer parameters.
fn factored(map: &LinearMap, svd: &Svd, rank: usize, force: bool) -> Result<LinearMap> {
    let (rows, cols) = (svd.rows, svd.cols);
    if force || rank * (rows + cols) < rows * cols {
        let (u, v) = svd.truncate(rank);
        return Ok(LinearMap::low_rank(rows, cols, rank, u, v)?);
    }
    Ok(LinearMap::dense(rows, cols, map.to_dense())?)
}
