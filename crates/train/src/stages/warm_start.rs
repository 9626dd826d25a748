//! How a stage changes the maps it starts from: truncated to low rank (Kliegl et al. 2017, section 3), given a
//! projection shared between layers (Prabhavalkar et al. 2016), or moved into other families.

use std::collections::BTreeMap;

use stonechat_compress::{
    RankRule, SharedProjection, Spectrum, basis_svd, name_above, project, projectable_layers,
    shared_factors, singular_values,
};
use stonechat_model::{Family, FamilySpec, Kind};

use crate::TrainError;
use crate::config::chosen;
use crate::engine::linear;
use crate::engine::net::{Net, fan_in_gain};
use crate::engine::ops::matmul;
use crate::engine::parameters::Parameter;
use crate::random;

impl Net {
    /// The parameters that the map `name` is made of, with the last part of their names.
    pub fn parts(&self, name: &str) -> impl Iterator<Item = (&str, &Parameter)> {
        let prefix = format!("{name}.");
        self.parameters.iter().filter_map(move |(parameter, values)| {
            let part = parameter.strip_prefix(&prefix)?;
            (part != "bias" && !part.contains('.')).then_some((part, values))
        })
    }

    /// The weight of the map `name` as one matrix.
    pub fn dense(&self, name: &str) -> Parameter {
        let value = |part: &str| &self.parameters[&format!("{name}.{part}")];
        if let Some(spec) = self.families.get(name) {
            let parts: Vec<&[f32]> =
                spec.parts().iter().map(|part| value(part.name).values.as_slice()).collect();
            let values = spec.to_dense(&parts);
            return Parameter { rows: spec.rows(), columns: spec.cols(), values };
        }
        if let Some(weight) = self.parameters.get(&format!("{name}.weight")) {
            return weight.clone();
        }
        let (u, v) = (value("u"), value("v"));
        let values = matmul::backward_input(&u.values, &v.values, u.rows, v.columns, u.columns);
        Parameter { rows: u.rows, columns: v.columns, values }
    }

    /// Puts `parts` of the family `spec` in the place of the map `name`.
    pub(crate) fn set_map(&mut self, name: &str, spec: FamilySpec, parts: Vec<Vec<f32>>) {
        self.clear_map(name);
        for (part, values) in spec.parts().into_iter().zip(parts) {
            let parameter = Parameter { rows: part.rows, columns: part.cols, values };
            self.parameters.insert(format!("{name}.{}", part.name), parameter);
        }
        if !matches!(spec.family(), Family::Dense(_) | Family::LowRank(_)) {
            self.families.insert(name.to_owned(), spec);
        }
    }

    fn clear_map(&mut self, name: &str) {
        let parts: Vec<String> = self.parts(name).map(|(part, _)| part.to_owned()).collect();
        for part in parts {
            self.parameters.remove(&format!("{name}.{part}"));
        }
        self.families.remove(name);
    }
}

/// Replaces every recurrent, non-recurrent and fully connected weight of `net` by factors whose ranks
/// follow `rule`; a map that low rank would not make smaller becomes (or stays) dense.
///
/// # Errors
/// A weight that is not finite, or a rule that names no map of the net.
pub fn warm_start(net: &mut Net, rule: &RankRule) -> Result<(), TrainError> {
    let mut weights = BTreeMap::new();
    let mut spectra = Vec::new();
    let mut fixed = net.count();
    for map in net.config.linear_maps(net.symbols) {
        if !matches!(map.kind, Kind::Nonrecurrent | Kind::Recurrent | Kind::FullyConnected) {
            continue;
        }
        let weight = net.dense(&map.name);
        let sigma = singular_values(&weight.values, map.rows, map.cols)?;
        fixed -= net.parts(&map.name).map(|(_, p)| p.values.len()).sum::<usize>();
        spectra.push(Spectrum { name: map.name.clone(), rows: map.rows, cols: map.cols, sigma });
        weights.insert(map.name, weight);
    }
    let ranks = rule.choose(&spectra, fixed, false)?;
    for (spectrum, rank) in spectra.iter().zip(ranks) {
        let name = &spectrum.name;
        net.clear_map(name);
        let weight = &weights[name];
        if rank * (spectrum.rows + spectrum.cols) < spectrum.rows * spectrum.cols {
            linear::insert_balanced(&mut net.parameters, name, weight, rank)?;
        } else {
            net.parameters.insert(format!("{name}.weight"), weight.clone());
        }
    }
    Ok(())
}

