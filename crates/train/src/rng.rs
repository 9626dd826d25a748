//! Seeded numbers that depend only on where they are used, not on the order of drawing.

/// SplitMix64 of `seed` and `index` (Steele, Lea and Flood 2014).
pub fn hash(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Uniform in `[0, 1)`.
pub fn unit(seed: u64, index: u64) -> f32 {
    (hash(seed, index) >> 40) as f32 / (1u64 << 24) as f32
}

/// Normal with mean 0 and deviation 1 (Box and Muller).
pub fn normal(seed: u64, index: u64) -> f32 {
    let (a, b) = (unit(seed, 2 * index), unit(seed, 2 * index + 1));
    (-2.0 * (1.0 - a).ln()).sqrt() * (std::f32::consts::TAU * b).cos()
}

/// A seed of its own for a named purpose.
pub fn seed_for(seed: u64, purpose: &str) -> u64 {
    purpose.bytes().fold(hash(seed, 0), |s, byte| hash(s, u64::from(byte)))
}
