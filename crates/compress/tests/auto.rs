//! Sensitivity curves: the available forms, and that the budget goes where the damage is.

mod common;

use common::*;
use stonechat_compress::{
    Bits, Budget, Calibration, Machine, Measured, Point, Storage, Study, map_damage,
};
use stonechat_kernels::cost_model::Rate;
use stonechat_model::{Family, Kind, LinearMap, Network};

fn inputs(network: &Network) -> Calibration {
    let mut calibration = Calibration::new(network);
    let mut random = Random(5);
    for map in network.maps() {
        let x = matrix(&mut random, 3 * map.map.cols(), map.map.cols());
        calibration.add(&map.name(), &x).unwrap();
    }
    calibration
}

fn study<'a>(network: &'a Network, inputs: &'a Calibration, budget: &Budget) -> Study<'a> {
    let measured = Measured { inputs: Some(inputs), ..Measured::default() };
    Study::new(network, &[], Bits::Eight, measured, budget).unwrap()
}

/// Bytes of the network with all maps dense int8.
fn dense_bytes(network: &Network) -> usize {
    stonechat_compress::quantize_int8(network).bytes()
}

#[test]
fn points_change_one_map_each() {
    let before = network(1);
    let inputs = inputs(&before);
    let study = study(&before, &inputs, &Budget::bytes(1));
    let points = study.points();
    for (i, map) in before.maps().iter().enumerate() {
        let here: Vec<&Point> = points.iter().filter(|p| p.map == i).collect();
        assert!(here.iter().filter(|p| p.form.rank().is_none()).count() == 1, "{}", map.name());
        let ranks: Vec<usize> = here.iter().filter_map(|p| p.form.rank()).collect();
        let (rows, cols) = (map.map.rows(), map.map.cols());
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        assert!(ranks.iter().all(|r| r * (rows + cols) < rows * cols), "{ranks:?}");
    }
    assert!(points.iter().any(|p| p.form.rank().is_some()));
    for point in &points {
        let after = study.network(std::slice::from_ref(point)).unwrap();
        after.validate().unwrap();
        let damage = map_damage(&before, &after, Some(&inputs)).unwrap();
        for (i, damage) in damage.iter().enumerate() {
            let moved = damage.weight_error > 0.0;
            assert_eq!(moved, i == point.map, "{point:?}: {damage:?}");
            assert_eq!(damage.output_error.unwrap() > 0.0, moved, "{point:?}: {damage:?}");
        }
    }
}

#[test]
fn the_budget_goes_to_the_map_that_suffers() {
    let before = network(2);
    let inputs = inputs(&before);
    let budget = Budget::bytes(dense_bytes(&before) * 8 / 10);
    let study = study(&before, &inputs, &budget);
    let points = study.points();
    let rank_of = |sensitive: &str| -> Vec<(String, f64)> {
        let tried: Vec<f64> = points
            .iter()
            .map(|p| {
                let weight = if study.name(p) == sensitive { 100.0 } else { 0.01 };
                weight * p.form.rank().map_or(0.0, |rank| 1.0 / rank as f64)
            })
            .collect();
        let chosen = study.choose(Some(&tried), &budget).unwrap();
        let network = study.network(&Study::chosen_points(&chosen)).unwrap();
        network.validate().unwrap();
        assert!(network.bytes() <= budget.bytes.unwrap());
        chosen.into_iter().map(|c| (c.name, c.cost.bytes)).collect()
    };
    let share = |chosen: &[(String, f64)], name: &str| {
        chosen.iter().find(|(found, _)| found == name).unwrap().1
    };
    let (rec, nonrec) = (rank_of("gru.1.rec"), rank_of("gru.1.nonrec"));
    assert!(share(&rec, "gru.1.rec") > share(&nonrec, "gru.1.rec"), "{rec:?} {nonrec:?}");
    assert!(share(&nonrec, "gru.1.nonrec") > share(&rec, "gru.1.nonrec"), "{rec:?} {nonrec:?}");
}

