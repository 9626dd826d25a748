//! Outputs and gradients against PyTorch: `golden/make.py` wrote the values and says what they are.
//!
//! Every layer runs twice, as own operation and composed of the tensor library's operations.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;
use serde::Deserialize;
use stonechat_model::NetworkConfig;
use stonechat_train::graph::{self, Frames, Graph, Recurrence, Recurrent, to_host};
use stonechat_train::net::{Mode, Net, Parametrisation};
use stonechat_train::ops::batch_norm::Statistics;
use stonechat_train::ops::conv;
use stonechat_train::ops::recurrence::{Candidate, Cell};
use stonechat_train::parameters::Parameter;
use stonechat_train::{composed, loss};

/// Largest difference, relative to the largest expected value of a tensor.
const TOLERANCE: f32 = 1e-4;

/// Sizes of one case as `make.py` states them.
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
        let bytes: &[u8] = include_bytes!("golden/pytorch.safetensors");
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
        Self {
            cases: serde_json::from_str(cases).expect("cases"),
            tensors: tensors.names().into_iter().map(|n| (n.to_owned(), matrix(n))).collect(),
        }
    }

    fn get(&self, name: &str) -> &Parameter {
        self.tensors.get(name).unwrap_or_else(|| panic!("the golden file lacks {name}"))
    }

    /// A tensor of the file on the autodiff device.
    fn tensor(&self, name: &str) -> Tensor<2> {
        let p = self.get(name);
        let data = TensorData::new(p.values.clone(), [p.rows, p.columns]);
        Tensor::<2>::from_data(data, &Device::flex().autodiff())
    }

    /// Fails at the first value of `ours` that is not that of `name`.
    fn assert_equal(&self, name: &str, which: &str, ours: &[f32]) {
        let expected = self.get(name);
        assert_eq!(ours.len(), expected.values.len(), "{name}, {which}: number of values");
        let finite = |v: &&f32| v.is_finite();
        let largest = expected.values.iter().filter(finite).fold(1e-3, |m: f32, v| m.max(v.abs()));
        for (i, (a, b)) in ours.iter().zip(&expected.values).enumerate() {
            let (row, column) = (i / expected.columns, i % expected.columns);
            assert!(
                a == b || (a - b).abs() <= TOLERANCE * largest,
                "{name}, {which}, [{row}, {column}]: {a}, PyTorch has {b}"
            );
        }
    }

    /// Runs `f` on the inputs `names` of `case` and compares the output and every gradient.
    fn check(
        &self,
        case: &str,
        which: &str,
        names: &[&str],
        f: &dyn Fn(&[Tensor<2>]) -> Tensor<2>,
    ) {
        let leaf = |n: &&str| self.tensor(&format!("{case}.in.{n}")).require_grad();
        let leaves: Vec<Tensor<2>> = names.iter().map(leaf).collect();
        let y = f(&leaves);
        let gradients = (y.clone() * self.tensor(&format!("{case}.weight"))).sum().backward();
        self.assert_equal(&format!("{case}.out"), which, &to_host(y));
        for (name, leaf) in names.iter().zip(&leaves) {
            let gradient = leaf.grad(&gradients).unwrap_or_else(|| panic!("{case}.{name}: unused"));
            self.assert_equal(&format!("{case}.grad.{name}"), which, &to_host(gradient));
        }
    }
}

fn frames(lengths: &[usize]) -> Frames {
    Frames { lengths: lengths.to_vec(), steps: *lengths.iter().max().unwrap() }
}

/// Runs `check` for every case it takes (and says so); at least `least` of them.
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
        let names = ["x", "w"];
        golden.check(name, "own", &names, &|l| graph::convolve(&l[0], &l[1], &frames, shape));
        golden
            .check(name, "composed", &names, &|l| composed::convolve(&l[0], &l[1], &frames, shape));
        true
    });
}

