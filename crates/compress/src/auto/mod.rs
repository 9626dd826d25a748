//! Chooses the family and rank of each map by the damage to the network: sensitivity curves and a
//! budget.
//!
//! A [`Study`] lists the possible forms of each map. Some of them, [`Study::points`], are to be
//! tried one at a time, with all other maps unchanged: the caller, who can run networks, builds
//! each with [`Study::network`] and reports how far its output deviates (for example, the
//! divergence of its symbol probabilities on calibration audio). Between the tried ranks a map's
//! damage is interpolated over the share of output that a rank loses, which the decomposition gives
//! for all ranks. [`Study::choose`] divides the budget. Damages of maps are assumed to add up, as
//! divergences of small independent changes do.

mod forms;

use crate::cost::vectors;
use crate::warm_start::{absorb_mean, spread};
use crate::{
    Bits, Budget, Calibration, Choice, Cost, Error, Measured, Pricing, Result, Storage, allocate,
    output_error,
};
pub use forms::Form;
use forms::{Candidate, Candidates};
use serde::Serialize;
use stonechat_model::{Family, LinearMap, Network};

/// The most ranks to try for each map.
const TRIED: usize = 5;
/// The same in 4 bits: at such a rank the loss is only slightly higher than in 8 bits.
const TRIED_INT4: usize = 3;

/// One form of one map.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Index of the map in [`Network::maps`].
    pub map: usize,
    /// Its form.
    pub form: Form,
}

/// The form chosen for a map, and the neighbouring forms.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chosen {
    /// The map.
    pub name: String,
    /// Its new form.
    pub form: Form,
    /// Its cost.
    pub cost: Cost,
    /// Share of the map's output that is lost on the calibration audio, mean square.
    pub output_error: f64,
    /// Damage to the network, in the unit of the trials.
    pub damage: f64,
    /// The next cheaper form.
    pub cheaper: Option<Step>,
    /// The next more expensive form with less damage.
    pub dearer: Option<Step>,
}

/// A form that was not chosen, compared with the one that was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The form.
    pub form: Form,
    /// Additional bytes; negative if fewer.
    pub bytes: f64,
    /// Additional damage; negative if less.
    pub damage: f64,
}

/// All forms of all maps of a network.
#[derive(Debug)]
pub struct Study<'a> {
    network: &'a Network,
    inputs: &'a Calibration,
    maps: Vec<Candidates>,
}

impl<'a> Study<'a> {
    /// The forms of the maps of a float network, whose inputs were `measured`, for `budget`: dense
    /// and low rank, in 8 bits and for the large maps also in the `fewest`, and each of `families`
    /// that fits a map better than low rank with as many bytes.
    ///
    /// # Errors
    /// If the network is not valid or is already quantized, there are no inputs, or time is limited
    /// and the machine was not measured.
    pub fn new(
        network: &'a Network,
        families: &[Family],
        fewest: Bits,
        measured: Measured<'a>,
        budget: &Budget,
    ) -> Result<Self> {
        network.validate()?;
        budget.validate()?;
        let inputs = measured.inputs()?;
        if budget.latency_us.is_some() && measured.machine.is_none() {
            let reason = "a budget of time needs a measured machine";
            return Err(Error::Rank(reason.into()));
        }
        let network_bytes = budget.bytes.unwrap_or(network.params());
        let pricing = Pricing { machine: measured.machine, network_bytes };
        let maps = network.maps().into_iter().map(|map| {
            if map.map.is_quantized() {
                let name = map.name();
                return Err(Error::Plan(format!(
                    "`{name}` is quantized already: start from the float network"
                )));
            }
            Candidates::of(network, &map, families, fewest, inputs, pricing)
        });
        Ok(Self { network, inputs, maps: maps.collect::<Result<_>>()? })
    }

    /// The forms to try, map by map: a few ranks from the smallest to the largest, and all other
    /// forms.
    pub fn points(&self) -> Vec<Point> {
        let mut points = Vec::new();
        for (map, candidates) in self.maps.iter().enumerate() {
            let (factored, others): (Vec<&Candidate>, Vec<&Candidate>) =
                candidates.all.iter().partition(|c| c.form.rank().is_some());
            let (int4, int8): (Vec<&Candidate>, Vec<&Candidate>) =
                factored.into_iter().partition(|c| c.form.storage == Storage::Int4);
            let tried = [spaced(&int8, TRIED), spaced(&int4, TRIED_INT4), others].concat();
            points.extend(tried.into_iter().map(|c| Point { map, form: c.form.clone() }));
        }
        points
    }

    /// The name of a point's map.
    pub fn name(&self, point: &Point) -> &str {
        &self.maps[point.map].name
    }

    /// The network with these maps in these forms, all others unchanged. Factors have the least
    /// error on the inputs; biases absorb the change of the mean.
    ///
    /// # Errors
    /// None for points of this study.
    pub fn network(&self, points: &[Point]) -> Result<Network> {
        let mut network = self.network.clone();
        for point in points {
            *network.maps_mut()[point.map].1 = self.map(point)?;
            absorb_mean(self.network, &mut network, point.map, self.inputs)?;
        }
        Ok(network)
    }

    /// The map of a point, with weights.
    fn map(&self, point: &Point) -> Result<LinearMap> {
        self.maps[point.map].map(self.network.maps()[point.map].map, &point.form)
    }

