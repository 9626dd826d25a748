//! Projections from the joint decomposition of Prabhavalkar et al. 2016.

mod common;

use common::*;
use stonechat_compress::{
    Basis, Bits, Calibration, Measured, Plan, Quantize, RankRule, SecondMoment, SharedProjection,
    basis_svd, output_error, quantize, shared_factors, shared_projection,
};
use stonechat_model::{
    Candidate, Cell, LinearMap, Matrix, Network, NetworkConfig, RecurrentConfig, RowConvConfig,
};

const BASES: [Basis; 2] = [Basis::Recurrent, Basis::Stacked];

#[test]
fn stacking_wins_in_the_sum_and_loses_on_the_recurrent_matrix() {
    let n = 12;
    for seed in 0..5 {
        let mut random = Random(seed);
        let (w_h, w_x) = (matrix(&mut random, 20, n), matrix(&mut random, 30, n));
        for rank in [1, 4, 11, 12] {
            let [alone, stacked] = BASES.map(|basis| {
                let svd = basis_svd(basis, &w_h, &w_x, n, None).unwrap();
                let factors = shared_factors(&svd, &w_h, &w_x, rank, None);
                let error = |w: &[f32], z: &[f32]| {
                    distance(w, &product(z, &factors.projection, rank)).powi(2)
                };
                (error(&w_h, &factors.recurrent), error(&w_x, &factors.above))
            });
            let case = format!("seed {seed}, rank {rank}: {alone:?} and {stacked:?}");
            let slack = 1e-4 * norm(&w_h).powi(2);
            assert!(stacked.0 + stacked.1 <= alone.0 + alone.1 + slack, "{case}");
            assert!(alone.0 <= stacked.0 + slack, "{case}");
            if rank == n {
                assert!(alone.0 + alone.1 + stacked.0 + stacked.1 < slack, "{case}");
            }
        }
    }
}

#[test]
fn by_the_states_less_of_the_outputs_is_lost() {
    let n = 12;
    for seed in 0..5 {
        let mut random = Random(seed);
        let (w_h, w_x) = (matrix(&mut random, 20, n), matrix(&mut random, 30, n));
        // States that vary much in some directions and little in others.
        let mix = matrix(&mut random, n, n);
        let mut states = SecondMoment::new(n);
        let x: Vec<f32> = (0..200)
            .flat_map(|_| {
                let drawn: Vec<f32> =
                    (0..n).map(|i| random.normal() as f32 * 0.5f32.powi(i as i32)).collect();
                product(&mix, &drawn, n)
            })
            .collect();
        states.add(&x).unwrap();
        for (basis, rank) in [(Basis::Recurrent, 3), (Basis::Stacked, 3), (Basis::Stacked, n)] {
            let lost = |by: Option<&SecondMoment>| -> f64 {
                let svd = basis_svd(basis, &w_h, &w_x, n, by).unwrap();
                let factors = shared_factors(&svd, &w_h, &w_x, rank, by);
                for p in factors.projection.chunks_exact(n) {
                    assert!((norm(p) - 1.0).abs() < 1e-4, "{}", norm(p));
                }
                let error = |w: &[f32], z: &[f32]| -> f64 {
                    let map = LinearMap::dense(w.len() / n, n, w.to_vec()).unwrap();
                    let cut = product(z, &factors.projection, rank);
                    let cut = LinearMap::dense(w.len() / n, n, cut).unwrap();
                    output_error(&map, &cut, &states).unwrap()
                };
                error(&w_h, &factors.recurrent) + error(&w_x, &factors.above)
            };
            let (plain, heard) = (lost(None), lost(Some(&states)));
            match rank == n {
                true => assert!(plain < 1e-6 && heard < 1e-6, "{plain} {heard}"),
                false => assert!(heard < 0.5 * plain, "seed {seed} {basis:?}: {heard} {plain}"),
            }
        }
    }
}

#[test]
fn what_is_heard_is_known_behind_new_projections() {
    let before = network(Cell::Gru, false);
    let mut random = Random(8);
    let mut inputs = Calibration::new(&before);
    for map in before.maps() {
        inputs.add(&map.name(), &matrix(&mut random, 60, map.map.cols())).unwrap();
    }
    let plan = "[shared_projection]\nrank = { list = { \"gru.0.proj\" = 4, \"gru.2.proj\" = 3 } }\n\
                [low_rank]\nwhiten = true\nrank = { list = { \"gru.1.nonrec\" = 2, fc = 2 } }\n\
                [families]\n\"gru.2.rec\" = { family = \"hashed\", parameters = 40 }";
    let plan = Plan::from_toml(plan).unwrap();
    let measured = Measured { inputs: Some(&inputs), ..Measured::default() };
    let after = plan.apply(&before, measured).unwrap();
    let projected = inputs.projected(&after).unwrap();
    for (name, cols, vectors) in [
        ("gru.0.proj", 16, 60),
        ("gru.0.rec", 4, 60),
        ("gru.1.nonrec", 4, 60),
        ("gru.1.rec", 16, 60),
        ("fc", 3, 60),
    ] {
        let moment = projected.get(name).unwrap();
        assert_eq!((moment.cols(), moment.vectors()), (cols, vectors), "{name}");
    }
    let map = after.maps().iter().find(|map| map.name() == "gru.1.nonrec").unwrap().map.rank();
    assert_eq!(map, 2);
}

