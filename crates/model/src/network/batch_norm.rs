//! Batch normalisation: part of a layer during training, then folded into its map and bias.

use crate::{Affine, Error, Network, Result};

/// Added to variances before taking the square root.
pub const EPSILON: f32 = 1e-5;

/// `scale (x - mean) / sqrt(variance + EPSILON)` for each output of the map before it (Ioffe &
/// Szegedy 2015). The shift is the layer's own bias.
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
    /// A batch norm that changes nothing, for a map of `rows` outputs; `scale` must hold ones.
    pub fn identity(rows: usize, scale: V) -> Self {
        Self { scale, mean: vec![0.0; rows], variance: vec![1.0 - EPSILON; rows] }
    }
}

impl BatchNorm {
    /// The equivalent factor and offset for each output.
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
    /// Folds the batch norm, if any, into the rows of the map and the bias; `behind` turns its
    /// shift into the change of the bias.
    fn fold(&mut self, behind: impl FnOnce(Vec<f32>) -> Vec<f32>) -> Result<()> {
        let Some(norm) = self.norm.take() else { return Ok(()) };
        let (factors, shift) = norm.amounts_to();
        self.map.scale_rows(&factors)?;
        self.bias.iter_mut().zip(behind(shift)).for_each(|(bias, shift)| *bias += shift);
        Ok(())
    }
}

impl Network {
    /// The equivalent network for use after training: every batch norm folded into the rows and the
    /// bias of its layer.
    ///
    /// # Errors
    /// If a map with a batch norm is already quantized.
    pub fn folded(mut self) -> Result<Self> {
        for layer in &mut self.recurrent {
            if let Some(joint) = &layer.joint {
                // The norm comes before the joint factor, the bias after it.
                layer.nonrec.fold(|shift| joint.apply(&shift, 1))?;
            }
        }
        for (_, affine) in self.affines_mut() {
            affine.fold(|shift| shift)?;
        }
        Ok(self)
    }

    /// Whether any layer has a batch norm.
    pub fn has_norms(&self) -> bool {
        self.affines().iter().any(|(_, affine)| affine.norm.is_some())
    }
}
