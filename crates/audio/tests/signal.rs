//! Signals that cannot be right: what is found and done; and sound ones pass unchanged to the bit.

mod common;

use common::{noise, sweep};
use stonechat_audio::{SignalRepair, WarningKind};

const RATE_HZ: u32 = 16_000;

/// Like speech: bursts of a sweep with pauses, over a little noise.
fn speech(seconds: f64) -> Vec<f32> {
    let floor = noise(7, (seconds * f64::from(RATE_HZ)) as usize);
    let voiced = |n: usize| if (n / 3_200).is_multiple_of(3) { 0.001 } else { 1.0 };
    let signal = sweep(RATE_HZ, seconds);
    signal
        .iter()
        .zip(floor)
        .enumerate()
        .map(|(n, (x, noise))| x * voiced(n) + 1e-4 * noise)
        .collect()
}

fn interleave(channels: &[Vec<f32>]) -> Vec<f32> {
    (0..channels[0].len()).flat_map(|n| channels.iter().map(move |channel| channel[n])).collect()
}

fn repair(mut repair: SignalRepair, samples: &[f32], cut: usize) -> (Vec<f32>, Vec<WarningKind>) {
    let mut out = Vec::new();
    for piece in samples.chunks(cut * repair.channels()) {
        repair.push(piece, &mut out);
    }
    repair.finish(&mut out);
    (out, repair.warnings().into_iter().map(|warning| warning.kind).collect())
}

fn scaled(signal: &[f32], gain: f32) -> Vec<f32> {
    signal.iter().map(|x| x * gain).collect()
}

#[test]
fn sound_signals_pass_to_the_bit() {
    let mono = speech(4.0);
    let other = scaled(&noise(3, mono.len()), 0.3);
    let mean: Vec<f32> = mono.iter().zip(&other).map(|(x, y)| x * 0.5 + y * 0.5).collect();
    let cases = [
        ("mono", vec![mono.clone()], mono.clone()),
        ("two microphones", vec![mono.clone(), other], mean),
        ("twice the same", vec![mono.clone(), mono.clone()], mono.clone()),
        ("peaks of +3 dBFS", vec![scaled(&mono, 2.8)], scaled(&mono, 2.8)),
        (
            "noise alone, at -40 dBFS",
            vec![scaled(&noise(1, 64_000), 0.04)],
            scaled(&noise(1, 64_000), 0.04),
        ),
        ("very short", vec![mono[..100].to_vec()], mono[..100].to_vec()),
    ];
    for (what, channels, expected) in cases {
        let (samples, count) = (interleave(&channels), channels.len());
        for repair_of in [SignalRepair::of_file, SignalRepair::live] {
            let (found, warnings) = repair(repair_of(RATE_HZ, count), &samples, 999);
            assert!(found == expected, "{what}: changed");
            let quiet = what.starts_with("noise");
            assert_eq!(warnings, vec![WarningKind::Quiet; usize::from(quiet)], "{what}");
        }
    }
}

#[test]
fn what_cannot_be_right_is_repaired_and_told() {
    use WarningKind::*;
    let mono = speech(4.0);
    let whole: Vec<f32> = mono.iter().map(|x| (x * 32_768.0).round()).collect();
    let zeros = vec![0.0; mono.len()];
    let shifted: Vec<f32> = mono.iter().map(|x| x + 0.2).collect();
    let clipped: Vec<f32> = mono.iter().map(|x| (x * 9.0).clamp(-1.0, 1.0)).collect();
    let with = |first: &[f32], second: &[f32]| vec![first.to_vec(), second.to_vec()];
    let peak = mono.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
    let changed = |value: f32| {
        let every = |(n, x): (usize, &f32)| if n % 3_000 == 7 { value } else { *x };
        mono.iter().enumerate().map(every).collect::<Vec<f32>>()
    };
    let (holes, spikes, nans) = (changed(0.0), changed(-1234.5), changed(f32::NAN));
    let both = with(&spikes, &spikes);
    // (what, channels, kind of the warning, what the result is a multiple of, gain)
    let cases = [
        ("opposite channels", with(&mono, &scaled(&mono, -1.0)), OppositeChannels, &mono, 1.0),
        ("opposite, one weaker", with(&scaled(&mono, -0.5), &mono), OppositeChannels, &mono, 0.75),
        ("a channel of zeros", with(&mono, &zeros), DeadChannel, &mono, 1.0),
        ("zeros, then sound", with(&zeros, &mono), DeadChannel, &mono, 1.0),
        ("-45 dBFS", vec![scaled(&mono, 0.011)], Quiet, &mono, 0.25 / peak),
        ("-70 dBFS", vec![scaled(&mono, 0.000_6)], Quiet, &mono, 0.25 / peak),
        ("+20 dBFS", vec![scaled(&mono, 20.0)], Loud, &mono, 1.0 / peak),
        ("integers as floats", vec![whole.clone()], IntegerScale, &mono, 1.0),
        ("resampled integers as floats", vec![scaled(&mono, 32_768.0)], IntegerScale, &mono, 1.0),
        ("24-bit integers as floats", vec![scaled(&mono, 8_388_608.0)], IntegerScale, &mono, 1.0),
        ("quiet integers as floats", vec![scaled(&whole, 1.0)], IntegerScale, &mono, 1.0),
        ("an offset", vec![shifted], Offset, &mono, 1.0),
        ("clipped", vec![clipped.clone()], Clipped, &clipped, 1.0),
        ("no numbers here and there", vec![nans], Damaged, &holes, 1.0),
        ("a few spikes", vec![spikes], Damaged, &holes, 1.0),
        ("spikes in both channels", both, Damaged, &holes, 1.0),
    ];
    for (what, channels, kind, like, gain) in cases {
        let (samples, count) = (interleave(&channels), channels.len());
        let (found, warnings) = repair(SignalRepair::of_file(RATE_HZ, count), &samples, 4_096);
        assert_eq!(warnings, [kind], "{what}");
        assert_eq!(found.len(), like.len(), "{what}");
        for (n, (x, y)) in found.iter().zip(like).enumerate() {
            // The mean of the offset is that of a part of the speech.
            assert!((x - gain * y).abs() < 0.02 * gain.max(0.2), "{what}: {x} for {y} at {n}");
        }
        // Live, the same is found, and the end is repaired in the same way.
        let (live, warnings) = repair(SignalRepair::live(RATE_HZ, count), &samples, 160);
        assert_eq!(warnings, [kind], "{what}, live");
        for (x, y) in live.iter().zip(like).skip(3 * 16_000) {
            assert!((x - gain * y).abs() < 0.02 * gain.max(0.2), "{what}, live: {x} for {y}");
        }
    }
}