/// Gives the recurrent layers of `net` projections that the layers above share (Prabhavalkar et al. 2016), of widths
/// that follow the plan; what does not become smaller by it stays.
///
/// # Errors
/// A weight that is not finite, or a rule that cannot be met.
pub fn share_projections(net: &mut Net, plan: &SharedProjection) -> Result<(), TrainError> {
    let layers = projectable_layers(&net.config);
    let mut shared = Vec::new();
    let mut spectra = Vec::new();
    let mut fixed = net.count();
    for &l in &layers {
        let name = net.config.recurrent_name(l);
        let above = name_above(&net.config, l);
        let (rec, n) = (format!("{name}.rec"), net.config.recurrent[l].hidden);
        let (w_h, w_x) = (net.dense(&rec), net.dense(&above));
        let svd = basis_svd(plan.basis, &w_h.values, &w_x.values, n, None)?;
        spectra.push(Spectrum {
            name: format!("{name}.proj"),
            rows: w_h.rows + w_x.rows,
            cols: n,
            sigma: svd.sigma.clone(),
        });
        for name in [&rec, &above] {
            fixed -= net.parts(name).map(|(_, p)| p.values.len()).sum::<usize>();
        }
        shared.push((l, svd, (rec, w_h), (above, w_x)));
    }
    let ranks = plan.rank.choose(&spectra, fixed, false)?;
    for (((l, svd, (rec, w_h), (above, w_x)), spectrum), rank) in
        shared.into_iter().zip(spectra).zip(ranks)
    {
        if rank * (spectrum.rows + spectrum.cols) >= spectrum.rows * spectrum.cols {
            continue;
        }
        let factors = shared_factors(&svd, &w_h.values, &w_x.values, rank, None);
        for (name, rows, columns, values) in [
            (rec, w_h.rows, rank, factors.recurrent),
            (above, w_x.rows, rank, factors.above),
            (spectrum.name, rank, spectrum.cols, factors.projection),
        ] {
            net.clear_map(&name);
            net.parameters.insert(format!("{name}.weight"), Parameter { rows, columns, values });
        }
        net.config.recurrent[l].projection = Some(rank);
    }
    Ok(())
}

/// Where the weights of a map come from that changes its family.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// Random values that give `W` the variance of a fresh dense weight.
    Fresh {
        /// Seed of the net.
        seed: u64,
    },
    /// The nearest fit to the weights that are there.
    Fitted,
}

/// Moves the maps of `net` into the families of `choices` (keys: a map's name, or a kind).
///
/// # Errors
/// A family that cannot have the map's size, or a weight that is not finite.
pub fn change_families(
    net: &mut Net,
    choices: &BTreeMap<String, Family>,
    start: Start,
) -> Result<(), TrainError> {
    for map in net.config.linear_maps(net.symbols) {
        let Some(family) = chosen(choices, &map) else { continue };
        let spec = FamilySpec::new(&map.name, family.clone(), map.rows, map.cols)?;
        let parts = match start {
            Start::Fitted => project(&map.name, &net.dense(&map.name).values, &spec, None)?.parts,
            Start::Fresh { seed } => fresh(&spec, random::seed_for(seed, &map.name), map.kind),
        };
        net.set_map(&map.name, spec, parts);
    }
    Ok(())
}

/// Uniform values of the deviation that the family needs for a variance of `gain / cols` in `W`.
fn fresh(spec: &FamilySpec, seed: u64, kind: Kind) -> Vec<Vec<f32>> {
    let sigma = (f64::from(fan_in_gain(kind)) / spec.cols() as f64).sqrt();
    let parts = spec.parts().into_iter().zip(spec.deviations(sigma)).enumerate();
    let mut parts: Vec<Vec<f32>> = parts
        .map(|(number, (part, deviation))| {
            let seed = random::hash(seed, number as u64);
            random::uniform(seed, part.rows * part.cols, deviation as f32)
        })
        .collect();
    spec.admit(&mut parts);
    parts
}
