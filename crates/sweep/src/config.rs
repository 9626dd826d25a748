//! The file of a sweep.
//!
//! ```toml
//! recipe = "recipe.toml"                       # relative to the folder that the command runs in, as paths in recipes are
//! seeds = [1, 2, 3]                            # each variant with each of them; absent: the recipe's own
//! set = { "data.cache.memory_mib" = 2000 }     # in every item; "{seed}" in a text is the item's seed
//!
//! [[arm]]                                      # each variant in each of these ways
//! name = "trace"
//! set = { "stage.0.parametrisation" = "factored", "stage.0.regulariser" = "trace_norm" }
//!
//! [grid]                                       # every combination
//! "stage.0.lambda_rec" = [0.001, 0.01, 0.1]
//! "stage.0.lambda_nonrec" = [0.001, 0.01, 0.1]
//!
//! [[item]]                                     # and these
//! name = "none"
//! set = { "stage.0.regulariser" = "none" }
//!
//! [random]                                     # and so many draws
//! draws = 20
//! seed = 1
//! keys = { "stage.0.rate" = { log = [1e-4, 1e-2] }, "stage.0.dropout" = { uniform = [0.0, 0.3] } }
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Error, Item, items};

/// Most trainings of a sweep.
const MOST_ITEMS: usize = 10_000;
/// Bytes of an item's name, which files beside its folder have with an ending.
const LONGEST_NAME: usize = 200;

/// The trainings of a sweep.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// The recipe that is changed.
    pub recipe: PathBuf,
    /// Each variant runs once with each of these seeds; if there are none, once with the recipe's.
    #[serde(default)]
    pub seeds: Vec<u64>,
    /// Keys that every item sets. In all texts that an item sets, `{seed}` stands for its seed: paths of runs of other
    /// sweeps have it.
    #[serde(default)]
    pub set: BTreeMap<String, toml::Value>,
    /// Ways to train each variant: each sets keys of its own, and what a variant sets replaces them.
    #[serde(default, rename = "arm")]
    pub arms: Vec<Listed>,
    /// Values of keys; every combination is a variant.
    #[serde(default)]
    pub grid: BTreeMap<String, Vec<toml::Value>>,
    /// Variants listed by hand.
    #[serde(default, rename = "item")]
    pub items: Vec<Listed>,
    /// Random variants.
    #[serde(default)]
    pub random: Option<RandomDraws>,
}

/// A variant listed by hand, or an arm.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its name: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The keys that it sets.
    #[serde(default)]
    pub set: BTreeMap<String, toml::Value>,
}

/// Random variants.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RandomDraws {
    /// How many.
    pub draws: usize,
    /// With the same seed, a larger number of draws begins with the same ones.
    #[serde(default)]
    pub seed: u64,
    /// How each key is drawn.
    pub keys: BTreeMap<String, Draw>,
}

/// How a value is drawn.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// Uniformly between two numbers.
    Uniform([f64; 2]),
    /// Its logarithm uniformly between those of two positive numbers.
    Log([f64; 2]),
    /// One of these.
    Choice(Vec<toml::Value>),
}

impl Sweep {
    /// Reads a sweep.
    ///
    /// # Errors
    /// A file that cannot be read, TOML that cannot be parsed, unknown keys, a sweep without items
    /// or with two of the same name.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let file = stonechat_files::TextFile::read(path)?;
        Self::from_toml(file.as_str()?)
            .map_err(|reason| Error::Sweep { path: path.to_owned(), reason })
    }

    /// Reads a sweep from its text.
    ///
    /// # Errors
    /// What [`load`](Self::load) says of the text.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let sweep: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        sweep.validate()?;
        Ok(sweep)
    }

    fn validate(&self) -> Result<(), String> {
        if let Some((key, _)) = self.grid.iter().find(|(_, values)| values.is_empty()) {
            return Err(format!("grid: {key:?} has no values"));
        }
        let keys = self.random.iter().flat_map(|random| &random.keys);
        for (key, draw) in keys {
            draw.validate().map_err(|reason| format!("random: {key:?}: {reason}"))?;
        }
        let count = self.count();
        if count > MOST_ITEMS {
            return Err(format!(
                "amounts to {count} trainings, at most {MOST_ITEMS} are taken: leave out some values, seeds or draws"
            ));
        }
        let items = self.items();
        // A name is that of a folder.
        let plain = |name: &str| {
            name.len() <= LONGEST_NAME
                && !name.starts_with('.')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let mut names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
        if let Some(name) = names.iter().find(|name| name.is_empty() || !plain(name)) {
            return Err(format!(
                "item {name:?}: a name must be letters, digits, - or _ or ., begin with no dot, and have at most \
                 {LONGEST_NAME} of them; it is that of the item's folder"
            ));
        }
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("two items are called {:?}", pair[0])),
            None => Ok(()),
        }
    }

    /// How many items there are, before any of them is made.
    fn count(&self) -> usize {
        let lengths = self.grid.values().map(Vec::len);
        let grid = match self.grid.is_empty() {
            true => 0,
            false => lengths.fold(1, usize::saturating_mul),
        };
        let draws = self.random.as_ref().map_or(0, |random| random.draws);
        let variants = grid.saturating_add(self.items.len()).saturating_add(draws).max(1);
        variants.saturating_mul(self.arms.len().max(1)).saturating_mul(self.seeds.len().max(1))
    }

    /// The trainings, in an order that depends only on the sweep: grid, list, draws, each with all
    /// seeds.
    pub fn items(&self) -> Vec<Item> {
        items::of(self)
    }
}

impl Draw {
    fn validate(&self) -> Result<(), String> {
        match self {
            Self::Uniform([low, high]) if low <= high && (high - low).is_finite() => Ok(()),
            Self::Log([low, high]) if *low > 0.0 && low <= high && high.is_finite() => Ok(()),
            Self::Choice(values) if !values.is_empty() => Ok(()),
            Self::Uniform(range) => Err(format!("uniform {range:?} must be [low, high]")),
            Self::Log(range) => Err(format!("log {range:?} must be [low, high] above 0")),
            Self::Choice(_) => Err("choice has no values".into()),
        }
    }
}
