//! The network in training: its parameters, and tensors of the same shape.

use std::collections::BTreeMap;

use stonechat_model::{
    Affine, BatchNorm, Cell, Family, FamilySpec, Kind, LinearMap, LinearSpec, MapId, Network,
    NetworkConfig, ParameterId, Source, VectorId,
};

use super::ops::batch_norm::Statistics;
use super::ops::conv::swap_taps;
use super::parameters::{Parameter, Place};
use crate::TrainError;
use crate::config::{Parametrisation, Rounding};
use crate::random;

/// Share of the old running statistics kept in each step.
const RUNNING_SHARE: f32 = 0.95;

/// Mean and variance, of batches or running, by the map that the batch norm follows.
pub type BatchStatistics = BTreeMap<MapId, Statistics>;

/// A network with the additions for training; `P` is a parameter, or a tensor of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Net<P = Parameter> {
    /// The network, with batch norms.
    pub network: Network<P, P>,
    /// A second output layer, for the characters alone, used only in training.
    pub characters: Option<Affine<P, P>>,
    /// Whether the norms keep and use their running statistics in training.
    pub frozen: bool,
    /// What a forward pass rounds when training with quantization; the parameters themselves stay
    /// float.
    pub rounding: Option<Rounding>,
}

impl<P> Net<P> {
    /// Sizes.
    pub fn config(&self) -> &NetworkConfig {
        &self.network.config
    }

    /// Number of output symbols, including the blank.
    pub fn symbols(&self) -> usize {
        self.network.symbols()
    }

    /// Every parameter.
    pub fn parameters(&self) -> Vec<(Place, &P)> {
        let network = self.network.parameters().into_iter();
        let mut all: Vec<_> = network.map(|(id, p)| (Place::Network(id), p)).collect();
        if let Some(Affine { map, bias, .. }) = &self.characters {
            all.extend(map.parts().iter().map(|weight| (Place::CharactersWeight, weight)));
            all.push((Place::CharactersBias, bias));
        }
        all
    }

    /// The same parameters, mutable.
    pub fn parameters_mut(&mut self) -> Vec<(Place, &mut P)> {
        let network = self.network.parameters_mut().into_iter();
        let mut all: Vec<_> = network.map(|(id, p)| (Place::Network(id), p)).collect();
        if let Some(Affine { map, bias, .. }) = &mut self.characters {
            let weight = map.parts_mut().iter_mut();
            all.extend(weight.map(|weight| (Place::CharactersWeight, weight)));
            all.push((Place::CharactersBias, bias));
        }
        all
    }

    /// The same net over another type.
    pub fn convert<Q>(&self, f: impl Fn(&P) -> Q) -> Net<Q> {
        let network = self.network.convert(|_, part| f(part), |_, vector| f(vector));
        let characters = self.characters.as_ref();
        Net {
            network: network.expect("a net has the layers of its config"),
            characters: characters.map(|a| Affine::new(a.map.map_parts(&f), f(&a.bias))),
            frozen: self.frozen,
            rounding: self.rounding.clone(),
        }
    }
}

impl Net {
    /// A net with fresh weights: uniform with variance 1/inputs (2/inputs in clipped-ReLU layers).
    ///
    /// # Errors
    /// Only errors of the singular value decomposition of a factored weight.
    pub fn new(
        config: NetworkConfig,
        symbols: usize,
        parametrisation: Parametrisation,
        seed: u64,
    ) -> Result<Self, TrainError> {
        let mut fresh = Fresh { config: config.clone(), seed };
        let mut network = Network::build(config, symbols, &mut fresh)?;
        add_norms(&mut network);
        if parametrisation == Parametrisation::Factored {
            let config = network.config.clone();
            for (id, map) in network.maps_mut() {
                if factors(&config, id)
                    && let Some(weight) = map.weight()
                {
                    *map = balanced(weight, map.rows().min(map.cols()))?;
                }
            }
        }
        Ok(Self { network, characters: None, frozen: false, rounding: None })
    }

    /// Adds a second output layer for `count` characters, including the blank, or removes it. An
    /// existing layer stays.
    pub fn set_characters(&mut self, count: Option<usize>, seed: u64) {
        let Some(count) = count else {
            self.characters = None;
            return;
        };
        let columns = self.config().output_input();
        let seed = random::seed_for(seed, "characters.weight");
        self.characters.get_or_insert_with(|| {
            let deviation = (1.0 / columns as f32).sqrt();
            let values = random::uniform(seed, count * columns, deviation);
            let weight = Parameter { rows: count, columns, values };
            Affine::new(dense(weight), Parameter::filled(1, count, 0.0))
        });
    }

    /// Updates the running statistics with those of a batch.
    pub fn follow(&mut self, batch: &BatchStatistics) {
        for (id, affine) in self.network.affines_mut() {
            let (Some(running), Some(batch)) = (&mut affine.norm, batch.get(&id)) else { continue };
            for (running, batch) in
                [(&mut running.mean, &batch.mean), (&mut running.variance, &batch.variance)]
            {
                for (r, b) in running.iter_mut().zip(batch) {
                    *r = RUNNING_SHARE * *r + (1.0 - RUNNING_SHARE) * b;
                }
            }
        }
    }

