//! A network: a config with its weights.

use crate::config::{LinearSpec, elements};
use crate::{Error, Kind, LinearMap, Matrix, NetworkConfig, Result};

/// `y = W x + b`.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// `W`.
    pub map: LinearMap,
    /// `b`, one value per row of `W`.
    pub bias: Vec<f32>,
}

/// One GRU layer with the reset gate after the product (Kliegl et al. 2017, eq. 10):
///
/// ```text
/// z  = sigmoid(Wz x + Uz h + bz)        update
/// r  = sigmoid(Wr x + Ur h + br)        reset
/// c  = f(Wh x + r * (Uh h) + bh)        candidate, f by the config
/// h' = (1 - z) * h + z * c
/// ```
///
/// The gates are stacked in the order update, reset, candidate ("partially joint": their appendix B.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Gru {
    /// `W` and `b` of the three gates, `3h x n_in` and `3h`.
    pub nonrec: Affine,
    /// `U` of the three gates, `3h x h`.
    pub rec: LinearMap,
}

/// A network's weights with the config they belong to.
///
/// Fields are public and plain: a trainer fills them from its own parameters and calls
/// [`validate`](Self::validate). Batch norm is not part of it; trainers fold it into weights and biases.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// The shape.
    pub config: NetworkConfig,
    /// Convolutions: rows are output channels, columns are ordered `[time][frequency][input channel]`, the
    /// oldest frame and the lowest bin first.
    pub conv: Vec<Affine>,
    /// GRUs, bottom to top.
    pub gru: Vec<Gru>,
    /// Row convolution `taps x width`: row `j` multiplies the state `j` frames ahead.
    pub row_conv: Option<Vec<f32>>,
    /// Fully connected layer.
    pub fc: Option<Affine>,
    /// Output layer, one row per symbol.
    pub output: Affine,
}

/// One linear map of a network, with its place there.
#[derive(Debug, Clone, Copy)]
pub struct MapRef<'a> {
    /// Number of the layer among those of its kind, from 0.
    pub layer: usize,
    /// What it does.
    pub kind: Kind,
    /// The map.
    pub map: &'a LinearMap,
}

impl MapRef<'_> {
    /// The name that [`NetworkConfig::linear_maps`] gives it.
    pub fn name(&self) -> String {
        match self.kind {
            Kind::Conv => format!("conv.{}", self.layer),
            Kind::Nonrecurrent => format!("gru.{}.nonrec", self.layer),
            Kind::Recurrent => format!("gru.{}.rec", self.layer),
            Kind::FullyConnected => "fc".into(),
            Kind::Output => "output".into(),
        }
    }
}

impl Network {
    /// A network of dense float maps whose values `values(tensor name, length)` gives, bottom to top, each
    /// weight before its bias. Names are those of a package: `gru.0.nonrec.weight`, `output.bias`, ...
    ///
    /// # Errors
    /// If the config is not valid, or a vector has another length or values that are not finite.
    pub fn from_values(
        config: NetworkConfig,
        symbols: usize,
        mut values: impl FnMut(&str, usize) -> Vec<f32>,
    ) -> Result<Self> {
        config.validate()?;
        elements("output", 1, symbols, config.output_input())?;
        let take = &mut values;
        let conv = (0..config.conv.len())
            .map(|l| {
                affine(take, &format!("conv.{l}"), config.conv[l].channels, config.conv_filter(l))
            })
            .collect();
        let gru = (0..config.gru.len())
            .map(|l| Gru {
                nonrec: affine(
                    take,
                    &format!("gru.{l}.nonrec"),
                    3 * config.gru[l],
                    config.gru_input(l),
                ),
                rec: weight(take, &format!("gru.{l}.rec"), 3 * config.gru[l], config.gru[l]),
            })
            .collect();
        let taps = config.row_conv.as_ref().map(|r| r.taps() * config.gru_output());
        let row_conv = taps.map(|n| take("row_conv.weight", n));
        let fc = config.fc.map(|width| affine(take, "fc", width, config.gru_output()));
        let output = affine(take, "output", symbols, config.output_input());
        let network = Network { config, conv, gru, row_conv, fc, output };
        network.validate().map(|()| network)
    }

    /// Number of output symbols.
    pub fn symbols(&self) -> usize {
        self.output.map.rows()
    }

