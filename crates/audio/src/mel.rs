//! Mel filters: Slaney's scale (linear below 1 kHz, logarithmic above), triangles of area 1.

/// Triangular filters over the bins of a power spectrum, stored sparsely: one of 80 filters touches
/// 2 to 20 of 257 bins.
#[derive(Clone, Debug)]
pub(crate) struct MelBank {
    filters: Vec<Filter>,
    weights: Vec<f32>,
}

#[derive(Clone, Copy, Debug)]
struct Filter {
    first_bin: usize,
    first_weight: usize,
    bins: usize,
}

impl MelBank {
    /// `mels` filters between `low_hz` and `high_hz`, with corners equally spaced in mel, over the
    /// `fft / 2 + 1` bins of an FFT of `fft` samples. The caller has checked `0 <= low_hz < high_hz
    /// <= rate / 2`.
    pub(crate) fn new(mels: usize, rate_hz: u32, fft: usize, low_hz: f32, high_hz: f32) -> Self {
        let (low, high) = (mel(f64::from(low_hz)), mel(f64::from(high_hz)));
        let corner = |i: usize| hertz(low + (high - low) * i as f64 / (mels + 1) as f64);
        let mut bank = MelBank { filters: Vec::with_capacity(mels), weights: Vec::new() };
        for m in 0..mels {
            let (left, centre, right) = (corner(m), corner(m + 1), corner(m + 2));
            let area = 2.0 / (right - left);
            let mut filter = Filter { first_bin: 0, first_weight: bank.weights.len(), bins: 0 };
            for bin in 0..=fft / 2 {
                let hz = bin as f64 * f64::from(rate_hz) / fft as f64;
                let weight = ((hz - left) / (centre - left)).min((right - hz) / (right - centre));
                if weight > 0.0 {
                    if filter.bins == 0 {
                        filter.first_bin = bin;
                    }
                    filter.bins += 1;
                    bank.weights.push((weight * area) as f32);
                }
            }
            bank.filters.push(filter);
        }
        bank
    }

    /// The first filter that covers no bin, if any: it would be constant.
    pub(crate) fn first_empty(&self) -> Option<usize> {
        self.filters.iter().position(|filter| filter.bins == 0)
    }

    /// `energies[m]` = weighted sum of `power`, which has `fft / 2 + 1` bins.
    pub(crate) fn apply(&self, power: &[f32], energies: &mut [f32]) {
        for (energy, filter) in energies.iter_mut().zip(&self.filters) {
            let weights = &self.weights[filter.first_weight..][..filter.bins];
            let bins = &power[filter.first_bin..][..filter.bins];
            *energy = weights.iter().zip(bins).map(|(weight, bin)| weight * bin).sum();
        }
    }
}

/// Slaney's scale: 3 mel per 200 Hz up to 1 kHz, then 27 mel per factor of 6.4.
const LINEAR_HZ: f64 = 200.0 / 3.0;
const KNEE_HZ: f64 = 1_000.0;
const KNEE_MEL: f64 = KNEE_HZ / LINEAR_HZ;

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn mel(hz: f64) -> f64 {
    if hz < KNEE_HZ { hz / LINEAR_HZ } else { KNEE_MEL + (hz / KNEE_HZ).ln() / log_step() }
}

fn hertz(mel: f64) -> f64 {
    if mel < KNEE_MEL { mel * LINEAR_HZ } else { KNEE_HZ * ((mel - KNEE_MEL) * log_step()).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_and_its_inverse() {
        for (hz, expected) in [(0.0, 0.0), (500.0, 7.5), (1_000.0, 15.0), (6_400.0, 42.0)] {
            assert!((mel(hz) - expected).abs() < 1e-12, "mel({hz}) = {}", mel(hz));
        }
        for step in 0..200 {
            let hz = f64::from(step) * 41.7;
            assert!((hertz(mel(hz)) - hz).abs() < 1e-9 * hz.max(1.0), "{hz} Hz");
        }
    }

    #[test]
    fn filters_have_area_one_where_bins_are_dense() {
        // With a very long FFT the sum over bins approximates the integral over Hz.
        let (rate, fft) = (16_000, 1 << 17);
        let bank = MelBank::new(80, rate, fft, 20.0, 8_000.0);
        let mut area = vec![0.0; 80];
        bank.apply(&vec![rate as f32 / fft as f32; fft / 2 + 1], &mut area);
        for (m, area) in area.iter().enumerate() {
            assert!((area - 1.0).abs() < 1e-3, "filter {m}: {area}");
        }
    }

    #[test]
    fn too_narrow_filters_are_noticed() {
        assert_eq!(MelBank::new(80, 16_000, 512, 20.0, 8_000.0).first_empty(), None);
        assert!(MelBank::new(200, 16_000, 256, 20.0, 8_000.0).first_empty().is_some());
    }
}
