//! Where a fit begins.

use crate::{Result, Svd, truncated_svd};
use stonechat_model::{Family, FamilySpec};

/// Parts near to `w`, and whether they are the best there are in the Frobenius norm.
pub(super) fn parts(w: &[f32], spec: &FamilySpec) -> Result<(Vec<Vec<f32>>, bool)> {
    let (rows, cols) = (spec.rows(), spec.cols());
    Ok(match spec.family() {
        Family::Dense(_) => (vec![w.to_vec()], true),
        Family::LowRank(family) => {
            let (u, v) = truncated_svd(w, rows, cols, family.rank)?;
            (vec![u, v], true)
        }
        Family::BlockDiagonal(_)
        | Family::Hashed(_)
        | Family::Circulant(_)
        | Family::SkewCirculant(_)
        | Family::BlockCirculant(_) => (vec![averages(w, spec)], true),
        Family::ToeplitzLike(_)
        | Family::HankelLike(_)
        | Family::VandermondeLike(_)
        | Family::CauchyLike(_) => (truncated_displacements(w, spec)?, false),
        Family::Monarch(family) => (rank_one_blocks(w, rows, cols, family.blocks)?, true),
        Family::Fastfood(_) => (scattered(w, spec), false),
        Family::Corrected(family) => {
            // Q takes all of W; the correction starts empty and is what rounding leaves (see `correct`).
            let (u, v) = (vec![0.0; rows * family.rank], vec![0.0; family.rank * cols]);
            (vec![w.to_vec(), u, v], true)
        }
        Family::Sparse(_) => {
            let mut parts = vec![w.to_vec()];
            spec.admit(&mut parts);
            (parts, true)
        }
        Family::PerGate(family) => {
            let height = rows / family.gates;
            let gate = FamilySpec::new("gate", (*family.of).clone(), height, cols)?;
            let mut stacked = vec![Vec::new(); spec.parts().len()];
            let mut exact = true;
            for w in w.chunks_exact(height * cols) {
                let (parts, best) = self::parts(w, &gate)?;
                exact &= best;
                stacked.iter_mut().zip(parts).for_each(|(stacked, part)| stacked.extend(part));
            }
            (stacked, exact)
        }
    })
}

/// The only part of a family in which every entry of `W` is plus or minus one entry of the part, or zero: the mean
/// over the entries that it stands for is the best fit.
fn averages(w: &[f32], spec: &FamilySpec) -> Vec<f32> {
    let shape = spec.parts()[0];
    let ones = vec![1.0; shape.rows * shape.cols];
    let pattern = spec.to_dense(&[&ones]);
    let sums = &spec.gradient(&[&ones], w)[0];
    let counts = &spec.gradient(&[&ones], &pattern)[0];
    sums.iter().zip(counts).map(|(s, n)| if *n > 0.0 { s / n } else { 0.0 }).collect()
}

/// The best rank-one matrix for every pair of groups, its weight shared evenly between the two factors.
fn rank_one_blocks(w: &[f32], rows: usize, cols: usize, blocks: usize) -> Result<Vec<Vec<f32>>> {
    let (height, width) = (rows / blocks, cols / blocks);
    let (mut left, mut right) = (vec![0.0; rows * blocks], vec![0.0; blocks * cols]);
    for b in 0..blocks {
        for k in 0..blocks {
            let row = |i: usize| &w[(b * height + i) * cols + k * width..][..width];
            let block: Vec<f32> = (0..height).flat_map(|i| row(i).iter().copied()).collect();
            let (u, v) = Svd::new(&block, height, width)?.truncate(1);
            (0..height).for_each(|i| left[(b * height + i) * blocks + k] = u[i]);
            right[b * cols + k * width..][..width].copy_from_slice(&v);
        }
    }
    Ok(vec![left, right])
}

/// Values without structure, of the size that gives `F(parts)` the mean square of `w`: where a fit begins that has no
/// better place. The same for the same size.
fn scattered(w: &[f32], spec: &FamilySpec) -> Vec<Vec<f32>> {
    let square = w.iter().map(|&w| f64::from(w) * f64::from(w)).sum::<f64>() / w.len() as f64;
    let deviations = spec.deviations(square.sqrt());
    let parts = spec.parts().into_iter().zip(deviations);
    parts
        .map(|(part, deviation)| {
            // Multiples of the golden ratio fill an interval evenly and without a visible order.
            let value =
                |i: usize| ((i as f64 * 0.618_033_988_749_895).fract() - 0.5) * 12f64.sqrt();
            (1..=part.rows * part.cols).map(|i| (value(i * i) * deviation) as f32).collect()
        })
        .collect()
}

/// `g` and `h` of every square from the largest singular values of its displacement: exact where the displacement rank
/// is no larger, else only a beginning, because small displacements may belong to large entries.
fn truncated_displacements(w: &[f32], spec: &FamilySpec) -> Result<Vec<Vec<f32>>> {
    let displacements = spec.displacements(w);
    let rank = spec.parts()[0].rows / displacements.len();
    let (mut g, mut h) = (Vec::new(), Vec::new());
    for displacement in displacements {
        let n = displacement.side;
        let (u, v) = Svd::new(&displacement.values, n, n)?.truncate(rank);
        g.extend((0..rank).flat_map(|r| (0..n).map(move |i| (r, i))).map(|(r, i)| u[i * rank + r]));
        h.extend(v);
    }
    Ok(vec![g, h])
}