    /// Total number of trainable values.
    pub fn count(&self) -> usize {
        self.parameters().iter().map(|(_, p)| p.values.len()).sum()
    }
}

/// A dense map with `weight`.
pub fn dense(weight: Parameter) -> LinearMap<Parameter> {
    let spec = FamilySpec::new("dense", Family::dense(), weight.rows, weight.columns);
    let mut weight = Some(weight);
    let only = |_| weight.take().expect("a dense map has one part");
    LinearMap::of_parts(spec.expect("a dense map may have any size"), only)
}

/// The best approximation of `weight` of rank `rank` as factors, balanced so that the penalty on
/// them equals the trace norm (`U = X sqrt(S)`, `V = sqrt(S) Y^T`).
pub fn balanced(weight: &Parameter, rank: usize) -> Result<LinearMap<Parameter>, TrainError> {
    let &Parameter { rows, columns, ref values } = weight;
    let (u, v) = stonechat_compress::truncated_svd(values, rows, columns, rank)?;
    let spec = FamilySpec::new("factors", Family::low_rank(rank), rows, columns)?;
    let mut factors = [u, v].into_iter();
    Ok(LinearMap::of_parts(spec, |part| {
        let values = factors.next().unwrap_or_default();
        Parameter { rows: part.rows, columns: part.cols, values }
    }))
}

/// The dense view of a map.
pub fn dense_view(map: &LinearMap<Parameter>) -> Parameter {
    let parts: Vec<&[f32]> = map.parts().iter().map(|part| &part.values[..]).collect();
    Parameter { rows: map.rows(), columns: map.cols(), values: map.spec().to_dense(&parts) }
}

/// Whether the map is of a family without products of its own (neither dense nor low rank).
pub fn is_structured<P>(map: &LinearMap<P>) -> bool {
    map.weight().is_none() && map.factors().is_none()
}

/// Whether the map is a product of full inner size in trace-norm training: large maps that are not
/// yet factored.
fn factors(config: &NetworkConfig, id: MapId) -> bool {
    match id.kind {
        Kind::Nonrecurrent | Kind::Recurrent => config.recurrent[id.layer].joint.is_none(),
        Kind::FullyConnected => true,
        _ => false,
    }
}

/// Adds a batch norm after every map that is followed by a nonlinearity.
fn add_norms(network: &mut Network<Parameter, Parameter>) {
    for (id, affine) in network.affines_mut() {
        if id.kind != Kind::Output {
            let rows = affine.map.rows();
            let (mean, variance) = (vec![0.0; rows], vec![1.0; rows]);
            affine.norm =
                Some(BatchNorm { scale: Parameter::filled(1, rows, 1.0), mean, variance });
        }
    }
}

/// Initial values.
struct Fresh {
    config: NetworkConfig,
    seed: u64,
}

impl Source<Parameter, Parameter> for Fresh {
    fn map(&mut self, spec: &LinearSpec) -> stonechat_model::Result<LinearMap<Parameter>> {
        let (rows, columns) = (spec.rows, spec.cols);
        let deviation = (fan_in_gain(spec.kind) / columns as f32).sqrt();
        let seed = random::seed_for(self.seed, &spec.name);
        let mut values = random::uniform(seed, rows * columns, deviation);
        if spec.kind == Kind::Conv {
            // Drawn with the frequency outside, so that a seed still gives the same net.
            let [frequency, time] = self.config.conv[spec.layer].kernel;
            values = swap_taps(&values, frequency, time, self.config.conv_channels_in(spec.layer));
        }
        Ok(dense(Parameter { rows, columns, values }))
    }

    /// Zeros, except for the forget gate of an LSTM, which starts open (Gers et al. 2000; 1 after
    /// Jozefowicz et al. 2015), and the row convolution, which starts as the identity plus a little
    /// of the future.
    fn vector(&mut self, id: VectorId, len: usize) -> stonechat_model::Result<Parameter> {
        let mut vector = Parameter::filled(1, len, 0.0);
        match id {
            VectorId::Bias(MapId { kind: Kind::Nonrecurrent, layer }) => {
                let layer = &self.config.recurrent[layer];
                if layer.cell == Cell::Lstm {
                    vector.values[layer.hidden..2 * layer.hidden].fill(1.0);
                }
            }
            VectorId::RowConv => {
                let width = self.config.recurrent_output();
                let taps = len / width;
                vector = Parameter::filled(taps, width, 0.1 / taps as f32);
                vector.values[..width].fill(1.0);
            }
            _ => {}
        }
        Ok(vector)
    }
}

/// Variance of a fresh weight times its number of inputs: 2 before a clipped ReLU, which halves
/// what passes.
pub fn fan_in_gain(kind: Kind) -> f32 {
    match kind {
        Kind::Conv | Kind::FullyConnected => 2.0,
        _ => 1.0,
    }
}

impl Place {
    /// The map to which the parameter belongs; none for vectors and for the second output layer.
    pub fn map(self) -> Option<MapId> {
        match self {
            Place::Network(ParameterId::Part(id, _)) => Some(id),
            _ => None,
        }
    }
}
