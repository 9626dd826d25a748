//! The own operations against the composed tensor operations and finite differences.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use stonechat_train::graph::{self, Frames, Recurrence, Recurrent, to_host};
use stonechat_train::ops::conv;
use stonechat_train::ops::gram_ctc::Grams;
use stonechat_train::ops::recurrence::{Candidate, Cell};
use stonechat_train::{composed, loss, random};

/// A leaf of normal values.
fn leaf(rows: usize, columns: usize, scale: f32, seed: u64) -> Tensor<2> {
    let values: Vec<f32> =
        (0..rows * columns).map(|i| scale * random::normal(seed, i as u64)).collect();
    Tensor::<2>::from_data(TensorData::new(values, [rows, columns]), &Device::flex().autodiff())
        .require_grad()
}

/// Output and gradients of every leaf under a fixed random weighting of the output.
fn run(leaves: &[Tensor<2>], f: impl Fn(&[Tensor<2>]) -> Tensor<2>) -> Vec<Vec<f32>> {
    let y = f(leaves);
    let [rows, columns] = y.dims();
    let weights: Vec<f32> = (0..rows * columns).map(|i| random::normal(99, i as u64)).collect();
    let weights = Tensor::<2>::from_data(
        TensorData::new(weights, [rows, columns]),
        &Device::flex().autodiff(),
    );
    let gradients = (y.clone() * weights).sum().backward();
    let mut all = vec![to_host(y)];
    all.extend(leaves.iter().map(|l| to_host(l.grad(&gradients).expect("every leaf is used"))));
    all
}

fn assert_close(case: &str, own: &[Vec<f32>], composed: &[Vec<f32>], tolerance: f32) {
    for (which, (a, b)) in own.iter().zip(composed).enumerate() {
        assert_eq!(a.len(), b.len(), "{case}, tensor {which}");
        let size = b.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            assert!(
                (a - b).abs() <= tolerance * size,
                "{case}, tensor {which}, [{i}]: {a} and {b}"
            );
        }
    }
}

fn frames(lengths: &[usize]) -> Frames {
    Frames { lengths: lengths.to_vec(), steps: *lengths.iter().max().unwrap() }
}

/// The leaves of a recurrence: input products, matrix or factors, peepholes, projection.
struct Leaves {
    cell: Cell,
    rank: Option<usize>,
    peepholes: bool,
    projection: Option<usize>,
}

impl Leaves {
    fn shapes(&self, rows: usize, hidden: usize) -> Vec<[usize; 2]> {
        let (wide, output) = (self.cell.gates() * hidden, self.projection.unwrap_or(hidden));
        let mut shapes = vec![[rows, wide]];
        match self.rank {
            None => shapes.push([wide, output]),
            Some(rank) => shapes.extend([[wide, rank], [rank, output]]),
        }
        shapes.extend(self.peepholes.then_some([1, 3 * hidden]));
        shapes.extend(self.projection.map(|p| [p, hidden]));
        shapes
    }

    fn recurrence<'a>(&self, leaves: &'a [Tensor<2>]) -> Recurrence<'a> {
        let mut rest = leaves[1..].iter();
        let mut next = || rest.next().unwrap();
        let left = next();
        Recurrence {
            cell: self.cell,
            recurrent: match self.rank {
                None => Recurrent::Dense(left),
                Some(_) => Recurrent::LowRank(left, next()),
            },
            peepholes: self.peepholes.then(&mut next),
            projection: self.projection.map(|_| next()),
            rounded: false,
        }
    }

    fn rounded<'a>(&self, leaves: &'a [Tensor<2>]) -> Recurrence<'a> {
        Recurrence { rounded: true, ..self.recurrence(leaves) }
    }
}

/// Every cell, with and without factors, peepholes and projection.
fn recurrences() -> Vec<Leaves> {
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
            all.push(Leaves { cell, rank, peepholes: false, projection });
            if cell == Cell::Lstm {
                all.push(Leaves { cell, rank, peepholes: true, projection });
            }
        }
    }
    all
}

/// Root mean square of `a - b`.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let square: f32 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    (square / a.len() as f32).sqrt()
}

