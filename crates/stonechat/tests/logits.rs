//! The network as a stream compared with its slow version, `Network::forward_reference`, and with
//! itself under other cuts.

mod common;

use std::sync::Arc;

use common::{Random, STORAGES, Storage, cells, config, conv, full_config, model_of, network};
use proptest::prelude::*;
use stonechat::{Error, Model, Options, Preference};
use stonechat_model::{Candidate, Cell, Network, NetworkConfig, RowConvConfig};

const SYMBOLS: usize = 5;

fn model(network: Network) -> Arc<Model> {
    model_of(network, &Preference::default())
}

fn options(time_batch: usize) -> Options {
    Options { time_batch, ..Options::default() }
}

/// Logits of `features`, pushed in pieces of `cuts` frames and the rest at once.
fn run(model: &Arc<Model>, features: &[f32], cuts: &[usize], time_batch: usize) -> Vec<f32> {
    let dim = model.network().input;
    let mut stream = model.acoustic_stream(&options(time_batch)).unwrap();
    let (mut logits, mut rest) = (Vec::new(), features);
    for cut in cuts {
        let (now, later) = rest.split_at((cut * dim).min(rest.len()));
        stream.push(now, &mut logits).unwrap();
        rest = later;
    }
    stream.push(rest, &mut logits).unwrap();
    stream.finish(&mut logits);
    logits
}

/// Shapes with every edge case: no convolution, even and one-frame filters, strides larger than the
/// filter, look-ahead only, sizes that do not fill a vector register, every optional layer.
fn configs() -> Vec<NetworkConfig> {
    let relu = |config| NetworkConfig { candidate: Candidate::ClippedRelu, clip: 1.5, ..config };
    let row_conv =
        |lookahead, config| NetworkConfig { row_conv: Some(RowConvConfig { lookahead }), ..config };
    vec![
        config(3, vec![], &[1]),
        config(7, vec![], &[33, 18]),
        relu(config(8, vec![conv(3, [3, 3], [2, 2], 1)], &[16])),
        config(9, vec![conv(2, [4, 2], [3, 1], 0), conv(5, [1, 1], [1, 3], 0)], &[10]),
        config(6, vec![conv(4, [6, 5], [1, 4], 4)], &[12]),
        config(
            5,
            vec![
                conv(3, [5, 3], [5, 1], 1),
                conv(2, [1, 6], [1, 2], 2),
                conv(2, [1, 2], [1, 1], 1),
            ],
            &[9],
        ),
        row_conv(0, config(4, vec![], &[8])),
        relu(row_conv(6, NetworkConfig { fc: Some(11), ..config(4, vec![], &[8, 8, 8]) })),
        full_config(20),
        cells(Cell::Gru, false),
        cells(Cell::Lstm, true),
        relu(cells(Cell::Rnn, false)),
        // More patches than one tile holds: 40 bins of 21 x 11 x 32.
        config(40, vec![conv(32, [5, 2], [1, 1], 0), conv(2, [21, 11], [1, 2], 3)], &[6]),
    ]
}

#[test]
fn logits_equal_the_slow_twin() {
    for (case, config) in configs().into_iter().enumerate() {
        for storage in STORAGES {
            let network = network(&config, SYMBOLS, storage, case as u64);
            let model = model(network.clone());
            for frames in [0, 1, 2, 3, 5, 17, 40] {
                let features = Random(frames as u64).values(frames * config.input, 2.0);
                let expected = network.forward_reference(&features, frames).unwrap();
                let found = run(&model, &features, &[], 4);
                assert_eq!(
                    found.len(),
                    config.frames_out(frames) * SYMBOLS,
                    "case {case}, {frames} frames"
                );
                if frames < 5 && !storage.is_float() {
                    continue; // Too few values for an error in the mean square.
                }
                compare(
                    &found,
                    &expected,
                    storage,
                    &format!("case {case}, {storage:?}, {frames} frames"),
                );
            }
        }
    }
}

