//! Recipes: everything a training run depends on, as TOML.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stonechat_audio::FeatureConfig;
use stonechat_compress::{RankRule, SharedProjection};
use stonechat_model::{Alphabet, Family, FamilySpec, Kind, LinearSpec, NetworkConfig};

use crate::TrainError;
use crate::data::{AugmentConfig, BatchConfig, CacheConfig, Limits, Source, Targets};
use crate::grams::GramConfig;
use crate::init;
use crate::net::Parametrisation;
use crate::optimizer::OptimizerConfig;
use crate::prune::Prune;
use crate::rounding::Rounding;
use crate::schedule::Decay;
use crate::settle::Until;
use crate::teacher::TeacherConfig;
use crate::warm_start::{chosen, kind_key};

/// A recipe. Paths are relative to the folder the command runs in.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Seed of initial weights, order, augmentation and dropout.
    #[serde(default)]
    pub seed: u64,
    /// Where the tensors live; nothing in configs or checkpoints depends on it.
    #[serde(default)]
    pub device: DeviceKind,
    /// Weights to start from: a checkpoint of an earlier run, or a package (`NAME.stonechat`), whose `network`, `features` and
    /// `alphabet` are taken where the recipe leaves them out.
    #[serde(default)]
    pub init: Option<PathBuf>,
    /// Minutes between checkpoints inside an epoch.
    #[serde(default = "ten")]
    pub checkpoint_minutes: f64,
    /// Epochs between logs of nu, 90 % ranks and parameter counts per weight; 0 = never.
    #[serde(default = "one")]
    pub diagnose_every: usize,
    /// Output symbols, the blank (an empty string) first; English letters where absent.
    #[serde(default)]
    pub alphabet: Option<Vec<String>>,
    /// Grams of the training texts that are added to the alphabet's characters, for Gram-CTC; a run
    /// writes the alphabet that comes of it into its `recipe.toml`.
    #[serde(default)]
    pub grams: Option<GramConfig>,
    /// The data.
    pub data: DataSection,
    /// Feature extraction; `normalise` is fitted on the training set where it is absent.
    #[serde(default)]
    pub features: FeatureConfig,
    /// The net.
    pub network: NetworkConfig,
    /// How utterances are grouped.
    #[serde(default)]
    pub batches: BatchConfig,
    /// Augmentation of the training set.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// The stages, one after the other.
    #[serde(rename = "stage")]
    pub stages: Vec<Stage>,
}

/// Manifests and limits.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Training manifests.
    pub train: Vec<Source>,
    /// The manifest whose CER and WER are taken each epoch.
    #[serde(default)]
    pub dev: Vec<Source>,
    /// Manifests of utterances to leave out, as `stonechat data audit --drop` writes them.
    #[serde(default)]
    pub drop: Vec<PathBuf>,
    /// Lengths that are used.
    #[serde(default)]
    pub limits: Limits,
    /// Where decoded audio and features are kept.
    #[serde(default)]
    pub cache: CacheConfig,
}

/// The devices a build can know.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// The CPU, with the trainer's own operations.
    #[default]
    Cpu,
    /// An NVIDIA card (feature `cuda`).
    Cuda,
    /// Vulkan, Metal or DirectX (feature `wgpu`).
    Wgpu,
}

