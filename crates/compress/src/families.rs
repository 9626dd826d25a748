//! Moves chosen maps of a network into other families.

use crate::warm_start::{absorb_mean, spread, whitened};
use crate::{Calibration, Error, Result, Svd, project};
use std::collections::BTreeMap;
use stonechat_model::{Family, FamilySpec, Kind, LinearMap, MapRef, Network};

/// The name of a kind, as in files.
pub(crate) fn kind_name(kind: Kind) -> String {
    // A unit variant, so its name is its whole serialised form.
    let name = toml::Value::try_from(kind);
    name.ok().and_then(|name| name.as_str().map(String::from)).unwrap_or_default()
}

/// The entry of `choices` for a map: by its name, otherwise by its kind.
pub(crate) fn chosen<'a, T>(choices: &'a BTreeMap<String, T>, map: &MapRef<'_>) -> Option<&'a T> {
    choices.get(&map.name()).or_else(|| choices.get(&kind_name(map.kind)))
}

/// Checks that every key of `choices` is a map or a kind of map of the network.
pub(crate) fn check_keys<T>(network: &Network, choices: &BTreeMap<String, T>) -> Result<()> {
    let maps = network.maps();
    let known =
        |key: &String| maps.iter().any(|map| map.name() == *key || kind_name(map.kind) == *key);
    match choices.keys().find(|key| !known(key)) {
        None => Ok(()),
        Some(key) => {
            let names = maps.iter().map(MapRef::name).collect::<Vec<_>>().join(", ");
            Err(Error::Plan(format!(
                "the network has no map and no kind of map `{key}`; its maps are {names}"
            )))
        }
    }
}

/// The network with the maps in `families` (by a map's name, or all of a kind: `recurrent`,
/// `output`, ...) moved into those families: as close as possible to their outputs if their
/// `inputs` are known, otherwise to their weights. Biases then absorb the change of the mean.
///
/// # Errors
/// If a key names no map, a map is already quantized, or a family does not allow its size.
pub fn change_families(
    network: &Network,
    families: &BTreeMap<String, Family>,
    inputs: Option<&Calibration>,
) -> Result<Network> {
    network.validate()?;
    check_keys(network, families)?;
    let mut after = network.clone();
    for (i, map) in network.maps().iter().enumerate() {
        let Some(family) = chosen(families, map) else { continue };
        *after.maps_mut()[i].1 = moved(network, map, family, inputs)?;
        if let Some(inputs) = inputs {
            absorb_mean(network, &mut after, i, inputs)?;
        }
    }
    Ok(after)
}

/// A map in another family.
pub(crate) fn moved(
    network: &Network,
    map: &MapRef<'_>,
    family: &Family,
    inputs: Option<&Calibration>,
) -> Result<LinearMap> {
    let name = map.name();
    if map.map.is_quantized() {
        return Err(Error::Plan(format!(
            "`{name}` is quantized already: change the families of the float network first"
        )));
    }
    let (rows, cols) = (map.map.rows(), map.map.cols());
    let spec = FamilySpec::new(&name, family.clone(), rows, cols)?;
    let parts = match family {
        Family::Dense(_) => vec![map.map.to_dense()],
        Family::LowRank(low_rank) => {
            let svd = match inputs {
                Some(inputs) => whitened(network, map, inputs)?,
                None => Svd::of(map.map)?,
            };
            let full = svd.sigma.len();
            if low_rank.rank > full {
                let rank = low_rank.rank;
                let reason = format!("the rank of `{name}` is {rank}, must be at most {full}");
                return Err(Error::Rank(reason));
            }
            let (u, v) = svd.truncate(low_rank.rank);
            vec![u, v]
        }
        _ => {
            let moments = inputs.map(|inputs| spread(network, map, inputs)).transpose()?;
            let moments = moments.map(|moment| moment.matrix());
            project(&name, &map.map.to_dense(), &spec, moments.as_deref())?.parts
        }
    };
    Ok(LinearMap::from_values(&name, spec, parts, None)?)
}
