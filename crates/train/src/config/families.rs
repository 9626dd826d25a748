//! The maps that the keys of a stage's `families` stand for.

use std::collections::BTreeMap;

use stonechat_model::{Family, Kind, LinearSpec};

/// The family that `choices` give a map: by its name, otherwise by its kind.
pub fn chosen<'a>(choices: &'a BTreeMap<String, Family>, map: &LinearSpec) -> Option<&'a Family> {
    choices.get(&map.name).or_else(|| choices.get(kind_key(map.kind)))
}

/// The key of all maps of a kind.
pub fn kind_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Conv => "conv",
        Kind::Nonrecurrent => "nonrecurrent",
        Kind::Recurrent => "recurrent",
        Kind::Joint => "joint",
        Kind::Projection => "projection",
        Kind::FullyConnected => "fully_connected",
        Kind::Output => "output",
    }
}
