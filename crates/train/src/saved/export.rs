//! From a net in training to a package: batch norm folded, taps in the package's order.
//!
//! `BN(A B x) = (diag(s) A)(B x) + (beta - s mean)` with `s = gamma / sqrt(variance + eps)` (SPEC 3.7).

use stonechat_model::{Affine, Family, FamilySpec, LinearMap, Network, RecurrentLayer};

use crate::TrainError;
use crate::engine::net::Net;
use crate::engine::ops::batch_norm::EPSILON;

/// The network that `net` is outside training.
///
/// # Errors
/// Parameters that do not make a valid network (not finite, say).
pub fn export(net: &Net) -> Result<Network, TrainError> {
    let config = &net.config;
    let conv = |l: usize| -> Result<Affine, TrainError> {
        let name = format!("conv.{l}");
        let (scale, bias) = fold(net, &name);
        let weight = &net.parameters[&format!("{name}.weight")];
        let [frequency, time] = config.conv[l].kernel;
        let data = time_first(&weight.values, frequency, time, config.conv_channels_in(l));
        let data = scale_rows(data, weight.columns, &scale);
        Ok(Affine::new(LinearMap::dense(weight.rows, weight.columns, data)?, bias))
    };
    let recurrent = |l: usize| -> Result<RecurrentLayer, TrainError> {
        let name = config.recurrent_name(l);
        let part = |part: &str| map(net, &format!("{name}.{part}"), None);
        let layer = &config.recurrent[l];
        let mut nonrec = folded(net, &format!("{name}.nonrec"), &name)?;
        let joint = layer.joint.map(|_| part("joint")).transpose()?;
        if let Some(left) = &joint {
            // The batch norm's bias stands before `L`, the package's behind it.
            let own = &net.parameters[&format!("{name}.bias")].values;
            let sums = left.apply(&nonrec.bias, 1);
            nonrec.bias = sums.iter().zip(own).map(|(sum, own)| sum + own).collect();
        }
        let peepholes = net.parameters.get(&format!("{name}.peepholes"));
        Ok(RecurrentLayer {
            nonrec,
            rec: part("rec")?,
            joint,
            peepholes: peepholes.map(|p| p.values.clone()),
            recurrent_bias: None,
            projection: layer.projection.map(|_| part("proj")).transpose()?,
        })
    };
    let network = Network {
        conv: (0..config.conv.len()).map(conv).collect::<Result<_, _>>()?,
        recurrent: (0..config.recurrent.len()).map(recurrent).collect::<Result<_, _>>()?,
        row_conv: net.parameters.get("row_conv.weight").map(|p| p.values.clone()),
        fc: config.fc.map(|_| folded(net, "fc", "fc")).transpose()?,
        output: Affine::new(
            map(net, "output", None)?,
            net.parameters["output.bias"].values.clone(),
        ),
        config: config.clone(),
    };
    network.validate()?;
    Ok(network)
}

/// Scale and bias that the batch norm of `layer` amounts to.
pub(crate) fn fold(net: &Net, layer: &str) -> (Vec<f32>, Vec<f32>) {
    let gamma = &net.parameters[&format!("{layer}.norm.gamma")].values;
    let beta = &net.parameters[&format!("{layer}.norm.beta")].values;
    let statistics = &net.statistics[layer];
    let scale: Vec<f32> =
        gamma.iter().zip(&statistics.variance).map(|(g, v)| g / (v + EPSILON).sqrt()).collect();
    let bias = beta.iter().zip(&scale).zip(&statistics.mean).map(|((b, s), m)| b - s * m).collect();
    (scale, bias)
}

/// The map `name` with the batch norm of `layer` folded in.
fn folded(net: &Net, name: &str, layer: &str) -> Result<Affine, TrainError> {
    let (scale, bias) = fold(net, layer);
    Ok(Affine::new(map(net, name, Some(&scale))?, bias))
}

/// The map `name`, its rows scaled.
fn map(net: &Net, name: &str, scale: Option<&[f32]>) -> Result<LinearMap, TrainError> {
    let value = |part: &str| net.parameters.get(&format!("{name}.{part}"));
    let (family, rows, cols) = match (net.families.get(name), value("weight")) {
        (Some(spec), _) => (spec.family().clone(), spec.rows(), spec.cols()),
        (None, Some(w)) => (Family::dense(), w.rows, w.columns),
        (None, None) => {
            let [u, v] = ["u", "v"].map(|part| &net.parameters[&format!("{name}.{part}")]);
            (Family::low_rank(u.columns), u.rows, v.columns)
        }
    };
    let spec = FamilySpec::new(name, family, rows, cols)?;
    let parts = spec.parts();
    let values = parts.iter().filter_map(|part| value(part.name)).map(|p| p.values.clone());
    Ok(LinearMap::from_values(name, spec, values.collect(), scale)?)
}

fn scale_rows(mut data: Vec<f32>, columns: usize, scale: &[f32]) -> Vec<f32> {
    for (row, s) in data.chunks_exact_mut(columns).zip(scale) {
        row.iter_mut().for_each(|w| *w *= s);
    }
    data
}

/// Filters from (frequency, time, channel) order to (time, frequency, channel).
fn time_first(data: &[f32], frequency: usize, time: usize, channels: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(data.len());
    for filter in data.chunks_exact(frequency * time * channels) {
        for t in 0..time {
            for f in 0..frequency {
                out.extend_from_slice(&filter[(f * time + t) * channels..][..channels]);
            }
        }
    }
    out
}
