//! Every layer, values and gradients, compared with its slow version.

use super::dual::Dual;
use super::slow::{self, Matrix};
use crate::engine::layers::{self, Frames, Recurrence, Recurrent};
use crate::engine::ops::batch_norm::Statistics;
use crate::engine::ops::conv;
use crate::engine::ops::recurrence::{Candidate, Cell};
use crate::engine::tape::{Tape, Tensor};
use crate::random;

/// The most derivatives of an input that are checked.
const MOST: usize = 150;

/// Normal values of deviation `scale`.
fn normal([rows, columns]: [usize; 2], scale: f32, seed: u64) -> Input {
    let values = (0..(rows * columns) as u64).map(|i| scale * random::normal(seed, i)).collect();
    Input { shape: [rows, columns], values }
}

struct Input {
    shape: [usize; 2],
    values: Vec<f32>,
}

impl Input {
    fn matrix(&self) -> Matrix {
        let values = self.values.iter().map(|&v| Dual::from(f64::from(v))).collect();
        Matrix { columns: self.shape[1], values }
    }

    fn looked_at(&self) -> impl Iterator<Item = usize> {
        (0..self.values.len()).step_by(1 + self.values.len() / MOST)
    }
}

/// The output, and for each input the gradient of `sum of output times random weights` at the
/// checked places.
fn run(inputs: &[Input], f: impl Fn(&[Tensor]) -> Tensor) -> Vec<Vec<f64>> {
    let tape = Tape::default();
    let leaves: Vec<Tensor> =
        inputs.iter().map(|input| tape.leaf(input.values.clone(), input.shape)).collect();
    let y = f(&leaves);
    let mut all = vec![y.iter().map(|&y| f64::from(y)).collect()];
    let weights = (0..y.len() as u64).map(|i| random::normal(99, i)).collect();
    let mut gradients = tape.backward([(y, weights)]);
    for (input, leaf) in inputs.iter().zip(&leaves) {
        let gradient = gradients.take(leaf).expect("every input is used");
        all.push(input.looked_at().map(|i| f64::from(gradient[i])).collect());
    }
    all
}

/// The same by the slow version.
fn run_slow(inputs: &[Input], f: impl Fn(&[Matrix]) -> Matrix) -> Vec<Vec<f64>> {
    let mut matrices: Vec<Matrix> = inputs.iter().map(Input::matrix).collect();
    let mut all = vec![f(&matrices).values.iter().map(|y| y.value).collect()];
    for (which, input) in inputs.iter().enumerate() {
        let derivative = |i: usize| {
            matrices[which].values[i].slope = 1.0;
            let y = f(&matrices);
            matrices[which].values[i].slope = 0.0;
            let weight = |i: usize| f64::from(random::normal(99, i as u64));
            y.values.iter().enumerate().map(|(i, y)| weight(i) * y.slope).sum()
        };
        all.push(input.looked_at().map(derivative).collect());
    }
    all
}

fn assert_close(case: &str, fast: &[Vec<f64>], slow: &[Vec<f64>], tolerance: f64) {
    assert_eq!(fast.len(), slow.len(), "{case}");
    for (which, (a, b)) in fast.iter().zip(slow).enumerate() {
        assert_eq!(a.len(), b.len(), "{case}, {which}");
        let size = b.iter().fold(1e-3, |m: f64, v| m.max(v.abs()));
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            let what = if which == 0 { "output".into() } else { format!("input {}", which - 1) };
            assert!((a - b).abs() <= tolerance * size, "{case}, {what}, {i}: {a} and {b}");
        }
    }
}

fn frames(lengths: &[usize]) -> Frames {
    Frames { lengths: lengths.to_vec(), steps: *lengths.iter().max().unwrap() }
}

/// Padding, which is zero in every activation of a net.
fn clear_padding(x: &mut Input, frames: &Frames) {
    for (row, values) in x.values.chunks_exact_mut(x.shape[1]).enumerate() {
        if row % frames.steps >= frames.lengths[row / frames.steps] {
            values.fill(0.0);
        }
    }
}

/// A recurrence with inputs: input products, matrix or factors, peepholes, projection.
struct Layer {
    cell: Cell,
    rank: Option<usize>,
    peepholes: bool,
    projection: Option<usize>,
    rounded: bool,
}

impl Layer {
    fn inputs(&self, rows: usize, hidden: usize) -> Vec<Input> {
        let (wide, output) = (self.cell.gates() * hidden, self.projection.unwrap_or(hidden));
        let mut shapes = vec![[rows, wide]];
        match self.rank {
            None => shapes.push([wide, output]),
            Some(rank) => shapes.extend([[wide, rank], [rank, output]]),
        }
        shapes.extend(self.peepholes.then_some([1, 3 * hidden]));
        shapes.extend(self.projection.map(|p| [p, hidden]));
        let scale = |i| if i == 0 { 1.0 } else { 0.5 };
        shapes.iter().enumerate().map(|(i, &s)| normal(s, scale(i), 1 + i as u64)).collect()
    }