/// One stage of training.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Name, used for files.
    pub name: String,
    /// Passes over the training set, at most.
    pub epochs: usize,
    /// Ends the stage earlier.
    #[serde(default)]
    pub until: Option<Until>,
    /// How the large weights are held (first stage only).
    #[serde(default)]
    pub parametrisation: Parametrisation,
    /// Truncates the weights of the stage before to low rank (Kliegl et al. 2017, section 3).
    #[serde(default)]
    pub warm_start: Option<RankRule>,
    /// Gives the recurrent layers of the stage before projections that the layers above share (Prabhavalkar et al.
    /// 2016), before `warm_start` is carried out.
    #[serde(default)]
    pub shared_projection: Option<SharedProjection>,
    /// Families that maps are moved into when the stage begins, by a map's name (`gru.0.rec`) or for all of a kind
    /// (`recurrent`, `nonrecurrent`, `fully_connected`, `output`): `{ family = "toeplitz_like", rank = 4 }`. The first
    /// stage starts them from random values, or fits them to the weights of `init`; a later one fits them to the
    /// weights of the stage before.
    #[serde(default)]
    pub families: BTreeMap<String, Family>,
    /// Seconds of training audio; more than 0 lets `families`, `warm_start` and `shared_projection` keep what matters for
    /// the outputs of the net there, as `compress --calibrate` does, and not what is large in the weights.
    #[serde(default)]
    pub calibrate_seconds: f64,
    /// Penalty on the weights.
    #[serde(default)]
    pub regulariser: Regulariser,
    /// Strength on the recurrent weights.
    #[serde(default)]
    pub lambda_rec: f64,
    /// Strength on the non-recurrent and fully connected weights.
    #[serde(default)]
    pub lambda_nonrec: f64,
    /// Rows and columns of a block of [`Regulariser::GroupLasso`].
    #[serde(default = "block")]
    pub block: [usize; 2],
    /// A trained net whose posteriors this one is drawn to.
    #[serde(default)]
    pub teacher: Option<TeacherConfig>,
    /// Share of the loss, in [0, 1), that is plain CTC over an output layer for the characters
    /// alone, which is left out of the package; for Gram-CTC (Liu et al. 2017, "joint training").
    #[serde(default)]
    pub joint_ctc: f32,
    /// The optimiser.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// Where the learning rate comes from.
    pub rate: Rate,
    /// The parts of structured maps take this many times `rate` (0.25 in Sindhwani et al. 2015); left out, as much less
    /// as a step of theirs moves their matrix further than a step of its own entries would: see [`crate::part_rates`].
    #[serde(default)]
    pub structured_rate: Option<f64>,
    /// Epochs of linear warm-up.
    #[serde(default)]
    pub warmup_epochs: f64,
    /// How the rate falls.
    #[serde(default)]
    pub decay: Decay,
    /// Largest global norm of the gradient.
    #[serde(default = "clip_norm")]
    pub clip_norm: f64,
    /// Share of activations dropped below each recurrent and fully connected layer.
    #[serde(default)]
    pub dropout: f32,
    /// Weight of the divergence between two differently masked views of each utterance (CR-CTC, Yao et al. 2024, who
    /// use 0.2); 0 = one view. A step costs twice as much for the same number of utterances.
    #[serde(default)]
    pub consistency: f32,
    /// Trains for integer weights and activations: the stage's package has the integers. CPU only.
    #[serde(default)]
    pub quantise: Option<Rounding>,
    /// Makes weights zero while the stage trains; a stage behind it keeps them at zero only with a `prune` of its own.
    #[serde(default)]
    pub prune: Option<Prune>,
    /// Decay of the moving average of the weights that is evaluated and exported; 0 = the weights.
    #[serde(default)]
    pub average: f32,
}

/// The learning rate of a stage.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum Rate {
    /// Given.
    Value(f64),
    /// This many times the last rate of the stage before (3 in Kliegl et al. 2017, section 3.2.2).
    TimesFinal {
        /// The factor.
        times_final: f64,
    },
    /// The schedule of the stage before goes on as if there were one stage (section 3.2.3).
    Continue {
        /// Must be true.
        continue_schedule: bool,
    },
}

/// The penalty added to the loss.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Regulariser {
    /// None.
    #[default]
    None,
    /// `lambda / 2 |W|^2`.
    L2,
    /// `lambda / 2 (|U|^2 + |V|^2)`, which is lambda times the trace norm of `U V` at its minimum.
    TraceNorm,
    /// `lambda sum over blocks of sqrt(size) |block|` on W (Yuan & Lin 2006): blocks become zero.
    GroupLasso,
}

fn ten() -> f64 {
    10.0
}
fn one() -> usize {
    1
}
fn clip_norm() -> f64 {
    400.0
}
fn block() -> [usize; 2] {
    [8, 8]
}

