//! Whole networks: what factoring and quantizing leave unchanged, and what they save.

mod common;

use common::*;
use stonechat_compress::{
    Bits, Budget, Calibration, EffectiveRank, LowRank, Measured, Plan, Quantize, RankRule, Storage,
    quantize_int8, singular_values,
};
use stonechat_model::{Kind, LinearMap, Matrix, Network};

/// Without any measurement.
fn low_rank(network: &Network, plan: &LowRank) -> stonechat_compress::Result<Network> {
    stonechat_compress::low_rank(network, plan, Measured::default(), &|_| Storage::F32)
}

const ALL: [Kind; 5] =
    [Kind::Conv, Kind::Nonrecurrent, Kind::Recurrent, Kind::FullyConnected, Kind::Output];

fn plan(rank: RankRule, maps: &[Kind], force: bool) -> LowRank {
    LowRank { maps: maps.to_vec(), force, ..LowRank::new(rank) }
}

fn families(network: &Network) -> Vec<(String, &'static str, usize)> {
    network.maps().iter().map(|m| (m.name(), m.map.family().name(), m.map.rank())).collect()
}

fn logits(network: &Network) -> Vec<f32> {
    network.forward_reference(&features(network, 30), 30).unwrap()
}

#[test]
fn full_rank_leaves_the_logits_unchanged() {
    let before = network(1);
    let after = low_rank(&before, &plan(RankRule::Variance(1.0), &ALL, true)).unwrap();
    after.validate().unwrap();
    assert!(families(&after).iter().all(|(_, family, _)| *family == "low_rank"));
    let difference = largest_difference(&logits(&before), &logits(&after));
    assert!(difference < 1e-4, "{difference}");
    // And once more from the factors.
    let again = low_rank(&after, &plan(RankRule::Variance(1.0), &ALL, true)).unwrap();
    assert!(largest_difference(&logits(&before), &logits(&again)) < 1e-4);
}

#[test]
fn cutting_below_the_true_rank_changes_them_and_at_it_does_not() {
    let mut before = network(2);
    let mut random = Random(3);
    for (_, map) in before.maps_mut() {
        let (rows, cols) = (map.rows(), map.cols());
        let w: Vec<f32> =
            matrix_of_rank(&mut random, rows, cols, 2).iter().map(|x| 0.2 * x).collect();
        *map = LinearMap::dense(rows, cols, w).unwrap();
    }
    let reference = logits(&before);
    for (rank, exact) in [(3, true), (2, true), (1, false)] {
        let ranks = families(&before).into_iter().map(|(name, ..)| (name, rank)).collect();
        let after = low_rank(&before, &plan(RankRule::List(ranks), &[], false)).unwrap();
        assert!(families(&after).iter().all(|(_, family, r)| (*family, *r) == ("low_rank", rank)));
        let difference = largest_difference(&reference, &logits(&after));
        assert_eq!(difference < 1e-4, exact, "rank {rank}: {difference}");
    }
}

#[test]
fn only_the_chosen_kinds_are_factored_and_only_where_it_saves() {
    let before = network(4);
    for kind in ALL {
        let after = low_rank(&before, &plan(RankRule::Variance(0.3), &[kind], false)).unwrap();
        for (before, after) in before.maps().iter().zip(after.maps()) {
            assert_eq!(
                after.map.family().name() == "low_rank",
                after.kind == kind,
                "{}",
                after.name()
            );
            if after.kind != kind {
                assert_eq!(before.map, after.map);
            } else {
                assert!(after.map.params() < before.map.params());
            }
        }
        assert_eq!(before.vectors(), after.vectors());
    }
    // At 99.9 % no random matrix saves anything: all stay as they are, bit for bit.
    let after = low_rank(&before, &plan(RankRule::Variance(0.999), &ALL, false)).unwrap();
    assert_eq!(after, before);
}

#[test]
fn a_factored_stage_1_network_becomes_dense_where_factors_are_larger() {
    let before = network(5);
    let stage_1 = low_rank(&before, &plan(RankRule::Variance(1.0), &ALL, true)).unwrap();
    assert!(stage_1.params() > before.params());
    let after = low_rank(&stage_1, &plan(RankRule::Variance(0.999), &ALL, false)).unwrap();
    assert!(families(&after).iter().all(|(_, family, _)| *family == "dense"));
    assert!(largest_difference(&logits(&before), &logits(&after)) < 1e-4);
}

