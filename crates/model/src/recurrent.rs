//! Recurrent layers: the cells, their spelling in a config, and their weights.

use crate::config::{MAX_DIM, elements, in_range};
use crate::{Affine, Error, LinearMap, Matrix};
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The recurrence of a layer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Gated recurrent unit with the reset gate after the product.
    #[default]
    Gru,
    /// Long short-term memory with a forget gate.
    Lstm,
    /// Simple (Elman) recurrence.
    Rnn,
}

impl Cell {
    /// `gru`, `lstm` or `rnn`: the first part of the names of its layers' tensors.
    pub fn name(self) -> &'static str {
        match self {
            Cell::Gru => "gru",
            Cell::Lstm => "lstm",
            Cell::Rnn => "rnn",
        }
    }

    /// Number of gates, whose matrices are stacked.
    pub fn gates(self) -> usize {
        match self {
            Cell::Gru => 3,
            Cell::Lstm => 4,
            Cell::Rnn => 1,
        }
    }
}

/// Shape of one recurrent layer.
///
/// In TOML and JSON a plain number is a GRU of that width; a table gives the options: `{ cell =
/// "lstm", hidden = 320, projection = 128, peepholes = true, joint = 96 }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecurrentConfig {
    /// The recurrence.
    pub cell: Cell,
    /// Units.
    pub hidden: usize,
    /// Width of a linear projection `p = P h` that replaces `h` both as the recurrent state and as
    /// the output (Sak et al. 2014, arXiv 1402.1128). It is one right factor for the recurrent
    /// matrix and the next layer's input matrix, the sharing of Prabhavalkar et al. 2016 (arXiv
    /// 1603.08042).
    pub projection: Option<usize>,
    /// LSTM only: the gates see the cell through diagonal weights (Gers et al. 2002).
    pub peepholes: bool,
    /// GRU only: a bias added to `Uc s`, inside the reset gate, as in PyTorch and cuDNN. Imported
    /// networks need it; the trainer does not use it.
    pub recurrent_bias: bool,
    /// Rank of one left factor for both matrices, `[W U] = L [Vx Vh]`: input and state are
    /// concatenated before a single factorisation (Kuchaiev and Ginsburg 2017, arXiv 1703.10722).
    pub joint: Option<usize>,
}

impl From<usize> for RecurrentConfig {
    /// A GRU.
    fn from(hidden: usize) -> Self {
        Self::new(Cell::Gru, hidden)
    }
}

impl RecurrentConfig {
    /// A layer of `hidden` units without options.
    pub fn new(cell: Cell, hidden: usize) -> Self {
        Self {
            cell,
            hidden,
            projection: None,
            peepholes: false,
            recurrent_bias: false,
            joint: None,
        }
    }

    /// Width of the recurrent state and of the output: the projection's, or the number of units
    /// without one.
    pub fn output(&self) -> usize {
        self.projection.unwrap_or(self.hidden)
    }

    /// Rows of the stacked gates.
    pub fn gate_rows(&self) -> usize {
        self.cell.gates() * self.hidden
    }

    /// Rows of the input map and of the recurrent map: the gates' rows, or the rank of their joint
    /// left factor.
    pub fn map_rows(&self) -> usize {
        self.joint.unwrap_or(self.gate_rows())
    }

    /// Number of peephole weights: for input, forget and output gate, or 0.
    pub fn peephole_values(&self) -> usize {
        if self.peepholes { 3 * self.hidden } else { 0 }
    }

    /// `width` is that of the layer below.
    pub(crate) fn validate(&self, field: &str, width: usize) -> crate::Result<()> {
        in_range(field, self.hidden, 1, MAX_DIM)?;
        elements(field, self.cell.gates(), self.hidden, width.max(self.hidden))?;
        if let Some(projection) = self.projection {
            in_range(&format!("{field}.projection"), projection, 1, self.hidden)?;
        }
        if let Some(joint) = self.joint {
            let full = self.gate_rows().min(width + self.output());
            in_range(&format!("{field}.joint"), joint, 1, full)?;
        }
        if self.peepholes && self.cell != Cell::Lstm {
            let reason =
                format!("is true, but the cell is {}: only lstm has them", self.cell.name());
            return Err(Error::config(format!("{field}.peepholes"), reason));
        }
        if self.recurrent_bias && self.cell != Cell::Gru {
            let reason = format!(
                "is true, but the cell is {}: only gru has it, elsewhere it is part of the bias",
                self.cell.name()
            );
            return Err(Error::config(format!("{field}.recurrent_bias"), reason));
        }
        Ok(())
    }
}