#[test]
fn nothing_to_hear_is_told() {
    use WarningKind::{Damaged, Silent};
    for (what, signal, expected) in [
        ("zeros", vec![0.0; 16_000], &[Silent][..]),
        ("the lowest bit", (0..16_000).map(|n| (n % 2) as f32 / 32_768.0).collect(), &[Silent]),
        ("no numbers", vec![f32::NAN; 16_000], &[Damaged, Silent]),
    ] {
        let (out, warnings) = repair(SignalRepair::of_file(RATE_HZ, 1), &signal, 777);
        assert_eq!((out.len(), &warnings[..]), (16_000, expected), "{what}");
        assert!(out.iter().all(|x| x.abs() < 1e-4), "{what}");
    }
}

/// Speech with swapped bytes, and compressed data, are white and loud.
#[test]
fn bytes_that_are_no_samples_are_told() {
    let mono = speech(4.0);
    let swap = |x: &f32| f32::from(((x * 32_767.0) as i16).swap_bytes()) / 32_768.0;
    let swapped: Vec<f32> = mono.iter().map(swap).collect();
    // Cut off at full scale, so that they are as loud as bytes are.
    let tones = |pitches: &[f32]| -> Vec<f32> {
        let wave =
            |n: usize, hz: f32| (std::f32::consts::TAU * hz * n as f32 / RATE_HZ as f32).sin();
        let sum = |n: usize| pitches.iter().map(|&hz| wave(n, hz)).sum::<f32>();
        (0..64_000).map(|n| (3.0 * sum(n)).clamp(-1.0, 1.0)).collect()
    };
    for (what, signal, told) in [
        ("a clipped tone at a quarter of the rate", &tones(&[4_000.0]), false),
        ("a clipped tone near it", &tones(&[3_900.0]), false),
        ("two clipped tones", &tones(&[2_000.0, 6_000.0]), false),
        ("the other order", &swapped, true),
        ("compressed", &noise(5, 64_000), true),
        ("noise at -20 dBFS", &scaled(&noise(5, 64_000), 0.17), false),
        ("loud speech", &scaled(&mono, 2.0), false),
    ] {
        let (_, warnings) = repair(SignalRepair::of_file(RATE_HZ, 1), signal, 777);
        assert_eq!(warnings.contains(&WarningKind::Noise), told, "{what}: {warnings:?}");
    }
}

#[test]
fn a_quiet_beginning_ends_where_somebody_speaks_up() {
    let mono = [scaled(&speech(8.0), 0.005), speech(4.0)].concat();
    let (found, warnings) = repair(SignalRepair::of_file(RATE_HZ, 1), &mono, 512);
    assert_eq!(warnings, [WarningKind::Quiet]);
    assert!(found[16_000] / mono[16_000] > 10.0, "raised at first");
    assert!(found[9 * 16_000..] == mono[9 * 16_000..], "and then left alone");
}

#[test]
fn the_cut_changes_nothing() {
    let mono = speech(3.3);
    let opposite = interleave(&[scaled(&mono, 0.01), scaled(&mono, -0.01)]);
    for repair_of in [SignalRepair::of_file, SignalRepair::live] {
        let whole = repair(repair_of(RATE_HZ, 2), &opposite, usize::MAX / 2);
        for cut in [1, 7, 319, 320, 321, 10_000] {
            assert!(repair(repair_of(RATE_HZ, 2), &opposite, cut) == whole, "pieces of {cut}");
        }
    }
}
