//! The extractor compared with librosa, with the formulas written out, and with itself under any
//! cut.

mod common;

use std::path::Path;

use common::{largest_difference, noise, sweep};
use proptest::prelude::*;
use stonechat_audio::{
    FeatureConfig, FeatureExtractor, FeatureKind, FeatureStatistics, Normalise, features,
};

fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn golden_f32(name: &str) -> Vec<f32> {
    golden(name).as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

fn golden_i16(name: &str) -> Vec<f32> {
    golden(name)
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&bytes| f32::from(i16::from_le_bytes(bytes)) / 32_768.0)
        .collect()
}

#[test]
fn agrees_with_librosa() {
    let wide = FeatureConfig::default();
    let linear = FeatureConfig { kind: FeatureKind::LogLinear, pre_emphasis: 0.0, ..wide.clone() };
    let narrow = FeatureConfig {
        sample_rate_hz: 8_000,
        window_ms: 25.0,
        mels: 40,
        low_hz: 64.0,
        high_hz: 3_800.0,
        pre_emphasis: 0.9,
        log_floor: 1e-5,
        ..wide.clone()
    };
    let cases = [
        ("log_mel_80.f32", "input_16k.i16", wide),
        ("log_linear_161.f32", "input_16k.i16", linear),
        ("log_mel_40_8k.f32", "input_8k.i16", narrow),
    ];
    for (name, input, config) in cases {
        let difference =
            largest_difference(&features(&config, &golden_i16(input)).unwrap(), &golden_f32(name));
        assert!(difference < 1e-3, "{name}: largest difference {difference}");
    }
}

/// The definition, in f64, with a DFT by its sum.
fn by_definition(config: &FeatureConfig, samples: &[f32]) -> Vec<f32> {
    let (window, hop, fft) = (config.window_samples(), config.hop_samples(), config.fft_samples());
    let at = |n: usize| samples.get(n).map_or(0.0, |&x| f64::from(x));
    let emphasised = |n: usize| {
        let before = if n == 0 { 0.0 } else { at(n - 1) };
        if n < samples.len() { at(n) - f64::from(config.pre_emphasis) * before } else { 0.0 }
    };
    let mut out = Vec::new();
    for frame in 0..config.frames(samples.len()) {
        for bin in 0..=fft / 2 {
            let (mut real, mut imaginary) = (0.0, 0.0);
            for n in 0..window {
                let hann = 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / window as f64).cos();
                let angle = std::f64::consts::TAU * (bin * n % fft) as f64 / fft as f64;
                real += hann * emphasised(frame * hop + n) * angle.cos();
                imaginary += hann * emphasised(frame * hop + n) * angle.sin();
            }
            out.push(
                (real * real + imaginary * imaginary + f64::from(config.log_floor)).ln() as f32
            );
        }
    }
    out
}

