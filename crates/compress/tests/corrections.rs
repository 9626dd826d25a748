//! Low-rank corrections of rounded weights.

mod common;

use common::*;
use stonechat_compress::{Bits, Calibration, Quantize, SecondMoment, correct, quantize};
use stonechat_compress::{gptq, quantize_calibrated};
use stonechat_model::{LinearMap, Matrix};

/// Inputs mostly along a few directions, `count x cols`.
fn inputs(random: &mut Random, cols: usize, count: usize) -> Vec<f32> {
    let mut mixed = matrix(random, cols, cols);
    for (i, row) in mixed.chunks_exact_mut(cols).enumerate() {
        let size = 0.02f32.powf(i as f32 / cols as f32);
        row.iter_mut().for_each(|v| *v *= size);
    }
    product(&matrix(random, count, cols), &mixed, cols)
}

fn moment(x: &[f32], cols: usize) -> SecondMoment {
    let mut moment = SecondMoment::new(cols);
    moment.add(x).unwrap();
    moment
}

/// Root mean square of `(a - b) x` over the inputs.
fn output_error(a: &[f32], b: &[f32], x: &[f32], cols: usize) -> f64 {
    let e: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let e = Matrix::from_f32(a.len() / cols, cols, e).unwrap();
    common::norm(&e.apply(x, x.len() / cols))
}

#[test]
fn a_correction_takes_away_most_of_what_its_rank_can() {
    let (rows, cols) = (40, 48);
    let mut random = Random(1);
    let w = Matrix::from_f32(rows, cols, matrix(&mut random, rows, cols)).unwrap();
    let x = inputs(&mut random, cols, 400);
    let moment = moment(&x, cols);
    let dense = w.to_dense();
    let nearest = Bits::Four.round(&dense, rows, cols);
    let fed = gptq(&dense, rows, cols, &moment.matrix(), Bits::Four).unwrap();
    let mut last = (distance(&dense, &nearest.to_dense()), f64::INFINITY);
    for rank in [4, 12, 24] {
        let plain = correct("map", &w, Bits::Four, rank, None).unwrap();
        let by_data = correct("map", &w, Bits::Four, rank, Some(&moment)).unwrap();
        for map in [&plain, &by_data] {
            map.validate("map").unwrap();
            let form = (map.family().name(), map.storage());
            assert_eq!(form, ("corrected", "int4+int8".to_string()));
            assert_eq!(map.parts()[1].cols(), rank.min(rows));
        }
        let error = distance(&dense, &plain.to_dense());
        assert!(error < 0.97 * last.0, "rank {rank}: {error} after {}", last.0);
        let outputs = |map: &LinearMap| output_error(&dense, &map.to_dense(), &x, cols);
        let (fed, with_both) = (output_error(&dense, &fed.to_dense(), &x, cols), outputs(&by_data));
        assert!(with_both < fed && with_both < last.1, "rank {rank}: {with_both} of {fed}");
        assert!(with_both < outputs(&plain), "rank {rank}");
        last = (error, with_both);
    }
    let error = correct("map", &w, Bits::Four, 0, None).unwrap_err().to_string();
    assert!(error.contains("rank is 0"), "{error}");
}

#[test]
fn networks_are_corrected_where_they_are_dense_and_of_four_bits() {
    let float = network(6);
    let how = Quantize { correction: 3, ..Quantize::new(Bits::Four) };
    let plain = quantize(&float, &how).unwrap();
    let mut calibration = Calibration::new(&float);
    for (i, map) in float.maps().iter().enumerate() {
        let cols = map.map.cols();
        calibration.add(&map.name(), &inputs(&mut Random(i as u64), cols, 4 * cols)).unwrap();
    }
    let by_data = quantize_calibrated(&float, &how, &calibration).unwrap();
    for network in [plain, by_data] {
        network.validate().unwrap();
        for map in network.maps() {
            let large = matches!(map.name().split('.').next(), Some("gru" | "fc"));
            let (family, storage) =
                if large { ("corrected", "int4+int8") } else { ("dense", "int8") };
            assert_eq!((map.map.family().name(), map.map.storage().as_str()), (family, storage));
        }
    }
}
