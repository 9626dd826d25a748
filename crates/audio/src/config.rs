//! The definition of a feature frame. The configuration is stored in recipes (TOML) and in model
//! packages (JSON).

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::mel::MelBank;

/// Kind of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// `ln(mel energy + log_floor)`: triangular filters on Slaney's mel scale, each of area 1, over
    /// the power spectrum of the zero-padded window (next power of two). These are the filters of
    /// Slaney's Auditory Toolbox (1998).
    #[default]
    LogMel,
    /// `ln(power + log_floor)` of every bin of an FFT as long as the window: 161 bins at 16 kHz,
    /// the input of Deep Speech 2 (Amodei et al. 2015, section 3).
    LogLinear,
}

/// Per-feature normalisation, `(x - mean) * scale`, both of `dim` entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalise {
    /// Mean of every feature over the training data.
    pub mean: Vec<f32>,
    /// Reciprocal of every feature's standard deviation.
    pub scale: Vec<f32>,
}

/// How samples become feature frames. Every field has a default; the default config is 80 log-mel
/// features at 16 kHz.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureConfig {
    /// Log-mel or log-linear.
    pub kind: FeatureKind,
    /// Rate of the samples, 1,000 to 384,000 Hz.
    pub sample_rate_hz: u32,
    /// Length of the (periodic) Hann window, ms.
    pub window_ms: f32,
    /// Distance between the starts of two frames, ms; at most the window.
    pub hop_ms: f32,
    /// Number of mel filters; not used by log-linear features.
    pub mels: usize,
    /// Lower edge of the lowest mel filter, Hz; not used by log-linear features.
    pub low_hz: f32,
    /// Upper edge of the highest mel filter, Hz; 0 is the Nyquist frequency; not used by log-linear
    /// features.
    pub high_hz: f32,
    /// `y[n] = x[n] - pre_emphasis * x[n-1]` over the whole stream; 0 is off.
    pub pre_emphasis: f32,
    /// Added to every energy before the logarithm: digital silence becomes `ln(log_floor)`, and
    /// energies far below it have no effect. Samples have full scale 1.
    pub log_floor: f32,
    /// Per-feature normalisation, applied last; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalise: Option<Normalise>,
}

impl Default for FeatureConfig {
    fn default() -> Self {
        FeatureConfig {
            kind: FeatureKind::LogMel,
            sample_rate_hz: 16_000,
            window_ms: 20.0,
            hop_ms: 10.0,
            mels: 80,
            low_hz: 20.0,
            high_hz: 0.0,
            pre_emphasis: 0.97,
            log_floor: 1e-7,
            normalise: None,
        }
    }
}

impl FeatureConfig {
    /// Features per frame.
    pub fn dim(&self) -> usize {
        match self.kind {
            FeatureKind::LogMel => self.mels,
            FeatureKind::LogLinear => self.fft_samples() / 2 + 1,
        }
    }

    /// Window length in samples, rounded to the nearest.
    pub fn window_samples(&self) -> usize {
        self.samples(self.window_ms)
    }

    /// Hop in samples, rounded to the nearest.
    pub fn hop_samples(&self) -> usize {
        self.samples(self.hop_ms)
    }

    /// Length of the FFT in samples: the window's for log-linear, the next power of two for log-mel
    /// (so that the narrow low filters reach a bin).
    pub fn fft_samples(&self) -> usize {
        match self.kind {
            FeatureKind::LogMel => self.window_samples().next_power_of_two(),
            FeatureKind::LogLinear => self.window_samples(),
        }
    }

    /// Frames of a recording of `samples` samples, including the last partial frame: every sample
    /// is in a frame, and no frame consists of padding alone.
    pub fn frames(&self, samples: usize) -> usize {
        if samples == 0 {
            return 0;
        }
        1 + samples.saturating_sub(self.window_samples()).div_ceil(self.hop_samples().max(1))
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field that is wrong and its allowed values.
    pub fn validate(&self) -> Result<(), Error> {
        if !(1_000..=384_000).contains(&self.sample_rate_hz) {
            return wrong(
                "sample_rate_hz",
                format!("{} must be between 1000 and 384000", self.sample_rate_hz),
            );
        }
        // Also false for NaN, as are all comparisons below.
        if !(self.window_ms > 0.0 && self.window_ms <= 1_000.0) {
            return wrong(
                "window_ms",
                format!("{} must be above 0 and at most 1000", self.window_ms),
            );
        }
        if self.window_samples() < 2 {
            return wrong(
                "window_ms",
                format!("{} ms are less than two samples; lengthen it", self.window_ms),
            );
        }
        if !(self.hop_ms > 0.0 && self.hop_ms <= self.window_ms) || self.hop_samples() == 0 {
            let longest = self.window_ms;
            return wrong(
                "hop_ms",
                format!(
                    "{} must be at least a sample and at most window_ms ({longest})",
                    self.hop_ms
                ),
            );
        }
        if !(self.pre_emphasis >= 0.0 && self.pre_emphasis < 1.0) {
            return wrong(
                "pre_emphasis",
                format!("{} must be at least 0 and below 1", self.pre_emphasis),
            );
        }
        if !(self.log_floor.is_normal() && self.log_floor > 0.0 && self.log_floor <= 1.0) {
            return wrong("log_floor", format!("{} must be above 0 and at most 1", self.log_floor));
        }
        if self.kind == FeatureKind::LogMel {
            self.mel_bank()?;
        }
        match &self.normalise {
            Some(normalise) => normalise.validate(self.dim()),
            None => Ok(()),
        }
    }

    /// The filters of a log-mel configuration, checked.
    pub(crate) fn mel_bank(&self) -> Result<MelBank, Error> {
        if !(1..=1_024).contains(&self.mels) {
            return wrong("mels", format!("{} must be between 1 and 1024", self.mels));
        }
        let nyquist = self.sample_rate_hz as f32 / 2.0;
        let high = if self.high_hz == 0.0 { nyquist } else { self.high_hz };
        if !(high > 0.0 && high <= nyquist) {
            return wrong(
                "high_hz",
                format!("{high} must be 0 or at most half of sample_rate_hz ({nyquist})"),
            );
        }
        if !(self.low_hz >= 0.0 && self.low_hz < high) {
            return wrong(
                "low_hz",
                format!("{} must be at least 0 and below the upper edge ({high})", self.low_hz),
            );
        }
        let bank =
            MelBank::new(self.mels, self.sample_rate_hz, self.fft_samples(), self.low_hz, high);
        match bank.first_empty() {
            Some(filter) => wrong(
                "mels",
                format!(
                    "{} is too many: filter {filter} covers no FFT bin; use fewer or a longer window_ms",
                    self.mels
                ),
            ),
            None => Ok(bank),
        }
    }

    fn samples(&self, ms: f32) -> usize {
        // Saturates for nonsense (negative, NaN, huge), which `validate` rejects by name.
        (f64::from(ms) * f64::from(self.sample_rate_hz) / 1_000.0).round().min(f64::from(1 << 24))
            as usize
    }
}

impl Normalise {
    fn validate(&self, dim: usize) -> Result<(), Error> {
        for (field, values) in [("normalise.mean", &self.mean), ("normalise.scale", &self.scale)] {
            if values.len() != dim {
                return wrong(
                    field,
                    format!("has {} entries, the features have {dim}", values.len()),
                );
            }
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                return wrong(field, format!("entry {at} is {}; it must be finite", values[at]));
            }
        }
        Ok(())
    }
}

