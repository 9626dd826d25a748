//! The requirements of a recipe.

use stonechat_model::{Alphabet, FamilySpec, Kind, LinearSpec};

use super::error::{RecipeError, wrong};
use super::families::{chosen, kind_key};
use super::recipe::Recipe;
use super::stage::{Parametrisation, Rate, Regulariser, Stage};
use crate::data::Targets;

impl Recipe {
    pub(super) fn validate(&self) -> Result<(), RecipeError> {
        self.network.validate()?;
        self.features.validate()?;
        if self.network.input != self.features.dim() {
            let (input, dim) = (self.network.input, self.features.dim());
            let problem = format!("is {input} but the features have {dim} values a frame");
            return Err(wrong("network.input", problem));
        }
        if let Some(l) = self.network.recurrent.iter().position(|layer| layer.recurrent_bias) {
            let key = format!("network.recurrent[{l}].recurrent_bias");
            return Err(wrong(key, "is for imported networks: leave it out"));
        }
        let minutes = self.checkpoint_minutes;
        if !(minutes >= 0.0 && minutes.is_finite()) {
            return Err(wrong("checkpoint_minutes", format!("is {minutes}, must not be negative")));
        }
        self.augment.validate()?;
        self.batches.validate()?;
        if self.stages.is_empty() {
            return Err(wrong("[[stage]]", "is missing: a recipe needs at least one"));
        }
        if self.grams.is_some_and(|grams| grams.longest < 2) {
            return Err(wrong("grams.longest", "must be at least 2"));
        }
        let characters_first =
            || self.symbols().is_ok_and(|s| Targets::new(s).characters().is_some());
        if self.stages.iter().any(|stage| stage.joint_ctc > 0.0) && !characters_first() {
            return Err(wrong("joint_ctc", "needs an alphabet with all single characters first"));
        }
        for (i, stage) in self.stages.iter().enumerate() {
            if self.stages[..i].iter().any(|other| other.name == stage.name) {
                let problem = format!(
                    "is {:?}, but two stages have this name: one package would replace the other",
                    stage.name
                );
                return Err(wrong(format!("stage.{i}.name"), problem));
            }
            // `bundled.stonechat` is what `init = "bundled"` puts into the folder.
            if ["last", "previous", "bundled"].contains(&&stage.name[..]) {
                let problem =
                    format!("is {:?}, which a file of the run is called: take another", stage.name);
                return Err(wrong(format!("stage.{i}.name"), problem));
            }
            stage
                .validate(i)
                .and_then(|()| self.check_families(stage))
                .and_then(|()| self.check_calibration(i, stage))
                .map_err(|source| {
                    let (name, source) = (stage.name.clone(), Box::new(source));
                    RecipeError::Stage { index: i, name, source }
                })?;
        }
        Ok(())
    }

    /// Calibration needs a trained net, and something that uses the inputs.
    fn check_calibration(&self, index: usize, stage: &Stage) -> Result<(), RecipeError> {
        let seconds = stage.calibrate_seconds;
        if !(seconds >= 0.0 && seconds.is_finite()) {
            return Err(wrong("calibrate_seconds", format!("is {seconds}, must not be negative")));
        }
        if seconds == 0.0 {
            return Ok(());
        }
        if index == 0 && self.init.is_none() {
            return Err(wrong("calibrate_seconds", "needs a trained net: give `init`"));
        }
        let shares = stage.shared_projection.is_some();
        if stage.families.is_empty() && stage.warm_start.is_none() && !shares {
            let problem = "needs `families`, `warm_start` or `shared_projection`";
            return Err(wrong("calibrate_seconds", problem));
        }
        let unheard =
            |key: &&String| key.ends_with("proj") || key.ends_with("joint") || *key == "projection";
        match stage.families.keys().find(unheard) {
            None => Ok(()),
            Some(key) => {
                let problem = format!("cannot observe the inputs of {key:?}: leave it out");
                Err(wrong("calibrate_seconds", problem))
            }
        }
    }

    /// Every key of a stage's families must stand for a map, and every family must allow that map's
    /// size.
    fn check_families(&self, stage: &Stage) -> Result<(), RecipeError> {
        let symbols = self.alphabet.as_ref().map_or(Alphabet::english().len(), Vec::len);
        let maps = self.network.linear_maps(symbols);
        for key in stage.families.keys() {
            let meant = |map: &LinearSpec| map.name == *key || kind_key(map.kind) == key;
            match maps.iter().find(|map| meant(map)) {
                None => {
                    let problem = "is not a map or kind of maps of the network";
                    return Err(wrong(format!("families.{key:?}"), problem));
                }
                Some(map) if map.kind == Kind::Conv => {
                    return Err(wrong(
                        format!("families.{key:?}"),
                        "is a map of convolutions, which stay dense",
                    ));
                }
                Some(_) => {}
            }
        }
        for map in &maps {
            if let Some(family) = chosen(&stage.families, map) {
                FamilySpec::new(&map.name, family.clone(), map.rows, map.cols)?;
            }
        }
        Ok(())
    }
}

impl Stage {
    fn validate(&self, index: usize) -> Result<(), RecipeError> {
        if let Some(rounding) = &self.quantize {
            rounding.validate()?;
        }
        if let Some(prune) = &self.prune {
            prune.validate(self.epochs)?;
        }
        // It is that of files.
        let plain = (1..=200).contains(&self.name.len())
            && self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !plain {
            return Err(wrong("name", "must be letters, digits, - or _, at most 200"));
        }
        if let Some(plan) = &self.shared_projection {
            plan.rank.validate()?;
        }
        let factored = self.parametrisation == Parametrisation::Factored;
        if index > 0 && factored {
            return Err(wrong("parametrisation", "is for the first stage alone"));
        }
        if let Some(rate) = self.structured_rate
            && !(rate > 0.0 && rate.is_finite())
        {
            return Err(wrong("structured_rate", format!("is {rate}, must be positive")));
        }
        let structured = !self.families.is_empty();
        if self.regulariser == Regulariser::TraceNorm && index == 0 && !factored && !structured {
            return Err(wrong("regulariser", "trace_norm needs parametrisation = \"factored\""));
        }
        if matches!(self.regulariser, Regulariser::L2 | Regulariser::GroupLasso) && factored {
            return Err(wrong(
                "regulariser",
                "l2 or group_lasso needs parametrisation = \"dense\"",
            ));
        }
        match self.rate {
            Rate::Value(rate) if !(rate > 0.0 && rate.is_finite()) => {
                Err(wrong("rate", format!("is {rate}, must be positive")))
            }
            Rate::Value(_) => Ok(()),
            Rate::Continue { continue_schedule: false } => {
                Err(wrong("rate.continue_schedule", "must be true where it is given"))
            }
            _ if index == 0 => Err(wrong("rate", "must be a number in the first stage")),
            _ => Ok(()),
        }?;
        for (key, value) in
            [("dropout", self.dropout), ("average", self.average), ("joint_ctc", self.joint_ctc)]
        {
            if !(0.0..1.0).contains(&value) {
                return Err(wrong(key, format!("is {value}, must be in [0, 1)")));
            }
        }
        if !(self.consistency >= 0.0 && self.consistency.is_finite()) {
            let problem = format!("is {}, must not be negative", self.consistency);
            return Err(wrong("consistency", problem));
        }
        if self.block.contains(&0) {
            return Err(wrong("block", "must be of at least one row and column"));
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
