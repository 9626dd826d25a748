//! Mean and deviation of every feature over a training set: the source of [`Normalise`].

use crate::{Error, Normalise};

/// Running mean and variance of every feature, in `f64` (Welford's update; Chan et al. 1979 to
/// merge).
///
/// Feed it un-normalised features.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureStatistics {
    frames: u64,
    mean: Vec<f64>,
    /// Sum of squared distances from the mean.
    spread: Vec<f64>,
}

impl FeatureStatistics {
    /// Statistics of no frames yet, for frames of `dim` features.
    pub fn new(dim: usize) -> Self {
        FeatureStatistics { frames: 0, mean: vec![0.0; dim], spread: vec![0.0; dim] }
    }

    /// Number of frames seen.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Adds `features`, `frames x dim`.
    ///
    /// # Errors
    /// [`Error::FrameLength`] if `features` is not a whole number of frames.
    pub fn push(&mut self, features: &[f32]) -> Result<(), Error> {
        let dim = self.mean.len();
        if dim == 0 || !features.len().is_multiple_of(dim) {
            return Err(Error::FrameLength { dim, length: features.len() });
        }
        for frame in features.chunks_exact(dim) {
            self.frames += 1;
            let weight = 1.0 / self.frames as f64;
            for ((mean, spread), &value) in self.mean.iter_mut().zip(&mut self.spread).zip(frame) {
                let before = f64::from(value) - *mean;
                *mean += before * weight;
                *spread += before * (f64::from(value) - *mean);
            }
        }
        Ok(())
    }

    /// Adds everything that `other` has seen. Merging in a fixed order gives the same bits for any
    /// number of threads.
    ///
    /// # Errors
    /// [`Error::FrameLength`] if the two have frames of different length.
    pub fn merge(&mut self, other: &FeatureStatistics) -> Result<(), Error> {
        if other.mean.len() != self.mean.len() {
            return Err(Error::FrameLength { dim: self.mean.len(), length: other.mean.len() });
        }
        let frames = self.frames + other.frames;
        if frames == 0 {
            return Ok(());
        }
        let share = other.frames as f64 / frames as f64;
        for i in 0..self.mean.len() {
            let distance = other.mean[i] - self.mean[i];
            self.mean[i] += distance * share;
            self.spread[i] += other.spread[i] + distance * distance * share * self.frames as f64;
        }
        self.frames = frames;
        Ok(())
    }

    /// Normalisation to mean 0 and variance 1. A feature that (nearly) never changes is only
    /// centred and keeps scale 1, as do all features before the second frame.
    pub fn normalise(&self) -> Normalise {
        let scale = |spread: &f64| {
            let deviation = (spread / self.frames.max(1) as f64).sqrt();
            if deviation > 1e-3 { (1.0 / deviation) as f32 } else { 1.0 }
        };
        Normalise {
            mean: self.mean.iter().map(|&mean| mean as f32).collect(),
            scale: self.spread.iter().map(scale).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(frames: usize) -> Vec<f32> {
        (0..frames * 3).map(|i| ((i * 7919) % 101) as f32 * [0.1, 1.0, 0.0][i % 3] + 5.0).collect()
    }

    #[test]
    fn agrees_with_the_two_pass_formula() {
        let data = rows(200);
        let mut statistics = FeatureStatistics::new(3);
        statistics.push(&data).unwrap();
        let normalise = statistics.normalise();
        for feature in 0..3 {
            let column: Vec<f64> =
                data.iter().skip(feature).step_by(3).map(|&x| f64::from(x)).collect();
            let mean = column.iter().sum::<f64>() / 200.0;
            let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 200.0;
            let scale = if feature == 2 { 1.0 } else { 1.0 / variance.sqrt() };
            assert!((f64::from(normalise.mean[feature]) - mean).abs() < 1e-5, "mean of {feature}");
            assert!(
                (f64::from(normalise.scale[feature]) - scale).abs() < 1e-5 * scale,
                "scale of {feature}"
            );
        }
    }

    #[test]
    fn merging_parts_equals_the_whole() {
        let data = rows(200);
        let mut whole = FeatureStatistics::new(3);
        whole.push(&data).unwrap();
        let mut merged = FeatureStatistics::new(3);
        for part in data.chunks(3 * 37) {
            let mut statistics = FeatureStatistics::new(3);
            statistics.push(part).unwrap();
            merged.merge(&statistics).unwrap();
        }
        assert_eq!(merged.frames(), 200);
        let (a, b) = (whole.normalise(), merged.normalise());
        for (x, y) in a.mean.iter().chain(&a.scale).zip(b.mean.iter().chain(&b.scale)) {
            assert!((x - y).abs() <= 1e-6 * x.abs(), "{x} and {y}");
        }
    }

    #[test]
    fn wrong_lengths_are_errors() {
        let mut statistics = FeatureStatistics::new(3);
        assert!(matches!(
            statistics.push(&[0.0; 4]),
            Err(Error::FrameLength { dim: 3, length: 4 })
        ));
        assert!(statistics.merge(&FeatureStatistics::new(2)).is_err());
        assert!(FeatureStatistics::new(0).push(&[]).is_err());
    }
}