/// The composed twin rounds with `detach`: its gradients are the straight-through ones by construction. A value that
/// the last bit of a product carries over a half differs, so only the bulk can be compared.
#[test]
fn recurrences_round_what_meets_a_matrix() {
    let frames = frames(&[7, 5]);
    for layer in recurrences() {
        let shapes = layer.shapes(frames.rows(), 12);
        let leaves: Vec<_> = shapes
            .iter()
            .enumerate()
            .map(|(i, &[r, c])| leaf(r, c, if i == 0 { 1.0 } else { 0.5 }, 1 + i as u64))
            .collect();
        let plain = run(&leaves, |l| graph::recur(l[0].clone(), layer.recurrence(l), &frames));
        let own = run(&leaves, |l| graph::recur(l[0].clone(), layer.rounded(l), &frames));
        let twin = run(&leaves, |l| composed::recur(&l[0], layer.rounded(l), &frames));
        let Leaves { cell, rank, peepholes, projection } = layer;
        let case = format!("{cell:?} {rank:?} {peepholes} {projection:?}");
        for (i, ((own, twin), plain)) in own.iter().zip(&twin).zip(&plain).enumerate() {
            let (near, far) = (distance(own, twin), distance(plain, twin));
            assert!(i > 0 || far > 1e-4, "{case}: rounding does not show, {far}");
            assert!(near <= 0.2 * far + 1e-6, "{case}, tensor {i}: {near} of {far}");
        }
    }
    let x = [leaf(40, 33, 2.0, 5)];
    let (own, twin) = (run(&x, |l| graph::round(&l[0])), run(&x, |l| composed::round(&l[0])));
    assert!(distance(&own[0], &twin[0]) < 1e-3 && own[1] == twin[1]);
    assert!(distance(&own[0], &to_host(x[0].clone())) > 5e-3);
}

#[test]
fn recurrences_agree_with_composed_operations() {
    for (lengths, hidden) in
        [(vec![5], 4), (vec![4, 7, 1], 6), (vec![9; 17], 5), (vec![6, 3, 8], 7)]
    {
        for layer in recurrences() {
            let frames = frames(&lengths);
            let shapes = layer.shapes(frames.rows(), hidden);
            let leaves: Vec<_> = shapes
                .iter()
                .enumerate()
                .map(|(i, &[r, c])| leaf(r, c, if i == 0 { 1.0 } else { 0.5 }, 1 + i as u64))
                .collect();
            let own = run(&leaves, |l| graph::recur(l[0].clone(), layer.recurrence(l), &frames));
            let twin = run(&leaves, |l| composed::recur(&l[0], layer.recurrence(l), &frames));
            let Leaves { cell, rank, peepholes, projection } = layer;
            let case =
                format!("{lengths:?} h {hidden} {cell:?} {rank:?} {peepholes} {projection:?}");
            assert_close(&case, &own, &twin, 3e-5);
        }
    }
}

