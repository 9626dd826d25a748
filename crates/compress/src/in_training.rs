//! Applies a plan to a network in training, whose layers have batch norms, at the start of a stage.

use crate::{Calibration, Error, Measured, Plan, Result, SecondMoment};
use stonechat_model::{BatchNorm, EPSILON, Kind, LinearMap, MapId, Matrix, Network};

impl Plan {
    /// [`apply`](Self::apply) for a network with batch norms, which keeps them.
    ///
    /// Without `inputs`, the maps change by their weights, and the norms after them stay. If given,
    /// `inputs` are those of the [folded](Network::folded) network: its maps then change with the
    /// least error of their outputs, and the result has the outputs of the folded network that the
    /// plan makes. A changed map contains the scale of its norm, and the norm gets the mean and the
    /// variance of its outputs, so that training continues where compression ended; unchanged maps
    /// keep their norms.
    ///
    /// # Errors
    /// Those of [`apply`](Self::apply).
    pub fn apply_in_training(
        &self,
        network: &Network,
        inputs: Option<&Calibration>,
    ) -> Result<Network> {
        let measured = Measured { inputs, machine: None };
        let Some(inputs) = inputs else { return self.apply(network, measured) };
        let before = network.clone().folded()?;
        let mut after = self.apply(&before, measured)?;
        let inputs = inputs.projected(&after)?;
        let joints: Vec<Option<LinearMap>> =
            after.recurrent.iter().map(|layer| layer.joint.clone()).collect();
        let names: Vec<String> =
            after.affines().iter().map(|(id, _)| after.config.map_name(*id)).collect();
        for (((id, new), (_, old)), name) in
            after.affines_mut().into_iter().zip(network.affines()).zip(names)
        {
            if old.norm.is_none() {
                continue;
            }
            if before.map(id) == Some(&new.map) {
                *new = old.clone();
                continue;
            }
            let norm = norm_of(&new.map, inputs.get(&name)?)?;
            // The norm subtracts the mean, the bias adds it again.
            let shift = match (id, joints.get(id.layer)) {
                (MapId { kind: Kind::Nonrecurrent, .. }, Some(Some(joint))) => {
                    joint.apply(&norm.mean, 1)
                }
                _ => norm.mean.clone(),
            };
            new.bias.iter_mut().zip(shift).for_each(|(bias, shift)| *bias += shift);
            new.norm = Some(norm);
        }
        after.validate()?;
        Ok(after)
    }
}

/// A batch norm for a map that changes nothing except that it subtracts the mean of the outputs.
fn norm_of(map: &LinearMap, inputs: &SecondMoment) -> Result<BatchNorm> {
    let rows = map.rows();
    let dense = Matrix::from_f32(rows, map.cols(), map.to_dense()).map_err(Error::Model)?;
    let images = inputs.image(&dense)?;
    let spread = images.centred().matrix();
    let variance: Vec<f32> = (0..rows).map(|i| spread[i * rows + i] as f32).collect();
    Ok(BatchNorm {
        scale: variance.iter().map(|v| (v + EPSILON).sqrt()).collect(),
        mean: images.mean().iter().map(|&m| m as f32).collect(),
        variance,
    })
}
