//! Recipes: everything a training run depends on, as TOML.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stonechat_audio::FeatureConfig;
use stonechat_files::TextFile;
use stonechat_model::{Alphabet, NetworkConfig};

use super::changes::{complete, drop_device, set};
use super::error::RecipeError;
use super::grams::GramConfig;
use super::stage::Stage;
use crate::TrainError;
use crate::data::{AugmentConfig, BatchConfig, CacheConfig, Limits, Source};

/// A recipe. Paths are relative to the working directory.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Seed of initial weights, order, augmentation and dropout.
    #[serde(default)]
    pub seed: u64,
    /// Weights to start from: a checkpoint of an earlier run, or a package (`NAME.stonechat`). The
    /// `network`, `features` and `alphabet` of a package are used if the recipe leaves them out.
    #[serde(default)]
    pub init: Option<PathBuf>,
    /// Minutes between checkpoints inside an epoch.
    #[serde(default = "ten")]
    pub checkpoint_minutes: f64,
    /// Epochs between logs of nu, 90 % ranks and parameter counts per weight; 0 = never.
    #[serde(default = "one")]
    pub diagnose_every: usize,
    /// Output symbols, the blank (an empty string) first; English letters if absent.
    #[serde(default)]
    pub alphabet: Option<Vec<String>>,
    /// Grams of the training texts that are added to the alphabet's characters, for Gram-CTC. A run
    /// writes the resulting alphabet into its `recipe.toml`.
    #[serde(default)]
    pub grams: Option<GramConfig>,
    /// The data.
    pub data: DataSection,
    /// Feature extraction; `normalise`, if absent, is fitted on the training set.
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
    /// The stages, one after another.
    #[serde(rename = "stage")]
    pub stages: Vec<Stage>,
}

/// Manifests and limits.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Training manifests.
    pub train: Vec<Source>,
    /// The manifests for the CER and WER of each epoch.
    #[serde(default)]
    pub dev: Vec<Source>,
    /// Manifests of utterances to leave out, as `stonechat data audit --drop` writes them.
    #[serde(default)]
    pub drop: Vec<PathBuf>,
    /// Range of lengths to use.
    #[serde(default)]
    pub limits: Limits,
    /// Where decoded audio and features are kept.
    #[serde(default)]
    pub cache: CacheConfig,
}

fn ten() -> f64 {
    10.0
}
fn one() -> usize {
    1
}
impl Recipe {
    /// Reads a recipe and sets `overrides` (`key.inner=value`, lists by index) in it.
    ///
    /// # Errors
    /// A file that cannot be read, TOML that cannot be parsed, unknown keys, values that make no
    /// sense.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, TrainError> {
        let text = TextFile::read(path)?;
        Self::parse(text.as_str()?, overrides)
            .map_err(|source| TrainError::Recipe { path: path.to_owned(), source })
    }

    fn parse(text: &str, overrides: &[String]) -> Result<Self, RecipeError> {
        let mut value: toml::Value = toml::from_str(text)?;
        for change in overrides {
            set(&mut value, change)?;
        }
        drop_device(&mut value)?;
        complete(&mut value)?;
        let recipe: Self = value.try_into()?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// Reads a recipe that [`Self::to_toml`] wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        Self::parse(text, &[])
    }

    /// The output symbols: the recipe's own or English letters, without grams that are still to be
    /// chosen.
    ///
    /// # Errors
    /// A list that is not a valid alphabet.
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
    pub fn to_toml(&self) -> Result<String, RecipeError> {
        Ok(toml::to_string(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::stage::Rate;
    use stonechat_testing::SMALL_RECIPE;

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
            "device=cpu",
        ];
        let changes: Vec<String> = changes.iter().map(|s| s.to_string()).collect();
        let recipe = Recipe::parse(SMALL_RECIPE, &changes).unwrap();
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
                // The package that a training starts from is named from the root of the repository.
                let starts = std::fs::read_to_string(&path).unwrap().contains("\ninit = ");
                let changes: &[String] = if starts { &[models.to_owned()] } else { &[] };
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
            ("device=cuda", "CPU"),
            ("stage.0.name=a/b", "letters"),
            ("network.gru=[{ hidden = 8, recurrent_bias = true }]", "recurrent_bias"),
            ("stage.0.joint_ctc=1.0", "joint_ctc"),
            ("stage.0.block=[0, 4]", "block"),
            ("stage.0.until={ settled = { of = \"nu\", tolerance = 0.1, epochs = 0 } }", "until"),
            ("stage.0.teacher={ package = \"t\", weight = 0.0 }", "teacher.weight"),
            ("stage.0.teacher={ package = \"t\", temperature = -1.0 }", "temperature"),
            ("grams={ longest = 1 }", "grams.longest"),
            ("stage.0.name=bundled", "stage.0.name"),
            ("checkpoint_minutes=nan", "checkpoint_minutes"),
            ("checkpoint_minutes=-1.0", "checkpoint_minutes"),
        ] {
            let error = Recipe::parse(SMALL_RECIPE, &[change.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(expected), "{change}: {error}");
        }
    }
}