/// Layers whose recurrent and next input matrices have a common row space of dimension 5.
fn network(cell: Cell, row_conv: bool) -> Network {
    let layer = RecurrentConfig::new(cell, 16);
    let config = NetworkConfig {
        input: 6,
        conv: vec![],
        clip: 20.0,
        recurrent: vec![layer; 3],
        candidate: Candidate::Tanh,
        row_conv: row_conv.then_some(RowConvConfig { lookahead: 1 }),
        fc: Some(10),
    };
    let mut random = Random(3);
    let mut network = Network::from_values(config, 8, |_, n| {
        (0..n).map(|_| 0.3 * random.normal() as f32).collect()
    })
    .unwrap();
    for l in 0..3 {
        let space = matrix(&mut random, 5, 16);
        let gates = 16 * cell.gates();
        let mut within = |rows: usize| {
            let w =
                product(&matrix(&mut random, rows, 5), &space, 5).iter().map(|w| 0.1 * w).collect();
            LinearMap::dense(rows, 16, w).unwrap()
        };
        network.recurrent[l].rec = within(gates);
        match network.recurrent.get_mut(l + 1) {
            Some(above) => above.nonrec.map = within(gates),
            None => network.fc.as_mut().unwrap().map = within(10),
        }
    }
    network
}

#[test]
fn a_common_row_space_is_found_without_loss() {
    for cell in [Cell::Gru, Cell::Lstm, Cell::Rnn] {
        for row_conv in [false, true] {
            let before = network(cell, row_conv);
            let x = matrix(&mut Random(4), 9, 6);
            let wanted = before.forward_reference(&x, 9).unwrap();
            for basis in BASES {
                let plan = SharedProjection { rank: RankRule::Variance(0.9999), basis };
                let after = shared_projection(&before, &plan, None).unwrap();
                let widths: Vec<_> =
                    after.config.recurrent.iter().map(|layer| layer.projection).collect();
                // Between the topmost layer and a row convolution there is no matrix to share with.
                let top = if row_conv { None } else { Some(5) };
                assert_eq!(widths, [Some(5), Some(5), top], "{cell:?} {basis:?}");
                assert!(after.params() < before.params());
                let found = after.forward_reference(&x, 9).unwrap();
                let worst = largest_difference(&found, &wanted);
                assert!(worst < 1e-3, "{cell:?} {basis:?} row conv {row_conv}: {worst}");
            }
        }
    }
}

#[test]
fn plans_budgets_and_refusals() {
    let before = network(Cell::Lstm, false);
    let plan = |text: &str| {
        Plan::from_toml(text).and_then(|plan| plan.apply(&before, Measured::default()))
    };
    let text =
        "[shared_projection]\nrank = { list = { \"lstm.1.proj\" = 4 } }\nbasis = \"stacked\"";
    let after = plan(text).unwrap();
    assert_eq!(after.config.recurrent[1].projection, Some(4));
    assert_eq!(after.config.recurrent[0].projection, None);

    let budget = before.params() / 2;
    let text = format!("[shared_projection]\nrank = {{ budget = {{ parameters = {budget} }} }}");
    let after = plan(&text).unwrap();
    assert!(after.params() <= budget, "{} of {budget}", after.params());
    assert!(after.params() > budget * 9 / 10, "{} of {budget}", after.params());

    let both = plan(
        "quantize = { bits = 8 }\n[shared_projection]\nrank = { variance = 0.999 }\n[low_rank]\nrank = { list = { fc = 3 } }",
    );
    let both = both.unwrap();
    assert_eq!(both.fc.as_ref().unwrap().map.family().name(), "low_rank");
    assert!(both.maps().iter().all(|m| m.map.parts().iter().all(Matrix::is_int8)));

    for (text, words) in [
        ("[shared_projection]\nrank = { list = { \"lstm.3.proj\" = 4 } }", "lstm.0.proj"),
        ("[shared_projection]\nrank = { list = { \"lstm.0.proj\" = 17 } }", "at most 16"),
        ("[shared_projection]\nrank = { variance = 2.0 }", "variance"),
        ("[shared_projection]\nbasis = \"stacked\"", "rank"),
    ] {
        let error = plan(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    let error = shared_projection(
        &both,
        &SharedProjection { rank: RankRule::Variance(0.5), basis: Basis::Recurrent },
        None,
    );
    // All layers now have projections: there is nothing left to do.
    assert_eq!(error.unwrap(), both);
}

#[test]
fn what_is_quantized_stays_as_it_is() {
    let plans = [
        "[shared_projection]\nrank = { variance = 0.5 }",
        "[families]\nrecurrent = { family = \"hashed\", parameters = 40 }",
        "[low_rank]\nrank = { variance = 0.5 }",
    ];
    for bits in [Bits::Eight, Bits::Four] {
        let before = quantize(&network(Cell::Gru, false), &Quantize::new(bits)).unwrap();
        for text in plans {
            let plan = Plan::from_toml(text).unwrap();
            let error = plan.apply(&before, Measured::default()).unwrap_err().to_string();
            assert!(error.contains("quantized already"), "{bits:?} {text}: {error}");
        }
    }
}
