//! The maps and vectors of a network with a given config: places, sizes, and names in files.

use crate::{Kind, NetworkConfig};

/// The place of a linear map in a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapId {
    /// What it does.
    pub kind: Kind,
    /// Index among the layers of its kind, from 0; recurrent layers of all cells are counted
    /// together.
    pub layer: usize,
}

/// The place of a vector in a network: everything that is not a linear map and stays float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VectorId {
    /// The factors of the batch normalisation after a map; in training only.
    Norm(MapId),
    /// The bias after a map of kind `Conv`, `Nonrecurrent`, `FullyConnected` or `Output`: see
    /// [`Affine`](crate::Affine).
    Bias(MapId),
    /// Peepholes of a recurrent layer.
    Peepholes(usize),
    /// Bias inside the reset gate of a recurrent layer.
    RecurrentBias(usize),
    /// Taps of the row convolution.
    RowConv,
}

/// The place of any parameter: a part of a map, or a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParameterId {
    /// A part of a map, by its number in [`FamilySpec::parts`](crate::FamilySpec::parts).
    Part(MapId, usize),
    /// A vector.
    Vector(VectorId),
}

/// Name, place and shape of one linear map of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinearSpec {
    /// `conv.N`, `CELL.N.nonrec`, `CELL.N.rec`, `CELL.N.joint`, `CELL.N.proj` (`CELL` is `gru`,
    /// `lstm` or `rnn`, and `N` counts all recurrent layers), `fc` or `output`. Tensors of a
    /// package are named after it.
    pub name: String,
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
    /// What it does.
    pub kind: Kind,
    /// Index among the layers of its kind, from 0.
    pub layer: usize,
}

impl LinearSpec {
    /// Its place.
    pub fn id(&self) -> MapId {
        MapId { kind: self.kind, layer: self.layer }
    }
}

impl MapId {
    /// The map of this kind in layer `layer`.
    pub fn new(kind: Kind, layer: usize) -> Self {
        Self { kind, layer }
    }

    /// The map of a kind that occurs once.
    pub(crate) fn only(kind: Kind) -> Self {
        Self { kind, layer: 0 }
    }
}

impl NetworkConfig {
    /// Every linear map of a network with `symbols` outputs, bottom to top; in a recurrent layer
    /// `nonrec`, `rec`, `joint`, `proj`.
    pub fn linear_maps(&self, symbols: usize) -> Vec<LinearSpec> {
        let conv = (0..self.conv.len()).map(|layer| MapId::new(Kind::Conv, layer));
        let recurrent = self.recurrent.iter().enumerate().flat_map(|(layer, config)| {
            let kinds = [
                Some(Kind::Nonrecurrent),
                Some(Kind::Recurrent),
                config.joint.map(|_| Kind::Joint),
                config.projection.map(|_| Kind::Projection),
            ];
            kinds.into_iter().flatten().map(move |kind| MapId::new(kind, layer))
        });
        let fc = self.fc.map(|_| MapId::only(Kind::FullyConnected));
        let ids = conv.chain(recurrent).chain(fc).chain([MapId::only(Kind::Output)]);
        ids.map(|id| self.linear_map(id, symbols)).collect()
    }

    /// One linear map. Panics if the network has no such layer.
    pub fn linear_map(&self, id: MapId, symbols: usize) -> LinearSpec {
        let MapId { kind, layer } = id;
        let recurrent = || &self.recurrent[layer];
        let (rows, cols) = match kind {
            Kind::Conv => (self.conv[layer].channels, self.conv_filter(layer)),
            Kind::Nonrecurrent => (recurrent().map_rows(), self.recurrent_input(layer)),
            Kind::Recurrent => (recurrent().map_rows(), recurrent().output()),
            Kind::Joint => (recurrent().gate_rows(), recurrent().map_rows()),
            Kind::Projection => (recurrent().output(), recurrent().hidden),
            Kind::FullyConnected => (self.output_input(), self.recurrent_output()),
            Kind::Output => (symbols, self.output_input()),
        };
        LinearSpec { name: self.map_name(id), rows, cols, kind, layer }
    }

    /// Length of a vector of a network with `symbols` outputs. Panics if it has no such layer.
    pub fn vector_len(&self, id: VectorId, symbols: usize) -> usize {
        match id {
            VectorId::Norm(map) => self.linear_map(map, symbols).rows,
            VectorId::Bias(MapId { kind: Kind::Nonrecurrent, layer }) => {
                self.recurrent[layer].gate_rows()
            }
            VectorId::Bias(map) => self.linear_map(map, symbols).rows,
            VectorId::Peepholes(layer) => self.recurrent[layer].peephole_values(),
            VectorId::RecurrentBias(layer) => self.recurrent[layer].hidden,
            VectorId::RowConv => {
                self.row_conv.as_ref().map_or(0, |r| r.taps() * self.recurrent_output())
            }
        }
    }

    /// The map that takes the output of recurrent layer `layer`: that of the next recurrent, the
    /// fully connected or the output layer.
    pub fn map_above(&self, layer: usize) -> MapId {
        match self.fc {
            _ if layer + 1 < self.recurrent.len() => MapId::new(Kind::Nonrecurrent, layer + 1),
            Some(_) => MapId::only(Kind::FullyConnected),
            None => MapId::only(Kind::Output),
        }
    }

    /// The name of a map in files; see [`LinearSpec::name`].
    pub fn map_name(&self, id: MapId) -> String {
        let recurrent = |part: &str| format!("{}.{part}", self.recurrent_name(id.layer));
        match id.kind {
            Kind::Conv => format!("conv.{}", id.layer),
            Kind::Nonrecurrent => recurrent("nonrec"),
            Kind::Recurrent => recurrent("rec"),
            Kind::Joint => recurrent("joint"),
            Kind::Projection => recurrent("proj"),
            Kind::FullyConnected => "fc".into(),
            Kind::Output => "output".into(),
        }
    }

    /// The name of a vector in files.
    pub fn vector_name(&self, id: VectorId) -> String {
        match id {
            VectorId::Norm(map) => format!("{}.norm", self.map_name(map)),
            VectorId::Bias(map) => format!("{}.bias", self.map_name(map)),
            VectorId::Peepholes(layer) => format!("{}.peepholes", self.recurrent_name(layer)),
            VectorId::RecurrentBias(layer) => format!("{}.rec.bias", self.recurrent_name(layer)),
            VectorId::RowConv => "row_conv.weight".into(),
        }
    }

    /// `CELL.N` of recurrent layer `layer`, the beginning of its tensors' names.
    pub fn recurrent_name(&self, layer: usize) -> String {
        format!("{}.{layer}", self.recurrent[layer].cell.name())
    }
}
