//! The possible forms of a map, with what is known about each without running the network.

use crate::calibrated::calibrated_map;
use crate::families::moved;
use crate::warm_start::{default_maps, spread, whitened};
use crate::{
    Bits, Calibration, Cost, Place, Pricing, Result, SecondMoment, Storage, Svd, output_error,
};
use serde::Serialize;
use std::fmt;
use stonechat_model::{Family, LinearMap, MapRef, Network};

/// Ranks are multiples of this, so that the kernels' row panels are full. Maps that would have
/// fewer than [`COARSE`] ranks to choose from use a smaller power of two.
const TILE: usize = 32;
/// The least number of ranks for every map, if it has as many at all.
const COARSE: usize = 3;

/// A form that a map can take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Form {
    /// Its family with the hyperparameters.
    #[serde(flatten)]
    pub family: Family,
    /// How its weights are stored.
    pub storage: Storage,
}

impl Form {
    /// Inner size of the factors of a low-rank form.
    pub fn rank(&self) -> Option<usize> {
        match &self.family {
            Family::LowRank(low_rank) => Some(low_rank.rank),
            _ => None,
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family.name(), self.storage)?;
        match self.rank() {
            Some(rank) => write!(f, ", rank {rank}"),
            None => Ok(()),
        }
    }
}

/// A form of one map.
#[derive(Debug)]
pub(super) struct Candidate {
    pub form: Form,
    pub cost: Cost,
    /// Share of the map's output that is lost on the calibration audio; rounding to 8 bits is not
    /// counted.
    pub dropped: f64,
    /// The map, if it takes long to compute; others come from the decomposition.
    fitted: Option<LinearMap>,
}

/// The forms of one map.
#[derive(Debug)]
pub(super) struct Candidates {
    pub name: String,
    svd: Svd,
    pub all: Vec<Candidate>,
}

impl Candidates {
    /// Factors by increasing rank, and dense, in 8 bits and, if `fewest` allows, in 4; and those of
    /// `families` that lose no more than factors with as many bytes. Four bits are for the large
    /// maps, rounded with error feedback.
    pub fn of(
        network: &Network,
        entry: &MapRef<'_>,
        families: &[Family],
        fewest: Bits,
        inputs: &Calibration,
        pricing: Pricing<'_>,
    ) -> Result<Self> {
        let (rows, cols) = (entry.map.rows(), entry.map.cols());
        let place = Place::of(&network.config, entry);
        let svd = whitened(network, entry, inputs)?;
        let storage = Storage::Int8;
        let squares = |sigma: &[f64]| sigma.iter().map(|s| s * s).sum::<f64>();
        let total = squares(&svd.sigma).max(f64::MIN_POSITIVE);
        let mut all: Vec<Candidate> = ranks(rows, cols, svd.sigma.len())
            .map(|rank| Candidate {
                form: Form { family: Family::low_rank(rank), storage },
                cost: pricing.cost(&place, Some(rank), storage),
                dropped: squares(&svd.sigma[rank..]) / total,
                fitted: None,
            })
            .collect();
        all.push(Candidate {
            form: Form { family: Family::dense(), storage },
            cost: pricing.cost(&place, None, storage),
            dropped: 0.0,
            fitted: None,
        });
        let moment = spread(network, entry, inputs)?;
        for family in families {
            // A family that does not allow this size is not a candidate for this map.
            let Ok(map) = moved(network, entry, family, Some(inputs)) else { continue };
            let cost = pricing.map(&place, &map, storage);
            let dropped = output_error(entry.map, &map, &moment)?;
            let beaten =
                |other: &Candidate| other.cost.bytes <= cost.bytes && other.dropped <= dropped;
            if !all.iter().any(beaten) {
                let form = Form { family: family.clone(), storage };
                all.push(Candidate { form, cost, dropped, fitted: Some(map) });
            }
        }
        let mut candidates = Self { name: entry.name(), svd, all };
        if fewest == Bits::Four && default_maps().contains(&entry.kind) {
            candidates.add_int4(entry, inputs.get(&entry.name())?, &moment, &place, pricing)?;
        }
        Ok(candidates)
    }

    /// The int4 versions of the dense and low-rank forms that lose less than existing forms with as
    /// few bytes.
    fn add_int4(
        &mut self,
        entry: &MapRef<'_>,
        inputs: &SecondMoment,
        moment: &SecondMoment,
        place: &Place,
        pricing: Pricing<'_>,
    ) -> Result<()> {
        let plain = |c: &&Candidate| c.fitted.is_none();
        let families: Vec<Family> =
            self.all.iter().filter(plain).map(|c| c.form.family.clone()).collect();
        for family in families {
            let form = Form { family, storage: Storage::Int4 };
            let map = calibrated_map(&self.float(entry.map, &form)?, Bits::Four, inputs)?;
            let cost = pricing.cost(place, form.rank(), form.storage);
            let dropped = output_error(entry.map, &map, moment)?;
            let better =
                |other: &Candidate| other.cost.bytes <= cost.bytes && other.dropped <= dropped;
            if !self.all.iter().any(better) {
                self.all.push(Candidate { form, cost, dropped, fitted: Some(map) });
            }
        }
        Ok(())
    }

    /// The map `old` in a form, with its weights as they are stored.
    pub fn map(&self, old: &LinearMap, form: &Form) -> Result<LinearMap> {
        let fitted = self.all.iter().find(|c| c.form == *form).and_then(|c| c.fitted.clone());
        let map = match fitted {
            Some(map) => map,
            None => self.float(old, form)?,
        };
        Ok(map.map_parts(|part| form.storage.store(part)))
    }

    /// The map `old` in a dense or low-rank form, before its weights become integers.
    fn float(&self, old: &LinearMap, form: &Form) -> Result<LinearMap> {
        let (rows, cols) = (self.svd.rows, self.svd.cols);
        Ok(match form.rank() {
            Some(rank) => {
                let (u, v) = self.svd.truncate(rank);
                LinearMap::low_rank(rows, cols, rank, u, v)?
            }
            None => LinearMap::dense(rows, cols, old.to_dense())?,
        })
    }
}

/// The ranks below `full` that save weights.
fn ranks(rows: usize, cols: usize, full: usize) -> impl Iterator<Item = usize> {
    // The first rank at which the factors are as large as the dense map.
    let limit = (rows * cols).div_ceil(rows + cols).min(full + 1);
    let step = 1 << (limit / (COARSE + 1)).clamp(1, TILE).ilog2();
    (1..).map(move |n| n * step).take_while(move |rank| *rank < limit)
}
