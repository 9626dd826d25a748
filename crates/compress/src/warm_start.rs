//! A network with its maps reduced to low rank: the warm start of stage 2, or compression after
//! training.

use crate::cost::vectors;
use crate::rank::Terms;
use crate::{
    Budget, Calibration, Cost, DAMPING, Error, Machine, Place, Pricing, RankRule, Result,
    SecondMoment, Spectrum, Storage, Svd,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Add;
use stonechat_model::{Kind, LinearMap, MapRef, Network, VectorId};

/// Which maps to factor, and at which rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowRank {
    /// How ranks are chosen.
    pub rank: RankRule,
    /// Kinds of maps to factor. A rank list names its own maps, of any kind.
    #[serde(default = "default_maps")]
    pub maps: Vec<Kind>,
    /// Whether to factor even if the factors have as many parameters as the dense map or more.
    #[serde(default)]
    pub force: bool,
    /// Whether to keep what matters for the outputs on calibration audio ([`Svd::whitened`]) rather
    /// than what is large in the weights. Variances are then those of the outputs, and biases
    /// absorb the mean of what is dropped.
    #[serde(default)]
    pub whiten: bool,
    /// Ranks are rounded up to multiples of this (a budget chooses among them). The kernels work on
    /// 32 rows at a time, so 32 avoids padding.
    #[serde(default = "one")]
    pub multiple_of: usize,
}

/// The large products of Kliegl et al. 2017: those of the GRUs and the fully connected layer.
pub(crate) fn default_maps() -> Vec<Kind> {
    vec![Kind::Nonrecurrent, Kind::Recurrent, Kind::FullyConnected]
}

fn one() -> usize {
    1
}

impl LowRank {
    /// The GRUs and the fully connected layer by `rank`, if that saves parameters; by the weights
    /// alone.
    pub fn new(rank: RankRule) -> Self {
        Self { rank, maps: default_maps(), force: false, whiten: false, multiple_of: 1 }
    }
}

/// Measurements beyond the weights, if any.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured<'a> {
    /// The inputs of the maps.
    pub inputs: Option<&'a Calibration>,
    /// The machine.
    pub machine: Option<&'a Machine>,
}

impl<'a> Measured<'a> {
    /// The inputs of the maps.
    ///
    /// # Errors
    /// If they were not measured.
    pub fn inputs(&self) -> Result<&'a Calibration> {
        self.inputs.ok_or_else(|| {
            Error::Calibration("this needs calibration audio: give a manifest".into())
        })
    }
}

/// The network with the chosen maps replaced by the balanced factors of their truncated SVD.
///
/// A map is factored only if `rank * (rows + cols) < rows * cols`; otherwise it becomes or stays
/// dense (unless `plan.force`). All other maps are unchanged, and so are biases unless
/// `plan.whiten` moves them. Budgets in bytes and time count weights as each kind is finally
/// `stored`.
///
/// # Errors
/// If the network is not valid, a map to be factored is already quantized, a list names a map that
/// the network does not have, the rule cannot be followed, or it needs what was not measured.
pub fn low_rank(
    network: &Network,
    plan: &LowRank,
    measured: Measured<'_>,
    stored: &dyn Fn(Kind) -> Storage,
) -> Result<Network> {
    low_rank_except(network, plan, measured, stored, &|_| false)
}

