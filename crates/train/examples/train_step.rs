//! Serves training steps to `benches/train_step/compare.py`: `train_step RANK` (0 = dense), or
//! `train_step FAMILY` with a family as in a package's metadata, `{"family":"toeplitz_like","rank":4}`.
//!
//! Prints `idle` after one step of a toy net, so that memory in use from then on is that of the
//! training. Then builds the net of the benchmark and takes as many steps as each line of standard
//! input says, answering with the seconds of each and the last loss.

use std::io::BufRead;
use std::time::Instant;

use burn::tensor::Device;
use stonechat_model::{Family, Kind, NetworkConfig};
use stonechat_train::graph::{Frames, Graph};
use stonechat_train::net::{Mode, Net, Parametrisation};
use stonechat_train::optimizer::{self, OptimizerConfig, OptimizerState};
use stonechat_train::warm_start::{Start, change_families};
use stonechat_train::{linear, loss, random};

const SYMBOLS: usize = 29;
const LABELS: usize = 40;
/// The trainer clips the gradient's norm in every step.
const CLIP_NORM: f64 = 400.0;
const RATE: f32 = 1e-3;

/// How the matrices of the GRUs are held.
enum Form {
    /// 0 is dense.
    Rank(usize),
    Family(Family),
}

/// A net, a batch and an optimiser.
struct Training {
    net: Net,
    features: Vec<f32>,
    frames: Frames,
    labels: Vec<Vec<u16>>,
    optimizer: OptimizerState,
    device: Device,
}

impl Training {
    /// `gru` and `fc` cells, both matrices of every GRU of rank `rank` unless that is 0, or of `family`.
    fn new(gru: &[usize], fc: usize, form: &Form, batch: usize, steps: usize) -> Self {
        let config = NetworkConfig {
            input: 80,
            conv: Vec::new(),
            clip: 20.0,
            recurrent: gru.iter().map(|&hidden| hidden.into()).collect(),
            candidate: Default::default(),
            row_conv: None,
            fc: Some(fc),
        };
        let maps = config.linear_maps(SYMBOLS);
        let mut net = Net::new(config, SYMBOLS, Parametrisation::Dense, 1).expect("valid sizes");
        if let Form::Family(family) = form {
            let kinds = ["recurrent", "nonrecurrent"].map(|kind| (kind.to_owned(), family.clone()));
            change_families(&mut net, &kinds.into(), Start::Fresh { seed: 1 })
                .expect("a family that fits");
        }
        let rank = if let Form::Rank(rank) = form { *rank } else { 0 };
        let factored = |kind| matches!(kind, Kind::Nonrecurrent | Kind::Recurrent);
        for map in maps.iter().filter(|map| rank > 0 && factored(map.kind)) {
            let weight = net.parameters[&format!("{}.weight", map.name)].clone();
            linear::insert_balanced(&mut net.parameters, &map.name, &weight, rank).expect("SVD");
        }
        let label = |i: usize| 1 + (random::hash(3, i as u64) % (SYMBOLS as u64 - 1)) as u16;
        let count = LABELS.min(steps / 2);
        Self {
            net,
            features: (0..(batch * steps * 80) as u64).map(|i| random::normal(2, i)).collect(),
            frames: Frames { lengths: vec![steps; batch], steps },
            labels: (0..batch)
                .map(|b| (0..count).map(|i| label(b * count + i)).collect())
                .collect(),
            optimizer: OptimizerState::default(),
            device: Device::flex(),
        }
    }

    /// One step as `trainer::train` takes it, without files and events; returns the mean loss.
    fn step(&mut self) -> f32 {
        let graph = Graph::new(&self.net, &self.device, true);
        let mode = Mode::Training { dropout: 0.0, seed: 0 };
        let (features, frames) = (self.features.clone(), self.frames.clone());
        let output = self.net.forward(&graph, features, frames, mode, &self.device);
        let (total, losses) = loss::ctc(&output.logits, &output.frames, &self.labels);
        let mut gradients = graph.gradients(&(total / losses.len() as f32));
        drop(output.logits);
        let norm = optimizer::norm(&gradients);
        self.net.follow(&output.statistics);
        optimizer::clip(&mut gradients, norm, CLIP_NORM);
        let adam = OptimizerConfig::default();
        self.optimizer.step(&adam, |_| RATE, &mut self.net.parameters, &gradients);
        losses.iter().sum::<f32>() / losses.len() as f32
    }
}

fn main() {
    let form = std::env::args().nth(1).expect("train_step RANK or train_step FAMILY");
    let form = match form.parse() {
        Ok(rank) => Form::Rank(rank),
        Err(_) => Form::Family(serde_json::from_str(&form).expect("a family as JSON")),
    };
    Training::new(&[16], 16, &Form::Rank(0), 2, 8).step();
    println!("idle");
    let mut training = None;
    for line in std::io::stdin().lock().lines() {
        let count: usize = line.expect("input").trim().parse().expect("a number of steps");
        let training =
            training.get_or_insert_with(|| Training::new(&[256, 320, 384], 512, &form, 8, 200));
        let mut loss = 0.0;
        for _ in 0..count {
            let start = Instant::now();
            loss = training.step();
            print!("{:.6} ", start.elapsed().as_secs_f64());
        }
        println!("loss {loss:.4} parameters {}", training.net.count());
    }
}
