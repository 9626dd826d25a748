//! A network: a config with its weights.

use crate::config::elements;
use crate::{Error, Kind, LinearMap, Matrix, NetworkConfig, RecurrentLayer, Result};

mod batch_norm;
mod build;
mod ids;

pub use batch_norm::{BatchNorm, EPSILON};
pub use build::Source;
pub use ids::{LinearSpec, MapId, ParameterId, VectorId};

/// `y = W x + b`; in training with a batch norm between `W x` and `b`.
///
/// In a recurrent layer with a joint left factor `L` this is `L norm(W x) + b`: see
/// [`RecurrentLayer`].
#[derive(Debug, Clone, PartialEq)]
pub struct Affine<P = Matrix, V = Vec<f32>> {
    /// `W`.
    pub map: LinearMap<P>,
    /// The batch norm of `W x`; in training only.
    pub norm: Option<BatchNorm<V>>,
    /// `b`, one value per row of `W` (of `L`).
    pub bias: V,
}

impl<P, V> Affine<P, V> {
    /// A layer without a batch norm.
    pub fn new(map: LinearMap<P>, bias: V) -> Self {
        Self { map, norm: None, bias }
    }
}

/// The weights of a network, with their config.
///
/// At rest, parts of maps are [matrices](Matrix) and vectors are floats. A trainer uses networks of
/// the same shape ([`convert`](Self::convert)) over its parameters, gradients, moments or tensors.
///
/// Fields are public and plain; [`validate`](Network::validate) checks that they fit each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Network<P = Matrix, V = Vec<f32>> {
    /// The shape.
    pub config: NetworkConfig,
    /// Convolutions: rows are output channels; columns are ordered `[time][frequency][input
    /// channel]`, the oldest frame and the lowest bin first.
    pub conv: Vec<Affine<P, V>>,
    /// Recurrent layers, bottom to top.
    pub recurrent: Vec<RecurrentLayer<P, V>>,
    /// Row convolution `taps x width`: row `j` multiplies the state `j` frames ahead.
    pub row_conv: Option<V>,
    /// Fully connected layer.
    pub fc: Option<Affine<P, V>>,
    /// Output layer, one row per symbol.
    pub output: Affine<P, V>,
}

/// One linear map of a network, with its place there.
#[derive(Debug)]
pub struct MapRef<'a, P = Matrix> {
    config: &'a NetworkConfig,
    /// Index among the layers of its kind, from 0.
    pub layer: usize,
    /// What it does.
    pub kind: Kind,
    /// The map.
    pub map: &'a LinearMap<P>,
}

impl<P> MapRef<'_, P> {
    /// Its place.
    pub fn id(&self) -> MapId {
        MapId { kind: self.kind, layer: self.layer }
    }

    /// The name that [`NetworkConfig::linear_maps`] gives it.
    pub fn name(&self) -> String {
        self.config.map_name(self.id())
    }
}

/// All maps and vectors of a network, by reference.
type Contents<M, V> = (Vec<(MapId, M)>, Vec<(VectorId, V)>);

/// The one traversal of a network, for shared and mutable references: everything, bottom to top.
macro_rules! visitor {
    ($contents:ident, $affines:ident, $($mut:ident)?) => {
        fn $contents(&$($mut)? self) -> Contents<&$($mut)? LinearMap<P>, &$($mut)? V> {
            let (mut maps, mut vectors) = (Vec::new(), Vec::new());
            macro_rules! affine {
                ($kind:ident, $layer:expr, $affine:expr) => {
                    let (id, Affine { map, norm, bias }) =
                        (MapId::new(Kind::$kind, $layer), $affine);
                    maps.push((id, map));
                    if let Some(norm) = norm {
                        vectors.push((VectorId::Norm(id), &$($mut)? norm.scale));
                    }
                    vectors.push((VectorId::Bias(id), bias));
                };
            }
            for (l, conv) in (&$($mut)? self.conv).into_iter().enumerate() {
                affine!(Conv, l, conv);
            }
            for (l, layer) in (&$($mut)? self.recurrent).into_iter().enumerate() {
                let RecurrentLayer { nonrec, rec, joint, peepholes, recurrent_bias, projection } =
                    layer;
                affine!(Nonrecurrent, l, nonrec);
                maps.push((MapId::new(Kind::Recurrent, l), rec));
                maps.extend(joint.into_iter().map(|map| (MapId::new(Kind::Joint, l), map)));
                let projection = projection.into_iter();
                maps.extend(projection.map(|map| (MapId::new(Kind::Projection, l), map)));
                let peepholes = peepholes.into_iter();
                vectors.extend(peepholes.map(|vector| (VectorId::Peepholes(l), vector)));
                let bias = recurrent_bias.into_iter();
                vectors.extend(bias.map(|vector| (VectorId::RecurrentBias(l), vector)));
            }
            if let Some(taps) = &$($mut)? self.row_conv {
                vectors.push((VectorId::RowConv, taps));
            }
            if let Some(fc) = &$($mut)? self.fc {
                affine!(FullyConnected, 0, fc);
            }
            affine!(Output, 0, &$($mut)? self.output);
            (maps, vectors)
        }

        /// Every map that has a bias, bottom to top.
        pub fn $affines(&$($mut)? self) -> Vec<(MapId, &$($mut)? Affine<P, V>)> {
            let conv = (&$($mut)? self.conv).into_iter().enumerate();
            let recurrent = (&$($mut)? self.recurrent).into_iter().enumerate();
            let fc = (&$($mut)? self.fc).into_iter();
            let mut affines: Vec<_> = conv.map(|(l, a)| (MapId::new(Kind::Conv, l), a)).collect();
            affines.extend(recurrent.map(|(l, layer)| {
                (MapId::new(Kind::Nonrecurrent, l), &$($mut)? layer.nonrec)
            }));
            affines.extend(fc.map(|fc| (MapId::new(Kind::FullyConnected, 0), fc)));
            affines.push((MapId::new(Kind::Output, 0), &$($mut)? self.output));
            affines
        }
    };
}