    fn fast(&self, inputs: &[Tensor], frames: &Frames) -> Tensor {
        let mut rest = inputs[1..].iter();
        let mut next = || rest.next().unwrap();
        let left = next().clone();
        let layer = Recurrence {
            cell: self.cell,
            recurrent: match self.rank {
                None => Recurrent::Dense(left),
                Some(_) => Recurrent::LowRank(left, next().clone()),
            },
            peepholes: self.peepholes.then(&mut next),
            projection: self.projection.map(|_| next().clone()),
            rounded: self.rounded,
        };
        layers::recur(inputs[0].clone(), &layer, frames)
    }

    fn slow(&self, inputs: &[Matrix], frames: &Frames) -> Matrix {
        let (recurrent, mut rest) = inputs[1..].split_at(1 + usize::from(self.rank.is_some()));
        let mut next = || rest.split_off_first().unwrap();
        let layer = slow::Recurrence {
            cell: self.cell,
            recurrent: recurrent.iter().collect(),
            peepholes: self.peepholes.then(&mut next),
            projection: self.projection.map(|_| next()),
            rounded: self.rounded,
        };
        slow::recur(&inputs[0], &layer, frames)
    }

    fn name(&self) -> String {
        let Self { cell, rank, peepholes, projection, rounded } = self;
        format!("{cell:?} {rank:?} peepholes {peepholes} {projection:?} rounded {rounded}")
    }
}

/// Every cell, with and without factors, peepholes and projection.
fn recurrences() -> Vec<Layer> {
    let mut all = Vec::new();
    for cell in [
        Cell::Gru(Candidate::Tanh),
        Cell::Gru(Candidate::ClippedRelu(1.5)),
        Cell::Lstm,
        Cell::Rnn(Candidate::Tanh),
        Cell::Rnn(Candidate::ClippedRelu(1.5)),
    ] {
        for (rank, projection) in
            [(None, None), (Some(2), None), (None, Some(3)), (Some(2), Some(4))]
        {
            all.push(Layer { cell, rank, peepholes: false, projection, rounded: false });
            if cell == Cell::Lstm {
                all.push(Layer { cell, rank, peepholes: true, projection, rounded: false });
            }
        }
    }
    all
}

#[test]
fn recurrences_equal_their_formulas() {
    for (lengths, hidden) in
        [(vec![5], 4), (vec![4, 7, 1], 6), (vec![3; 17], 5), (vec![6, 3, 8], 7)]
    {
        for layer in recurrences() {
            let frames = frames(&lengths);
            let inputs = layer.inputs(frames.rows(), hidden);
            let fast = run(&inputs, |l| layer.fast(l, &frames));
            let slow = run_slow(&inputs, |l| layer.slow(l, &frames));
            assert_close(&format!("{lengths:?} {hidden} {}", layer.name()), &fast, &slow, 2e-5);
        }
    }
}

/// Root mean square of `a - b`.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    (square / a.len() as f64).sqrt()
}

/// Gradients ignore the rounding. A value differs if the last bit of a product moves it across a
/// half, so only the bulk can be compared.
#[test]
fn recurrences_round_what_meets_a_matrix() {
    let frames = frames(&[7, 5]);
    for mut layer in recurrences() {
        let inputs = layer.inputs(frames.rows(), 12);
        let plain = run(&inputs, |l| layer.fast(l, &frames));
        layer.rounded = true;
        let fast = run(&inputs, |l| layer.fast(l, &frames));
        let slow = run_slow(&inputs, |l| layer.slow(l, &frames));
        let case = layer.name();
        for (i, ((fast, slow), plain)) in fast.iter().zip(&slow).zip(&plain).enumerate() {
            let (near, far) = (distance(fast, slow), distance(plain, slow));
            assert!(i > 0 || far > 1e-4, "{case}: rounding does not show, {far}");
            assert!(near <= 0.2 * far + 1e-6, "{case}, {i}: {near} of {far}");
        }
    }
    let x = [normal([40, 33], 2.0, 5)];
    let fast = run(&x, |l| layers::round(&l[0]));
    let slow = run_slow(&x, |l| slow::round(&l[0]));
    assert!(distance(&fast[0], &slow[0]) < 1e-3);
    assert_close("rounding", &fast[1..], &slow[1..], 1e-6);
    let plain: Vec<f64> = x[0].values.iter().map(|&x| f64::from(x)).collect();
    assert!(distance(&fast[0], &plain) > 5e-3);
}

