//! A layer without memory: `y = f(W x + b)` frame by frame.

use stonechat_kernels::{Activation, Packed};
use stonechat_model::Affine;
use stonechat_plan::RunPlan;

use crate::Error;
use crate::linear::{LinearScratch, PackedMap};

/// A packed map with its bias and activation: the fully connected and the output layer.
pub(crate) struct AffineLayer {
    map: PackedMap,
    bias: Vec<f32>,
    activation: Activation,
}

impl AffineLayer {
    pub(crate) fn new(
        name: &str,
        affine: &Affine,
        activation: Activation,
        plan: &RunPlan,
    ) -> Result<Self, Error> {
        Ok(Self {
            map: PackedMap::pack(name, &affine.map, plan)?,
            bias: affine.bias.clone(),
            activation,
        })
    }

    /// The weights, so that they can be moved.
    pub(crate) fn packed(&mut self) -> impl Iterator<Item = &mut dyn Packed> {
        self.map.packed()
    }

    /// `x`: `frames x cols`. Appends `frames x rows` to `out`.
    pub(crate) fn push(&self, x: &[f32], scratch: &mut LinearScratch, out: &mut Vec<f32>) {
        let frames = x.len() / self.map.cols();
        let start = out.len();
        out.resize(start + frames * self.map.rows(), 0.0);
        self.map.matmul(x, frames, Some(&self.bias), self.activation, scratch, &mut out[start..]);
    }
}
