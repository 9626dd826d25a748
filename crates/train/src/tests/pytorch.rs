//! Outputs and gradients compared with PyTorch: `golden/make.py` wrote the values and describes
//! them.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::SafeTensors;
use serde::Deserialize;
use stonechat_model::{Kind, NetworkConfig};

use crate::config::Parametrisation;
use crate::engine::graph::{Graph, Mode};
use crate::engine::layers::{self, Frames, Recurrence, Recurrent};
use crate::engine::net::Net;
use crate::engine::ops::conv::swap_taps;
use crate::engine::ops::recurrence::{Candidate, Cell};
use crate::engine::ops::{conv, ctc};
use crate::engine::optimizer::OptimizerState;
use crate::engine::parameters::{Beside, Parameter};
use crate::engine::tape::{Tape, Tensor};
use crate::saved::checkpoint::{Checkpoint, Progress};
use crate::saved::names::{layer_name, name_of};

/// Largest difference, relative to the largest expected value of a tensor.
const TOLERANCE: f32 = 1e-4;

/// Sizes of one case, as in `make.py`.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Case {
    Conv {
        lengths: Vec<usize>,
        bins: usize,
        channels: usize,
        filters: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        lookahead: usize,
    },
    BatchNorm {
        lengths: Vec<usize>,
        clip: Option<f32>,
    },
    Gru {
        lengths: Vec<usize>,
        clip: Option<f32>,
    },
    RowConv {
        lengths: Vec<usize>,
    },
    Ctc {
        lengths: Vec<usize>,
        labels: Vec<Vec<u16>>,
    },
    Net {
        lengths: Vec<usize>,
        symbols: usize,
        labels: Vec<Vec<u16>>,
        config: NetworkConfig,
    },
}

/// The golden file.
struct Golden {
    cases: BTreeMap<String, Case>,
    tensors: BTreeMap<String, Parameter>,
}

impl Golden {
    fn open() -> Self {
        let bytes: &[u8] = include_bytes!("../../tests/golden/pytorch.safetensors");
        let (_, header) = SafeTensors::read_metadata(bytes).expect("header");
        let cases = &header.metadata().as_ref().expect("metadata")["cases"];
        let tensors = SafeTensors::deserialize(bytes).expect("safetensors");
        let matrix = |name: &str| {
            let view = tensors.tensor(name).expect("named by the file itself");
            let (columns, rows) = (*view.shape().last().unwrap(), view.shape());
            let value = |b: &[u8]| f32::from_le_bytes(b.try_into().unwrap());
            Parameter {
                rows: rows[..rows.len() - 1].iter().product(),
                columns,
                values: view.data().chunks_exact(4).map(value).collect(),
            }
        };
        let mut golden = Self {
            cases: serde_json::from_str(cases).expect("cases"),
            tensors: tensors.names().into_iter().map(|n| (n.to_owned(), matrix(n))).collect(),
        };
        golden.put_time_outside();
        golden
    }

    /// PyTorch's filters have the frequency outside, ours the time; those of a whole net are read
    /// like an old checkpoint's.
    fn put_time_outside(&mut self) {
        for (case, sizes) in &self.cases {
            let filters: Vec<(String, [usize; 2], usize)> = match sizes {
                Case::Conv { kernel, channels, .. } => ["in", "grad"]
                    .map(|which| (format!("{case}.{which}.w"), *kernel, *channels))
                    .to_vec(),
                Case::Net { config, .. } => (0..config.conv.len())
                    .map(|l| {
                        let name = format!("{case}.grad.conv.{l}.weight");
                        (name, config.conv[l].kernel, config.conv_channels_in(l))
                    })
                    .collect(),
                _ => Vec::new(),
            };
            for (name, [frequency, time], channels) in filters {
                let weight = self.tensors.get_mut(&name).expect("every case has filters");
                weight.values = swap_taps(&weight.values, frequency, time, channels);
            }
        }
    }

