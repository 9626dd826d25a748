//! The allowed values of a sample.

/// Largest magnitude that passes unchanged. Full scale is 1; the headroom lets unscaled 16-bit
/// samples through linearly, and keeps every energy far from overflow.
pub(crate) const LIMIT: f32 = 32_768.0;

/// NaN and infinities become silence and absurd values are clipped, so that no input can poison a
/// filter's state.
#[inline]
pub(crate) fn clean(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-LIMIT, LIMIT) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn only_absurd_samples_change() {
        let cases = [
            (0.25, 0.25),
            (-1.5, -1.5),
            (f32::NAN, 0.0),
            (f32::INFINITY, 0.0),
            (f32::NEG_INFINITY, 0.0),
            (1e30, 32_768.0),
            (f32::MIN, -32_768.0),
        ];
        for (sample, expected) in cases {
            assert_eq!(clean(sample), expected, "clean({sample})");
        }
    }
}
