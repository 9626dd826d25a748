//! What a recipe must satisfy.

use stonechat_model::{Alphabet, FamilySpec, Kind, LinearSpec};

use super::families::{chosen, kind_key};
use super::recipe::Recipe;
use super::stage::{Parametrisation, Rate, Regulariser, Stage};
use crate::data::Targets;

impl Recipe {
    pub(super) fn validate(&self) -> Result<(), String> {
        self.network.validate().map_err(|e| e.to_string())?;
        self.features.validate().map_err(|e| e.to_string())?;
        if self.network.input != self.features.dim() {
            return Err(format!(
                "network.input is {} but the features have {} values a frame",
                self.network.input,
                self.features.dim()
            ));
        }
        if let Some(l) = self.network.recurrent.iter().position(|layer| layer.recurrent_bias) {
            return Err(format!(
                "network.recurrent[{l}].recurrent_bias is for imported networks: leave it out"
            ));
        }
        self.augment.validate().map_err(|e| e.to_string())?;
        self.batches.validate().map_err(|e| e.to_string())?;
        if self.stages.is_empty() {
            return Err("there is no [[stage]]".into());
        }
        if self.grams.is_some_and(|grams| grams.longest < 2) {
            return Err("grams.longest must be at least 2".into());
        }
        let characters_first =
            || self.symbols().is_ok_and(|s| Targets::new(s).characters().is_some());
        if self.stages.iter().any(|stage| stage.joint_ctc > 0.0) && !characters_first() {
            return Err("joint_ctc needs an alphabet with all single characters first".into());
        }
        for (i, stage) in self.stages.iter().enumerate() {
            stage
                .validate(i)
                .and_then(|()| self.check_families(stage))
                .and_then(|()| self.check_calibration(i, stage))
                .map_err(|reason| format!("stage {} ({}): {reason}", i, stage.name))?;
        }
        Ok(())
    }

    /// There must be a net to listen to, and something that goes by it.
    fn check_calibration(&self, index: usize, stage: &Stage) -> Result<(), String> {
        let seconds = stage.calibrate_seconds;
        if !(seconds >= 0.0 && seconds.is_finite()) {
            return Err(format!("calibrate_seconds is {seconds}, must not be negative"));
        }
        if seconds == 0.0 {
            return Ok(());
        }
        if index == 0 && self.init.is_none() {
            return Err("calibrate_seconds needs a trained net: give `init`".into());
        }
        let shares = stage.shared_projection.is_some();
        if stage.families.is_empty() && stage.warm_start.is_none() && !shares {
            let wanted = "`families`, `warm_start` or `shared_projection`";
            return Err(format!("calibrate_seconds needs {wanted}"));
        }
        let unheard =
            |key: &&String| key.ends_with("proj") || key.ends_with("joint") || *key == "projection";
        match stage.families.keys().find(unheard) {
            None => Ok(()),
            Some(key) => {
                Err(format!("calibrate_seconds: the inputs of {key:?} are not heard: leave it out"))
            }
        }
    }

    /// Every key of a stage's families must mean a map, and every family must have that map's size.
    fn check_families(&self, stage: &Stage) -> Result<(), String> {
        let symbols = self.alphabet.as_ref().map_or(Alphabet::english().len(), Vec::len);
        let maps = self.network.linear_maps(symbols);
        for key in stage.families.keys() {
            let meant = |map: &LinearSpec| map.name == *key || kind_key(map.kind) == key;
            match maps.iter().find(|map| meant(map)) {
                None => return Err(format!("families: the network has no map or kind {key:?}")),
                Some(map) if map.kind == Kind::Conv => {
                    return Err("families: convolutions stay dense".into());
                }
                Some(_) => {}
            }
        }
        for map in &maps {
            if let Some(family) = chosen(&stage.families, map) {
                FamilySpec::new(&map.name, family.clone(), map.rows, map.cols)
                    .map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }
}

impl Stage {
    fn validate(&self, index: usize) -> Result<(), String> {
        if let Some(rounding) = &self.quantise {
            rounding.validate()?;
        }
        if let Some(prune) = &self.prune {
            prune.validate(self.epochs)?;
        }
        let plain = !self.name.is_empty()
            && self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !plain {
            return Err("name must be letters, digits, - or _".into());
        }
        if let Some(plan) = &self.shared_projection {
            plan.rank.validate().map_err(|e| e.to_string())?;
        }
        let factored = self.parametrisation == Parametrisation::Factored;
        if index > 0 && factored {
            return Err("only the first stage chooses a parametrisation".into());
        }
        if let Some(rate) = self.structured_rate
            && !(rate > 0.0 && rate.is_finite())
        {
            return Err(format!("structured_rate is {rate}, must be positive"));
        }
        let structured = !self.families.is_empty();
        if self.regulariser == Regulariser::TraceNorm && index == 0 && !factored && !structured {
            return Err("trace_norm needs parametrisation = \"factored\"".into());
        }
        if matches!(self.regulariser, Regulariser::L2 | Regulariser::GroupLasso) && factored {
            return Err("l2 and group_lasso need parametrisation = \"dense\"".into());
        }
        match self.rate {
            Rate::Value(rate) if !(rate > 0.0 && rate.is_finite()) => {
                Err(format!("rate {rate} must be positive"))
            }
            Rate::Value(_) => Ok(()),
            Rate::Continue { continue_schedule: false } => {
                Err("continue_schedule must be true where it is given".into())
            }
            _ if index == 0 => Err("the first stage needs a rate of its own".into()),
            _ => Ok(()),
        }?;
        for (key, value) in
            [("dropout", self.dropout), ("average", self.average), ("joint_ctc", self.joint_ctc)]
        {
            if !(0.0..1.0).contains(&value) {
                return Err(format!("{key} is {value}, must be in [0, 1)"));
            }
        }
        if !(self.consistency >= 0.0 && self.consistency.is_finite()) {
            return Err(format!("consistency is {}, must not be negative", self.consistency));
        }
        if self.block.contains(&0) {
            return Err("block must be of at least one row and column".into());
        }
        if let Some(until) = &self.until {
            until.validate()?;
        }
        if let Some(teacher) = &self.teacher {
            teacher.validate()?;
        }
        Ok(())
    }
}
