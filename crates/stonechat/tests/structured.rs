//! Structured maps in every form in which they can run, compared with the slow version, and with
//! themselves under other cuts.

mod common;

use std::sync::Arc;

use common::{NATIVE, Random, Storage, config, model_of, network, structure};
use stonechat::{Model, Options, Preference, RunForm, RunPlan};
use stonechat_model::{Cell, NetworkConfig, RecurrentConfig};

const SYMBOLS: usize = 5;

fn run(model: &Arc<Model>, features: &[f32], cut: usize, time_batch: usize) -> Vec<f32> {
    let options = Options { time_batch, ..Options::default() };
    let mut stream = model.acoustic_stream(&options).unwrap();
    let mut logits = Vec::new();
    for piece in features.chunks(cut * model.network().input) {
        stream.push(piece, &mut logits).unwrap();
    }
    stream.finish(&mut logits);
    logits
}

/// Inputs and cells of sizes that fit and that do not fit each other.
fn configs() -> [NetworkConfig; 2] {
    let fc = Some(16);
    let gru = NetworkConfig { fc, ..config(12, vec![], &[24, 20]) };
    let others = vec![RecurrentConfig::new(Cell::Lstm, 12), RecurrentConfig::new(Cell::Rnn, 36)];
    [gru, NetworkConfig { recurrent: others, fc, ..config(9, vec![], &[1]) }]
}

fn error(found: &[f32], expected: &[f32]) -> f32 {
    let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>();
    let error = squares(&mut found.iter().zip(expected).map(|(f, e)| f - e));
    (error / squares(&mut expected.iter().copied())).sqrt()
}

#[test]
fn every_form_gives_the_logits_of_the_slow_twin() {
    let mut own = 0;
    for (case, config) in configs().iter().enumerate() {
        for (number, family) in NATIVE.iter().enumerate() {
            for int8 in [false, true] {
                let mut network = network(config, SYMBOLS, Storage::Dense, case as u64);
                let count = structure(&mut network, family, int8, number as u64);
                let features = Random(7).values(40 * config.input, 2.0);
                let expected = network.forward_reference(&features, 40).unwrap();
                for forms in [Preference::Smallest, Preference::Dense, Preference::default()] {
                    let name = format!("case {case}, {family}, int8 {int8}, {forms:?}");
                    let plan = RunPlan::new(&network, &forms);
                    let forms_of_maps: Vec<RunForm> =
                        plan.maps().iter().map(|map| map.form).collect();
                    let one = forms_of_maps.iter().filter(|form| form.is_one_matrix()).count();
                    let others = forms_of_maps.len() - one;
                    match forms {
                        Preference::Smallest => assert_eq!(others, count, "{name}"),
                        Preference::Dense => assert_eq!(others, 0, "{name}"),
                        _ => {}
                    }
                    own += others;
                    let model = model_of(network.clone(), &forms);
                    let found = run(&model, &features, 40, 4);
                    let error = error(&found, &expected);
                    // Products by the transform use float vectors, however the weights are stored;
                    // all others round the vectors to int8, which adds up over the steps.
                    let rounds =
                        |form: &RunForm| matches!(form, RunForm::Groups | RunForm::GateFactors);
                    let exact = !forms_of_maps.iter().any(rounds);
                    let exact = !int8 || exact && matches!(forms, Preference::Smallest);
                    assert!(error < if exact { 1e-5 } else { 0.1 }, "{name}: {error}");
                    let bits = |logits: Vec<f32>| -> Vec<u32> {
                        logits.into_iter().map(f32::to_bits).collect()
                    };
                    let found = bits(found);
                    for (cut, time_batch) in [(1, 1), (7, 3), (3, 4)] {
                        let cut_up = bits(run(&model, &features, cut, time_batch));
                        assert_eq!(found, cut_up, "{name}: pieces of {cut}, {time_batch} frames");
                    }
                }
            }
        }
    }
    assert!(own > 100, "only {own} maps ran in a form of their own");
}

#[test]
fn large_maps_run_by_the_transform_and_small_ones_are_multiplied_out() {
    let form = |family: &str, hidden: usize| {
        let config = config(hidden, vec![], &[hidden]);
        let mut network = network(&config, SYMBOLS, Storage::Int8, 1);
        assert!(structure(&mut network, family, true, 1) >= 2);
        let rec = RunPlan::new(&network, &Preference::default()).maps()[1].clone();
        assert!(!rec.reason.to_string().is_empty());
        rec.form.name()
    };
    let toeplitz = r#"{"family":"toeplitz_like","rank":1}"#;
    assert_eq!(form(toeplitz, 32), "dense");
    assert_eq!(form(toeplitz, 1024), "fft");
    assert_eq!(form(r#"{"family":"block_diagonal","blocks":8}"#, 512), "groups");
    assert_eq!(form(r#"{"family":"vandermonde_like","rank":1}"#, 64), "dense");
}