#[test]
fn batch_norms() {
    for_each_case(3, |golden, name, case| {
        let Case::BatchNorm { lengths, clip } = case else { return false };
        let (frames, names) = (frames(lengths), ["x", "gamma", "beta"]);
        let keep = |which: &str, (y, statistics): (Tensor<2>, Statistics)| {
            golden.assert_equal(&format!("{name}.mean"), which, &statistics.mean);
            golden.assert_equal(&format!("{name}.variance"), which, &statistics.variance);
            y
        };
        golden.check(name, "own", &names, &|l| {
            keep("own", graph::normalise(&l[0], &l[1], &l[2], *clip, &frames))
        });
        golden.check(name, "composed", &names, &|l| {
            keep("composed", composed::normalise(&l[0], &l[1], &l[2], *clip, &frames))
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
        let run = |l: &[Tensor<2>], own: bool| {
            let u = match low_rank {
                true => Recurrent::LowRank(&l[1], &l[2]),
                false => Recurrent::Dense(&l[1]),
            };
            match own {
                true => graph::recur(l[0].clone(), Recurrence::plain(cell, u), &frames),
                false => composed::recur(&l[0], Recurrence::plain(cell, u), &frames),
            }
        };
        golden.check(name, "own", names, &|l| run(l, true));
        golden.check(name, "composed", names, &|l| run(l, false));
        true
    });
}

#[test]
fn row_convolutions() {
    for_each_case(2, |golden, name, case| {
        let Case::RowConv { lengths } = case else { return false };
        let (frames, names) = (frames(lengths), ["x", "w"]);
        golden.check(name, "own", &names, &|l| graph::look_ahead(&l[0], &l[1], &frames));
        golden.check(name, "composed", &names, &|l| composed::look_ahead(&l[0], &l[1], &frames));
        true
    });
}

#[test]
fn ctc() {
    for_each_case(5, |golden, name, case| {
        let Case::Ctc { lengths, labels } = case else { return false };
        let frames = frames(lengths);
        let keep = |which: &str, (total, losses): (Tensor<2>, Vec<f32>)| {
            golden.assert_equal(&format!("{name}.losses"), which, &losses);
            total
        };
        golden.check(name, "own", &["x"], &|l| keep("own", loss::ctc(&l[0], &frames, labels)));
        golden.check(name, "composed", &["x"], &|l| {
            keep("composed", composed::ctc(&l[0], &frames, labels))
        });
        true
    });
}

#[test]
fn a_whole_net() {
    for_each_case(1, |golden, case, sizes| {
        let Case::Net { lengths, symbols, labels, config } = sizes else { return false };
        config.validate().expect("the script's net is valid");
        let mut net = Net::new(config.clone(), *symbols, Parametrisation::Dense, 1).unwrap();
        let layers: Vec<String> = net.statistics.keys().cloned().collect();
        let prefix = format!("{case}.in.");
        net.parameters = golden
            .tensors
            .iter()
            .filter_map(|(name, p)| Some((name.strip_prefix(&prefix)?.to_owned(), p.clone())))
            .collect();

        let device = Device::flex();
        let graph = Graph::new(&net, &device, true);
        let features = golden.get(&format!("{case}.features")).values.clone();
        let mode = Mode::Training { dropout: 0.0, seed: 0 };
        let output = net.forward(&graph, features, frames(lengths), mode, &device);
        let (total, losses) = loss::ctc(&output.logits, &output.frames, labels);
        let gradients = graph.gradients(&(total / losses.len() as f32));

        // Padding has logits too (the bias): only real frames count.
        let mut logits = to_host(output.logits);
        for (b, &length) in output.frames.lengths.iter().enumerate() {
            let steps = output.frames.steps;
            logits[(b * steps + length) * symbols..(b + 1) * steps * symbols].fill(0.0);
        }
        golden.assert_equal(&format!("{case}.logits"), "net", &logits);
        golden.assert_equal(&format!("{case}.losses"), "net", &losses);
        for layer in layers {
            let batch = &output.statistics[&layer];
            golden.assert_equal(&format!("{case}.mean.{layer}"), "net", &batch.mean);
            golden.assert_equal(&format!("{case}.variance.{layer}"), "net", &batch.variance);
        }
        assert_eq!(gradients.len(), net.parameters.len(), "every parameter has a gradient");
        for (name, gradient) in &gradients {
            golden.assert_equal(&format!("{case}.grad.{name}"), "net", gradient);
        }
        true
    });
}