fn wrong<T>(field: &'static str, message: String) -> Result<T, Error> {
    Err(Error::Config { field, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut FeatureConfig)) -> FeatureConfig {
        let mut config = FeatureConfig::default();
        change(&mut config);
        config
    }

    #[test]
    fn sizes() {
        let linear = config(|c| c.kind = FeatureKind::LogLinear);
        let narrow = config(|c| c.sample_rate_hz = 8_000);
        let cases = [
            (FeatureConfig::default(), 80, 320, 160, 512),
            (linear, 161, 320, 160, 320),
            (narrow.clone(), 80, 160, 80, 256),
            (
                config(|c| {
                    c.window_ms = 25.0;
                    c.mels = 40
                }),
                40,
                400,
                160,
                512,
            ),
        ];
        for (config, dim, window, hop, fft) in cases {
            config.validate().unwrap();
            let sizes =
                (config.dim(), config.window_samples(), config.hop_samples(), config.fft_samples());
            assert_eq!(sizes, (dim, window, hop, fft), "{config:?}");
        }
    }

    #[test]
    fn frame_counts() {
        let config = FeatureConfig::default();
        for (samples, frames) in
            [(0, 0), (1, 1), (320, 1), (321, 2), (480, 2), (481, 3), (16_000, 99)]
        {
            assert_eq!(config.frames(samples), frames, "{samples} samples");
        }
    }

    #[test]
    fn refusals_name_the_field() {
        type Change = fn(&mut FeatureConfig);
        let cases: [(&str, Change); 17] = [
            ("sample_rate_hz", |c| c.sample_rate_hz = 0),
            ("sample_rate_hz", |c| c.sample_rate_hz = u32::MAX),
            ("window_ms", |c| c.window_ms = 0.0),
            ("window_ms", |c| c.window_ms = f32::NAN),
            ("window_ms", |c| {
                c.window_ms = 0.05;
                c.hop_ms = 0.05
            }),
            ("hop_ms", |c| c.hop_ms = 0.0),
            ("hop_ms", |c| c.hop_ms = 20.1),
            ("hop_ms", |c| c.hop_ms = 0.01),
            ("mels", |c| c.mels = 0),
            ("mels", |c| c.mels = usize::MAX),
            ("mels", |c| c.mels = 256),
            ("high_hz", |c| c.high_hz = 8_001.0),
            ("low_hz", |c| c.low_hz = 8_000.0),
            ("pre_emphasis", |c| c.pre_emphasis = 1.0),
            ("log_floor", |c| c.log_floor = 0.0),
            ("normalise.mean", |c| {
                c.normalise = Some(Normalise { mean: vec![0.0; 79], scale: vec![1.0; 80] })
            }),
            ("normalise.scale", |c| {
                c.normalise = Some(Normalise { mean: vec![0.0; 80], scale: vec![f32::NAN; 80] })
            }),
        ];
        for (expected, change) in cases {
            match config(change).validate() {
                Err(Error::Config { field, .. }) => assert_eq!(field, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn json_round_trip_and_unknown_keys() {
        let full = config(|c| {
            c.normalise = Some(Normalise { mean: vec![-3.25; 80], scale: vec![0.1; 80] })
        });
        let value = serde_json::to_value(&full).unwrap();
        assert_eq!(serde_json::from_value::<FeatureConfig>(value).unwrap(), full);
        let short: FeatureConfig =
            serde_json::from_str(r#"{"kind": "log_linear", "window_ms": 25}"#).unwrap();
        assert_eq!(
            short,
            config(|c| {
                c.kind = FeatureKind::LogLinear;
                c.window_ms = 25.0
            })
        );
        let error =
            serde_json::from_str::<FeatureConfig>(r#"{"mel": 80}"#).unwrap_err().to_string();
        assert!(error.contains("mel"), "{error}");
    }
}
