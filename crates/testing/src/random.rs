//! The one generator of the tests.

/// A linear congruential generator with the constants of Knuth's MMIX. Only the upper bits are
/// used: the lower ones have short periods.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0
    }

    /// 31 random bits.
    pub fn bits(&mut self) -> u32 {
        (self.next() >> 33) as u32
    }

    /// Uniform in `0..end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.bits() as usize % end
    }

    /// Uniform in -1..1.
    pub fn value(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// `count` of [`value`](Self::value).
    pub fn values(&mut self, count: usize) -> Vec<f32> {
        self.scaled(count, 1.0)
    }

    /// `count` values in `-scale..scale`.
    pub fn scaled(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| scale * self.value()).collect()
    }

    /// Uniform in 0..1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_have_their_means_and_spreads() {
        let mut random = Random(1);
        let count = 20_000;
        let mut moments = |draw: &mut dyn FnMut(&mut Random) -> f64| {
            let values: Vec<f64> = (0..count).map(|_| draw(&mut random)).collect();
            let mean = values.iter().sum::<f64>() / f64::from(count);
            (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / f64::from(count))
        };
        for (name, (mean, variance), expected) in [
            ("value", moments(&mut |r| f64::from(r.value())), (0.0, 1.0 / 3.0)),
            ("unit", moments(&mut |r| r.unit()), (0.5, 1.0 / 12.0)),
            ("normal", moments(&mut |r| r.normal()), (0.0, 1.0)),
            ("below", moments(&mut |r| r.below(5) as f64), (2.0, 2.0)),
        ] {
            assert!((mean - expected.0).abs() < 0.03, "{name}: mean {mean}");
            assert!((variance - expected.1).abs() < 0.05, "{name}: variance {variance}");
        }
    }
}
