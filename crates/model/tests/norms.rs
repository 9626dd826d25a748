//! Batch norms as parts of layers: folding changes no output; and networks over other types than
//! matrices.

mod common;

use common::{Random, random_network};
use stonechat_model::{
    Affine, BatchNorm, EPSILON, Kind, MapId, Matrix, Network, NetworkConfig, Package, ParameterId,
    VectorId,
};

/// Everything that a config can have, except a bias inside a reset gate.
fn config() -> NetworkConfig {
    serde_json::from_str(
        r#"{ "input": 8, "conv": [{ "channels": 3, "kernel": [3, 2], "stride": [2, 1] }], "fc": 6,
             "recurrent": [5, { "cell": "lstm", "hidden": 4, "peepholes": true, "projection": 3 },
                           { "hidden": 4, "joint": 3 }], "row_conv": { "lookahead": 2 } }"#,
    )
    .unwrap()
}

/// With a norm after every map except the output's.
fn normed(seed: u64) -> Network {
    let mut network = random_network(config(), 7, seed);
    let random = &mut Random(seed);
    for (id, affine) in network.affines_mut() {
        if id.kind != Kind::Output {
            let rows = affine.map.rows();
            affine.norm = Some(BatchNorm {
                scale: random.values(rows),
                mean: random.values(rows),
                variance: random.values(rows).iter().map(|v| v.abs()).collect(),
            });
        }
    }
    network.validate().unwrap();
    network
}

/// `L norm(W x) + b`, in `f64`.
fn outputs(affine: &Affine, joint: Option<&[f32]>, x: &[f32]) -> Vec<f64> {
    let mut y: Vec<f64> = affine.map.apply(x, 1).into_iter().map(f64::from).collect();
    if let Some(norm) = &affine.norm {
        for (i, y) in y.iter_mut().enumerate() {
            let deviation = f64::from(norm.variance[i] + EPSILON).sqrt();
            *y = f64::from(norm.scale[i]) * (*y - f64::from(norm.mean[i])) / deviation;
        }
    }
    if let Some(left) = joint {
        let rows = left.chunks_exact(y.len());
        y = rows.map(|row| row.iter().zip(&y).map(|(l, y)| f64::from(*l) * y).sum()).collect();
    }
    y.iter().zip(&affine.bias).map(|(y, b)| y + f64::from(*b)).collect()
}

#[test]
fn folding_changes_no_output() {
    for seed in 0..5 {
        let before = normed(seed);
        let after = before.clone().folded().unwrap();
        after.validate().unwrap();
        assert!(before.has_norms() && !after.has_norms());
        for ((id, before_layer), (_, after_layer)) in before.affines().iter().zip(after.affines()) {
            let joint = before.map(MapId::new(Kind::Joint, id.layer)).map(|map| map.to_dense());
            let joint = joint.as_deref().filter(|_| id.kind == Kind::Nonrecurrent);
            let x = Random(!seed).values(after_layer.map.cols());
            let (a, b) = (outputs(before_layer, joint, &x), outputs(after_layer, joint, &x));
            for (i, (a, b)) in a.iter().zip(&b).enumerate() {
                assert!((a - b).abs() < 1e-4 * (1.0 + a.abs()), "{id:?} {i}: {a} and {b}");
            }
        }
        let features = Random(seed + 9).values(8 * 6);
        assert_eq!(
            before.forward_reference(&features, 6).unwrap(),
            after.forward_reference(&features, 6).unwrap()
        );
    }
}

#[test]
fn a_norm_that_does_not_fit_is_refused() {
    type Spoil = fn(&mut BatchNorm);
    let table: [(&str, Spoil); 4] = [
        ("fc.norm`: has 5 values", |n| n.scale.truncate(5)),
        ("fc.norm.mean", |n| n.mean[0] = f32::NAN),
        ("fc.norm.variance", |n| n.variance.push(1.0)),
        ("has the variance -1", |n| n.variance[2] = -1.0),
    ];
    for (words, spoil) in table {
        let mut network = normed(1);
        spoil(network.fc.as_mut().unwrap().norm.as_mut().unwrap());
        let error = network.validate().unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    let package = common::full_package();
    let mut network = package.network.clone();
    let rows = network.output.map.rows();
    network.output.norm = Some(BatchNorm::identity(rows, vec![1.0; rows]));
    let error = Package { network, ..package }.to_bytes().unwrap_err().to_string();
    assert!(error.contains("fold"), "{error}");
}

#[test]
fn a_network_of_names_has_every_tensor_once() {
    let network = normed(2);
    let config = &network.config;
    let names =
        network.convert(|id, _| config.map_name(id), |id, _| config.vector_name(id)).unwrap();
    let all: Vec<(ParameterId, String)> =
        names.parameters().into_iter().map(|(id, name)| (id, name.clone())).collect();
    let mut distinct: Vec<&String> = all.iter().map(|(_, name)| name).collect();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), all.len());
    for (id, name) in &all {
        let full = network.parameter_name(*id);
        match id {
            ParameterId::Part(..) => assert_eq!(full, format!("{name}.weight")),
            ParameterId::Vector(..) => assert_eq!(full, *name),
        }
    }
    for (id, vector) in network.vectors() {
        assert_eq!(vector.len(), config.vector_len(id, 7), "{id:?}");
        assert_eq!(names.vector(id), Some(&config.vector_name(id)));
    }
    for (spec, map) in config.linear_maps(7).iter().zip(network.maps()) {
        assert_eq!((spec.id(), &spec.name), (map.id(), &map.name()));
        assert_eq!((spec.rows, spec.cols), (map.map.rows(), map.map.cols()), "{}", spec.name);
        assert_eq!(network.map(spec.id()), Some(map.map));
    }
    assert_eq!(network.vector(VectorId::RecurrentBias(0)), None);
    let back = network.convert(|_, part| Matrix::clone(part), |_, vector| vector.clone());
    assert_eq!(back.unwrap(), network);
}
