//! Chooses forms and ranks for all maps of a network under a limit, by trial.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use stonechat_compress::{Bits, Budget, Chosen, Machine, Measured, Study};
use stonechat_model::{Family, Package};

use crate::{Error, Hearing, Recordings, Result, pack, record};

/// Attempts to meet a target size: the header of the package may turn out larger than expected.
const AIMS: usize = 16;

/// How long the machine is measured if time is limited.
const MEASURING: Duration = Duration::from_secs(1);

/// The goal of the search.
#[derive(Debug, Clone)]
pub struct Auto {
    /// Bytes of the new package.
    pub target: Option<usize>,
    /// Limit on the time of all products per frame of logits, in microseconds on one core of this
    /// machine.
    pub latency_us: Option<f64>,
    /// The measure of damage.
    pub sensitivity: Sensitivity,
    /// Families to consider besides dense and low rank. Fitting them takes time.
    pub families: Vec<Family>,
    /// The fewest bits for the weights of recurrent and fully connected layers.
    pub bits: Bits,
}

/// The measure of damage to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// Divergence of the symbol probabilities, measured for every weight at several sizes.
    Divergence,
    /// The share of each weight's own output that is lost, without trials.
    OutputError,
}

/// The damage of one form of one map, with everything else unchanged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// The map.
    pub map: String,
    /// The form.
    pub form: String,
    /// Nats per frame between the probabilities before and after.
    pub damage: f64,
    /// Character error rate of the best path.
    pub cer: f64,
}

/// The result of the search.
#[derive(Debug)]
pub struct Outcome {
    /// The new package.
    pub package: Package,
    /// The limit that its weights meet, without the header.
    pub budget: Budget,
    /// The form of each map, with the neighbouring ones.
    pub maps: Vec<Chosen>,
    /// What was tried, one map at a time.
    pub curves: Vec<Trial>,
    /// The output of the network before.
    pub before: Hearing,
    /// The output of the new network.
    pub after: Hearing,
}

impl Auto {
    /// Chooses, using `recordings`. `progress` is called with the number of trials done, and of all
    /// trials.
    ///
    /// # Errors
    /// If the limits are too small, or the network cannot be run or compressed.
    pub fn run(
        &self,
        package: &Package,
        recordings: &Recordings,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Outcome> {
        let model = pack(package)?;
        let inputs = recordings.inputs(&model, &package.network, &mut || {})?;
        let before = recordings.hear(&model)?;
        let machine = self.latency_us.map(|_| Machine::measure(MEASURING));
        let budget = self.budget(package)?;
        let measured = Measured { inputs: Some(&inputs), machine: machine.as_ref() };
        let study = Study::new(&package.network, &self.families, self.bits, measured, &budget)?;
        let curves = match self.sensitivity {
            Sensitivity::Divergence => try_out(&study, recordings, &before, package, progress)?,
            Sensitivity::OutputError => Vec::new(),
        };
        let (package, maps) = self.aim(&study, &curves, budget, package)?;
        let after = recordings.hear(&pack(&package)?)?;
        Ok(Outcome { package, budget, maps, curves, before, after })
    }

    /// What the weights may cost: the target without the package's header.
    fn budget(&self, package: &Package) -> Result<Budget> {
        let latency_us = self.latency_us;
        let Some(target) = self.target else {
            return Ok(Budget { latency_us, ..Budget::default() });
        };
        let overhead = package.to_bytes()?.len() - package.network.bytes();
        if target <= overhead {
            return Err(Error::Target(format!(
                "{target} bytes are fewer than the {overhead} of the package's header"
            )));
        }
        Ok(Budget { bytes: Some(target - overhead), latency_us, ..Budget::default() })
    }

    /// The package that meets the target. The header grows with the number of tensors, so the
    /// choice may have to be repeated with fewer bytes for the weights.
    fn aim(
        &self,
        study: &Study,
        curves: &[Trial],
        mut budget: Budget,
        package: &Package,
    ) -> Result<(Package, Vec<Chosen>)> {
        let tried: Vec<f64> = curves.iter().map(|trial| trial.damage).collect();
        let tried = (!tried.is_empty()).then_some(&tried[..]);
        for _ in 0..AIMS {
            let maps = study.choose(tried, &budget)?;
            let mut after = package.clone();
            after.network = study.network(&Study::chosen_points(&maps))?;
            let forms = maps.iter().map(|c| (c.name.clone(), json!(c.form.to_string())));
            let forms: serde_json::Map<_, _> = forms.collect();
            record(&mut after.provenance, json!({ "auto": { "budget": budget, "maps": forms } }));
            let found = after.to_bytes()?.len();
            match (&mut budget.bytes, self.target) {
                (Some(bytes), Some(target)) if found > target => {
                    *bytes = bytes.saturating_sub(found - target);
                }
                _ => return Ok((after, maps)),
            }
        }
        let reason = "the target is too small for the package's header; give some kilobytes more";
        Err(Error::Target(reason.into()))
    }
}

/// One trial for each point of the study.
fn try_out(
    study: &Study,
    recordings: &Recordings,
    reference: &Hearing,
    package: &Package,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Trial>> {
    let points = study.points();
    let trials = points.iter().enumerate().map(|(done, point)| {
        let network = study.network(std::slice::from_ref(point))?;
        let heard = recordings.hear(&pack(&Package { network, ..package.clone() })?)?;
        progress(done + 1, points.len());
        Ok(Trial {
            map: study.name(point).to_string(),
            form: point.form.to_string(),
            damage: reference.divergence(&heard),
            cer: heard.characters.rate(),
        })
    });
    trials.collect()
}