#[test]
fn budgets_count_the_whole_network() {
    let before = network(6);
    let total = before.params();
    for budget in [total / 2, total * 3 / 4, total] {
        let rule = RankRule::Budget(Budget::parameters(budget));
        let after = low_rank(&before, &LowRank::new(rule)).unwrap();
        let largest = before.maps().iter().map(|m| m.map.rows() + m.map.cols()).max().unwrap();
        let used = after.params();
        assert!(used <= budget && used + largest > budget, "{used} of {budget}");
    }
}

#[test]
fn what_cannot_be_cut_is_refused_by_name() {
    let list = |name: &str, rank| RankRule::List([(name.to_string(), rank)].into());
    let float = network(7);
    let int8 = quantize_int8(&float);
    let mut torn = float.clone();
    torn.output.bias.pop();
    for (network, rule, words) in [
        (&float, list("gru.7.rec", 2), "no map `gru.7.rec`; it has conv.0, gru.0.nonrec"),
        (&float, list("gru.0.rec", 17), "`gru.0.rec` is 17, must be at most 16"),
        (&float, list("gru.0.rec", 0), "`gru.0.rec` is 0"),
        (&float, RankRule::Budget(Budget::parameters(10)), "budget of 10"),
        (&float, RankRule::Variance(-0.1), "variance is -0.1"),
        (&int8, RankRule::Variance(0.9), "`gru.0.nonrec` is quantized already"),
        (&torn, RankRule::Variance(0.9), "output.bias"),
    ] {
        let error = low_rank(network, &LowRank::new(rule)).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn int8_moves_no_weight_by_more_than_half_a_step() {
    let mut before = low_rank(&network(8), &LowRank::new(RankRule::Variance(0.5))).unwrap();
    // A row of zeros and a row with one large value among small ones.
    if let [Matrix::F32 { cols, data, .. }] = before.output.map.parts_mut() {
        data[..*cols].fill(0.0);
        data[*cols] = 3.0;
    }
    let after = quantize_int8(&before);
    after.validate().unwrap();
    for (before, after) in before.maps().iter().zip(after.maps()) {
        for ((name, float), int8) in before.map.named_parts().zip(after.map.parts()) {
            let Matrix::Int8 { cols, data, scales, .. } = int8 else {
                panic!("{} {name} stayed float", before.name());
            };
            let (float, back) = (float.to_dense(), int8.to_dense());
            for (row, scale) in scales.iter().enumerate() {
                let range = row * cols..(row + 1) * cols;
                let largest = float[range.clone()].iter().fold(0f32, |m, x| m.max(x.abs()));
                assert!((scale - largest / 127.0).abs() <= 1e-6 * scale, "{}", before.name());
                for i in range.clone() {
                    let error = (float[i] - back[i]).abs();
                    assert!(error <= 0.5001 * scale, "{} {name} value {i}: {error}", before.name());
                }
                let peak = data[range].iter().map(|q| q.unsigned_abs()).max();
                assert_eq!(peak, Some(if largest > 0.0 { 127 } else { 0 }));
            }
        }
    }
    assert_eq!(before.vectors(), after.vectors());
    assert_eq!(quantize_int8(&after), after, "int8 stays as it is");
    let (float, int8) = (logits(&before), logits(&after));
    let difference = largest_difference(&float, &int8);
    assert!(difference > 0.0 && difference < 0.3, "{difference}");
    let dense = network(8);
    assert!(2 * quantize_int8(&dense).bytes() < dense.bytes());
}

#[test]
fn effective_ranks_agree_with_the_dense_view() {
    let mut network = network(9);
    let rank_one: Vec<f32> = matrix_of_rank(&mut Random(1), 48, 16, 1);
    network.recurrent[0].rec = LinearMap::dense(48, 16, rank_one).unwrap();
    let ranks = [("gru.1.nonrec".to_string(), 3), ("fc".to_string(), 4)].into();
    let factored = low_rank(&network, &plan(RankRule::List(ranks), &[], false)).unwrap();
    let network = Plan { quantize: Some(Quantize::new(Bits::Eight)), ..Plan::default() }
        .apply(&factored, Measured::default())
        .unwrap();
    for entry in network.maps() {
        let (name, map) = (entry.name(), entry.map);
        let found = EffectiveRank::of(map).unwrap();
        let sigma = singular_values(&map.to_dense(), map.rows(), map.cols()).unwrap();
        let nu = stonechat_compress::nu(&sigma, sigma.len());
        assert!((found.nu - nu).abs() < 1e-5, "{name}: {found:?}");
        assert_eq!(found.rank90, stonechat_compress::rank_at_variance(&sigma, 0.9), "{name}");
        assert_eq!(found.displacement_rank90, None, "{name}");
        match name.as_str() {
            "gru.0.rec" => assert!(found.nu < 0.02 && found.rank90 == 1, "{found:?}"),
            "gru.1.rec" => assert!(found.nu > 0.5, "{found:?}"),
            "fc" => assert!(found.rank90 <= 4, "{found:?}"),
            _ => {}
        }
    }
}

#[test]
fn plans_in_toml() {
    let network = network(10);
    for (text, family, rank, int8) in [
        ("quantize = { bits = 8 }", "dense", 16, true),
        ("[low_rank]\nrank = { variance = 0.5 }", "low_rank", 0, false),
        (
            "quantize = { bits = 8 }\n[low_rank]\nrank = { list = { \"gru.0.rec\" = 3 } }",
            "low_rank",
            3,
            true,
        ),
        (
            "[low_rank]\nrank = { budget = { parameters = 4_000 } }\nmaps = [\"recurrent\"]",
            "low_rank",
            0,
            false,
        ),
        (
            "[low_rank]\nrank = { variance = 1.0 }\nmaps = [\"recurrent\"]\nforce = true",
            "low_rank",
            16,
            false,
        ),
    ] {
        let plan = Plan::from_toml(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let written = toml::to_string(&plan).unwrap();
        assert_eq!(Plan::from_toml(&written).unwrap(), plan, "{written}");
        let after =
            plan.apply(&network, Measured::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
        let rec = &after.recurrent[0].rec;
        assert_eq!(rec.family().name(), family, "{text}");
        assert!(rank == 0 || rec.rank() == rank, "{text}: {}", rec.rank());
        assert_eq!(rec.parts()[0].is_int8(), int8, "{text}");
    }
    for (text, words) in [
        ("", "does nothing"),
        ("quantize = { bits = 8 }\nint4 = true", "unknown field `int4`"),
        ("int8 = true", "write quantize = { bits = 8 }"),
        ("[low_rank]\nmaps = [\"recurrent\"]", "missing field `rank`"),
        ("[low_rank]\nrank = { variance = 2.0 }", "variance is 2"),
        ("[low_rank]\nrank = { budget = {} }", "needs `parameters`"),
        ("[low_rank]\nrank = { budget = { latency_us = -1.0 } }", "must be positive"),
        ("[low_rank]\nrank = { budget = { seconds = 1 } }", "seconds"),
        ("[low_rank]\nrank = { half = 1 }", "half"),
        ("[low_rank]\nrank = { variance = 0.9 }\nmaps = [\"gru\"]", "gru"),
        ("[low_rank]\nrank = { variance = 0.9 }\nforced = true", "unknown field `forced`"),
    ] {
        let error = Plan::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: wanted {words}, got: {error}");
    }
}

/// Realistic inputs of a network's maps: random, with very different power, some dead.
fn calibration(network: &Network) -> Calibration {
    let mut calibration = Calibration::new(network);
    let mut random = Random(77);
    for map in network.maps() {
        let cols = map.map.cols();
        let mut x = matrix(&mut random, 4 * cols, cols);
        for x in x.chunks_exact_mut(cols) {
            for (j, x) in x.iter_mut().enumerate() {
                *x = if j % 7 == 3 { 0.0 } else { *x * 0.8f32.powi(j as i32) + 0.5 };
            }
        }
        calibration.add(&map.name(), &x).unwrap();
    }
    calibration
}

#[test]
fn by_the_data_outputs_keep_more_and_their_means_stay() {
    let before = network(11);
    let inputs = calibration(&before);
    let measured = Measured { inputs: Some(&inputs), ..Measured::default() };
    let ranks = families(&before).into_iter().map(|(name, _, rank)| (name, rank.div_ceil(3)));
    let plain = LowRank { force: true, ..LowRank::new(RankRule::List(ranks.collect())) };
    let white = LowRank { whiten: true, ..plain.clone() };
    let cut =
        |plan| stonechat_compress::low_rank(&before, plan, measured, &|_| Storage::F32).unwrap();
    let (plain, white) = (cut(&plain), cut(&white));
    white.validate().unwrap();
    assert_eq!(families(&plain), families(&white));
    assert_eq!(before.vectors(), plain.vectors());
    for ((map, plain), white) in before.maps().iter().zip(plain.maps()).zip(white.maps()) {
        let moment = inputs.get(&map.name()).unwrap();
        let error = |changed| stonechat_compress::output_error(map.map, changed, &moment.centred());
        let (plain, white) = (error(plain.map).unwrap(), error(white.map).unwrap());
        assert!(white <= plain, "{}: {white} against {plain}", map.name());
    }
    // The mean output of a layer with a bias.
    let mean = inputs.get("output").unwrap().mean();
    let output = |network: &Network| -> Vec<f64> {
        let w = network.output.map.to_dense();
        let rows = w.chunks_exact(mean.len()).zip(&network.output.bias);
        rows.map(|(w, b)| {
            w.iter().zip(&mean).map(|(w, m)| f64::from(*w) * m).sum::<f64>() + f64::from(*b)
        })
        .collect()
    };
    let far =
        output(&before).iter().zip(output(&white)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(far < 1e-4, "{far}");
    // Without the data it is rejected, and so are the data of another network.
    let plan = LowRank { whiten: true, ..LowRank::new(RankRule::Variance(0.5)) };
    let error = low_rank(&before, &plan).unwrap_err().to_string();
    assert!(error.contains("calibration audio"), "{error}");
    let empty = Calibration::new(&before);
    let measured = Measured { inputs: Some(&empty), ..Measured::default() };
    let error = stonechat_compress::low_rank(&before, &plan, measured, &|_| Storage::F32)
        .unwrap_err()
        .to_string();
    assert!(error.contains("gru.0.nonrec"), "{error}");
}

#[test]
fn budgets_of_bytes_count_the_package_and_ranks_fill_the_kernels() {
    let before = network(12);
    let all = quantize_int8(&before).bytes();
    for (share, step) in [(0.6, 1), (0.75, 1), (0.75, 4)] {
        let bytes = (share * all as f64) as usize;
        let plan =
            LowRank { multiple_of: step, ..LowRank::new(RankRule::Budget(Budget::bytes(bytes))) };
        let after = Plan {
            low_rank: Some(plan),
            quantize: Some(Quantize::new(Bits::Eight)),
            ..Plan::default()
        }
        .apply(&before, Measured::default())
        .unwrap();
        let used = after.bytes();
        assert!(used <= bytes && used as f64 > 0.8 * bytes as f64, "{used} of {bytes}");
        let ranks = families(&after).into_iter().filter(|(_, family, _)| *family == "low_rank");
        for (name, _, rank) in ranks {
            assert!(rank.is_multiple_of(step), "{name}: {rank}");
        }
    }
    let rule = RankRule::Budget(Budget { latency_us: Some(10.0), ..Budget::default() });
    let error = low_rank(&before, &LowRank::new(rule)).unwrap_err().to_string();
    assert!(error.contains("measured machine"), "{error}");
    let plan = LowRank { multiple_of: 5, ..LowRank::new(RankRule::Variance(0.3)) };
    let after = low_rank(&before, &plan).unwrap();
    assert!(families(&after).iter().all(|(_, family, rank)| *family == "dense" || rank % 5 == 0));
}

#[test]
fn families_by_name_and_by_kind() {
    let before = network(13);
    let inputs = calibration(&before);
    let text = "[families]\n\"gru.0.rec\" = { family = \"toeplitz_like\", rank = 2 }\n\
                fully_connected = { family = \"low_rank\", rank = 3 }\n\
                [low_rank]\nrank = { variance = 0.3 }\n";
    let plan = Plan::from_toml(text).unwrap();
    for inputs in [None, Some(&inputs)] {
        let after = plan.apply(&before, Measured { inputs, machine: None }).unwrap();
        after.validate().unwrap();
        let found = families(&after);
        let named = |name: &str| found.iter().find(|(found, ..)| found == name).unwrap();
        assert_eq!(named("gru.0.rec").1, "toeplitz_like");
        assert_eq!((named("fc").1, named("fc").2), ("low_rank", 3));
        assert_eq!((named("gru.1.rec").1, named("output").1), ("low_rank", "dense"));
        assert_eq!(
            before.fc.as_ref().unwrap().bias == after.fc.as_ref().unwrap().bias,
            inputs.is_none()
        );
    }
    for (text, words) in [
        ("[families]\ngru = { family = \"dense\" }", "no map and no kind of map `gru`"),
        ("[families]\nfc = { family = \"low_rank\", rank = 300 }", "fc"),
        ("quantize = { bits = 8 }\n[families]\nfc = { family = \"round\" }", "round"),
        (
            "[families]\nfc = { family = \"dense\" }\n[low_rank]\nrank = { list = { fc = 3 } }",
            "`fc` has a family and a rank",
        ),
    ] {
        let applied = Plan::from_toml(text).and_then(|p| p.apply(&before, Measured::default()));
        let error = applied.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    let int8 = quantize_int8(&before);
    let error = plan.apply(&int8, Measured::default()).unwrap_err().to_string();
    assert!(error.contains("quantized already"), "{error}");
}