fn find<I: PartialEq, T>(all: Vec<(I, T)>, wanted: I) -> Option<T> {
    all.into_iter().find(|(id, _)| *id == wanted).map(|(_, found)| found)
}

impl<P, V> Network<P, V> {
    visitor!(contents, affines,);
    visitor!(contents_mut, affines_mut, mut);

    /// Number of output symbols.
    pub fn symbols(&self) -> usize {
        self.output.map.rows()
    }

    /// Every linear map, in the order of [`NetworkConfig::linear_maps`].
    pub fn maps(&self) -> Vec<MapRef<'_, P>> {
        let maps = self.contents().0.into_iter();
        let entry = |(id, map): (MapId, _)| MapRef {
            config: &self.config,
            layer: id.layer,
            kind: id.kind,
            map,
        };
        maps.map(entry).collect()
    }

    /// The same maps, mutable.
    pub fn maps_mut(&mut self) -> Vec<(MapId, &mut LinearMap<P>)> {
        self.contents_mut().0
    }

    /// One map, if the network has it.
    pub fn map(&self, id: MapId) -> Option<&LinearMap<P>> {
        find(self.contents().0, id)
    }

    /// One map, mutable.
    pub fn map_mut(&mut self, id: MapId) -> Option<&mut LinearMap<P>> {
        find(self.contents_mut().0, id)
    }

    /// All biases, peepholes, row-convolution taps and factors of batch norms: everything that
    /// stays float when maps are quantized.
    pub fn vectors(&self) -> Vec<(VectorId, &V)> {
        self.contents().1
    }

    /// The same vectors, mutable.
    pub fn vectors_mut(&mut self) -> Vec<(VectorId, &mut V)> {
        self.contents_mut().1
    }

    /// One vector, if the network has it.
    pub fn vector(&self, id: VectorId) -> Option<&V> {
        find(self.vectors(), id)
    }

    /// One vector, mutable.
    pub fn vector_mut(&mut self, id: VectorId) -> Option<&mut V> {
        find(self.vectors_mut(), id)
    }

    /// The name of a parameter in files: that of its map and part, or of its vector.
    pub fn parameter_name(&self, id: ParameterId) -> String {
        match id {
            ParameterId::Vector(id) => self.config.vector_name(id),
            ParameterId::Part(id, part) => {
                let parts = self.map(id).map(|map| map.spec().parts()).unwrap_or_default();
                let part = parts.get(part).map_or("", |part| part.name);
                format!("{}.{part}", self.config.map_name(id))
            }
        }
    }
}

/// Everything trainable, if parts and vectors have one type.
impl<P> Network<P, P> {
    /// Every parameter: the parts of the maps bottom to top, then the vectors.
    pub fn parameters(&self) -> Vec<(ParameterId, &P)> {
        let (maps, vectors) = self.contents();
        let parts = maps.into_iter().flat_map(|(id, map)| {
            map.parts().iter().enumerate().map(move |(i, part)| (ParameterId::Part(id, i), part))
        });
        let vectors = vectors.into_iter().map(|(id, vector)| (ParameterId::Vector(id), vector));
        parts.chain(vectors).collect()
    }

