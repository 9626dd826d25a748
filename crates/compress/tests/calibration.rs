//! Moments compared with plain sums.

mod common;

use common::*;
use stonechat_compress::{Calibration, SecondMoment};
use stonechat_model::Matrix;

#[test]
fn moments_are_plain_sums_however_the_inputs_come() {
    // More vectors than one block, in uneven pieces.
    let (cols, vectors) = (7, 700);
    let x = matrix(&mut Random(1), vectors, cols);
    let mut moment = SecondMoment::new(cols);
    let (first, rest) = x.split_at(13 * cols);
    let (second, third) = rest.split_at(600 * cols);
    for piece in [first, &[], second, third] {
        moment.add(piece).unwrap();
    }
    assert_eq!((moment.cols(), moment.vectors()), (cols, vectors as u64));
    let at = |n: usize, i: usize| f64::from(x[n * cols + i]);
    let mean = |f: &dyn Fn(usize) -> f64| (0..vectors).map(f).sum::<f64>() / vectors as f64;
    for i in 0..cols {
        assert!((moment.mean()[i] - mean(&|n| at(n, i))).abs() < 1e-12);
        for j in 0..cols {
            let expected = mean(&|n| at(n, i) * at(n, j));
            assert!((moment.matrix()[i * cols + j] - expected).abs() < 1e-12, "{i} {j}");
        }
    }
}

#[test]
fn moments_of_images() {
    let (cols, rows) = (6, 4);
    let mut random = Random(2);
    let x = matrix(&mut random, 50, cols);
    let v = Matrix::from_f32(rows, cols, matrix(&mut random, rows, cols)).unwrap();
    let (mut before, mut after) = (SecondMoment::new(cols), SecondMoment::new(rows));
    before.add(&x).unwrap();
    after.add(&v.apply(&x, 50)).unwrap();
    let found = before.image(&v).unwrap();
    assert_eq!(found.vectors(), 50);
    for (found, expected) in [(found.matrix(), after.matrix()), (found.mean(), after.mean())] {
        assert!(
            found.iter().zip(&expected).all(|(f, e)| (f - e).abs() < 1e-5),
            "{found:?} {expected:?}"
        );
    }
    assert!(after.image(&v).is_err());
}

#[test]
fn wrong_inputs_are_named_and_not_added() {
    let network = common::network(1);
    let mut calibration = Calibration::new(&network);
    let name = network.maps()[0].name();
    let cols = network.maps()[0].map.cols();
    for (map, x, words) in [
        ("gru.9.rec", vec![0.0; cols], "no map `gru.9.rec`"),
        (&name, vec![0.0; cols + 1], "not whole vectors"),
        (&name, vec![f32::NAN; cols], "must be finite"),
    ] {
        let error = calibration.add(map, &x).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(map), "{error}");
    }
    let error = calibration.get(&name).unwrap_err().to_string();
    assert!(error.contains("no inputs of"), "{error}");
    calibration.add(&name, &vec![1.0; 3 * cols]).unwrap();
    assert_eq!(calibration.get(&name).unwrap().vectors(), 3);
}