#[test]
fn recurrent_gradients_equal_finite_differences() {
    let (frames, hidden) = (frames(&[3, 2]), 3);
    for layer in recurrences() {
        let shapes = layer.shapes(frames.rows(), hidden);
        let values: Vec<_> = shapes
            .iter()
            .enumerate()
            .map(|(i, &[r, c])| to_host(leaf(r, c, 0.7, 50 + i as u64)))
            .collect();
        let leaves = |values: &[Vec<f32>]| -> Vec<Tensor<2>> {
            let tensor = |(v, &shape): (&Vec<f32>, &[usize; 2])| {
                let data = TensorData::new(v.clone(), shape);
                Tensor::<2>::from_data(data, &Device::flex().autodiff()).require_grad()
            };
            values.iter().zip(&shapes).map(tensor).collect()
        };
        let all =
            run(&leaves(&values), |l| graph::recur(l[0].clone(), layer.recurrence(l), &frames));
        // The same weighting of the output as in `run`.
        let value = |values: &[Vec<f32>]| -> f64 {
            let l = leaves(values);
            let y = to_host(graph::recur(l[0].clone(), layer.recurrence(&l), &frames));
            let weight = |i: usize| f64::from(random::normal(99, i as u64));
            y.iter().enumerate().map(|(i, &y)| f64::from(y) * weight(i)).sum()
        };
        for p in 0..values.len() {
            for i in (0..values[p].len()).step_by(5) {
                let at = |d: f32| {
                    let mut values = values.clone();
                    values[p][i] += d;
                    value(&values)
                };
                let numeric = ((at(2e-3) - at(-2e-3)) / 4e-3) as f32;
                let analytic = all[1 + p][i];
                let corner = matches!(
                    layer.cell,
                    Cell::Gru(Candidate::ClippedRelu(_)) | Cell::Rnn(Candidate::ClippedRelu(_))
                );
                // A step over a corner of the clipped ReLU is no derivative: one-sided ones differ there.
                let on_corner = || {
                    let (up, down) = (at(2e-3) - at(0.0), at(0.0) - at(-2e-3));
                    corner && (up - down).abs() >= 1e-5
                };
                let close = (analytic - numeric).abs() <= 1e-2 * numeric.abs().max(0.3);
                assert!(
                    close || on_corner(),
                    "{:?}, leaf {p}[{i}]: {analytic} and {numeric}",
                    layer.cell
                );
            }
        }
    }
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
        let shape = conv::Shape {
            steps: frames.steps,
            bins,
            channels,
            filters,
            kernel,
            stride,
            lookahead,
            rounded: false,
        };
        // Padding is zero in every activation of a net.
        let mut x = leaf(frames.rows(), bins * channels, 1.0, 4);
        let mask: Vec<f32> = frames
            .lengths
            .iter()
            .flat_map(|&n| (0..frames.steps).map(move |t| f32::from(u8::from(t < n))))
            .collect();
        let mask = Tensor::<2>::from_data(
            TensorData::new(mask, [frames.rows(), 1]),
            &Device::flex().autodiff(),
        );
        x = (x * mask).detach().require_grad();
        let leaves = [x, leaf(filters, shape.taps(), 0.5, 5)];
        let own = run(&leaves, |l| graph::convolve(&l[0], &l[1], &frames, shape));
        let twin = run(&leaves, |l| composed::convolve(&l[0], &l[1], &frames, shape));
        assert_close(&format!("{shape:?}"), &own, &twin, 2e-5);
    }
}

#[test]
fn batch_norm_with_and_without_clip_and_groups() {
    for (lengths, group, channels, clip) in
        [(vec![6, 3], 1, 4, None), (vec![6, 3], 1, 4, Some(1.0)), (vec![5, 5, 2], 3, 2, Some(20.0))]
    {
        let frames = frames(&lengths);
        let leaves = [
            leaf(frames.rows(), group * channels, 2.0, 6),
            leaf(1, channels, 1.0, 7),
            leaf(1, channels, 1.0, 8),
        ];
        let own = run(&leaves, |l| graph::normalise(&l[0], &l[1], &l[2], clip, &frames).0);
        let twin = run(&leaves, |l| composed::normalise(&l[0], &l[1], &l[2], clip, &frames).0);
        assert_close(&format!("{lengths:?} group {group} {clip:?}"), &own, &twin, 1e-4);
    }
}

#[test]
fn row_convolution_linear_and_ctc() {
    let frames = frames(&[6, 2, 4]);
    let leaves = [leaf(frames.rows(), 5, 1.0, 9), leaf(3, 5, 1.0, 10)];
    let own = run(&leaves, |l| graph::look_ahead(&l[0], &l[1], &frames));
    assert_close(
        "row conv",
        &own,
        &run(&leaves, |l| composed::look_ahead(&l[0], &l[1], &frames)),
        1e-5,
    );

    let leaves = [leaf(300, 5, 1.0, 11), leaf(4, 5, 1.0, 12)];
    let own = run(&leaves, |l| graph::linear(&l[0], &l[1]));
    let twin = run(&leaves, |l| l[0].clone().matmul(l[1].clone().transpose()));
    assert_close("linear", &own, &twin, 1e-5);

    let labels = vec![vec![1, 2, 2], vec![], vec![3, 1]];
    let leaves = [leaf(frames.rows(), 4, 1.5, 13)];
    let own = run(&leaves, |l| loss::ctc(&l[0], &frames, &labels).0);
    let twin = run(&leaves, |l| composed::ctc(&l[0], &frames, &labels).0);
    assert_close("ctc", &own, &twin, 1e-4);
    let characters = Grams::new(&[vec![], vec![1], vec![2], vec![3]]);
    let own = run(&leaves, |l| loss::gram_ctc(&l[0], &frames, &labels, &characters).0);
    assert_close("gram ctc of characters", &own, &twin, 1e-4);

    let teacher = leaf(frames.rows(), 4, 1.0, 16).detach();
    let logits = to_host(teacher.clone());
    let own = run(&leaves, |l| loss::distil(&l[0], &frames, &logits, 1.5).0);
    let real: Vec<f32> = (0..frames.rows())
        .map(|row| f32::from(u8::from(row % frames.steps < frames.lengths[row / frames.steps])))
        .collect();
    let real = Tensor::<2>::from_data(
        TensorData::new(real, [frames.rows(), 1]),
        &Device::flex().autodiff(),
    );
    let twin = run(&leaves, |l| {
        let (p, q) = (log_softmax(teacher.clone() / 1.5, 1), log_softmax(l[0].clone() / 1.5, 1));
        ((p.clone() - q) * p.exp() * real.clone()).sum().reshape([1, 1]) * (1.5 * 1.5)
    });
    assert_close("teacher", &own, &twin, 1e-4);
}

