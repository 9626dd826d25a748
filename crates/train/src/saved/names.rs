//! The names in a checkpoint: those of the package, with additional ones for batch norms
//! (`gru.0.norm.gamma`, `gru.0.norm.beta`).

use std::collections::BTreeMap;
use std::path::Path;

use stonechat_model::{
    Affine, BatchNorm, Error, Family, FamilySpec, Kind, LinearMap, LinearSpec, MapId, Network,
    NetworkConfig, ParameterId, Source, VectorId,
};

use super::checkpoint::{Checkpoint, Moments, Progress, wrong};
use crate::TrainError;
use crate::engine::net::{Net, dense, dense_view, is_structured};
use crate::engine::ops::batch_norm::Statistics;
use crate::engine::ops::conv::swap_taps;
use crate::engine::optimizer::OptimizerState;
use crate::engine::parameters::{Beside, Parameter, Place};

/// The layer after which a map's batch norm is named.
pub fn layer_name(config: &NetworkConfig, map: MapId) -> String {
    match map.kind {
        Kind::Nonrecurrent => config.recurrent_name(map.layer),
        _ => config.map_name(map),
    }
}

fn vector_name(config: &NetworkConfig, id: VectorId) -> String {
    let joint =
        |map: MapId| map.kind == Kind::Nonrecurrent && config.recurrent[map.layer].joint.is_some();
    match id {
        VectorId::Norm(map) => format!("{}.norm.gamma", layer_name(config, map)),
        VectorId::Bias(map) if map.kind == Kind::Output || joint(map) => {
            format!("{}.bias", layer_name(config, map))
        }
        VectorId::Bias(map) => format!("{}.norm.beta", layer_name(config, map)),
        _ => config.vector_name(id),
    }
}

/// The name of a parameter of `net`.
pub fn name_of(net: &Net, place: Place) -> String {
    match place {
        Place::Network(ParameterId::Vector(id)) => vector_name(net.config(), id),
        Place::Network(part) => net.network.parameter_name(part),
        Place::CharactersWeight => "characters.weight".into(),
        Place::CharactersBias => "characters.bias".into(),
    }
}

/// The places of a net's parameters by their names.
pub fn names(net: &Net) -> BTreeMap<String, Place> {
    net.parameters().into_iter().map(|(place, _)| (name_of(net, place), place)).collect()
}

impl Checkpoint {
    /// The checkpoint of a run at this moment.
    pub fn of(
        progress: &Progress,
        net: &Net,
        average: &Beside,
        optimizer: &OptimizerState,
    ) -> Self {
        let named = |beside: &Beside| {
            beside.iter().map(|(place, v)| (name_of(net, *place), v.clone())).collect()
        };
        let parameters: BTreeMap<String, Parameter> =
            net.parameters().into_iter().map(|(id, p)| (name_of(net, id), p.clone())).collect();
        let shaped = |(name, values): (String, Vec<f32>)| {
            let Parameter { rows, columns, .. } = parameters[&name];
            (name, Parameter { rows, columns, values })
        };
        let average: BTreeMap<String, Vec<f32>> = named(average);
        let statistics = net.network.affines().into_iter().filter_map(|(id, affine)| {
            let BatchNorm { mean, variance, .. } = affine.norm.clone()?;
            Some((layer_name(net.config(), id), Statistics { mean, variance }))
        });
        let structured = net.network.maps().into_iter().filter(|map| is_structured(map.map));
        Self {
            progress: progress.clone(),
            average: average.into_iter().map(shaped).collect(),
            statistics: statistics.collect(),
            optimizer: Moments {
                steps: optimizer.steps,
                first: named(&optimizer.first),
                second: named(&optimizer.second),
            },
            families: structured.map(|map| (map.name(), map.map.family().clone())).collect(),
            recurrent: net.config().recurrent.clone(),
            time_first: true,
            parameters,
        }
    }

    /// The net, whose layers must be those of `wanted`.
    ///
    /// # Errors
    /// The checkpoint belongs to a net with other names or sizes.
    pub fn net(&self, wanted: &NetworkConfig, path: &Path) -> Result<Net, TrainError> {
        self.net_of(&self.parameters, wanted, path)
    }

    /// The net by which the run was evaluated: with averaged weights, if it kept an average.
    ///
    /// # Errors
    /// Those of [`net`](Self::net).
    pub fn judged(&self, wanted: &NetworkConfig, path: &Path) -> Result<Net, TrainError> {
        let parameters = if self.average.is_empty() { &self.parameters } else { &self.average };
        self.net_of(parameters, wanted, path)
    }

    fn net_of(
        &self,
        parameters: &BTreeMap<String, Parameter>,
        wanted: &NetworkConfig,
        path: &Path,
    ) -> Result<Net, TrainError> {
        let recurrent = self.fitting_layers(&wanted.recurrent, path)?;
        let config = NetworkConfig { recurrent, ..wanted.clone() };
        let symbols = parameters.get("output.bias").map_or(0, |bias| bias.values.len());
        let mut stored = Stored { checkpoint: self, parameters, config: config.clone() };
        let network = Network::build(config, symbols, &mut stored);
        let network = network.and_then(|mut network| {
            for (id, affine) in network.affines_mut() {
                if id.kind != Kind::Output {
                    affine.norm = Some(stored.norm(id, affine.map.rows())?);
                }
            }
            stored.move_shifts(&mut network);
            Ok(network)
        });
        let characters = parameters.get("characters.weight").cloned().map(dense);
        let bias = parameters.get("characters.bias").cloned();
        Ok(Net {
            network: network.map_err(|e| wrong(path, e))?,
            characters: characters.zip(bias).map(|(map, bias)| Affine::new(map, bias)),
            frozen: self.progress.frozen,
            rounding: None,
        })
    }