/// [`low_rank`], except for maps that already have their form.
pub(crate) fn low_rank_except(
    network: &Network,
    plan: &LowRank,
    measured: Measured<'_>,
    stored: &dyn Fn(Kind) -> Storage,
    done: &dyn Fn(&MapRef<'_>) -> bool,
) -> Result<Network> {
    network.validate()?;
    plan.rank.validate()?;
    let mut chosen = chosen_maps(network, plan)?;
    for (chosen, map) in chosen.iter_mut().zip(network.maps()) {
        if *chosen && done(&map) {
            if let RankRule::List(_) = plan.rank {
                let name = map.name();
                let reason = format!("`{name}` has a family and a rank in the list: remove one");
                return Err(Error::Plan(reason));
            }
            *chosen = false;
        }
    }
    let mut svds = Vec::new();
    let mut spectra = Vec::new();
    let mut places = Vec::new();
    for (map, _) in network.maps().iter().zip(&chosen).filter(|(_, chosen)| **chosen) {
        let name = map.name();
        if map.map.is_quantized() {
            return Err(Error::Plan(format!(
                "`{name}` is quantized already: cut the float network first, then quantize"
            )));
        }
        let svd = match plan.whiten {
            true => whitened(network, map, measured.inputs()?)?,
            false => Svd::of(map.map)?,
        };
        let (rows, cols) = (svd.rows, svd.cols);
        places.push(Place::of(&network.config, map));
        spectra.push(Spectrum { name, rows, cols, sigma: svd.sigma.clone() });
        svds.push(svd);
    }
    let ranks = choose(network, plan, measured, stored, &chosen, &spectra, &places)?;

    let mut cut = svds.iter().zip(ranks);
    let mut after = network.clone();
    let mut changed = Vec::new();
    for (i, ((_, map), chosen)) in after.maps_mut().into_iter().zip(chosen).enumerate() {
        if !chosen {
            continue;
        }
        if let Some((svd, rank)) = cut.next() {
            *map = factored(map, svd, rank, plan.force)?;
            changed.push(i);
        }
    }
    if plan.whiten {
        for i in changed {
            absorb_mean(network, &mut after, i, measured.inputs()?)?;
        }
    }
    Ok(after)
}

/// Whether the plan applies, for each map of the network.
fn chosen_maps(network: &Network, plan: &LowRank) -> Result<Vec<bool>> {
    let maps = network.maps();
    let RankRule::List(ranks) = &plan.rank else {
        return Ok(maps.iter().map(|map| plan.maps.contains(&map.kind)).collect());
    };
    let names: Vec<String> = maps.iter().map(MapRef::name).collect();
    let known: BTreeSet<&String> = names.iter().collect();
    if let Some(name) = ranks.keys().find(|name| !known.contains(name)) {
        let names = names.join(", ");
        return Err(Error::Rank(format!("the network has no map `{name}`; it has {names}")));
    }
    Ok(names.iter().map(|name| ranks.contains_key(name)).collect())
}

/// Ranks of the chosen maps by the plan's rule.
fn choose(
    network: &Network,
    plan: &LowRank,
    measured: Measured<'_>,
    stored: &dyn Fn(Kind) -> Storage,
    chosen: &[bool],
    spectra: &[Spectrum],
    places: &[Place],
) -> Result<Vec<usize>> {
    let limit = match &plan.rank {
        RankRule::Budget(budget) => *budget,
        _ => Budget::default(),
    };
    if limit.latency_us.is_some() && measured.machine.is_none() {
        let reason = "a budget of time needs a measured machine";
        return Err(Error::Rank(reason.into()));
    }
    let network_bytes = limit.bytes.unwrap_or(network.params());
    let pricing = Pricing { machine: measured.machine, network_bytes };
    // Maps that are not factored are stored in the same way.
    let maps = network.maps();
    let others = maps.iter().zip(chosen).filter(|(_, chosen)| !**chosen);
    let fixed = others
        .map(|(entry, _)| {
            pricing.map(&Place::of(&network.config, entry), entry.map, stored(entry.kind))
        })
        .fold(vectors(network), Cost::add);
    let cost = |map: &Spectrum, rank: usize| {
        let place = spectra.iter().position(|s| s.name == map.name).map(|i| &places[i]);
        let rank = (plan.force || map.saves(rank)).then_some(rank);
        place.map_or(Cost::default(), |place| pricing.cost(place, rank, stored(place.kind)))
    };
    let terms = Terms { fixed, cost: &cost, force: plan.force, step: plan.multiple_of };
    plan.rank.choose_under(spectra, &terms)
}

/// The map at `rank`, in whichever family has fewer parameters.
fn factored(map: &LinearMap, svd: &Svd, rank: usize, force: bool) -> Result<LinearMap> {
    let (rows, cols) = (svd.rows, svd.cols);
    if force || rank * (rows + cols) < rows * cols {
        let (u, v) = svd.truncate(rank);
        return Ok(LinearMap::low_rank(rows, cols, rank, u, v)?);
    }
    Ok(LinearMap::dense(rows, cols, map.to_dense())?)
}

/// The decomposition by a map's inputs. If a bias can absorb the mean, only the variation counts.
pub(crate) fn whitened(network: &Network, map: &MapRef<'_>, inputs: &Calibration) -> Result<Svd> {
    Svd::whitened(map.map, &spread(network, map, inputs)?, DAMPING)
}

/// The moments that count for a map: without the mean if a bias can absorb it.
pub(crate) fn spread(
    network: &Network,
    map: &MapRef<'_>,
    inputs: &Calibration,
) -> Result<SecondMoment> {
    let moment = inputs.get(&map.name())?;
    let own = network.vector(VectorId::Bias(map.id()));
    let own = own.is_some_and(|bias| bias.len() == map.map.rows());
    Ok(if own { moment.centred() } else { moment.clone() })
}

/// Changes the bias of map `index` of `after` so that the mean of its output is the same as in
/// `before`: it absorbs `(W - W') E[x]`. Recurrent maps have no bias of their own.
pub(crate) fn absorb_mean(
    before: &Network,
    after: &mut Network,
    index: usize,
    inputs: &Calibration,
) -> Result<()> {
    let maps = before.maps();
    let entry = &maps[index];
    let mean = inputs.get(&entry.name())?.mean();
    let (old, new) = (entry.map.to_dense(), after.maps()[index].map.to_dense());
    // With a joint left factor the bias comes after that factor.
    let bias = after.vector_mut(VectorId::Bias(entry.id()));
    let Some(bias) = bias.filter(|bias| bias.len() == entry.map.rows()) else {
        return Ok(());
    };
    let rows = old.chunks_exact(mean.len()).zip(new.chunks_exact(mean.len()));
    for (bias, (old, new)) in bias.iter_mut().zip(rows) {
        let lost = old.iter().zip(new).zip(&mean).map(|((o, n), m)| f64::from(o - n) * m);
        *bias += lost.sum::<f64>() as f32;
    }
    Ok(())
}
