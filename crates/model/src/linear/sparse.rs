//! A matrix with mostly zero elements that stay zero: single elements, blocks, or a number of every
//! few in a row.
//!
//! The zeros are the mask: they get no gradient, and a package stores one bit for each (see
//! [`Matrix`](crate::Matrix)).

use super::family::{Nearest, PartSpec, Rule, Truncate};
use serde::{Deserialize, Serialize};

/// A matrix that keeps the share `density` of its blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sparse {
    /// Share of the blocks that are not zero, above 0 and at most 1.
    pub density: f64,
    /// Rows and columns of a block; those at the lower and right edge may be smaller.
    #[serde(default = "single")]
    pub block: [usize; 2],
    /// Keep the same number of blocks out of every `of_every` neighbours in a row of blocks: with
    /// `density = 0.5` and 4 here, two of every four. 0, the default, counts over the whole matrix.
    #[serde(default)]
    pub of_every: usize,
}

fn single() -> [usize; 2] {
    [1, 1]
}

impl Sparse {
    /// For every block, row after row of blocks, the root mean square of its elements.
    fn sizes(&self, cols: usize, w: &[f32]) -> Vec<f64> {
        let [height, width] = self.block;
        let across = cols.div_ceil(width);
        let down = (w.len() / cols).div_ceil(height);
        let mut sums = vec![(0f64, 0usize); down * across];
        for (i, row) in w.chunks_exact(cols).enumerate() {
            for (j, w) in row.iter().enumerate() {
                let (sum, count) = &mut sums[i / height * across + j / width];
                *sum += f64::from(*w) * f64::from(*w);
                *count += 1;
            }
        }
        sums.into_iter().map(|(sum, count)| (sum / count as f64).sqrt()).collect()
    }

    /// Which blocks are kept: the largest; the first of equal ones; never blocks of zeros.
    fn kept(&self, cols: usize, sizes: &[f64]) -> Vec<bool> {
        let across = cols.div_ceil(self.block[1]);
        let mut kept = vec![false; sizes.len()];
        let mut keep_largest = |first: usize, count: usize| {
            let mut order: Vec<usize> = (first..first + count).collect();
            order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]).then(a.cmp(&b)));
            let most = (self.density * count as f64).round().max(1.0) as usize;
            order[..most.min(count)].iter().for_each(|&at| kept[at] = sizes[at] > 0.0);
        };
        match self.of_every {
            0 => keep_largest(0, sizes.len()),
            every => {
                for row in (0..sizes.len()).step_by(across) {
                    for first in (0..across).step_by(every) {
                        keep_largest(row + first, every.min(across - first));
                    }
                }
            }
        }
        kept
    }
}

impl Rule for Sparse {
    fn check(&self, rows: usize, cols: usize) -> Result<(), String> {
        let Sparse { density, block: [height, width], .. } = *self;
        if !(density > 0.0 && density <= 1.0) {
            return Err(format!("density is {density}, must be above 0 and at most 1"));
        }
        if !((1..=rows).contains(&height) && (1..=cols).contains(&width)) {
            return Err(format!("block is {height} x {width}, must be within the matrix"));
        }
        Ok(())
    }

    fn parts(&self, rows: usize, cols: usize) -> Vec<PartSpec> {
        vec![PartSpec { name: "weight", rows, cols }]
    }

    fn to_dense(&self, _: usize, _: usize, parts: &[&[f32]]) -> Vec<f32> {
        parts[0].to_vec()
    }

    /// Only for elements that are not zero.
    fn gradient(&self, _: usize, _: usize, parts: &[&[f32]], dw: &[f32]) -> Vec<Vec<f32>> {
        let kept = parts[0].iter().zip(dw).map(|(w, dw)| if *w == 0.0 { 0.0 } else { *dw });
        vec![kept.collect()]
    }

    fn nearest(&self, rows: usize, cols: usize, w: &[f32], _: Truncate<'_>) -> Option<Nearest> {
        let mut parts = vec![w.to_vec()];
        self.admit(rows, cols, &mut parts);
        Some(Nearest { parts, exact: true })
    }

    fn flops(&self, rows: usize, cols: usize) -> usize {
        (2.0 * self.density * (rows * cols) as f64).round() as usize
    }

    fn deviations(&self, _: usize, _: usize, sigma: f64) -> Vec<f64> {
        // The same variance in a row as a dense matrix, in fewer entries.
        vec![sigma / self.density.sqrt()]
    }

    /// Zeros all but the largest blocks.
    fn admit(&self, _: usize, cols: usize, parts: &mut [Vec<f32>]) {
        let [height, width] = self.block;
        let kept = self.kept(cols, &self.sizes(cols, &parts[0]));
        let across = cols.div_ceil(width);
        for (i, row) in parts[0].chunks_exact_mut(cols).enumerate() {
            for (j, w) in row.iter_mut().enumerate() {
                if !kept[i / height * across + j / width] {
                    *w = 0.0;
                }
            }
        }
    }
}