impl Recipe {
    /// Reads a recipe and sets `overrides` (`key.inner=value`, lists by index) in it.
    ///
    /// # Errors
    /// A file that cannot be read, TOML that cannot be parsed, unknown keys, values that make no sense.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, TrainError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| TrainError::Io { path: path.to_owned(), source: e })?;
        Self::parse(&text, overrides)
            .map_err(|reason| TrainError::Recipe { path: path.to_owned(), reason })
    }

    fn parse(text: &str, overrides: &[String]) -> Result<Self, String> {
        let mut value: toml::Value = toml::from_str(text).map_err(|e| e.to_string())?;
        for change in overrides {
            set(&mut value, change)?;
        }
        init::complete(&mut value)?;
        let recipe: Self = value.try_into().map_err(|e: toml::de::Error| e.to_string())?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// Reads a recipe that [`Self::to_toml`] wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        Self::parse(text, &[])
    }

    /// The output symbols, the recipe's own or English letters; grams that are still to be chosen
    /// are not among them.
    ///
    /// # Errors
    /// A list that makes no alphabet.
    pub fn symbols(&self) -> Result<Alphabet, TrainError> {
        match &self.alphabet {
            Some(symbols) => Ok(Alphabet::new(symbols.clone())?),
            None => Ok(Alphabet::english()),
        }
    }

    /// The recipe as TOML.
    ///
    /// # Errors
    /// None for a recipe that was parsed.
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string(self).map_err(|e| TrainError::Recipe {
            path: PathBuf::from("recipe"),
            reason: e.to_string(),
        })
    }

    fn validate(&self) -> Result<(), String> {
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
        let cpu = self.device == DeviceKind::Cpu;
        if !cpu && self.stages.iter().any(|stage| !stage.families.is_empty()) {
            return Err("families other than dense and low rank are trained on the CPU only".into());
        }
        self.augment.validate().map_err(|e| e.to_string())?;
        self.batches.validate().map_err(|e| e.to_string())?;
        if self.device != DeviceKind::Cpu && self.stages.iter().any(|s| s.quantise.is_some()) {
            return Err("quantise needs device = \"cpu\"".into());
        }
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

/// Sets `a.b.2.c=value` in a TOML tree; the value is TOML, or a plain string where it is not.
fn set(root: &mut toml::Value, change: &str) -> Result<(), String> {
    let (path, text) =
        change.split_once('=').ok_or_else(|| format!("--set {change}: expected KEY=VALUE"))?;
    let value = toml::from_str::<toml::Table>(&format!("v = {text}"))
        .ok()
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| toml::Value::String(text.to_owned()));
    let mut place = root;
    for key in path.trim().split('.') {
        place = match place {
            toml::Value::Array(items) => {
                let len = items.len();
                key.parse::<usize>()
                    .ok()
                    .and_then(|i| items.get_mut(i))
                    .ok_or_else(|| format!("--set {change}: {key} is no index below {len}"))?
            }
            toml::Value::Table(table) => {
                let empty = || toml::Value::Table(toml::Table::new());
                table.entry(key).or_insert_with(empty)
            }
            _ => return Err(format!("--set {change}: {key} is inside a plain value")),
        };
    }
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        [data]
        train = [{ manifest = "train.jsonl" }]
        [network]
        input = 80
        gru = [8]
        [[stage]]
        name = "one"
        epochs = 2
        rate = 0.001
    "#;

    #[test]
    fn overrides_reach_any_key_and_round_trip() {
        let settled = "stage.0.until={ settled = { of = 'rank', tolerance = 0.1, epochs = 2 } }";
        let teacher = "stage.0.teacher={ package = 'base.stonechat', weight = 0.3 }";
        let changes = [
            settled,
            teacher,
            "grams={ max = 50 }",
            "stage.0.rate=3e-4",
            "network.gru=[4,5]",
            "features.mels=80",
            "seed=7",
        ];
        let changes: Vec<String> = changes.iter().map(|s| s.to_string()).collect();
        let recipe = Recipe::parse(SMALL, &changes).unwrap();
        assert_eq!(recipe.stages[0].rate, Rate::Value(3e-4));
        assert_eq!((recipe.network.recurrent.clone(), recipe.seed), (vec![4.into(), 5.into()], 7));
        assert_eq!(Recipe::parse(&recipe.to_toml().unwrap(), &[]).unwrap(), recipe);
    }

    #[test]
    fn the_recipes_of_the_repository_are_valid() {
        let models =
            concat!("init=", env!("CARGO_MANIFEST_DIR"), "/../../models/default.stonechat");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                // What the command takes out of itself.
                let bundled =
                    std::fs::read_to_string(&path).unwrap().contains("init = \"bundled\"");
                let changes: &[String] = if bundled { &[models.to_owned()] } else { &[] };
                Recipe::load(&path, changes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                count += 1;
            }
        }
        assert!(count >= 2, "{count} recipes");
    }

    #[test]
    fn wrong_recipes_say_what_is_wrong() {
        for (change, expected) in [
            ("stage.0.regulariser=trace_norm", "factored"),
            ("stage.0.rate=-1", "positive"),
            ("stage.3.rate=1", "index"),
            ("network.input=40", "network.input"),
            ("sed=1", "sed"),
            ("stage.0.name=a/b", "letters"),
            ("network.gru=[{ hidden = 8, recurrent_bias = true }]", "recurrent_bias"),
            ("stage.0.joint_ctc=1.0", "joint_ctc"),
            ("stage.0.block=[0, 4]", "block"),
            ("stage.0.until={ settled = { of = \"nu\", tolerance = 0.1, epochs = 0 } }", "until"),
            ("stage.0.teacher={ package = \"t\", weight = 0.0 }", "teacher.weight"),
            ("stage.0.teacher={ package = \"t\", temperature = -1.0 }", "temperature"),
            ("grams={ longest = 1 }", "grams.longest"),
        ] {
            let error = Recipe::parse(SMALL, &[change.to_owned()]).unwrap_err();
            assert!(error.contains(expected), "{change}: {error}");
        }
    }
}
