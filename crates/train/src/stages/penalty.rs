//! Penalties on the large weights, and their gradients (Kliegl et al. 2017, section 3).
//!
//! `l2` is on `W`, or on both factors of `W = U V`, where it equals the trace norm: `|W|_* = min
//! over W = U V of (|U|^2 + |V|^2) / 2` (Lemma 1). On the parts `G`, `H` of a Toeplitz-like map it
//! is, likewise, half the trace norm of the displacement `Z_1 M - M Z_{-1}`, which is `2 G (J
//! H)^T`.

use stonechat_model::{Kind, MapId, MapRef, ParameterId};

use crate::config::{Regulariser, Stage};
use crate::engine::net::Net;
use crate::engine::parameters::{Gradients, Parameter, Place};

/// Adds the penalty's gradient to `gradients` and returns the penalty. The group lasso has no
/// gradient at zero, where it matters: [`shrink_blocks`] takes its step.
pub fn penalise(stage: &Stage, net: &Net, gradients: &mut Gradients) -> f64 {
    if stage.regulariser == Regulariser::None {
        return 0.0;
    }
    let mut penalty = 0.0;
    for MapRef { kind, layer, map, .. } in net.network.maps() {
        let lambda = strength(stage, kind);
        if lambda == 0.0 {
            continue;
        }
        if stage.regulariser == Regulariser::GroupLasso {
            penalty += map.weight().map_or(0.0, |weight| lambda * block_norms(weight, stage.block));
            continue;
        }
        for (i, part) in map.parts().iter().enumerate() {
            let place = Place::Network(ParameterId::Part(MapId::new(kind, layer), i));
            let Some(gradient) = gradients.get_mut(&place) else { continue };
            let mut square = 0.0;
            for (g, w) in gradient.iter_mut().zip(&part.values) {
                *g += lambda as f32 * w;
                square += f64::from(*w) * f64::from(*w);
            }
            penalty += 0.5 * lambda * square;
        }
    }
    penalty
}

/// `sum over blocks of sqrt(size) |block|`.
fn block_norms(weight: &Parameter, block: [usize; 2]) -> f64 {
    let (mut weight, mut norms) = (weight.clone(), 0.0);
    for_each_block(&mut weight, block, |size, norm| {
        norms += (size as f64).sqrt() * norm;
        1.0
    });
    norms
}

/// The proximal step of the group lasso after a step of the optimiser with learning rate `rate`:
/// every block's norm shrinks by `rate lambda sqrt(size)`, to zero at the least. Blocks of a dense
/// weight are blocks of the map; those of a factor are not, and stay.
pub fn shrink_blocks(stage: &Stage, rate: f64, net: &mut Net) {
    if stage.regulariser != Regulariser::GroupLasso {
        return;
    }
    for (id, map) in net.network.maps_mut() {
        let threshold = rate * strength(stage, id.kind);
        if threshold > 0.0 && map.weight().is_some() {
            map.parts_mut().iter_mut().for_each(|weight| shrink(weight, stage.block, threshold));
        }
    }
}

fn shrink(weight: &mut Parameter, block: [usize; 2], threshold: f64) {
    for_each_block(weight, block, |size, norm| {
        let keep = 1.0 - threshold * (size as f64).sqrt() / norm;
        if norm > 0.0 { keep.max(0.0) as f32 } else { 0.0 }
    });
}

/// Multiplies every block of `rows x columns` (smaller at the edges) by `factor` of its size and
/// Frobenius norm.
fn for_each_block(
    weight: &mut Parameter,
    [rows, columns]: [usize; 2],
    mut factor: impl FnMut(usize, f64) -> f32,
) {
    let width = weight.columns;
    for top in (0..weight.rows).step_by(rows) {
        for left in (0..width).step_by(columns) {
            let right = (left + columns).min(width);
            let lines = top..(top + rows).min(weight.rows);
            let size = lines.len() * (right - left);
            let of = |line: usize| line * width + left..line * width + right;
            let square: f64 = lines
                .clone()
                .flat_map(|line| &weight.values[of(line)])
                .map(|&w| f64::from(w) * f64::from(w))
                .sum();
            let factor = factor(size, square.sqrt());
            if factor != 1.0 {
                lines
                    .for_each(|line| weight.values[of(line)].iter_mut().for_each(|w| *w *= factor));
            }
        }
    }
}

/// The lambda of a kind of maps: recurrent and non-recurrent weights have their own. The fully
/// connected layer counts as non-recurrent, projections and joint left factors as recurrent;
/// convolutions and output have no penalty.
pub(super) fn strength(stage: &Stage, kind: Kind) -> f64 {
    match kind {
        Kind::Recurrent | Kind::Projection | Kind::Joint => stage.lambda_rec,
        Kind::Nonrecurrent | Kind::FullyConnected => stage.lambda_nonrec,
        Kind::Conv | Kind::Output => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Parametrisation;
    use crate::engine::net::dense;

    fn stage(more: &str) -> Stage {
        toml::from_str(&format!("name = 's'\nepochs = 1\nrate = 0.1\n{more}")).unwrap()
    }

    /// `min 1/2 |W - A|^2 + lambda sum sqrt(size) |block|` has the solution
    /// `(1 - lambda sqrt(size) / |A_block|)_+ A_block`, block by block.
    #[test]
    fn group_lasso_descends_to_the_soft_threshold_of_each_block() {
        let (rows, columns, lambda) = (6, 5, 0.4);
        let a: Vec<f32> = (0..rows * columns)
            .map(|i| ((i * 29 % 17) as f32 - 8.3) * if i / columns < 3 { 0.02 } else { 0.2 })
            .collect();
        let stage =
            stage(&format!("regulariser = 'group_lasso'\nlambda_rec = {lambda}\nblock = [3, 2]"));
        let mut expected = Parameter { rows, columns, values: a.clone() };
        let mut zeros = 0;
        for_each_block(&mut expected, [3, 2], |size, norm| {
            let keep = (1.0 - lambda * (size as f64).sqrt() / norm).max(0.0);
            zeros += usize::from(keep == 0.0);
            keep as f32
        });
        assert!((1..6).contains(&zeros), "{zeros} of 6 blocks");
        let config = serde_json::from_str(r#"{"input": 4, "gru": [2]}"#).unwrap();
        let mut net = Net::new(config, 3, Parametrisation::Dense, 1).unwrap();
        let start = vec![1.0; rows * columns];
        net.network.recurrent[0].rec = dense(Parameter { rows, columns, values: start });
        let free = net.network.output.clone();
        for _ in 0..300 {
            let w = &mut net.network.recurrent[0].rec.parts_mut()[0].values;
            w.iter_mut().zip(&a).for_each(|(w, a)| *w -= 0.1 * (*w - a));
            shrink_blocks(&stage, 0.1, &mut net);
        }
        let w = &net.network.recurrent[0].rec.parts()[0].values;
        for (i, (w, e)) in w.iter().zip(&expected.values).enumerate() {
            assert!((w - e).abs() < 1e-4 && (*w == 0.0) == (*e == 0.0), "{i}: {w} and {e}");
        }
        assert_eq!(net.network.output, free);
        let penalty = penalise(&stage, &net, &mut Gradients::new());
        let by_hand = lambda * block_norms(&expected, [3, 2]);
        assert!((penalty - by_hand).abs() < 1e-3, "{penalty} and {by_hand}");
    }
}
