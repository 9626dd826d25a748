//! The bins of a quantized order: few values that represent many.

/// Rounds of Lloyd's algorithm; further ones reduce the error by less than 1 %.
const ROUNDS: usize = 40;

/// At most `bins` values, ascending, that represent `values` with a small mean squared error:
/// Lloyd's algorithm (1957, printed 1982), started from bins of equal counts, so that it is
/// deterministic.
pub(crate) fn bins(values: impl Iterator<Item = f32>, bins: usize) -> Vec<f32> {
    let mut values: Vec<f32> = values.collect();
    values.sort_unstable_by(f32::total_cmp);
    let mut distinct = values.clone();
    distinct.dedup();
    if distinct.len() <= bins {
        return distinct;
    }
    let mut sums = Vec::with_capacity(values.len() + 1);
    sums.push(0.0);
    for &value in &values {
        sums.push(sums.last().copied().unwrap_or(0.0) + f64::from(value));
    }
    let mean = |from: usize, to: usize| ((sums[to] - sums[from]) / (to - from) as f64) as f32;
    let mut centres: Vec<f32> = (0..bins)
        .map(|bin| (bin * values.len() / bins, (bin + 1) * values.len() / bins))
        .map(|(from, to)| mean(from, to))
        .collect();
    for _ in 0..ROUNDS {
        centres.dedup();
        let borders = centres.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0);
        let borders: Vec<usize> =
            borders.map(|border| values.partition_point(|&value| value <= border)).collect();
        let from = std::iter::once(0).chain(borders.iter().copied());
        let to = borders.iter().copied().chain([values.len()]);
        let moved: Vec<f32> =
            from.zip(to).filter(|(from, to)| from < to).map(|(from, to)| mean(from, to)).collect();
        if moved == centres {
            break;
        }
        centres = moved;
    }
    centres
}

/// The bin nearest to `value`.
pub(crate) fn nearest(bins: &[f32], value: f32) -> usize {
    let above = bins.partition_point(|&bin| bin < value);
    match (above.checked_sub(1), bins.get(above)) {
        (Some(below), Some(upper)) if value - bins[below] > upper - value => above,
        (Some(below), _) => below,
        (None, _) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_kept_exactly() {
        let values = [-1.5, -0.25, -1.5, -3.0];
        let table = bins(values.into_iter(), 4);
        assert_eq!(table, [-3.0, -1.5, -0.25]);
        for value in values {
            assert_eq!(table[nearest(&table, value)], value);
        }
    }

    #[test]
    fn the_error_is_below_that_of_equal_counts() {
        // A long tail, as in probabilities.
        let values: Vec<f32> = (1..=4000).map(|i| -(4000.0 / i as f32).log10() * 2.0).collect();
        let error = |table: &[f32]| -> f64 {
            let errors = values.iter().map(|&v| f64::from(v - table[nearest(table, v)]).powi(2));
            errors.sum()
        };
        let equal: Vec<f32> = values.chunks(250).map(|c| c.iter().sum::<f32>() / 250.0).collect();
        let table = bins(values.iter().copied(), 16);
        assert!(table.len() <= 16 && table.is_sorted());
        assert!(error(&table) < 0.5 * error(&equal), "{} {}", error(&table), error(&equal));
    }

    #[test]
    fn nearest_is_nearest() {
        let table = [-3.0, -1.0, 0.0];
        for (value, bin) in [(-9.0, 0), (-2.1, 0), (-1.9, 1), (-0.4, 2), (1.0, 2)] {
            assert_eq!(nearest(&table, value), bin, "{value}");
        }
        assert_eq!(nearest(&[], 1.0), 0);
    }
}
