//! Stage 2 starts from the truncated SVD of stage 1 (Kliegl et al. 2017, section 3).

use std::collections::BTreeMap;

use stonechat_compress::{RankRule, Spectrum, singular_values};

use crate::TrainError;
use crate::linear;
use crate::net::Net;
use crate::ops::matmul;
use crate::parameters::Parameter;

/// The names a map's parameters end in.
const PARTS: [&str; 3] = ["weight", "u", "v"];

/// Replaces every recurrent, non-recurrent and fully connected weight of `net` by factors whose ranks
/// follow `rule`; a map that low rank would not make smaller becomes (or stays) dense.
///
/// # Errors
/// A weight that is not finite, or a rule that names no map of the net.
pub fn warm_start(net: &mut Net, rule: &RankRule) -> Result<(), TrainError> {
    let mut weights = BTreeMap::new();
    let mut spectra = Vec::new();
    for map in net.config.linear_maps(net.symbols) {
        if !map.name.starts_with("gru.") && map.name != "fc" {
            continue;
        }
        let weight = multiplied_out(net, &map.name);
        let sigma = singular_values(&weight.values, map.rows, map.cols)?;
        spectra.push(Spectrum { name: map.name.clone(), rows: map.rows, cols: map.cols, sigma });
        weights.insert(map.name, weight);
    }
    let fixed: usize = net
        .parameters
        .iter()
        .filter(|(name, _)| !weights.contains_key(map_of(name)))
        .map(|(_, p)| p.values.len())
        .sum();
    let ranks = rule.choose(&spectra, fixed, false)?;
    for (spectrum, rank) in spectra.iter().zip(ranks) {
        let name = &spectrum.name;
        for part in PARTS {
            net.parameters.remove(&format!("{name}.{part}"));
        }
        let weight = &weights[name];
        if rank * (spectrum.rows + spectrum.cols) < spectrum.rows * spectrum.cols {
            linear::insert_balanced(&mut net.parameters, name, weight, rank)?;
        } else {
            net.parameters.insert(format!("{name}.weight"), weight.clone());
        }
    }
    Ok(())
}

/// The map a parameter belongs to.
fn map_of(parameter: &str) -> &str {
    match parameter.rsplit_once('.') {
        Some((map, part)) if PARTS.contains(&part) => map,
        _ => parameter,
    }
}

/// The weight of the map `name` as one matrix.
fn multiplied_out(net: &Net, name: &str) -> Parameter {
    if let Some(weight) = net.parameters.get(&format!("{name}.weight")) {
        return weight.clone();
    }
    let u = &net.parameters[&format!("{name}.u")];
    let v = &net.parameters[&format!("{name}.v")];
    let values = matmul::backward_input(&u.values, &v.values, u.rows, v.columns, u.columns);
    Parameter { rows: u.rows, columns: v.columns, values }
}
