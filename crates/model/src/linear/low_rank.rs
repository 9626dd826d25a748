//! The low-rank family: `W = U V` with a small inner size, applied as `U (V x)` without forming `W`.

use super::family::{Nearest, PartSpec, Rule, Truncate, narrow, up_to};
use serde::{Deserialize, Serialize};

/// `W = U V`, `U` of `rows x rank`, `V` of `rank x cols`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowRank {
    /// Inner size, from 1 to the smaller side.
    pub rank: usize,
}

impl Rule for LowRank {
    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        up_to("rank", self.rank, rows.min(cols))
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        vec![
            PartSpec { name: "u", rows, cols: self.rank },
            PartSpec { name: "v", rows: self.rank, cols },
        ]
    }

    fn to_dense(&self, _: usize, cols: usize, parts: &[&[f32]]) -> Vec<f32> {
        multiply(parts[0], parts[1], self.rank, cols)
    }

    fn gradient(&self, rows: usize, cols: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        let (mut du, mut dv) = (vec![0f64; rows * self.rank], vec![0f64; self.rank * cols]);
        for (i, dw) in dw.chunks_exact(cols).enumerate() {
            for k in 0..self.rank {
                let (v, u) =
                    (&parts[1][k * cols..][..cols], f64::from(parts[0][i * self.rank + k]));
                let mut sum = 0f64;
                for ((dv, &v), &dw) in dv[k * cols..][..cols].iter_mut().zip(v).zip(dw) {
                    sum += f64::from(v) * f64::from(dw);
                    *dv += u * f64::from(dw);
                }
                du[i * self.rank + k] = sum;
            }
        }
        vec![narrow(du), narrow(dv)]
    }

    fn nearest(&self, rows: usize, cols: usize, w: &[f32], svd: Truncate<'_>) -> Option<Nearest> {
        let (u, v) = svd(w, rows, cols, self.rank)?;
        Some(Nearest { parts: vec![u, v], exact: true })
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        2 * self.rank * (rows + cols)
    }

    fn deviations(&self, _: usize, _: usize, sigma: f64) -> Vec<f64> {
        vec![(sigma * sigma / self.rank as f64).powf(0.25); 2]
    }

    fn rank(&self, _: usize, _: usize) -> usize {
        self.rank
    }

    fn gain_in_first_part(&self) -> bool {
        true
    }
}

/// `U V`, row-major: row `i` is the sum of the rows of `V` weighted by row `i` of `U`.
pub(super) fn multiply(u: &[f32], v: &[f32], rank: usize, cols: usize) -> Vec<f32> {
    let mut dense = Vec::with_capacity(u.len() / rank * cols);
    for u_row in u.chunks_exact(rank) {
        let mut row = vec![0f64; cols];
        for (&a, v_row) in u_row.iter().zip(v.chunks_exact(cols)) {
            for (sum, &b) in row.iter_mut().zip(v_row) {
                *sum += f64::from(a) * f64::from(b);
            }
        }
        dense.extend(row.iter().map(|&x| x as f32));
    }
    dense
}
