//! A network: a config with its weights.

use crate::config::{LinearSpec, elements};
use crate::{Error, Kind, LinearMap, Matrix, NetworkConfig, RecurrentLayer, Result};

/// `y = W x + b`.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// `W`.
    pub map: LinearMap,
    /// `b`, one value per row of `W`.
    pub bias: Vec<f32>,
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
    /// Recurrent layers, bottom to top.
    pub recurrent: Vec<RecurrentLayer>,
    /// Row convolution `taps x width`: row `j` multiplies the state `j` frames ahead.
    pub row_conv: Option<Vec<f32>>,
    /// Fully connected layer.
    pub fc: Option<Affine>,
    /// Output layer, one row per symbol.
    pub output: Affine,
}

/// One linear map of a network, with its place there.
#[derive(Debug, Clone)]
pub struct MapRef<'a> {
    name: String,
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
        self.name.clone()
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
        let recurrent = (0..config.recurrent.len())
            .map(|l| {
                let (layer, name) = (&config.recurrent[l], config.recurrent_name(l));
                let (rows, gates) = (layer.map_rows(), layer.gate_rows());
                let nonrec = Affine {
                    map: weight(take, &format!("{name}.nonrec"), rows, config.recurrent_input(l)),
                    bias: take(&format!("{name}.nonrec.bias"), gates),
                };
                let rec = weight(take, &format!("{name}.rec"), rows, layer.output());
                let peepholes = layer.peephole_values();
                RecurrentLayer {
                    nonrec,
                    rec,
                    joint: layer.joint.map(|r| weight(take, &format!("{name}.joint"), gates, r)),
                    peepholes: (peepholes > 0)
                        .then(|| take(&format!("{name}.peepholes"), peepholes)),
                    recurrent_bias: layer
                        .recurrent_bias
                        .then(|| take(&format!("{name}.rec.bias"), layer.hidden)),
                    projection: layer
                        .projection
                        .map(|p| weight(take, &format!("{name}.proj"), p, layer.hidden)),
                }
            })
            .collect();
        let taps = config.row_conv.as_ref().map(|r| r.taps() * config.recurrent_output());
        let row_conv = taps.map(|n| take("row_conv.weight", n));
        let fc = config.fc.map(|width| affine(take, "fc", width, config.recurrent_output()));
        let output = affine(take, "output", symbols, config.output_input());
        let network = Network { config, conv, recurrent, row_conv, fc, output };
        network.validate().map(|()| network)
    }

    /// Number of output symbols.
    pub fn symbols(&self) -> usize {
        self.output.map.rows()
    }

    /// Every linear map, in the order of [`NetworkConfig::linear_maps`].
    pub fn maps(&self) -> Vec<MapRef<'_>> {
        let mut maps = Vec::new();
        let mut add = |name, layer, kind, map| maps.push(MapRef { name, layer, kind, map });
        for (l, conv) in self.conv.iter().enumerate() {
            add(format!("conv.{l}"), l, Kind::Conv, &conv.map);
        }
        for (l, layer) in self.recurrent.iter().enumerate() {
            let name = |part: &str| format!("{}.{part}", self.config.recurrent_name(l));
            add(name("nonrec"), l, Kind::Nonrecurrent, &layer.nonrec.map);
            add(name("rec"), l, Kind::Recurrent, &layer.rec);
            if let Some(map) = &layer.joint {
                add(name("joint"), l, Kind::Joint, map);
            }
            if let Some(map) = &layer.projection {
                add(name("proj"), l, Kind::Projection, map);
            }
        }
        if let Some(fc) = &self.fc {
            add("fc".into(), 0, Kind::FullyConnected, &fc.map);
        }
        add("output".into(), 0, Kind::Output, &self.output.map);
        maps
    }

    /// The same maps, to be changed in place.
    pub fn maps_mut(&mut self) -> Vec<(Kind, &mut LinearMap)> {
        let mut maps = Vec::new();
        for conv in &mut self.conv {
            maps.push((Kind::Conv, &mut conv.map));
        }
        for layer in &mut self.recurrent {
            maps.push((Kind::Nonrecurrent, &mut layer.nonrec.map));
            maps.push((Kind::Recurrent, &mut layer.rec));
            maps.extend(layer.joint.as_mut().map(|map| (Kind::Joint, map)));
            maps.extend(layer.projection.as_mut().map(|map| (Kind::Projection, map)));
        }
        if let Some(fc) = &mut self.fc {
            maps.push((Kind::FullyConnected, &mut fc.map));
        }
        maps.push((Kind::Output, &mut self.output.map));
        maps
    }

    /// All biases, peepholes and row-convolution taps, by tensor name: what stays float when maps are quantised.
    pub fn vectors(&self) -> Vec<(String, &[f32])> {
        let mut vectors: Vec<(String, &[f32])> = Vec::new();
        for (l, conv) in self.conv.iter().enumerate() {
            vectors.push((format!("conv.{l}.bias"), &conv.bias));
        }
        for (l, layer) in self.recurrent.iter().enumerate() {
            let name = self.config.recurrent_name(l);
            vectors.push((format!("{name}.nonrec.bias"), &layer.nonrec.bias));
            if let Some(peepholes) = &layer.peepholes {
                vectors.push((format!("{name}.peepholes"), peepholes));
            }
            if let Some(bias) = &layer.recurrent_bias {
                vectors.push((format!("{name}.rec.bias"), bias));
            }
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
                    let (there, wanted) = if there { ("has", "has not") } else { ("lacks", "has") };
                    let reason = format!("the network {there} it, its config {wanted}");
                    return Err(Error::weight(name, reason));
                }
            }
        }
        Ok(())
    }

    /// Lengths that [`vectors`](Self::vectors) must have by the config, in that order.
    fn vector_lengths(&self) -> Vec<usize> {
        let config = &self.config;
        let mut lengths: Vec<usize> = config.conv.iter().map(|conv| conv.channels).collect();
        for layer in &config.recurrent {
            lengths.push(layer.gate_rows());
            lengths.extend(layer.peepholes.then(|| layer.peephole_values()));
            lengths.extend(layer.recurrent_bias.then_some(layer.hidden));
        }
        lengths.extend(config.row_conv.iter().map(|r| r.taps() * config.recurrent_output()));
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
    LinearMap::from(Matrix::F32 { rows, cols, data })
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