/// Float logits must agree to 1e-4. With integer weights the activations are int8 with an error of
/// about 0.4 % of the largest one of a vector: then logits must agree to 4 % in the mean square.
fn compare(found: &[f32], expected: &[f32], storage: Storage, case: &str) {
    let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>();
    let worst = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
    if storage.is_float() {
        assert!(worst <= 1e-4, "{case}: {worst}");
        return;
    }
    let error = squares(&mut found.iter().zip(expected).map(|(f, e)| f - e));
    let size = squares(&mut expected.iter().copied());
    // Inputs with zero weights may have the largest values and so determine the step for the
    // others; the errors of two products that are added add up.
    let most = match storage {
        Storage::SparseInt8 | Storage::Corrected => 0.1f32,
        _ => 0.04,
    };
    assert!(error <= most.powi(2) * size, "{case}: {} of {}", error.sqrt(), size.sqrt());
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn logits_do_not_depend_on_the_cut_or_the_batch(
        case in 0..configs().len(),
        storage in proptest::sample::select(&STORAGES[..]),
        frames in 0usize..50,
        cuts in proptest::collection::vec(0usize..12, 0..12),
        time_batch in 1usize..=4,
        seed in any::<u64>(),
    ) {
        let config = &configs()[case];
        let model = model(network(config, SYMBOLS, storage, seed));
        let features = Random(seed).values(frames * config.input, 2.0);
        let expected = bits(&run(&model, &features, &[], 4));
        prop_assert_eq!(&expected, &bits(&run(&model, &features, &cuts, time_batch)));
        prop_assert_eq!(&expected, &bits(&run(&model, &features, &vec![1; frames], 1)));
    }
}

#[test]
fn a_stream_that_was_reset_is_as_new() {
    for storage in STORAGES {
        let config = full_config(20);
        let model = model(network(&config, SYMBOLS, storage, 3));
        let features = Random(4).values(30 * config.input, 2.0);
        let expected = run(&model, &features, &[], 4);
        let mut stream = model.acoustic_stream(&options(3)).unwrap();
        for used in [0, 1, 7, 30] {
            stream.push(&features[..used * config.input], &mut Vec::new()).unwrap();
            if used % 2 == 1 {
                stream.finish(&mut Vec::new());
            }
            stream.reset();
            let mut logits = Vec::new();
            stream.push(&features, &mut logits).unwrap();
            stream.finish(&mut logits);
            assert_eq!(bits(&logits), bits(&expected), "{storage:?} after {used} frames");
            stream.reset();
        }
    }
}

#[test]
fn logits_come_as_soon_as_the_look_ahead_allows() {
    let config = full_config(20);
    let model = model(network(&config, SYMBOLS, Storage::Dense, 3));
    let mut stream = model.acoustic_stream(&options(1)).unwrap();
    let mut logits = Vec::new();
    for frame in 0..60 {
        stream.push(&[0.5; 20], &mut logits).unwrap();
        let known = (frame + 1usize).saturating_sub(config.lookahead_frames());
        assert_eq!(logits.len() / SYMBOLS, config.frames_out(known), "after frame {frame}");
    }
}

#[test]
fn wrong_features_are_refused_and_not_taken() {
    let model = model(network(&full_config(20), SYMBOLS, Storage::Int8, 3));
    let mut stream = model.acoustic_stream(&options(4)).unwrap();
    let mut logits = Vec::new();
    let error = stream.push(&[0.0; 30], &mut logits).unwrap_err();
    assert!(matches!(error, Error::FeatureFrames { values: 30, dim: 20 }), "{error}");
    stream.finish(&mut logits);
    assert!(logits.is_empty());
    assert!(matches!(stream.push(&[0.0; 20], &mut logits), Err(Error::Finished)));
    for time_batch in [0, 5] {
        assert!(matches!(model.acoustic_stream(&options(time_batch)), Err(Error::TimeBatch(_))));
    }
}
