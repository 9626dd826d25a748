//! The Pareto front: points that no other beats in both directions.

/// The indices of the points that no other point equals or beats in both coordinates (smaller is
/// better), by increasing x.
pub fn pareto(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..points.len()).filter(|&i| points[i].0.is_finite() && points[i].1.is_finite()).collect();
    order.sort_by(|&a, &b| {
        points[a].0.total_cmp(&points[b].0).then(points[a].1.total_cmp(&points[b].1))
    });
    let mut best = f64::INFINITY;
    order.retain(|&i| {
        let better = points[i].1 < best;
        best = best.min(points[i].1);
        better
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_nothing_beats() {
        let points = [(3.0, 1.0), (1.0, 5.0), (2.0, 5.0), (2.0, 2.0), (4.0, 1.0), (f64::NAN, 0.0)];
        assert_eq!(pareto(&points), [1, 3, 0]);
        // The slow version: compares each with each.
        let slow: Vec<usize> = (0..points.len())
            .filter(|&i| points[i].0.is_finite())
            .filter(|&i| {
                !(0..points.len()).any(|j| {
                    j != i
                        && points[j].0 <= points[i].0
                        && points[j].1 <= points[i].1
                        && points[j] != points[i]
                })
            })
            .collect();
        let mut fast = pareto(&points);
        fast.sort_unstable();
        assert_eq!(fast, slow);
        assert!(pareto(&[]).is_empty());
    }
}