    /// Every linear map, in the order of [`NetworkConfig::linear_maps`].
    pub fn maps(&self) -> Vec<MapRef<'_>> {
        let mut maps = Vec::new();
        let mut add = |layer, kind, map| maps.push(MapRef { layer, kind, map });
        for (l, conv) in self.conv.iter().enumerate() {
            add(l, Kind::Conv, &conv.map);
        }
        for (l, gru) in self.gru.iter().enumerate() {
            add(l, Kind::Nonrecurrent, &gru.nonrec.map);
            add(l, Kind::Recurrent, &gru.rec);
        }
        if let Some(fc) = &self.fc {
            add(0, Kind::FullyConnected, &fc.map);
        }
        add(0, Kind::Output, &self.output.map);
        maps
    }

    /// The same maps, to be changed in place.
    pub fn maps_mut(&mut self) -> Vec<(Kind, &mut LinearMap)> {
        let mut maps = Vec::new();
        for conv in &mut self.conv {
            maps.push((Kind::Conv, &mut conv.map));
        }
        for gru in &mut self.gru {
            maps.push((Kind::Nonrecurrent, &mut gru.nonrec.map));
            maps.push((Kind::Recurrent, &mut gru.rec));
        }
        if let Some(fc) = &mut self.fc {
            maps.push((Kind::FullyConnected, &mut fc.map));
        }
        maps.push((Kind::Output, &mut self.output.map));
        maps
    }

    /// All biases and row-convolution taps, by tensor name: what stays float when maps are quantised.
    pub fn vectors(&self) -> Vec<(String, &[f32])> {
        let mut vectors: Vec<(String, &[f32])> = Vec::new();
        for (l, conv) in self.conv.iter().enumerate() {
            vectors.push((format!("conv.{l}.bias"), &conv.bias));
        }
        for (l, gru) in self.gru.iter().enumerate() {
            vectors.push((format!("gru.{l}.nonrec.bias"), &gru.nonrec.bias));
        }
        if let Some(row_conv) = &self.row_conv {
            vectors.push(("row_conv.weight".into(), row_conv));
        }
        if let Some(fc) = &self.fc {
            vectors.push(("fc.bias".into(), &fc.bias));
        }
        vectors.push(("output.bias".into(), &self.output.bias));
        vectors
    }

    /// Number of weights, biases and taps.
    pub fn params(&self) -> usize {
        let maps = self.maps().iter().map(|m| m.map.params()).sum::<usize>();
        maps + self.vectors().iter().map(|(_, v)| v.len()).sum::<usize>()
    }

    /// Bytes of all of them in a package.
    pub fn bytes(&self) -> usize {
        let maps = self.maps().iter().map(|m| m.map.bytes()).sum::<usize>();
        maps + self.vectors().iter().map(|(_, v)| 4 * v.len()).sum::<usize>()
    }

    /// Checks the config, every shape against it, and every value.
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
        let wanted = self.vector_lengths();
        for ((name, vector), wanted) in self.vectors().into_iter().zip(wanted) {
            check_vector(name, vector, wanted)?;
        }
        Ok(())
    }

    /// Each optional or repeated layer is there exactly where the config has it.
    fn check_layers(&self) -> Result<()> {
        let config = &self.config;
        for (name, there, wanted) in [
            ("conv", self.conv.len(), config.conv.len()),
            ("gru", self.gru.len(), config.gru.len()),
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
        Ok(())
    }

    /// Lengths that [`vectors`](Self::vectors) must have by the config, in that order.
    fn vector_lengths(&self) -> Vec<usize> {
        let config = &self.config;
        let mut lengths: Vec<usize> = config.conv.iter().map(|conv| conv.channels).collect();
        lengths.extend(config.gru.iter().map(|hidden| 3 * hidden));
        lengths.extend(config.row_conv.iter().map(|r| r.taps() * config.gru_output()));
        lengths.extend(config.fc);
        lengths.push(self.symbols());
        lengths
    }
}

fn weight(
    values: &mut impl FnMut(&str, usize) -> Vec<f32>,
    name: &str,
    rows: usize,
    cols: usize,
) -> LinearMap {
    let data = values(&format!("{name}.weight"), rows * cols);
    LinearMap::Dense(Matrix::F32 { rows, cols, data })
}

fn affine(
    values: &mut impl FnMut(&str, usize) -> Vec<f32>,
    name: &str,
    rows: usize,
    cols: usize,
) -> Affine {
    Affine { map: weight(values, name, rows, cols), bias: values(&format!("{name}.bias"), rows) }
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
    if map.rank() > spec.rows.min(spec.cols) {
        let reason = format!("has rank {}, more than its smaller side", map.rank());
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
