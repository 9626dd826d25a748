//! The parameters of one step as the leaves of a tape.

use std::collections::BTreeMap;

use stonechat_model::FamilySpec;

use super::layers::round;
use super::rounding::rounded;
use super::tape::{Tape, Tensor};
use crate::config::Rounding;
use crate::engine::net::{Families, Net};
use crate::engine::ops::buffers;
use crate::engine::parameters::{Gradients, Parameter};

/// The parameters of one step as tensors.
#[derive(Debug)]
pub struct Graph {
    tape: Tape,
    leaves: BTreeMap<String, Tensor>,
    families: Families,
    rounds: bool,
}

impl Graph {
    /// Copies the parameters of `net`; with `training` the leaves take gradients.
    pub fn new(net: &Net, training: bool) -> Self {
        let tape = Tape::default();
        let leaf = |p: &Parameter| {
            let (values, shape) = (buffers::copy_of(&p.values), [p.rows, p.columns]);
            if training { tape.leaf(values, shape) } else { Tensor::constant(values, shape) }
        };
        let integers = net.rounding.as_ref().map(|rounding| rounded(rounding, net));
        let parameters = integers.as_ref().unwrap_or(&net.parameters);
        let leaves = parameters.iter().map(|(name, p)| (name.clone(), leaf(p))).collect();
        let rounds = net.rounding.as_ref().is_some_and(Rounding::rounds_activations);
        Self { tape, leaves, families: net.families.clone(), rounds }
    }

    /// Are vectors rounded to int8 before they meet a matrix?
    pub fn rounds(&self) -> bool {
        self.rounds
    }

    /// The vectors as they meet a matrix: every row rounded to int8 where the net trains for that.
    pub fn met(&self, x: &Tensor) -> Tensor {
        if self.rounds { round(x) } else { x.clone() }
    }

    /// The parameter called `name`; the net that built the parameters knows its names.
    pub fn leaf(&self, name: &str) -> &Tensor {
        &self.leaves[name]
    }

    /// Is there a parameter called `name`?
    pub fn has(&self, name: &str) -> bool {
        self.leaves.contains_key(name)
    }

    /// Family and size of the map `name`, where it is neither dense nor low rank.
    pub fn structured(&self, name: &str) -> Option<&FamilySpec> {
        self.families.get(name)
    }

    /// Back-propagates from the gradients of some results to every parameter.
    pub fn gradients(self, results: impl IntoIterator<Item = (Tensor, Vec<f32>)>) -> Gradients {
        let mut gradients = self.tape.backward(results);
        self.leaves
            .into_iter()
            .filter_map(|(name, leaf)| {
                let gradient = gradients.take(&leaf);
                leaf.into_parts().0.recycle();
                Some((name, gradient?))
            })
            .collect()
    }
}
