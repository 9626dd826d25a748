//! Discounts: how much is subtracted from each count.

/// The amounts subtracted from counts of 1, of 2, and of 3 and more.
///
/// Chen and Goodman 1998, "An empirical study of smoothing techniques for language modeling",
/// equation 26 of the technical report: with `t_k` the number of n-grams of count `k` and `Y = t_1
/// / (t_1 + 2 t_2)`, `D_k = k - (k + 1) Y t_(k+1) / t_k`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discounts {
    /// `D_1`, `D_2` and `D_3+`.
    pub amounts: [f64; 3],
    /// Whether the formula gave no usable amounts, because the text is too small or artificial. The
    /// amounts are then 0.5, 1 and 1.5, as for KenLM's `--discount_fallback`.
    pub fallback: bool,
}

impl Discounts {
    const FALLBACK: Discounts = Discounts { amounts: [0.5, 1.0, 1.5], fallback: true };

    /// From the numbers of n-grams with counts 1, 2, 3 and 4.
    pub(super) fn new(counts_of_counts: [u64; 4]) -> Self {
        let t = counts_of_counts.map(|count| count as f64);
        let y = t[0] / (t[0] + 2.0 * t[1]);
        let amounts: [f64; 3] = std::array::from_fn(|i| {
            let k = (i + 1) as f64;
            k - (k + 1.0) * y * t[i + 1] / t[i]
        });
        // Also false if a number of n-grams is zero, because an amount is then infinite or NaN.
        let valid = amounts.iter().zip(1..).all(|(&d, k)| (0.0..=f64::from(k)).contains(&d));
        if valid { Discounts { amounts, fallback: false } } else { Self::FALLBACK }
    }

    /// The amount subtracted from `count`.
    pub(super) fn of(&self, count: u64) -> f64 {
        match count {
            0 => 0.0,
            count => self.amounts[(count.min(3) - 1) as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Y = 10/20; D1 = 1 - 2*0.5*5/10, D2 = 2 - 3*0.5*3/5, D3+ = 3 - 4*0.5*2/3.
        let discounts = Discounts::new([10, 5, 3, 2]);
        let expected = [0.5, 1.1, 3.0 - 4.0 / 3.0];
        for (found, expected) in discounts.amounts.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{discounts:?}");
        }
        assert_eq!(discounts.of(0), 0.0);
        assert_eq!(discounts.of(2), discounts.amounts[1]);
        assert_eq!(discounts.of(9), discounts.amounts[2]);
    }

    #[test]
    fn what_the_formula_does_not_cover() {
        for counts in [[0, 0, 0, 0], [5, 0, 1, 1], [0, 4, 1, 1], [9, 3, 0, 1], [9, 1, 9, 1]] {
            assert_eq!(Discounts::new(counts), Discounts::FALLBACK, "{counts:?}");
        }
        // Without n-grams of count 4 there is no fallback: D3+ is 3 then.
        assert!(!Discounts::new([10, 5, 3, 0]).fallback);
    }
}