    /// The damage of every form of every map, from those of the [`points`](Self::points), in their
    /// order.
    fn damages(&self, tried: &[f64]) -> Result<Vec<Vec<f64>>> {
        let points = self.points();
        if tried.len() != points.len() || tried.iter().any(|d| !d.is_finite()) {
            let (found, wanted) = (tried.len(), points.len());
            let reason = format!("{found} damages for {wanted} trials, all of them finite numbers");
            return Err(Error::Calibration(reason));
        }
        let damage = |map: usize, form: &Form| {
            let mut pairs = points.iter().zip(tried);
            pairs.find(|(p, _)| p.map == map && p.form == *form).map(|(_, d)| d.max(0.0))
        };
        let maps = self.maps.iter().enumerate().map(|(map, candidates)| {
            // Dense is full rank, so it is on the curve.
            let on_curve =
                |c: &&Candidate| matches!(c.form.family, Family::LowRank(_) | Family::Dense(_));
            let curve_of = |storage| {
                let ranked =
                    candidates.all.iter().filter(on_curve).filter(|c| c.form.storage == storage);
                let mut curve: Vec<(f64, f64)> =
                    ranked.filter_map(|c| Some((c.dropped, damage(map, &c.form)?))).collect();
                curve.sort_by(|a, b| a.0.total_cmp(&b.0));
                // Noise must not make a smaller rank look better.
                for i in 1..curve.len() {
                    curve[i].1 = curve[i].1.max(curve[i - 1].1);
                }
                curve
            };
            let (int8, int4) = (curve_of(Storage::Int8), curve_of(Storage::Int4));
            let of = |c: &Candidate| match damage(map, &c.form) {
                Some(damage) if !on_curve(&c) => damage,
                _ if c.form.storage == Storage::Int4 => interpolate(&int4, c.dropped),
                _ => interpolate(&int8, c.dropped),
            };
            candidates.all.iter().map(of).collect()
        });
        Ok(maps.collect())
    }

    /// A form for each map such that the network is within the budget, given the damage of each of
    /// the [`points`](Self::points). Without trials (`None`), the damage of a form is the share of
    /// the map's output that it loses.
    ///
    /// # Errors
    /// If the budget is too small for any choice, or `tried` does not have one number per point.
    pub fn choose(&self, tried: Option<&[f64]>, budget: &Budget) -> Result<Vec<Chosen>> {
        let damages: Vec<Vec<f64>> = match tried {
            Some(tried) => self.damages(tried)?,
            None => self.maps.iter().map(|m| m.all.iter().map(|c| c.dropped).collect()).collect(),
        };
        let choices: Vec<Vec<Choice>> = self
            .maps
            .iter()
            .zip(&damages)
            .map(|(map, damages)| {
                let pairs = map.all.iter().zip(damages);
                pairs.map(|(c, &damage)| Choice { cost: c.cost, damage }).collect()
            })
            .collect();
        let chosen = allocate(&choices, vectors(self.network), budget)?;
        let all = chosen.into_iter().enumerate().map(|(map, i)| {
            let (candidates, choices) = (&self.maps[map], &choices[map]);
            let now = choices[i];
            let step = |j: usize| Step {
                form: candidates.all[j].form.clone(),
                bytes: choices[j].cost.bytes - now.cost.bytes,
                damage: choices[j].damage - now.damage,
            };
            let others = || (0..choices.len()).filter(|j| *j != i).map(step);
            let cheaper = others().filter(|s| s.bytes < 0.0);
            let dearer = others().filter(|s| s.bytes > 0.0 && s.damage < 0.0);
            let form = candidates.all[i].form.clone();
            let maps = self.network.maps();
            let old = &maps[map];
            let new = self.map(&Point { map, form: form.clone() })?;
            // A mean that a bias absorbs is not lost.
            let moment = spread(self.network, old, self.inputs)?;
            Ok(Chosen {
                name: candidates.name.clone(),
                form,
                cost: now.cost,
                output_error: output_error(old.map, &new, &moment)?,
                damage: now.damage,
                cheaper: cheaper.max_by(|a, b| a.bytes.total_cmp(&b.bytes)),
                dearer: dearer.min_by(|a, b| a.bytes.total_cmp(&b.bytes)),
            })
        });
        all.collect()
    }

    /// The points that were chosen, for [`network`](Self::network).
    pub fn chosen_points(chosen: &[Chosen]) -> Vec<Point> {
        let points = chosen.iter().enumerate();
        points.map(|(map, c)| Point { map, form: c.form.clone() }).collect()
    }
}

/// At most `count` (two or more) of the forms with increasing rank, including the first and the
/// last.
fn spaced<'c>(factored: &[&'c Candidate], count: usize) -> Vec<&'c Candidate> {
    // Equal steps in the logarithm of the rank, because the curve is steep at small ranks.
    let all = factored.len() as f64;
    let nth = |i: usize| all.powf(i as f64 / (count - 1) as f64).round() as usize - 1;
    let mut tried: Vec<usize> = match factored.len() <= count {
        true => (0..factored.len()).collect(),
        false => (0..count).map(nth).collect(),
    };
    tried.dedup();
    tried.into_iter().map(|i| factored[i]).collect()
}

/// The value at `x` on the curve through the points, ascending in `x`; constant beyond them.
fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        if x <= x0 {
            return y0;
        }
        if x < x1 {
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0);
        }
    }
    points.last().map_or(0.0, |point| point.1)
}
