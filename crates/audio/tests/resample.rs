//! The rate converter compared with the same signal sampled at the other rate, and with itself
//! under any cut.
#![cfg(feature = "files")]

mod common;

use common::{largest_difference, noise, sweep, tone};
use stonechat_audio::{Error, Resampler};

fn convert(from_hz: u32, to_hz: u32, samples: &[f32], chunk: usize) -> Vec<f32> {
    let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
    let mut out = Vec::new();
    for chunk in samples.chunks(chunk) {
        resampler.push(chunk, &mut out).unwrap();
    }
    resampler.finish(&mut out).unwrap();
    out
}

/// The rates of real files and microphones, and two odd ones that have no small ratio.
const PAIRS: [(u32, u32); 14] = [
    (8_000, 16_000),
    (11_025, 16_000),
    (12_000, 16_000),
    (16_000, 16_000),
    (22_050, 16_000),
    (24_000, 16_000),
    (32_000, 16_000),
    (44_100, 16_000),
    (48_000, 16_000),
    (96_000, 16_000),
    (192_000, 16_000),
    (44_100, 8_000),
    (44_101, 16_000),
    (15_999, 16_000),
];

#[test]
fn a_sweep_is_the_sweep_at_the_other_rate() {
    for (from_hz, to_hz) in PAIRS {
        // 300 to 1,260 Hz: inside every pass band.
        let out = convert(from_hz, to_hz, &sweep(from_hz, 1.2), 1_000);
        let expected = sweep(to_hz, 1.2);
        assert!(
            out.len().abs_diff(expected.len()) <= 1,
            "{from_hz} to {to_hz}: {} samples",
            out.len()
        );
        // The sudden start and end ring; in between only the ripple of the filter is left.
        let middle = to_hz as usize / 10..to_hz as usize;
        let difference = largest_difference(&out[middle.clone()], &expected[middle]);
        assert!(difference < 1e-3, "{from_hz} to {to_hz} Hz: difference {difference}");
    }
}

#[test]
fn what_cannot_be_represented_is_removed() {
    for (from_hz, hz) in
        [(48_000, 9_000.0), (44_100, 12_000.0), (96_000, 40_000.0), (44_101, 9_500.0)]
    {
        let out = convert(from_hz, 16_000, &tone(hz, from_hz, from_hz as usize), 1_000);
        let loudest = out[1_600..14_400].iter().fold(0.0_f32, |loudest, x| loudest.max(x.abs()));
        assert!(
            loudest < 0.5e-3,
            "{hz} Hz at {from_hz} Hz leaves {loudest} (less than -60 dB wanted)"
        );
    }
    let kept = convert(48_000, 16_000, &tone(7_000.0, 48_000, 48_000), 1_000);
    let difference =
        largest_difference(&kept[1_600..14_400], &tone(7_000.0, 16_000, 16_000)[1_600..14_400]);
    assert!(difference < 5e-3, "7 kHz must pass: {difference}");
}

#[test]
fn lengths_and_cuts() {
    for (from_hz, to_hz) in PAIRS {
        for samples in [0, 1, 2, 319, 320, 321, 9_999] {
            let signal = noise(9, samples);
            let whole = convert(from_hz, to_hz, &signal, usize::MAX);
            let expected = (samples as u64 * u64::from(to_hz)).div_ceil(u64::from(from_hz));
            assert_eq!(whole.len() as u64, expected, "{samples} samples, {from_hz} to {to_hz} Hz");
            for chunk in [1, 97, 1_024] {
                assert!(
                    convert(from_hz, to_hz, &signal, chunk) == whole,
                    "{from_hz} to {to_hz} Hz in pieces of {chunk}"
                );
            }
        }
    }
}

#[test]
fn a_used_converter_is_as_new() {
    for (from_hz, to_hz) in [(44_100, 16_000), (44_101, 16_000)] {
        let signal = noise(2, 30_000);
        let expected = convert(from_hz, to_hz, &signal, 4_096);
        let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
        for end in ["reset", "finish"] {
            resampler.push(&noise(1, 12_345), &mut Vec::new()).unwrap();
            match end {
                "reset" => resampler.reset(),
                _ => resampler.finish(&mut Vec::new()).unwrap(),
            }
            let mut out = Vec::new();
            resampler.push(&signal, &mut out).unwrap();
            resampler.finish(&mut out).unwrap();
            assert!(out == expected, "after {end}, {from_hz} Hz");
        }
    }
}

#[test]
fn bad_samples_do_not_spread() {
    let mut signal = sweep(48_000, 0.5);
    let mut silenced = signal.clone();
    for (n, bad) in [(100, f32::NAN), (7_000, f32::INFINITY), (7_001, f32::NEG_INFINITY)] {
        signal[n] = bad;
        silenced[n] = 0.0;
    }
    for to_hz in [16_000, 48_000] {
        assert!(
            convert(48_000, to_hz, &signal, 500) == convert(48_000, to_hz, &silenced, 500),
            "to {to_hz} Hz"
        );
    }
}

#[test]
fn absurd_rates_are_refused() {
    for (from_hz, to_hz) in [(0, 16_000), (16_000, 0), (999, 16_000), (u32::MAX, 16_000)] {
        assert!(
            matches!(Resampler::new(from_hz, to_hz), Err(Error::SampleRate { .. })),
            "{from_hz} to {to_hz}"
        );
    }
}
