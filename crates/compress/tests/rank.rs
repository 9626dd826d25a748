//! nu by its four properties, ranks by variance and by budget compared with plain searches.

mod common;

use common::*;
use proptest::prelude::*;
use stonechat_compress::{Budget, RankRule, Spectrum, nu, rank_at_variance, singular_values};

fn budget_of(parameters: usize) -> RankRule {
    RankRule::Budget(Budget::parameters(parameters))
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Proposition 1 (i) and (ii) of Kliegl et al. 2017: invariant under scaling, within 0..=1.
    #[test]
    fn nu_is_scale_free_and_bounded(rows in 2usize..9, cols in 2usize..9, scale in 0.01f32..100.0, seed: u64) {
        let w = matrix(&mut Random(seed), rows, cols);
        let scaled: Vec<f32> = w.iter().map(|x| -scale * x).collect();
        let d = rows.min(cols);
        let value = |w: &[f32]| nu(&singular_values(w, rows, cols).unwrap(), d);
        let (a, b) = (value(&w), value(&scaled));
        prop_assert!((0.0..=1.0).contains(&a));
        prop_assert!((a - b).abs() < 1e-6, "{} {}", a, b);
    }

    #[test]
    fn rank_at_variance_is_the_smallest_that_suffices(n in 1usize..12, tau in 0.0f64..1.0, seed: u64) {
        let mut random = Random(seed);
        let mut sigma: Vec<f64> = (0..n).map(|_| random.unit()).collect();
        sigma.sort_by(|a, b| b.total_cmp(a));
        let kept = |r: usize| sigma[..r].iter().map(|s| s * s).sum::<f64>();
        let r = rank_at_variance(&sigma, tau);
        prop_assert!((1..=n).contains(&r));
        prop_assert!(kept(r) >= tau * kept(n) * (1.0 - 1e-12));
        prop_assert!(r == 1 || kept(r - 1) < tau * kept(n));
    }

    /// The budget is kept, and not one more rank of any map would fit (unless it completes the map
    /// for free).
    #[test]
    fn budgets_are_kept_and_used(seed: u64, budget in 100usize..900, force: bool) {
        let mut random = Random(seed);
        let maps: Vec<Spectrum> = [(12, 8), (20, 6), (5, 16)].iter().enumerate().map(|(i, &(rows, cols))| {
            let w = matrix(&mut random, rows, cols);
            Spectrum { name: format!("m{i}"), rows, cols, sigma: singular_values(&w, rows, cols).unwrap() }
        }).collect();
        let fixed = 30;
        let ranks = budget_of(budget).choose(&maps, fixed, force).unwrap();
        let cost = |m: &Spectrum, r: usize| {
            let factored = r * (m.rows + m.cols);
            if force { factored } else { factored.min(m.rows * m.cols) }
        };
        let total: usize = fixed + maps.iter().zip(&ranks).map(|(m, &r)| cost(m, r)).sum::<usize>();
        prop_assert!(total <= budget, "{} of {}", total, budget);
        for (m, &r) in maps.iter().zip(&ranks) {
            if r < m.sigma.len() {
                prop_assert!(total - cost(m, r) + cost(m, r + 1) > budget, "{}: rank {} could grow", m.name, r);
            }
        }
    }
}

#[test]
fn nu_at_its_ends() {
    // (singular values, d, nu)
    let third = (3.0 / 5.0f64.sqrt() - 1.0) / (3.0f64.sqrt() - 1.0);
    for (sigma, d, wanted) in [
        (&[2.5][..], 4, 0.0),       // rank one, the zeros left out
        (&[2.5, 0.0, 0.0], 3, 0.0), // rank one
        (&[3.3; 5], 5, 1.0),        // all equal
        (&[2.0, 1.0], 3, third),    // by hand
        (&[0.0, 0.0], 2, 0.0),      // no direction at all
        (&[7.0], 1, 0.0),           // nothing to compare
    ] {
        assert!((nu(sigma, d) - wanted).abs() < 1e-12, "{sigma:?}, {d}: {}", nu(sigma, d));
    }
    // Strict inside (0, 1).
    assert!(nu(&[1.0, 1e-3, 0.0, 0.0], 4) > 0.0);
    assert!(nu(&[1.0, 1.0, 1.0, 0.999], 4) < 1.0);
}

