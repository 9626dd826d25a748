//! Batch normalisation: a part of a layer while it is trained, folded into its map and bias afterwards.

use crate::{Affine, Error, Network, Result};

/// What is added to variances before the root is taken.
pub const EPSILON: f32 = 1e-5;

/// `scale (x - mean) / sqrt(variance + EPSILON)`, row by row of the map that it stands behind (Ioffe & Szegedy 2015).
/// The shift is the layer's own bias.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm<V = Vec<f32>> {
    /// The factors, trained.
    pub scale: V,
    /// Running mean of the map's outputs.
    pub mean: Vec<f32>,
    /// Running variance of the map's outputs.
    pub variance: Vec<f32>,
}

impl<V> BatchNorm<V> {
    /// One that changes nothing, for a map of `rows` outputs; `scale` holds ones.
    pub fn identity(rows: usize, scale: V) -> Self {
        Self { scale, mean: vec![0.0; rows], variance: vec![1.0 - EPSILON; rows] }
    }
}

impl BatchNorm {
    /// The factor of each output, and what is then added to it.
    pub fn amounts_to(&self) -> (Vec<f32>, Vec<f32>) {
        let pairs = self.scale.iter().zip(&self.variance);
        let factors: Vec<f32> = pairs.map(|(g, v)| g / (v + EPSILON).sqrt()).collect();
        let shift = factors.iter().zip(&self.mean).map(|(f, mean)| -f * mean).collect();
        (factors, shift)
    }

    pub(super) fn validate(&self, name: &str, rows: usize) -> Result<()> {
        for (what, values) in
            [("scale", &self.scale), ("mean", &self.mean), ("variance", &self.variance)]
        {
            super::check_vector(format!("{name}.{what}"), values, rows)?;
        }
        match self.variance.iter().find(|v| **v < 0.0) {
            Some(v) => Err(Error::weight(name, format!("has the variance {v}, below 0"))),
            None => Ok(()),
        }
    }
}

impl Affine {
    /// Folds the batch norm, if there is one, into the rows of the map; `behind` makes of its shift what the bias
    /// takes up.
    fn fold(&mut self, behind: impl FnOnce(Vec<f32>) -> Vec<f32>) -> Result<()> {
        let Some(norm) = self.norm.take() else { return Ok(()) };
        let (factors, shift) = norm.amounts_to();
        self.map.scale_rows(&factors)?;
        self.bias.iter_mut().zip(behind(shift)).for_each(|(bias, shift)| *bias += shift);
        Ok(())
    }
}

impl Network {
    /// The network that this one is outside training: every batch norm in the rows and the bias of its layer.
    ///
    /// # Errors
    /// If a map with a batch norm behind it is quantized already.
    pub fn folded(mut self) -> Result<Self> {
        for layer in &mut self.recurrent {
            if let Some(joint) = &layer.joint {
                // The norm stands before the joint factor, the bias behind it.
                layer.nonrec.fold(|shift| joint.apply(&shift, 1))?;
            }
        }
        for (_, affine) in self.affines_mut() {
            affine.fold(|shift| shift)?;
        }
        Ok(self)
    }

    /// Has any layer a batch norm?
    pub fn has_norms(&self) -> bool {
        self.affines().iter().any(|(_, affine)| affine.norm.is_some())
    }
}