    /// The same parameters, mutable.
    pub fn parameters_mut(&mut self) -> Vec<(ParameterId, &mut P)> {
        let (maps, vectors) = self.contents_mut();
        let parts = maps.into_iter().flat_map(|(id, map)| {
            let parts = map.parts_mut().iter_mut().enumerate();
            parts.map(move |(i, part)| (ParameterId::Part(id, i), part))
        });
        let vectors = vectors.into_iter().map(|(id, vector)| (ParameterId::Vector(id), vector));
        parts.chain(vectors).collect()
    }
}

impl Network {
    /// Number of weights, biases and taps.
    pub fn params(&self) -> usize {
        let maps = self.maps().iter().map(|m| m.map.params()).sum::<usize>();
        maps + self.vectors().iter().map(|(_, v)| v.len()).sum::<usize>()
    }

    /// Their bytes in a package.
    pub fn bytes(&self) -> usize {
        let maps = self.maps().iter().map(|m| m.map.bytes()).sum::<usize>();
        maps + self.vectors().iter().map(|(_, v)| 4 * v.len()).sum::<usize>()
    }

    /// Checks the config, every shape against the config, and every value.
    ///
    /// # Errors
    /// Names the first field or weight at fault.
    pub fn validate(&self) -> Result<()> {
        self.config.validate()?;
        self.check_layers()?;
        let specs = self.config.linear_maps(self.symbols());
        for (spec, map) in specs.iter().zip(self.maps()) {
            check_map(spec, map.map)?;
        }
        for (id, vector) in self.vectors() {
            let wanted = self.config.vector_len(id, self.symbols());
            check_vector(self.config.vector_name(id), vector, wanted)?;
        }
        for (id, affine) in self.affines() {
            if let Some(norm) = &affine.norm {
                let name = self.config.vector_name(VectorId::Norm(id));
                norm.validate(&name, affine.map.rows())?;
            }
        }
        Ok(())
    }

    /// Checks that optional and repeated layers are present exactly as in the config.
    fn check_layers(&self) -> Result<()> {
        let config = &self.config;
        for (name, there, wanted) in [
            ("conv", self.conv.len(), config.conv.len()),
            ("recurrent", self.recurrent.len(), config.recurrent.len()),
            (
                "row_conv",
                usize::from(self.row_conv.is_some()),
                usize::from(config.row_conv.is_some()),
            ),
            ("fc", usize::from(self.fc.is_some()), usize::from(config.fc.is_some())),
        ] {
            if there != wanted {
                let reason = format!("the network has {there} layers, its config {wanted}");
                return Err(Error::weight(name, reason));
            }
        }
        for (l, (layer, wanted)) in self.recurrent.iter().zip(&config.recurrent).enumerate() {
            for (part, there, wanted) in [
                ("joint", layer.joint.is_some(), wanted.joint.is_some()),
                ("peepholes", layer.peepholes.is_some(), wanted.peepholes),
                ("rec.bias", layer.recurrent_bias.is_some(), wanted.recurrent_bias),
                ("proj", layer.projection.is_some(), wanted.projection.is_some()),
            ] {
                if there != wanted {
                    let name = format!("{}.{part}", config.recurrent_name(l));
                    let (there, wanted) =
                        if there { ("has", "does not") } else { ("lacks", "has") };
                    let reason = format!("the network {there} it, its config {wanted}");
                    return Err(Error::weight(name, reason));
                }
            }
        }
        Ok(())
    }
}

fn check_map(spec: &LinearSpec, map: &LinearMap) -> Result<()> {
    elements(&spec.name, 1, spec.rows, spec.cols)?;
    map.validate(&spec.name)?;
    if (map.rows(), map.cols()) != (spec.rows, spec.cols) {
        let reason = format!(
            "is {} x {}, the config makes it {} x {}",
            map.rows(),
            map.cols(),
            spec.rows,
            spec.cols
        );
        return Err(Error::weight(&spec.name, reason));
    }
    Ok(())
}

fn check_vector(name: String, vector: &[f32], wanted: usize) -> Result<()> {
    if vector.len() != wanted {
        let reason = format!("has {} values, the config needs {wanted}", vector.len());
        return Err(Error::weight(name, reason));
    }
    match vector.iter().position(|x| !x.is_finite()) {
        Some(i) => {
            let reason = format!("value {i} is {}, must be finite", vector[i]);
            Err(Error::weight(name, reason))
        }
        None => Ok(()),
    }
}