#[test]
fn ranks_by_hand() {
    for (sigma, tau, rank) in [
        (&[3.0, 4.0f64.sqrt(), 1.0][..], 0.0, 1), // squares 9, 4, 1
        (&[3.0, 2.0, 1.0], 9.0 / 14.0, 1),
        (&[3.0, 2.0, 1.0], 0.65, 2),
        (&[3.0, 2.0, 1.0], 0.95, 3),
        (&[3.0, 2.0, 1.0], 1.0, 3),
        (&[3.0, 2.0, 0.0], 1.0, 2),
        (&[0.0, 0.0], 0.9, 1),
    ] {
        assert_eq!(rank_at_variance(sigma, tau), rank, "{sigma:?} at {tau}");
    }
}

fn spectrum(name: &str, rows: usize, cols: usize, sigma: &[f64]) -> Spectrum {
    Spectrum { name: name.into(), rows, cols, sigma: sigma.to_vec() }
}

#[test]
fn a_budget_goes_where_it_wins_most() {
    // A rank costs 14. Shares of variance: a's ranks 0.5, 0.25, 0.125, 0.125; b's 0.8, 0.2.
    let a = spectrum("a", 10, 4, &[2.0, 2.0f64.sqrt(), 1.0, 1.0]);
    let b = spectrum("b", 4, 10, &[200.0, 100.0, 0.0, 0.0]);
    let maps = [a, b];
    for (budget, ranks) in [
        (33, vec![1, 1]),
        (46, vec![1, 1]),
        (47, vec![2, 1]), // a's second rank wins 0.25 of a, b's 0.2 of b
        // a's third rank would cost as much as all of a: 40 instead of 28 for two ranks.
        (59, vec![4, 1]), // 5 + 40 + 14
        (61, vec![4, 1]), // 0.25 / 12 for both of a's last ranks beats 0.2 / 14 for b's second
        (73, vec![4, 2]),
        (10_000, vec![4, 2]), // nothing is paid for ranks that win nothing
    ] {
        let chosen = budget_of(budget).choose(&maps, 5, false).unwrap();
        assert_eq!(chosen, ranks, "{budget}");
    }
    let forced = budget_of(5 + 14 * 5).choose(&maps, 5, true).unwrap();
    assert_eq!(forced, [3, 2], "forced factors go on beyond the size of the dense map");
    let error = budget_of(32).choose(&maps, 5, false).unwrap_err().to_string();
    assert!(error.contains("budget of 32") && error.contains("has 33"), "{error}");
}

#[test]
fn variances_and_lists() {
    let maps = [spectrum("a", 9, 3, &[3.0, 2.0, 1.0]), spectrum("b", 2, 2, &[1.0, 1.0])];
    assert_eq!(RankRule::Variance(0.6).choose(&maps, 0, false).unwrap(), [1, 2]);
    let list = |ranks: &[(&str, usize)]| {
        RankRule::List(ranks.iter().map(|(n, r)| (n.to_string(), *r)).collect())
    };
    assert_eq!(list(&[("a", 2)]).choose(&maps, 0, false).unwrap(), [2, 2]);
    for (rule, words) in [
        (list(&[("b", 3)]), "`b` is 3, must be at most 2"),
        (list(&[("b", 0)]), "`b` is 0"),
        (RankRule::Variance(1.5), "variance is 1.5"),
        (RankRule::Variance(f64::NAN), "variance is NaN"),
    ] {
        let error = rule.choose(&maps, 0, false).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}