    fn get(&self, name: &str) -> &Parameter {
        self.tensors.get(name).unwrap_or_else(|| panic!("the golden file lacks {name}"))
    }

    /// Fails at the first value of `ours` that differs from `name`.
    fn assert_equal(&self, name: &str, ours: &[f32]) {
        let expected = self.get(name);
        assert_eq!(ours.len(), expected.values.len(), "{name}: number of values");
        let finite = |v: &&f32| v.is_finite();
        let largest = expected.values.iter().filter(finite).fold(1e-3, |m: f32, v| m.max(v.abs()));
        for (i, (a, b)) in ours.iter().zip(&expected.values).enumerate() {
            let (row, column) = (i / expected.columns, i % expected.columns);
            assert!(
                a == b || (a - b).abs() <= TOLERANCE * largest,
                "{name}, [{row}, {column}]: {a}, PyTorch has {b}"
            );
        }
    }

    /// Runs `f` on the inputs `names` of `case` and compares the output and every gradient.
    fn check(&self, case: &str, names: &[&str], f: impl Fn(&[Tensor]) -> Tensor) {
        let tape = Tape::default();
        let leaf = |name: &&str| {
            let p = self.get(&format!("{case}.in.{name}"));
            tape.leaf(p.values.clone(), [p.rows, p.columns])
        };
        let leaves: Vec<Tensor> = names.iter().map(leaf).collect();
        let y = f(&leaves);
        self.assert_equal(&format!("{case}.out"), &y);
        let mut gradients =
            tape.backward([(y, self.get(&format!("{case}.weight")).values.clone())]);
        for (name, leaf) in names.iter().zip(&leaves) {
            let gradient = gradients.take(leaf).unwrap_or_else(|| panic!("{case}.{name}: unused"));
            self.assert_equal(&format!("{case}.grad.{name}"), &gradient);
        }
    }
}

fn frames(lengths: &[usize]) -> Frames {
    Frames { lengths: lengths.to_vec(), steps: *lengths.iter().max().unwrap() }
}

/// Runs `check` for every case that it accepts (it returns whether it does); at least `least` of
/// them.
fn for_each_case(least: usize, check: impl Fn(&Golden, &str, &Case) -> bool) {
    let golden = Golden::open();
    let taken = golden.cases.iter().filter(|(name, case)| check(&golden, name, case)).count();
    assert!(taken >= least, "{taken} cases, not {least}");
}

#[test]
fn convolutions() {
    for_each_case(5, |golden, name, case| {
        let Case::Conv { lengths, bins, channels, filters, kernel, stride, lookahead } = case
        else {
            return false;
        };
        let frames = frames(lengths);
        let shape = conv::Shape {
            steps: frames.steps,
            bins: *bins,
            channels: *channels,
            filters: *filters,
            kernel: *kernel,
            stride: *stride,
            lookahead: *lookahead,
            rounded: false,
        };
        golden.check(name, &["x", "w"], |l| layers::convolve(&l[0], &l[1], &frames, shape));
        true
    });
}

#[test]
fn batch_norms() {
    for_each_case(3, |golden, name, case| {
        let Case::BatchNorm { lengths, clip } = case else { return false };
        let frames = frames(lengths);
        golden.check(name, &["x", "gamma", "beta"], |l| {
            let (y, statistics) = layers::normalise(&l[0], &l[1], &l[2], *clip, &frames, None);
            golden.assert_equal(&format!("{name}.mean"), &statistics.mean);
            golden.assert_equal(&format!("{name}.variance"), &statistics.variance);
            y
        });
        true
    });
}

#[test]
fn recurrences() {
    for_each_case(5, |golden, name, case| {
        let Case::Gru { lengths, clip } = case else { return false };
        let frames = frames(lengths);
        let cell = Cell::Gru(clip.map_or(Candidate::Tanh, Candidate::ClippedRelu));
        let low_rank = golden.tensors.contains_key(&format!("{name}.in.a"));
        let names: &[&str] = if low_rank { &["x", "a", "b"] } else { &["x", "u"] };
        golden.check(name, names, |l| {
            let recurrent = match low_rank {
                true => Recurrent::LowRank(l[1].clone(), l[2].clone()),
                false => Recurrent::Dense(l[1].clone()),
            };
            let (peepholes, projection) = (None, None);
            let layer = Recurrence { cell, recurrent, peepholes, projection, rounded: false };
            layers::recur(l[0].clone(), &layer, &frames)
        });
        true
    });
}

