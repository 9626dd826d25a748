//! Plans applied to networks in training: batch norms stay, and training continues where
//! compression ended.

mod common;

use common::*;
use stonechat_compress::{Calibration, LowRank, Measured, Plan, RankRule};
use stonechat_model::{BatchNorm, Kind, Network};

/// The network of the other tests, with a norm after every map except the output's.
fn normed(seed: u64) -> Network {
    let (mut network, random) = (network(seed), &mut Random(seed));
    for (id, affine) in network.affines_mut() {
        if id.kind != Kind::Output {
            let rows = affine.map.rows();
            affine.norm = Some(BatchNorm {
                scale: matrix(random, 1, rows).iter().map(|x| 1.0 + 0.3 * x).collect(),
                mean: matrix(random, 1, rows),
                variance: matrix(random, 1, rows).iter().map(|x| 0.5 + x * x).collect(),
            });
        }
    }
    network.validate().unwrap();
    network
}

fn plan(text: &str) -> Plan {
    Plan::from_toml(text).unwrap()
}

#[test]
fn by_the_weights_norms_stay_and_maps_change_as_they_are() {
    let before = normed(3);
    let after =
        plan("low_rank = { rank = { variance = 0.8 } }").apply_in_training(&before, None).unwrap();
    let mut cut = 0;
    for ((id, old), (_, new)) in before.affines().into_iter().zip(after.affines()) {
        assert_eq!((&old.norm, &old.bias), (&new.norm, &new.bias), "{id:?}");
        cut += usize::from(old.map != new.map);
    }
    assert!(cut > 0);
    // As without norms.
    let mut plain = before.clone();
    plain.affines_mut().into_iter().for_each(|(_, affine)| affine.norm = None);
    let low_rank = LowRank::new(RankRule::Variance(0.8));
    let same = Plan { low_rank: Some(low_rank), ..Plan::default() };
    let plain = same.apply(&plain, Measured::default()).unwrap();
    for (a, b) in after.maps().iter().zip(plain.maps()) {
        assert_eq!(a.map, b.map, "{}", a.name());
    }
}

#[test]
fn by_the_inputs_training_goes_on_where_compression_ended() {
    for (seed, text) in [
        (1, "low_rank = { rank = { variance = 0.8 }, whiten = true }"),
        (2, "[families]\nfc = { family = \"monarch\", blocks = 4 }\n"),
        (3, "shared_projection = { rank = { variance = 0.9 } }\n"),
    ] {
        let (before, plan) = (normed(seed), plan(text));
        let folded = before.clone().folded().unwrap();
        let mut inputs = Calibration::new(&folded);
        for map in folded.maps() {
            let vectors = matrix(&mut Random(seed + map.map.cols() as u64), 300, map.map.cols());
            inputs.add(&map.name(), &vectors).unwrap();
        }
        let measured = Measured { inputs: Some(&inputs), machine: None };
        let wanted = plan.apply(&folded, measured).unwrap();
        let after = plan.apply_in_training(&before, Some(&inputs)).unwrap();
        let x = features(&folded, 20);
        let logits = |network: &Network| network.forward_reference(&x, 20).unwrap();
        let (a, b) = (logits(&after), logits(&wanted));
        assert!(largest_difference(&a, &b) < 1e-3, "{text}: {}", largest_difference(&a, &b));
        let known = inputs.projected(&after).unwrap();
        let mut changed = 0;
        for ((id, old), (_, new)) in before.affines().into_iter().zip(after.affines()) {
            let name = after.config.map_name(id);
            if Some(&new.map) == before.map(id) {
                assert_eq!(old, new, "{text}: {name}");
                continue;
            }
            let Some(norm_after) = &new.norm else { continue };
            changed += 1;
            // The norm has the statistics of the outputs, one by one.
            let mean = known.get(&name).unwrap().mean();
            let mean: Vec<f32> = mean.iter().map(|&x| x as f32).collect();
            let means = new.map.apply(&mean, 1);
            let error = distance(&means, &norm_after.mean);
            assert!(error < 1e-4 * (1.0 + norm(&means)), "{text}: {name}");
        }
        assert!(changed > 0, "{text}");
    }
}