/// From logits to a 1 x 1 tensor.
type Loss<'a> = &'a dyn Fn(&Tensor<2>) -> Tensor<2>;

#[test]
fn gradients_equal_finite_differences() {
    // One pass through everything; f32 differences are only good to about a percent.
    let frames = frames(&[5, 3]);
    let shape = conv::Shape {
        steps: 5,
        bins: 4,
        channels: 1,
        filters: 2,
        kernel: [3, 3],
        stride: [2, 1],
        lookahead: 1,
        rounded: false,
    };
    let labels = vec![vec![1, 2], vec![2]];
    let repeats = vec![vec![1, 1, 1], vec![1]];
    let grams = Grams::new(&[vec![], vec![1], vec![1, 1]]);
    let teacher = to_host(leaf(10, 3, 1.0, 15));
    let losses: [(&str, Loss<'_>); 3] = [
        ("ctc", &|logits| loss::ctc(logits, &frames, &labels).0),
        ("gram ctc", &|logits| loss::gram_ctc(logits, &frames, &repeats, &grams).0),
        ("teacher", &|logits| loss::distil(logits, &frames, &teacher, 2.0).0),
    ];
    let shapes = [(2, 9), (1, 2), (1, 2), (6, 4), (6, 2), (2, 2), (3, 2)];
    let names = ["conv", "gamma", "beta", "nonrec", "rec", "row conv", "output"];
    let x = to_host(leaf(10, 4, 1.0, 14));
    let value = |values: &[Vec<f32>], loss: Loss<'_>| -> (Tensor<2>, Vec<Tensor<2>>) {
        let leaves: Vec<Tensor<2>> = values
            .iter()
            .zip(shapes)
            .map(|(v, (r, c))| {
                Tensor::<2>::from_data(
                    TensorData::new(v.clone(), [r, c]),
                    &Device::flex().autodiff(),
                )
                .require_grad()
            })
            .collect();
        let x = Tensor::<2>::from_data(TensorData::new(x.clone(), [10, 4]), &Device::flex());
        let y = graph::convolve(&x, &leaves[0], &frames, shape);
        let (y, _) = graph::normalise(&y, &leaves[1], &leaves[2], Some(20.0), &frames);
        let y = graph::linear(&y, &leaves[3]);
        let y = graph::recur(
            y,
            Recurrence::plain(Cell::Gru(Candidate::Tanh), Recurrent::Dense(&leaves[4])),
            &frames,
        );
        let y = graph::look_ahead(&y, &leaves[5], &frames);
        let logits = graph::linear(&y, &leaves[6]);
        (loss(&logits), leaves)
    };
    let mut values: Vec<Vec<f32>> = shapes
        .iter()
        .enumerate()
        .map(|(i, &(r, c))| to_host(leaf(r, c, 0.7, 20 + i as u64)))
        .collect();
    values[2] = vec![3.0, 4.0]; // away from the corner of the clipped ReLU
    for (which, loss) in losses {
        let (total, leaves) = value(&values, loss);
        let gradients = total.backward();
        for (p, leaf) in leaves.iter().enumerate() {
            let analytic = to_host(leaf.grad(&gradients).expect("used"));
            for i in 0..analytic.len() {
                let at = |d: f32| {
                    let mut values = values.clone();
                    values[p][i] += d;
                    to_host(value(&values, loss).0)[0]
                };
                let numeric = (at(5e-3) - at(-5e-3)) / 1e-2;
                let close = (analytic[i] - numeric).abs() <= 2e-2 * numeric.abs().max(0.2);
                assert!(close, "{which}, {}[{i}]: {} and {numeric}", names[p], analytic[i]);
            }
        }
    }
}