#[test]
fn agrees_with_the_definition_at_odd_sizes() {
    // (rate, window ms, hop ms, samples): even, odd and prime windows, hops that divide nothing,
    // short recordings.
    let cases = [
        (16_000, 20.0, 10.0, 700),
        (8_000, 13.875, 5.125, 500),
        (11_025, 9.16, 9.16, 333),
        (16_000, 20.0, 3.0, 5),
    ];
    for (sample_rate_hz, window_ms, hop_ms, samples) in cases {
        let kind = FeatureKind::LogLinear;
        let config = FeatureConfig {
            kind,
            sample_rate_hz,
            window_ms,
            hop_ms,
            log_floor: 1e-4,
            ..Default::default()
        };
        let recording = noise(3, samples);
        let difference = largest_difference(
            &features(&config, &recording).unwrap(),
            &by_definition(&config, &recording),
        );
        assert!(
            difference < 2e-3,
            "{sample_rate_hz} Hz, {window_ms} ms, {hop_ms} ms, {samples}: {difference}"
        );
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_cut_gives_the_same_bits(
        linear in any::<bool>(),
        samples in 0_usize..4_000,
        seed in any::<u64>(),
        window_ms in 5.0_f32..30.0,
        overlap in 0.0_f32..0.9,
        cuts in prop::collection::vec(0_usize..900, 1..12),
    ) {
        let kind = if linear { FeatureKind::LogLinear } else { FeatureKind::LogMel };
        let hop_ms = window_ms * (1.0 - overlap);
        let config = FeatureConfig { kind, window_ms, hop_ms, mels: 20, ..Default::default() };
        let recording = noise(seed, samples);
        let whole = features(&config, &recording).unwrap();
        prop_assert_eq!(whole.len(), config.frames(samples) * config.dim());

        let mut extractor = FeatureExtractor::new(&config).unwrap();
        // Remains of an aborted utterance must not show.
        extractor.push(&noise(seed ^ 1, 777), &mut Vec::new());
        extractor.reset();
        let (mut out, mut frames, mut rest) = (Vec::new(), 0, recording.as_slice());
        for cut in cuts.iter().cycle().take(2_000) {
            let (now, later) = rest.split_at(rest.len().min(*cut));
            frames += extractor.push(now, &mut out);
            rest = later;
        }
        frames += extractor.push(rest, &mut out);
        frames += extractor.finish(&mut out);
        prop_assert_eq!(frames * config.dim(), out.len());
        prop_assert_eq!(bits(&out), bits(&whole));
    }
}

#[test]
fn one_sample_at_a_time_equals_all_at_once() {
    let config = FeatureConfig::default();
    let recording = sweep(16_000, 0.3);
    let mut extractor = FeatureExtractor::new(&config).unwrap();
    let mut out = vec![42.0];
    for sample in &recording {
        extractor.push(std::slice::from_ref(sample), &mut out);
    }
    extractor.finish(&mut out);
    assert_eq!(out[0], 42.0, "output is appended");
    assert_eq!(bits(&out[1..]), bits(&features(&config, &recording).unwrap()));
}

#[test]
fn bad_samples_count_as_silence_and_leave_no_trace() {
    let config = FeatureConfig::default();
    let good = sweep(16_000, 0.2);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (mut with_bad, mut with_zero) = (good.clone(), good.clone());
        for n in [0, 500, 501, 3_199] {
            with_bad[n] = bad;
            with_zero[n] = 0.0;
        }
        assert_eq!(
            bits(&features(&config, &with_bad).unwrap()),
            bits(&features(&config, &with_zero).unwrap()),
            "{bad}"
        );
    }
    for huge in [f32::MAX, f32::MIN] {
        let mut extractor = FeatureExtractor::new(&config).unwrap();
        let mut out = Vec::new();
        extractor.push(&vec![huge; 1_000], &mut out);
        assert!(out.iter().all(|value| value.is_finite()), "{huge}");
        out.clear();
        extractor.reset();
        extractor.push(&good, &mut out);
        extractor.finish(&mut out);
        assert_eq!(bits(&out), bits(&features(&config, &good).unwrap()), "after {huge}");
    }
}

#[test]
fn silence_is_the_floor() {
    let config = FeatureConfig::default();
    let out = features(&config, &[0.0; 1_000]).unwrap();
    assert_eq!(out.len(), config.frames(1_000) * 80);
    assert!(out.iter().all(|&value| value == config.log_floor.ln()));
}

#[test]
fn a_tone_lights_the_filter_of_its_pitch() {
    let config = FeatureConfig { pre_emphasis: 0.0, ..Default::default() };
    // On Slaney's scale 20 Hz is 0.3 mel and 8 kHz 45.25: the centres are 0.555 mel apart, 1 kHz is
    // 15 mel.
    for (hz, expected) in [(500.0, 12_usize), (1_000.0, 25), (6_400.0, 74)] {
        let out = features(&config, &common::tone(hz, 16_000, 320)).unwrap();
        let loudest = (0..80).max_by(|&a, &b| out[a].total_cmp(&out[b])).unwrap();
        assert!(loudest.abs_diff(expected) <= 1, "{hz} Hz: filter {loudest}, expected {expected}");
    }
}

#[test]
fn normalised_features_have_mean_0_and_variance_1() {
    let plain = FeatureConfig::default();
    let recording = noise(11, 32_000);
    let mut statistics = FeatureStatistics::new(plain.dim());
    statistics.push(&features(&plain, &recording).unwrap()).unwrap();
    let normalised = FeatureConfig { normalise: Some(statistics.normalise()), ..plain.clone() };
    let mut again = FeatureStatistics::new(plain.dim());
    again.push(&features(&normalised, &recording).unwrap()).unwrap();
    let Normalise { mean, scale } = again.normalise();
    for feature in 0..plain.dim() {
        assert!(mean[feature].abs() < 1e-4, "mean of {feature}: {}", mean[feature]);
        assert!((scale[feature] - 1.0).abs() < 1e-4, "scale of {feature}: {}", scale[feature]);
    }
}

#[test]
fn a_wrong_configuration_is_an_error_not_a_panic() {
    let config = FeatureConfig { window_ms: f32::INFINITY, ..Default::default() };
    let error = FeatureExtractor::new(&config).unwrap_err().to_string();
    assert!(error.contains("window_ms"), "{error}");
    assert!(features(&config, &[0.0; 10]).is_err());
    // Sizes from a configuration that was not validated are nonsense but cause no panic.
    for ms in [f32::NAN, f32::INFINITY, -1.0, 0.0, f32::MAX] {
        let config = FeatureConfig { window_ms: ms, hop_ms: ms, ..Default::default() };
        let _ = (config.dim(), config.frames(1_000), config.fft_samples());
    }
}