/// A [`RecurrentConfig`] written as a table.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    cell: Cell,
    hidden: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    projection: Option<usize>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    peepholes: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    recurrent_bias: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    joint: Option<usize>,
}

impl Serialize for RecurrentConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::from(self.hidden) {
            return self.hidden.serialize(serializer);
        }
        let Self { cell, hidden, projection, peepholes, recurrent_bias, joint } = self.clone();
        Table { cell, hidden, projection, peepholes, recurrent_bias, joint }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RecurrentConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrTable)
    }
}

struct NumberOrTable;

impl<'de> Visitor<'de> for NumberOrTable {
    type Value = RecurrentConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number (the units of a GRU) or a table with `cell` and `hidden`")
    }

    fn visit_u64<E: de::Error>(self, hidden: u64) -> Result<RecurrentConfig, E> {
        let too_many = || E::custom(format!("{hidden} units are too many"));
        usize::try_from(hidden).map(RecurrentConfig::from).map_err(|_| too_many())
    }

    fn visit_i64<E: de::Error>(self, hidden: i64) -> Result<RecurrentConfig, E> {
        let units = u64::try_from(hidden).map_err(|_| E::custom(format!("{hidden} units")))?;
        self.visit_u64(units)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RecurrentConfig, A::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        let Table { cell, hidden, projection, peepholes, recurrent_bias, joint } = table;
        Ok(RecurrentConfig { cell, hidden, projection, peepholes, recurrent_bias, joint })
    }
}

/// Weights of one recurrent layer. `x` is the input and `s` the recurrent state (`s = h`, or the
/// projection `s = P h`). All states start at zero, and the gates are stacked in the order of the
/// formulas:
///
/// ```text
/// GRU   z = sigmoid(Wz x + Uz s + bz)                   update      (Kliegl et al. 2017, arXiv 1710.09026, eq. 10)
///       r = sigmoid(Wr x + Ur s + br)                   reset
///       c = f(Wc x + r * (Uc s [+ d]) + bc)             candidate, f by the config; [recurrent bias]
///       h' = (1 - z) * h + z * c
///
/// LSTM  i = sigmoid(Wi x + Ui s + bi [+ pi * c])        input       (Gers et al. 2000; [peepholes]: Gers et al. 2002)
///       f = sigmoid(Wf x + Uf s + bf [+ pf * c])        forget
///       g = tanh(Wg x + Ug s + bg)                      new content
///       o = sigmoid(Wo x + Uo s + bo [+ po * c'])       output
///       c' = f * c + i * g,  h' = o * tanh(c')
///
/// RNN   h' = f(W x + U s + b)                           f by the config
/// ```
///
/// The matrices of the gates share their factors ("partially joint": Kliegl et al., appendix B.2).
/// With `joint` the map `W x + U s` of LSTM and RNN is `L (Vx x + Vh s)`. For the GRU, whose reset
/// gate stands between the products, `L` multiplies both: `L (Vx x)` and `L (Vh s)`.
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrentLayer<P = Matrix, V = Vec<f32>> {
    /// `W`, `gate rows x n_in`, or `Vx`, `joint x n_in`; and `b`, always one value per gate row.
    pub nonrec: Affine<P, V>,
    /// `U`, `gate rows x s`, or `Vh`, `joint x s`.
    pub rec: LinearMap<P>,
    /// `L`, `gate rows x joint`.
    pub joint: Option<LinearMap<P>>,
    /// `pi`, `pf`, `po`, one after another.
    pub peepholes: Option<V>,
    /// `d`, one value per unit.
    pub recurrent_bias: Option<V>,
    /// `P`, `projection x hidden`.
    pub projection: Option<LinearMap<P>>,
}

impl<P, V> RecurrentLayer<P, V> {
    /// A layer without options.
    pub fn new(nonrec: Affine<P, V>, rec: LinearMap<P>) -> Self {
        Self { nonrec, rec, joint: None, peepholes: None, recurrent_bias: None, projection: None }
    }
}
