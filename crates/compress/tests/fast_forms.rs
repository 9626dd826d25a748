//! The dense views of the families compared with the kernels that multiply with the Fourier
//! transform.

mod common;

use common::{spec, values};
use stonechat_kernels::fft::{BlockCirculant, ToeplitzLike};
use stonechat_kernels::{Epilogue, Product, Scratch};
use stonechat_model::Family;

/// Compares products with `w` for batches of 1, 4 and 32 vectors: the error as a share of the size
/// of the result.
fn check(
    name: &str,
    w: &[f32],
    rows: usize,
    cols: usize,
    mut fast: impl FnMut(&[f32], usize, &mut [f32]),
) {
    let x = values(77, 32 * cols);
    let mut wanted = Vec::with_capacity(32 * rows);
    for x in x.chunks_exact(cols) {
        wanted.extend(w.chunks_exact(cols).map(|w| {
            // Eight sums, for speed, in f64 because the bound is that of the fast form.
            let mut sums = [0f64; 8];
            for (w, x) in w.chunks(8).zip(x.chunks(8)) {
                sums.iter_mut()
                    .zip(w.iter().zip(x))
                    .for_each(|(s, (&w, &x))| *s += f64::from(w) * f64::from(x));
            }
            sums.iter().sum::<f64>()
        }));
    }
    for batch in [1, 4, 32] {
        let mut y = vec![0.0; batch * rows];
        fast(&x[..batch * cols], batch, &mut y);
        let size: f64 = wanted[..batch * rows].iter().map(|y| y * y).sum();
        let error: f64 = y.iter().zip(&wanted).map(|(&a, b)| (f64::from(a) - b).powi(2)).sum();
        let error = (error / size).sqrt();
        assert!(error < 1e-6, "{name}, {rows} x {cols}, batch {batch}: {error}");
    }
}

#[test]
fn toeplitz_like() {
    for n in [1, 2, 3, 8, 17, 63, 64, 784, 1674] {
        for rank in [1, 2, 10].into_iter().filter(|&rank| rank <= n) {
            let family = format!(r#"{{"family":"toeplitz_like","rank":{rank}}}"#);
            let (g, h) = (values(n as u64, rank * n), values(rank as u64 + 9, rank * n));
            let w = spec(&family, n, n).to_dense(&[&g, &h]);
            let (fast, mut scratch) =
                (ToeplitzLike::new(&g, &h, rank, n, n).unwrap(), Scratch::new());
            check(&family, &w, n, n, |x, batch, y| {
                fast.multiply(None, x, batch, Epilogue::NONE, &mut scratch, y)
            });
        }
    }
}

#[test]
fn padded_rectangles() {
    let family = r#"{"family":"toeplitz_like","rank":2,"rectangle":"pad"}"#;
    for (rows, cols) in [(3, 8), (8, 3), (96, 32), (63, 100)] {
        let n = rows.max(cols);
        let (g, h) = (values(1, 2 * n), values(2, 2 * n));
        let w = spec(family, rows, cols).to_dense(&[&g, &h]);
        let (fast, mut scratch) =
            (ToeplitzLike::new(&g, &h, 2, rows, cols).unwrap(), Scratch::new());
        check(family, &w, rows, cols, |x, batch, y| {
            fast.multiply(None, x, batch, Epilogue::NONE, &mut scratch, y)
        });
    }
}

#[test]
fn circulants() {
    let mut scratch = Scratch::new();
    for n in [1, 2, 3, 8, 17, 63, 64, 784, 1674] {
        let column = values(n as u64, n);
        let w = spec(r#"{"family":"skew_circulant"}"#, n, n).to_dense(&[&column]);
        let fast = BlockCirculant::skew_circulant(&column).unwrap();
        check("skew", &w, n, n, |x, batch, y| {
            fast.multiply(None, x, batch, Epilogue::NONE, &mut scratch, y)
        });

        let family = spec(r#"{"family":"circulant","seed":3}"#, n, n);
        let Family::Circulant(rule) = family.family() else { panic!("{family:?}") };
        let fast = BlockCirculant::new(&column, n, n, n).unwrap();
        check("circulant", &family.to_dense(&[&column]), n, n, |x, batch, y| {
            let signs = (0..batch * n).map(|k| rule.sign(k % n));
            let x: Vec<f32> = x.iter().zip(signs).map(|(x, sign)| x * sign).collect();
            fast.multiply(None, &x, batch, Epilogue::NONE, &mut scratch, y);
        });
    }
    for (rows, cols, block) in [(3, 5, 2), (64, 48, 16), (100, 30, 9), (192, 64, 64)] {
        let family = format!(r#"{{"family":"block_circulant","block":{block}}}"#);
        let spec = spec(&family, rows, cols);
        let columns = values(5, spec.params());
        let fast = BlockCirculant::new(&columns, block, rows, cols).unwrap();
        check(&family, &spec.to_dense(&[&columns]), rows, cols, |x, batch, y| {
            fast.multiply(None, x, batch, Epilogue::NONE, &mut scratch, y);
        });
    }
}