#[test]
fn row_convolutions() {
    for_each_case(2, |golden, name, case| {
        let Case::RowConv { lengths } = case else { return false };
        let frames = frames(lengths);
        golden.check(name, &["x", "w"], |l| layers::look_ahead(&l[0], &l[1], &frames));
        true
    });
}

#[test]
fn losses() {
    for_each_case(5, |golden, name, case| {
        let Case::Ctc { lengths, labels } = case else { return false };
        let (frames, x) = (frames(lengths), golden.get(&format!("{name}.in.x")));
        let loss = ctc::loss(&x.values, &frames.lengths, labels, frames.steps, x.columns);
        golden.assert_equal(&format!("{name}.losses"), &loss.losses);
        let weight = golden.get(&format!("{name}.weight")).values[0];
        let gradient: Vec<f32> = loss.gradient.iter().map(|g| weight * g).collect();
        golden.assert_equal(&format!("{name}.grad.x"), &gradient);
        true
    });
}

#[test]
fn a_whole_net() {
    for_each_case(1, |golden, case, sizes| {
        let Case::Net { lengths, symbols, labels, config } = sizes else { return false };
        config.validate().expect("the script's net is valid");
        let net = Net::new(config.clone(), *symbols, Parametrisation::Dense, 1).unwrap();
        let (progress, none) = (Progress::default(), Beside::new());
        let mut checkpoint = Checkpoint::of(&progress, &net, &none, &OptimizerState::default());
        let prefix = format!("{case}.in.");
        let tensors = golden.tensors.iter();
        checkpoint.parameters = tensors
            .filter_map(|(name, p)| Some((name.strip_prefix(&prefix)?.to_owned(), p.clone())))
            .collect();
        checkpoint.time_first = false;
        let net = checkpoint.net(config, Path::new(case)).unwrap();

        let graph = Graph::new(&net, true);
        let features = golden.get(&format!("{case}.features")).values.clone();
        let mode = Mode::Training { dropout: 0.0, seed: 0 };
        let output = graph.forward(features, frames(lengths), mode);
        let Frames { lengths, steps } = output.frames;
        let loss = ctc::loss(&output.logits, &lengths, labels, steps, *symbols);
        let mean = loss.gradient.iter().map(|g| g / lengths.len() as f32).collect();
        let mut logits = output.logits.to_vec();
        let gradients = graph.gradients([(output.logits, mean)]);

        // Padding has logits too (the bias): only real frames count.
        for (b, &length) in lengths.iter().enumerate() {
            logits[(b * steps + length) * symbols..(b + 1) * steps * symbols].fill(0.0);
        }
        golden.assert_equal(&format!("{case}.logits"), &logits);
        golden.assert_equal(&format!("{case}.losses"), &loss.losses);
        assert_eq!(
            output.statistics.len(),
            config
                .linear_maps(*symbols)
                .iter()
                .filter(|map| {
                    matches!(map.kind, Kind::Conv | Kind::Nonrecurrent | Kind::FullyConnected)
                })
                .count()
        );
        for (id, batch) in &output.statistics {
            let layer = layer_name(config, *id);
            golden.assert_equal(&format!("{case}.mean.{layer}"), &batch.mean);
            golden.assert_equal(&format!("{case}.variance.{layer}"), &batch.variance);
        }
        assert_eq!(gradients.len(), net.parameters().len(), "every parameter has a gradient");
        for (place, gradient) in &gradients {
            let name = name_of(&net, *place);
            golden.assert_equal(&format!("{case}.grad.{name}"), gradient);
        }
        true
    });
}