#[test]
fn steps_around_the_choice_and_budgets_without_trials() {
    let before = network(3);
    let inputs = inputs(&before);
    let budget = Budget::bytes(dense_bytes(&before) * 8 / 10);
    let study = study(&before, &inputs, &budget);
    let chosen = study.choose(None, &budget).unwrap();
    for c in &chosen {
        assert_eq!(c.form.storage, Storage::Int8);
        if let Some(step) = &c.cheaper {
            assert!(step.bytes < 0.0 && step.damage >= 0.0, "{c:?}");
        }
        if let Some(step) = &c.dearer {
            assert!(step.bytes > 0.0 && step.damage < 0.0, "{c:?}");
        }
        assert!((0.0..=1.0).contains(&c.output_error), "{c:?}");
    }
    let all = study.choose(None, &Budget::bytes(dense_bytes(&before))).unwrap();
    assert!(all.iter().all(|c| c.form.rank().is_none() && c.dearer.is_none()), "{all:?}");
    for (tried, budget, words) in [
        (None, Budget::bytes(100), "100 bytes is too small"),
        (Some(vec![1.0]), budget, "1 damages for"),
        (Some(vec![f64::NAN; study.points().len()]), budget, "finite"),
    ] {
        let error = study.choose(tried.as_deref(), &budget).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn four_bits_are_weighed_where_they_are_allowed() {
    let before = network(6);
    let inputs = inputs(&before);
    let measured = Measured { inputs: Some(&inputs), ..Measured::default() };
    let budget = Budget::bytes(dense_bytes(&before) * 6 / 10);
    let study = |fewest| Study::new(&before, &[], fewest, measured, &budget).unwrap();
    let lost = |study: &Study| -> f64 {
        let chosen = study.choose(None, &budget).unwrap();
        let network = study.network(&Study::chosen_points(&chosen)).unwrap();
        network.validate().unwrap();
        assert!(network.bytes() <= budget.bytes.unwrap(), "{chosen:?}");
        // The computed cost is that of what is stored.
        for (chosen, map) in chosen.iter().zip(network.maps()) {
            assert_eq!(chosen.cost.bytes, map.map.bytes() as f64, "{chosen:?}");
        }
        chosen.iter().map(|c| c.damage).sum()
    };
    let (eight, four) = (study(Bits::Eight), study(Bits::Four));
    assert!(eight.points().iter().all(|p| p.form.storage == Storage::Int8));
    let int4: Vec<Point> =
        four.points().into_iter().filter(|p| p.form.storage == Storage::Int4).collect();
    let large = |kind| matches!(kind, Kind::Recurrent | Kind::Nonrecurrent | Kind::FullyConnected);
    let maps = before.maps();
    assert!(int4.iter().all(|p| large(maps[p.map].kind)), "{int4:?}");
    assert!(int4.iter().any(|p| p.form.rank().is_none()), "{int4:?}");
    assert!(lost(&four) < 0.8 * lost(&eight), "{} {}", lost(&four), lost(&eight));

    // A network that is damaged only by four bits keeps eight.
    let hurt = |p: &Point| if p.form.storage == Storage::Int4 { 1e3 } else { 0.1 };
    let tried: Vec<f64> = four.points().iter().map(hurt).collect();
    let chosen = four.choose(Some(&tried), &budget).unwrap();
    assert!(chosen.iter().all(|c| c.form.storage == Storage::Int8), "{chosen:?}");
}

/// A machine on which only multiplying takes time: a nanosecond per weight and vector.
fn slow_machine() -> Machine {
    let rate = Rate { per_weight: 0.0, per_mac: 1e-9 };
    Machine {
        bandwidths: [(1.0, 1e15); 4],
        float32: rate,
        int8: rate,
        int4: rate,
        sparse: rate,
        per_input: 0.0,
        per_row: 0.0,
        per_output: 0.0,
        per_call: 0.0,
        transforms: [(1.0, 1.0); 4],
        per_bin: 0.0,
    }
}

#[test]
fn time_is_a_budget_too() {
    let before = network(4);
    let inputs = inputs(&before);
    let machine = slow_machine();
    let measured = Measured { inputs: Some(&inputs), machine: Some(&machine) };
    let unlimited = Budget { latency_us: Some(1e9), ..Budget::default() };
    let study = Study::new(&before, &[], Bits::Eight, measured, &unlimited).unwrap();
    let time = |budget: &Budget| -> f64 {
        study.choose(None, budget).unwrap().iter().map(|c| c.cost.latency_us).sum()
    };
    let full = time(&unlimited);
    assert!(full > 0.0);
    let limit = Budget { latency_us: Some(0.9 * full), ..Budget::default() };
    assert!(time(&limit) <= 0.9 * full * 1.0001, "{} of {full}", time(&limit));
    let unmeasured = Measured { inputs: Some(&inputs), machine: None };
    let error = Study::new(&before, &[], Bits::Eight, unmeasured, &limit).unwrap_err().to_string();
    assert!(error.contains("measured machine"), "{error}");
    let error =
        Study::new(&before, &[], Bits::Eight, Measured::default(), &limit).unwrap_err().to_string();
    assert!(error.contains("calibration audio"), "{error}");
    let int8 = stonechat_compress::quantize_int8(&before);
    let error = Study::new(&int8, &[], Bits::Eight, measured, &limit).unwrap_err().to_string();
    assert!(error.contains("quantized already"), "{error}");
}

/// A block-diagonal weight is recognised as one.
#[test]
fn families_are_considered_where_they_fit() {
    let mut before = network(6);
    let mut random = Random(8);
    let blocks: Vec<f32> = (0..24 * 20)
        .map(|i| if (i / 20) / 6 == (i % 20) / 5 { random.normal() as f32 } else { 0.0 })
        .collect();
    if let Some(fc) = &mut before.fc {
        fc.map = LinearMap::dense(24, 20, blocks).unwrap();
    }
    let inputs = inputs(&before);
    let families: Vec<Family> =
        ["family = \"block_diagonal\"\nblocks = 4", "family = \"toeplitz_like\"\nrank = 1"]
            .map(|text| toml::from_str(text).unwrap())
            .to_vec();
    let budget = Budget::bytes(dense_bytes(&before) * 9 / 10);
    let measured = Measured { inputs: Some(&inputs), machine: None };
    let study = Study::new(&before, &families, Bits::Eight, measured, &budget).unwrap();
    let points = study.points();
    let fits = |p: &Point| study.name(p) == "fc" && p.form.family == families[0];
    assert!(points.iter().any(fits), "{points:?}");
    let chosen = study.choose(None, &budget).unwrap();
    let fc = chosen.iter().find(|c| c.name == "fc").unwrap();
    assert_eq!(fc.form.family, families[0]);
    assert!(fc.output_error < 1e-3, "{fc:?}");
    let after = study.network(&Study::chosen_points(&chosen)).unwrap();
    assert_eq!(after.fc.as_ref().unwrap().map.family().name(), "block_diagonal");
    assert!(after.bytes() <= budget.bytes.unwrap());
    // Trials also count for such a form.
    let tried = vec![0.1; points.len()];
    assert!(study.choose(Some(&tried), &budget).is_ok());
}