    /// The average of the parameters of `net`; empty if the run kept none.
    pub fn average(&self, net: &Net) -> Beside {
        self.beside(net, |name| Some(&self.average.get(name)?.values))
    }

    /// The state of the optimiser of `net`.
    pub fn optimizer(&self, net: &Net) -> OptimizerState {
        OptimizerState {
            steps: self.optimizer.steps,
            first: self.beside(net, |name| self.optimizer.first.get(name)),
            second: self.beside(net, |name| self.optimizer.second.get(name)),
        }
    }

    fn beside<'a>(&'a self, net: &Net, values: impl Fn(&str) -> Option<&'a Vec<f32>>) -> Beside {
        let places = names(net).into_iter();
        places
            .filter_map(|(name, place)| {
                Some((place, self.arranged(net.config(), place.map(), values(&name)?.clone())))
            })
            .collect()
    }

    /// The values of a part of `map` in the current order.
    fn arranged(&self, config: &NetworkConfig, map: Option<MapId>, values: Vec<f32>) -> Vec<f32> {
        match map {
            Some(MapId { kind: Kind::Conv, layer }) if !self.time_first => {
                let [frequency, time] = config.conv[layer].kernel;
                swap_taps(&values, frequency, time, config.conv_channels_in(layer))
            }
            _ => values,
        }
    }
}

/// The parameters of a checkpoint as the source of a network.
struct Stored<'a> {
    checkpoint: &'a Checkpoint,
    parameters: &'a BTreeMap<String, Parameter>,
    config: NetworkConfig,
}

impl Stored<'_> {
    fn get(&self, name: &str, [rows, columns]: [usize; 2]) -> Result<Parameter, Error> {
        let wrong = |reason: String| Err(Error::Weight { name: name.to_owned(), reason });
        match self.parameters.get(name) {
            None => wrong("is missing".into()),
            Some(p) if p.values.len() != rows * columns => {
                let (r, c) = (p.rows, p.columns);
                wrong(format!("is {r} x {c}, the recipe makes it {rows} x {columns}"))
            }
            Some(p) => Ok(Parameter { rows, columns, values: p.values.clone() }),
        }
    }

    fn norm(&self, id: MapId, rows: usize) -> Result<BatchNorm<Parameter>, Error> {
        let layer = layer_name(&self.config, id);
        let name = vector_name(&self.config, VectorId::Norm(id));
        let scale = self.get(&name, [1, rows])?;
        match self.checkpoint.statistics.get(&layer) {
            Some(Statistics { mean, variance }) if mean.len() == rows => {
                Ok(BatchNorm { scale, mean: mean.clone(), variance: variance.clone() })
            }
            _ => {
                let reason = "has no running statistics of this size".into();
                Err(Error::Weight { name: layer, reason })
            }
        }
    }

    /// Old layers with a joint left factor also have a shift before it: adds it to the bias after
    /// it.
    fn move_shifts(&self, network: &mut Network<Parameter, Parameter>) {
        for (l, layer) in network.recurrent.iter_mut().enumerate() {
            let shift = format!("{}.norm.beta", self.config.recurrent_name(l));
            if let (Some(joint), Some(shift)) = (&layer.joint, self.parameters.get(&shift)) {
                let rows = dense_view(joint).values;
                let rows = rows.chunks_exact(joint.cols());
                for (bias, row) in layer.nonrec.bias.values.iter_mut().zip(rows) {
                    *bias += row.iter().zip(&shift.values).map(|(w, s)| w * s).sum::<f32>();
                }
            }
        }
    }
}

impl Source<Parameter, Parameter> for Stored<'_> {
    fn map(&mut self, spec: &LinearSpec) -> Result<LinearMap<Parameter>, Error> {
        let LinearSpec { name, rows, cols, .. } = spec;
        let family = match self.checkpoint.families.get(name) {
            Some(family) => family.clone(),
            None => match self.parameters.get(&format!("{name}.u")) {
                Some(u) => Family::low_rank(u.columns),
                None => Family::dense(),
            },
        };
        let family = FamilySpec::new(name, family, *rows, *cols)?;
        let parts = family.parts().into_iter().map(|part| {
            let part = self.get(&format!("{name}.{}", part.name), [part.rows, part.cols])?;
            let values = self.checkpoint.arranged(&self.config, Some(spec.id()), part.values);
            Ok(Parameter { values, ..part })
        });
        let mut parts = parts.collect::<Result<Vec<_>, Error>>()?.into_iter();
        let next = |_| parts.next().expect("as many as the family has");
        Ok(LinearMap::of_parts(family, next))
    }

    fn vector(&mut self, id: VectorId, len: usize) -> Result<Parameter, Error> {
        let width = match id {
            VectorId::RowConv => self.config.recurrent_output(),
            _ => len,
        };
        self.get(&vector_name(&self.config, id), [len / width, width])
    }
}
