//! Networks made layer by layer: from values, from a file, from another network.

use super::ids::{MapId, VectorId};
use crate::config::elements;
use crate::{
    Affine, BatchNorm, Error, Kind, LinearMap, LinearSpec, Matrix, Network, NetworkConfig,
    RecurrentLayer, Result,
};

/// Where the maps and vectors of a new network come from; see [`Network::build`].
pub trait Source<P, V> {
    /// The map at this place, with this shape.
    ///
    /// # Errors
    /// Those of the source.
    fn map(&mut self, spec: &LinearSpec) -> Result<LinearMap<P>>;

    /// The vector at this place, with `len` values.
    ///
    /// # Errors
    /// Those of the source.
    fn vector(&mut self, id: VectorId, len: usize) -> Result<V>;
}

impl<P, V> Network<P, V> {
    /// Builds a network with `symbols` outputs from `source`, without batch norms: bottom to top,
    /// each map before its bias. The config must be valid.
    ///
    /// # Errors
    /// Those of the source.
    pub fn build(
        config: NetworkConfig,
        symbols: usize,
        source: &mut dyn Source<P, V>,
    ) -> Result<Self> {
        let mut parts = Builder { config: &config, symbols, source };
        let conv = (0..config.conv.len()).map(|l| parts.affine(Kind::Conv, l));
        let conv = conv.collect::<Result<_>>()?;
        let mut recurrent = Vec::new();
        for (l, layer) in config.recurrent.iter().enumerate() {
            recurrent.push(RecurrentLayer {
                nonrec: parts.affine(Kind::Nonrecurrent, l)?,
                rec: parts.map(Kind::Recurrent, l)?,
                joint: layer.joint.map(|_| parts.map(Kind::Joint, l)).transpose()?,
                peepholes: parts.optional(layer.peepholes, VectorId::Peepholes(l))?,
                recurrent_bias: parts.optional(layer.recurrent_bias, VectorId::RecurrentBias(l))?,
                projection: layer.projection.map(|_| parts.map(Kind::Projection, l)).transpose()?,
            });
        }
        let row_conv = parts.optional(config.row_conv.is_some(), VectorId::RowConv)?;
        let fc = config.fc.map(|_| parts.affine(Kind::FullyConnected, 0)).transpose()?;
        let output = parts.affine(Kind::Output, 0)?;
        Ok(Network { conv, recurrent, row_conv, fc, output, config })
    }

    /// The same network over other types: `part` converts the parts of its maps, `vector` its
    /// vectors.
    ///
    /// # Errors
    /// If a layer is missing that the config has.
    pub fn convert<Q, W>(
        &self,
        part: impl FnMut(MapId, &P) -> Q,
        vector: impl FnMut(VectorId, &V) -> W,
    ) -> Result<Network<Q, W>> {
        let symbols = self.symbols();
        let mut source = Converted { from: self, part, vector };
        let mut network = Network::build(self.config.clone(), symbols, &mut source)?;
        for ((id, to), (_, from)) in network.affines_mut().into_iter().zip(self.affines()) {
            to.norm = from.norm.as_ref().map(|norm| BatchNorm {
                scale: (source.vector)(VectorId::Norm(id), &norm.scale),
                mean: norm.mean.clone(),
                variance: norm.variance.clone(),
            });
        }
        Ok(network)
    }
}

impl Network {
    /// A network of dense float maps with the values `values(tensor name, length)`, bottom to top,
    /// each weight before its bias. Names are those in a package: `gru.0.nonrec.weight`,
    /// `output.bias`, ...
    ///
    /// # Errors
    /// If the config is not valid, or a vector has another length or values that are not finite.
    pub fn from_values(
        config: NetworkConfig,
        symbols: usize,
        values: impl FnMut(&str, usize) -> Vec<f32>,
    ) -> Result<Self> {
        config.validate()?;
        elements("output", 1, symbols, config.output_input())?;
        let mut source = Values { config: config.clone(), values };
        let network = Self::build(config, symbols, &mut source)?;
        network.validate().map(|()| network)
    }
}

struct Builder<'a, P, V> {
    config: &'a NetworkConfig,
    symbols: usize,
    source: &'a mut dyn Source<P, V>,
}

impl<P, V> Builder<'_, P, V> {
    fn map(&mut self, kind: Kind, layer: usize) -> Result<LinearMap<P>> {
        self.source.map(&self.config.linear_map(MapId::new(kind, layer), self.symbols))
    }

    fn vector(&mut self, id: VectorId) -> Result<V> {
        self.source.vector(id, self.config.vector_len(id, self.symbols))
    }

    fn optional(&mut self, there: bool, id: VectorId) -> Result<Option<V>> {
        there.then(|| self.vector(id)).transpose()
    }

    fn affine(&mut self, kind: Kind, layer: usize) -> Result<Affine<P, V>> {
        let map = self.map(kind, layer)?;
        Ok(Affine::new(map, self.vector(VectorId::Bias(MapId::new(kind, layer)))?))
    }
}

struct Values<F> {
    config: NetworkConfig,
    values: F,
}

impl<F: FnMut(&str, usize) -> Vec<f32>> Source<Matrix, Vec<f32>> for Values<F> {
    fn map(&mut self, spec: &LinearSpec) -> Result<LinearMap> {
        let LinearSpec { rows, cols, .. } = *spec;
        let data = (self.values)(&format!("{}.weight", spec.name), rows * cols);
        Ok(LinearMap::from(Matrix::F32 { rows, cols, data }))
    }

    fn vector(&mut self, id: VectorId, len: usize) -> Result<Vec<f32>> {
        Ok((self.values)(&self.config.vector_name(id), len))
    }
}

struct Converted<'a, P, V, F, G> {
    from: &'a Network<P, V>,
    part: F,
    vector: G,
}

impl<P, V, Q, W, F, G> Source<Q, W> for Converted<'_, P, V, F, G>
where
    F: FnMut(MapId, &P) -> Q,
    G: FnMut(VectorId, &V) -> W,
{
    fn map(&mut self, spec: &LinearSpec) -> Result<LinearMap<Q>> {
        let map = self.from.map(spec.id());
        let map = map.ok_or_else(|| Error::weight(&spec.name, "is missing"))?;
        Ok(map.map_parts(|part| (self.part)(spec.id(), part)))
    }

    fn vector(&mut self, id: VectorId, _: usize) -> Result<W> {
        let missing = || Error::weight(self.from.config.vector_name(id), "is missing");
        Ok((self.vector)(id, self.from.vector(id).ok_or_else(missing)?))
    }
}
