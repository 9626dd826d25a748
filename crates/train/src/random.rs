//! Seeded random numbers that do not change with the version of any crate.
//!
//! SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
//! A draw belongs to a key such as (seed, epoch, utterance, purpose), not to a place in one long
//! stream. So results depend neither on the number of threads nor on the order of the work, and
//! resuming needs no stored state.

/// A stream of pseudo-random numbers, determined by its keys.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    /// Box-Muller makes normals in pairs; this is the second one, if not used yet.
    spare_normal: Option<f64>,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Number `index` of the stream that starts at `seed`, without drawing the earlier ones.
pub fn hash(seed: u64, index: u64) -> u64 {
    mix(seed.wrapping_add(index.wrapping_add(1).wrapping_mul(GOLDEN)))
}

/// [`hash`] as a number uniform in [0, 1).
pub fn unit(seed: u64, index: u64) -> f32 {
    (hash(seed, index) >> 40) as f32 / (1u64 << 24) as f32
}

/// [`hash`] as a number that is normal with mean 0 and variance 1 (Box and Muller 1958).
pub fn normal(seed: u64, index: u64) -> f32 {
    let (a, b) = (unit(seed, 2 * index), unit(seed, 2 * index + 1));
    (-2.0 * (1.0 - a).ln()).sqrt() * (std::f32::consts::TAU * b).cos()
}

/// `count` numbers uniform around 0 with standard deviation `deviation`.
pub fn uniform(seed: u64, count: usize, deviation: f32) -> Vec<f32> {
    let bound = 3f32.sqrt() * deviation;
    (0..count as u64).map(|i| bound * (2.0 * unit(seed, i) - 1.0)).collect()
}

/// A separate seed for a named purpose.
pub fn seed_for(seed: u64, purpose: &str) -> u64 {
    purpose.bytes().fold(hash(seed, 0), |seed, byte| hash(seed, u64::from(byte)))
}

impl Random {
    /// The stream of a list of keys; the order of the keys matters.
    pub fn keyed(keys: &[u64]) -> Self {
        let state = keys.iter().fold(GOLDEN, |state, &key| {
            mix(state ^ mix(key.wrapping_add(GOLDEN))).wrapping_add(GOLDEN)
        });
        Self { state, spare_normal: None }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [range\[0\], range\[1\]).
    pub fn within(&mut self, range: [f64; 2]) -> f64 {
        range[0] + (range[1] - range[0]) * self.uniform()
    }

    /// Uniform integer in 0..n; 0 for n = 0. The bias is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Normal with mean 0 and variance 1 (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        // 1 - u is in (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let angle = std::f64::consts::TAU * self.uniform();
        self.spare_normal = Some(radius * angle.sin());
        radius * angle.cos()
    }

    /// Puts the items into a uniformly drawn order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_splitmix64() {
        // Published test vector of SplitMix64 with seed 1234567.
        let mut random = Random { state: 1_234_567, spare_normal: None };
        let expected =
            [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431];
        assert_eq!(expected.map(|_| random.bits()), expected);
        assert_eq!([0, 1, 2, 3].map(|index| hash(1_234_567, index)), expected);
    }

    #[test]
    fn keys_make_different_streams() {
        let keys: [&[u64]; 7] = [&[], &[0], &[1], &[0, 0], &[0, 1], &[1, 0], &[u64::MAX]];
        let mut firsts: Vec<u64> = keys.iter().map(|keys| Random::keyed(keys).bits()).collect();
        assert_eq!(firsts[4], Random::keyed(&[0, 1]).bits());
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), keys.len());
    }

    #[test]
    fn distributions() {
        let mut random = Random::keyed(&[5]);
        let count = 100_000;
        let moments = |draws: &mut dyn FnMut() -> f64| {
            let draws: Vec<f64> = (0..count).map(|_| draws()).collect();
            let mean = draws.iter().sum::<f64>() / count as f64;
            (mean, draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64)
        };
        // More than five standard errors of the mean; the seed is fixed, so this always passes or
        // always fails.
        let (mean, variance) = moments(&mut || random.uniform());
        assert!(
            (mean - 0.5).abs() < 0.005 && (variance - 1.0 / 12.0).abs() < 0.002,
            "{mean} {variance}"
        );
        let (mean, variance) = moments(&mut || random.normal());
        assert!(mean.abs() < 0.016 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        let (mean, variance) = moments(&mut || f64::from(u8::from(random.chance(0.3))));
        assert!((mean - 0.3).abs() < 0.008 && (variance - 0.21).abs() < 0.005, "{mean} {variance}");
        let (low, high) = (random.within([-2.0, -2.0]), random.within([3.0, 4.0]));
        assert!(low == -2.0 && (3.0..4.0).contains(&high));
        let mut counts = [0; 7];
        (0..70_000).for_each(|_| counts[random.below(7)] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert_eq!((random.below(0), random.below(1)), (0, 0));
    }

    #[test]
    fn shuffles_are_fair() {
        let mut random = Random::keyed(&[9]);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let mut items = [0, 1, 2];
            random.shuffle(&mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (850..1_150).contains(count)), "{counts:?}");
    }
}
