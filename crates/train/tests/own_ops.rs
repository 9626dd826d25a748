//! The own operations against the composed tensor operations and finite differences.

use burn::tensor::{Device, Tensor, TensorData};
use stonechat_train::graph::{self, Frames, Recurrent, to_host};
use stonechat_train::ops::{conv, gru};
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

#[test]
fn gru_dense_and_low_rank() {
    for (lengths, hidden, rank) in
        [(vec![5], 3, 0), (vec![4, 7, 1], 6, 0), (vec![9; 17], 5, 0), (vec![6, 3, 8], 7, 2)]
    {
        for candidate in [gru::Candidate::Tanh, gru::Candidate::ClippedRelu(1.5)] {
            let frames = frames(&lengths);
            let mut leaves = vec![leaf(frames.rows(), 3 * hidden, 1.0, 1)];
            if rank == 0 {
                leaves.push(leaf(3 * hidden, hidden, 0.5, 2));
            } else {
                leaves.push(leaf(3 * hidden, rank, 0.5, 2));
                leaves.push(leaf(rank, hidden, 0.5, 3));
            }
            let map = |l: &'_ [Tensor<2>], own: bool| {
                let u = match rank {
                    0 => Recurrent::Dense(&l[1]),
                    _ => Recurrent::LowRank(&l[1], &l[2]),
                };
                match own {
                    true => graph::recur(l[0].clone(), u, candidate, &frames),
                    false => composed::recur(&l[0], u, candidate, &frames),
                }
            };
            let case = format!("{lengths:?} h {hidden} rank {rank} {candidate:?}");
            let own = run(&leaves, |l| map(l, true));
            assert_close(&case, &own, &run(&leaves, |l| map(l, false)), 2e-5);
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
        let shape =
            conv::Shape { steps: frames.steps, bins, channels, filters, kernel, stride, lookahead };
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
}

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
    };
    let labels = vec![vec![1, 2], vec![2]];
    let shapes = [(2, 9), (1, 2), (1, 2), (6, 4), (6, 2), (2, 2), (3, 2)];
    let names = ["conv", "gamma", "beta", "nonrec", "rec", "row conv", "output"];
    let x = to_host(leaf(10, 4, 1.0, 14));
    let value = |values: &[Vec<f32>]| -> (Tensor<2>, Vec<Tensor<2>>) {
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
        let y = graph::recur(y, Recurrent::Dense(&leaves[4]), gru::Candidate::Tanh, &frames);
        let y = graph::look_ahead(&y, &leaves[5], &frames);
        let logits = graph::linear(&y, &leaves[6]);
        (loss::ctc(&logits, &frames, &labels).0, leaves)
    };
    let mut values: Vec<Vec<f32>> = shapes
        .iter()
        .enumerate()
        .map(|(i, &(r, c))| to_host(leaf(r, c, 0.7, 20 + i as u64)))
        .collect();
    values[2] = vec![3.0, 4.0]; // away from the corner of the clipped ReLU
    let (loss, leaves) = value(&values);
    let gradients = loss.backward();
    for (p, leaf) in leaves.iter().enumerate() {
        let analytic = to_host(leaf.grad(&gradients).expect("used"));
        for i in 0..analytic.len() {
            let at = |d: f32| {
                let mut values = values.clone();
                values[p][i] += d;
                to_host(value(&values).0)[0]
            };
            let numeric = (at(5e-3) - at(-5e-3)) / 1e-2;
            let close = (analytic[i] - numeric).abs() <= 2e-2 * numeric.abs().max(0.2);
            assert!(close, "{}[{i}]: {} and {numeric}", names[p], analytic[i]);
        }
    }
}