#[test]
fn convolutions_of_every_stride_and_look_ahead() {
    for (lengths, bins, channels, filters, kernel, stride, lookahead) in [
        (vec![6], 5, 1, 2, [3, 3], [1, 1], 0),
        (vec![7, 4], 8, 1, 3, [5, 5], [2, 3], 2),
        (vec![5, 9, 2], 6, 3, 4, [4, 5], [2, 1], 4),
        (vec![10], 7, 2, 2, [1, 1], [1, 2], 0),
    ] {
        let frames = frames(&lengths);
        let (steps, rounded) = (frames.steps, false);
        let shape =
            conv::Shape { steps, bins, channels, filters, kernel, stride, lookahead, rounded };
        let mut x = normal([frames.rows(), bins * channels], 1.0, 4);
        clear_padding(&mut x, &frames);
        let inputs = [x, normal([filters, shape.taps()], 0.5, 5)];
        let fast = run(&inputs, |l| layers::convolve(&l[0], &l[1], &frames, shape));
        let slow = run_slow(&inputs, |l| slow::convolve(&l[0], &l[1], &frames, shape));
        assert_close(&format!("{shape:?}"), &fast, &slow, 1e-5);
    }
}

#[test]
fn batch_norm_with_and_without_clip_and_groups() {
    for (lengths, group, channels, clip) in
        [(vec![6, 3], 1, 4, None), (vec![6, 3], 1, 4, Some(1.0)), (vec![5, 5, 2], 3, 2, Some(20.0))]
    {
        let frames = frames(&lengths);
        let inputs = [
            normal([frames.rows(), group * channels], 2.0, 6),
            normal([1, channels], 1.0, 7),
            normal([1, channels], 1.0, 8),
        ];
        let fast = run(&inputs, |l| layers::normalise(&l[0], &l[1], &l[2], clip, &frames, None).0);
        let slow = run_slow(&inputs, |l| slow::normalise(&l[0], &l[1], &l[2], clip, &frames));
        assert_close(&format!("{lengths:?} group {group} {clip:?}"), &fast, &slow, 2e-5);

        let values = |seed| normal([1, channels], 0.5, seed).values;
        let variance: Vec<f32> = values(20).iter().map(|v| 1.0 + v.abs()).collect();
        let fixed = Statistics { mean: values(21), variance };
        let fast =
            run(&inputs, |l| layers::normalise_fixed(&l[0], &l[1], &l[2], &fixed, clip, &frames));
        let slow = run_slow(&inputs, |l| slow::normalise_fixed(l, &fixed, clip, &frames));
        assert_close(&format!("fixed, {lengths:?} group {group} {clip:?}"), &fast, &slow, 2e-5);
    }
}

#[test]
fn products_biases_clips_and_look_ahead() {
    let inputs = |shapes: &[[usize; 2]]| -> Vec<Input> {
        shapes.iter().enumerate().map(|(i, &s)| normal(s, 1.0, 9 + i as u64)).collect()
    };
    let pair = inputs(&[[300, 5], [4, 5]]);
    let fast = run(&pair, |l| layers::linear(&l[0], &l[1]));
    assert_close("linear", &fast, &run_slow(&pair, |l| slow::linear(&l[0], &l[1])), 1e-5);

    let pair = inputs(&[[7, 3], [3, 9]]);
    let fast = run(&pair, |l| layers::product(&l[0], &l[1]));
    assert_close("product", &fast, &run_slow(&pair, |l| slow::product(&l[0], &l[1])), 1e-5);

    let pair = inputs(&[[11, 6], [1, 6]]);
    let fast = run(&pair, |l| layers::add_bias(l[0].clone(), &l[1]));
    assert_close("bias", &fast, &run_slow(&pair, |l| slow::add_bias(&l[0], &l[1])), 1e-6);

    let one = inputs(&[[11, 6]]);
    let fast = run(&one, |l| layers::clip(&l[0], 0.7));
    assert_close("clip", &fast, &run_slow(&one, |l| slow::clip(&l[0], f64::from(0.7f32))), 1e-6);

    let frames = frames(&[6, 2, 4]);
    let pair = inputs(&[[frames.rows(), 5], [3, 5]]);
    let fast = run(&pair, |l| layers::look_ahead(&l[0], &l[1], &frames));
    let slow = run_slow(&pair, |l| slow::look_ahead(&l[0], &l[1], &frames));
    assert_close("look-ahead", &fast, &slow, 1e-5);
}

#[test]
fn dropout_keeps_the_mean_and_drops_the_gradient_with_the_value() {
    let (rate, shape) = (0.3, [200, 50]);
    let tape = Tape::default();
    let x = tape.leaf(vec![1.0; 10_000], shape);
    let y = layers::drop_out(&x, rate, 7);
    let values = y.to_vec();
    let zeros = values.iter().filter(|v| **v == 0.0).count();
    assert!((2_700..3_300).contains(&zeros), "{zeros} of 10,000 dropped");
    assert!(values.iter().all(|v| *v == 0.0 || (v - 1.0 / 0.7).abs() < 1e-6));
    assert_eq!(tape.backward([(y, vec![1.0; 10_000])]).take(&x), Some(values));
    assert_ne!(layers::drop_out(&x, rate, 8).to_vec(), layers::drop_out(&x, rate, 7).to_vec());
}
