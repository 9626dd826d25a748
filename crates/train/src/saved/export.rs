//! Conversion between nets in training and networks at rest.

use stonechat_model::{Affine, BatchNorm, Kind, LinearMap, Network, VectorId};

use crate::TrainError;
use crate::engine::net::Net;
use crate::engine::parameters::Parameter;

/// The network of `net` unchanged, with its batch norms.
///
/// # Errors
/// None, if the layers of the net are those of its config.
pub fn at_rest(net: &Net) -> Result<Network, TrainError> {
    Ok(net.network.convert(|_, part| part.matrix(), |_, vector| vector.values.clone())?)
}

/// The network that `net` is outside training, with batch norms folded.
///
/// # Errors
/// Parameters that do not make a valid network (for example, not finite).
pub fn export(net: &Net) -> Result<Network, TrainError> {
    let network = at_rest(net)?.folded()?;
    network.validate()?;
    Ok(network)
}

/// The net for `network`, with integers as the floats they represent. If it has no batch norms it
/// gets some that do nothing but multiply by the gain of their map.
///
/// # Errors
/// None, for a network that was validated.
pub fn from_network(network: &Network) -> Result<Net, TrainError> {
    let width = network.config.recurrent_output();
    let vector = |id, values: &Vec<f32>| match id {
        VectorId::RowConv => {
            Parameter { rows: values.len() / width, columns: width, values: values.clone() }
        }
        _ => Parameter::row(values.clone()),
    };
    let mut network = network.convert(|_, part| Parameter::of(part), vector)?;
    for (id, affine) in network.affines_mut() {
        if id.kind != Kind::Output && affine.norm.is_none() {
            affine.norm = Some(norm_of(affine));
        }
    }
    for (_, map) in network.maps_mut() {
        if map.gain().is_some() {
            let mut parts = map.parts().to_vec().into_iter();
            let next = |_| parts.next().expect("a map has the parts of its family");
            *map = LinearMap::of_parts(map.spec().clone(), next);
        }
    }
    Ok(Net { network, characters: None, frozen: false, rounding: None })
}

fn norm_of(affine: &Affine<Parameter, Parameter>) -> BatchNorm<Parameter> {
    let rows = affine.map.rows();
    let scale = affine.map.gain().map_or_else(|| vec![1.0; rows], <[f32]>::to_vec);
    BatchNorm::identity(rows, Parameter::row(scale))
}
