use std::f64::consts::TAU;

use realfft::RealFftPlanner;

use super::noise::coloured_noise;
use super::reverb::{convolve, impulse_response};
use super::speed::kernel;
use super::*;

const RATE_HZ: u32 = 16_000;

fn sine(samples: usize, hz: f64) -> Vec<f32> {
    (0..samples)
        .map(|index| (0.5 * (TAU * hz * index as f64 / f64::from(RATE_HZ)).sin()) as f32)
        .collect()
}

fn white(samples: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::keyed(&[seed]);
    (0..samples).map(|_| (0.1 * random.normal()) as f32).collect()
}

fn quantized(wave: &[f32]) -> Vec<i16> {
    wave.iter().map(|sample| (sample * 32768.0) as i16).collect()
}

const ALONE: OtherVoices = OtherVoices { count: 0, samples: &|_| Ok(Arc::from([])) };

/// Augments a second of noise by a recipe's text; draw `item` of epoch 2.
fn waveform(recipe: &str, item: usize) -> Vec<f32> {
    let augmentation = augmentation(recipe);
    let samples = quantized(&white(16_000, 1));
    augmentation.waveform(item, &samples, RATE_HZ, augmentation.speed(item), &ALONE).unwrap()
}

fn augmentation(recipe: &str) -> Augmentation {
    let config: AugmentConfig = toml::from_str(recipe).unwrap();
    config.validate().unwrap();
    Augmentation { config: Arc::new(config), seed: 11, epoch: 2, views: 1 }
}

fn decibel(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

fn difference(a: &[f32], b: &[f32]) -> Vec<f32> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[test]
fn everything_is_off_by_default() {
    assert!(!AugmentConfig::default().changes_waveform());
    let expected: Vec<f32> =
        quantized(&white(16_000, 1)).iter().map(|&s| f32::from(s) / 32768.0).collect();
    assert_eq!(waveform("", 5), expected);
    let mut features = vec![1.0; 50];
    augmentation("").mask(0, 0, &mut features, 5);
    assert_eq!(features, [1.0; 50]);
}

#[test]
fn speed_agrees_with_the_plain_sum() {
    let wave = white(400, 3);
    for speed in [0.5, 0.9, 0.999, 1.0, 1.07, 1.1, 2.0] {
        let (cutoff, half_width) = (f64::min(1.0, 1.0 / speed), 12.0 * f64::max(1.0, speed));
        let plain = |index: usize| {
            let position = index as f64 * speed;
            let terms = wave.iter().enumerate().map(|(at, &sample)| {
                f64::from(sample) * kernel(at as f64 - position, cutoff, half_width)
            });
            terms.sum::<f64>()
        };
        let fast = change_speed(&wave, speed);
        assert_eq!(fast.len(), (400.0 / speed).round() as usize, "speed {speed}");
        for (index, &value) in fast.iter().enumerate() {
            assert!(
                (f64::from(value) - plain(index)).abs() < 1e-5,
                "speed {speed}, sample {index}"
            );
        }
    }
}

#[test]
fn speed_moves_a_tone_and_lets_nothing_alias() {
    let wave = sine(4_000, 1_000.0);
    for speed in [0.8, 0.9, 1.1, 1.25] {
        let fast = change_speed(&wave, speed);
        let expected = sine(fast.len(), 1_000.0 * speed);
        let inner = 50..fast.len() - 50;
        let error = root_mean_square(&difference(&fast[inner.clone()], &expected[inner]));
        assert!(
            decibel(error / root_mean_square(&expected)) < -60.0,
            "speed {speed}: error {error}"
        );
    }
    // 7.5 kHz at double speed would be 15 kHz, which 16 kHz sampling folds to 1 kHz.
    let folded = change_speed(&sine(4_000, 7_500.0), 2.0);
    assert!(decibel(root_mean_square(&folded[50..1_950])) < -60.0);
}

#[test]
fn lengths_after_a_change_of_speed() {
    for (samples, speed, expected) in
        [(0, 0.9, 0), (1, 2.0, 1), (1, 0.5, 2), (16_000, 1.1, 14_545), (16_000, 0.9, 17_778)]
    {
        assert_eq!(samples_after(samples, speed), expected, "{samples} at {speed}");
        assert_eq!(
            change_speed(&vec![0.1; samples], speed).len(),
            expected,
            "{samples} at {speed}"
        );
    }
}

#[test]
fn speeds_fill_their_range_and_gain_is_exact() {
    let augmentation = augmentation("speed = [0.9, 1.1]");
    let speeds: Vec<f64> = (0..1_000).map(|item| augmentation.speed(item)).collect();
    assert!(speeds.iter().all(|speed| (0.9..1.1).contains(speed)));
    let near = |edge: f64| speeds.iter().any(|speed| (speed - edge).abs() < 0.005);
    assert!(near(0.9) && near(1.0) && near(1.1));

    let plain = waveform("", 0);
    let louder = waveform("gain_db = [6.0, 6.0]", 0);
    let gain = decibel(root_mean_square(&louder) / root_mean_square(&plain));
    assert!((gain - 6.0).abs() < 1e-4, "{gain}");
}

#[test]
fn noise_has_the_ratio_asked_for() {
    let plain = waveform("", 0);
    for recipe in [
        "[noise]\nprobability = 1\nsnr_db = [12.0, 12.0]\nslope = [0.0, 0.0]",
        "[noise]\nprobability = 1\nsnr_db = [12.0, 12.0]\nslope = [1.0, 1.0]",
        "[noise]\nprobability = 1\nsnr_db = [12.0, 12.0]\nslope = [2.0, 2.0]",
    ] {
        let noise = difference(&waveform(recipe, 0), &plain);
        let ratio = decibel(root_mean_square(&plain) / root_mean_square(&noise));
        assert!((ratio - 12.0).abs() < 0.01, "{recipe}: {ratio} dB");
    }
    let noisy =
        (0..400).filter(|&item| waveform("[noise]\nprobability = 0.25", item) != plain).count();
    assert!((70..130).contains(&noisy), "{noisy} of 400 at probability 0.25");
}

#[test]
fn slopes_of_noise() {
    // Power per octave rises by 3 dB for white noise, is flat for pink, falls by 3 dB for brown.
    for (slope, per_octave) in [(0.0, 3.01), (1.0, 0.0), (2.0, -3.01)] {
        let noise = coloured_noise(1 << 16, slope, &mut Random::keyed(&[4]));
        let mut spectrum = vec![Default::default(); (1 << 15) + 1];
        RealFftPlanner::new()
            .plan_fft_forward(1 << 16)
            .process(&mut noise.clone(), &mut spectrum)
            .unwrap();
        let power = |from: usize| {
            spectrum[from..2 * from].iter().map(|bin| f64::from(bin.norm_sqr())).sum::<f64>()
        };
        let rise = 10.0 * (power(1 << 13) / power(1 << 9)).log10() / 4.0;
        assert!((rise - per_octave).abs() < 0.3, "slope {slope}: {rise} dB an octave");
    }
    for samples in [0, 1, 2, 3, 1_000] {
        let noise = coloured_noise(samples, 1.0, &mut Random::keyed(&[4]));
        assert!(
            noise.len() == samples && noise.iter().all(|sample| sample.is_finite()),
            "{samples}"
        );
    }
}

#[test]
fn babble_loops_other_voices_at_the_ratio_asked_for() {
    let augmentation =
        augmentation("[babble]\nprobability = 1\nsnr_db = [20.0, 20.0]\nvoices = [1, 1]");
    let voice = quantized(&sine(500, 440.0));
    let others = OtherVoices { count: 3, samples: &|_| Ok(Arc::from(voice.clone())) };
    let plain = white(2_000, 8);
    let heard = augmentation.waveform(0, &quantized(&plain), RATE_HZ, 1.0, &others).unwrap();
    let plain: Vec<f32> =
        quantized(&plain).iter().map(|&sample| f32::from(sample) / 32768.0).collect();
    let babble = difference(&heard, &plain);
    let ratio = decibel(root_mean_square(&plain) / root_mean_square(&babble));
    assert!((ratio - 20.0).abs() < 0.05, "{ratio} dB");
    let period = difference(&babble[..1_500], &babble[500..]);
    assert!(root_mean_square(&period) < 1e-6, "the voice of 500 samples is looped");

    let failing = OtherVoices { count: 3, samples: &|_| Err(DataError::config("x", "y")) };
    assert!(augmentation.waveform(0, &[100; 50], RATE_HZ, 1.0, &failing).is_err());
    let silent = OtherVoices { count: 3, samples: &|_| Ok(Arc::from([0; 7])) };
    assert_eq!(augmentation.waveform(0, &[16384; 4], RATE_HZ, 1.0, &silent).unwrap(), [0.5; 4]);
}

#[test]
fn convolution_agrees_with_the_plain_sum() {
    for (samples, taps) in [(1, 1), (5, 9), (300, 40), (256, 256)] {
        let (wave, response) = (white(samples, 1), white(taps, 2));
        let plain: Vec<f64> = (0..samples)
            .map(|at| {
                (0..taps.min(at + 1))
                    .map(|tap| f64::from(response[tap]) * f64::from(wave[at - tap]))
                    .sum()
            })
            .collect();
        let mut fast = wave.clone();
        convolve(&mut fast, &response);
        for (at, (fast, plain)) in fast.iter().zip(plain).enumerate() {
            assert!(
                (f64::from(*fast) - plain).abs() < 1e-6,
                "{samples} samples, {taps} taps, at {at}"
            );
        }
    }
}

#[test]
fn rooms_decay_by_60_db_and_keep_the_level() {
    let response = impulse_response(0.5, 6.0, RATE_HZ, &mut Random::keyed(&[3]));
    assert_eq!((response[0], response.len()), (1.0, 8_001));
    let energy = |range: std::ops::Range<usize>| {
        response[range].iter().map(|&tap| f64::from(tap).powi(2)).sum::<f64>()
    };
    assert!(
        (10.0 * energy(1..8_001).log10() + 6.0).abs() < 0.01,
        "direct sound 6 dB above the tail"
    );
    let fall = 10.0 * (energy(1..801) / energy(7_201..8_001)).log10();
    assert!((fall - 54.0).abs() < 1.5, "54 dB over nine tenths of the time, not {fall}");

    let plain = waveform("", 0);
    let room =
        waveform("[reverb]\nprobability = 1\nrt60_s = [0.3, 0.3]\ndirect_db = [3.0, 3.0]", 0);
    assert!((root_mean_square(&room) / root_mean_square(&plain) - 1.0).abs() < 1e-4);
    assert!(root_mean_square(&difference(&room, &plain)) > 0.3 * root_mean_square(&plain));
}

#[test]
fn silence_surrounds_the_speech_and_noise_fills_it() {
    let plain = waveform("", 0);
    let quiet = "[silence]\nprobability = 1\nbefore_s = [0.5, 0.5]\nafter_s = [0.25, 0.25]";
    let padded = waveform(quiet, 0);
    assert_eq!(padded.len(), 8_000 + 16_000 + 4_000);
    assert_eq!(padded[8_000..24_000], plain);
    assert!(padded[..8_000].iter().chain(&padded[24_000..]).all(|&sample| sample == 0.0));
    // 12 dB below the speech itself, not below speech and silence together.
    let noisy = waveform(&format!("{quiet}\n[noise]\nprobability = 1\nsnr_db = [12.0, 12.0]"), 0);
    let ratio = root_mean_square(&plain) / root_mean_square(&difference(&noisy, &padded));
    assert!((decibel(ratio) - 12.0).abs() < 0.1, "{}", decibel(ratio));
    let some = augmentation("[silence]\nprobability = 0.25");
    let with = (0..400).filter(|&item| some.silence(item, RATE_HZ) != [0, 0]).count();
    assert!((70..130).contains(&with), "{with} of 400 at probability 0.25");
}

#[test]
fn masks_keep_their_widths_and_touch_nothing_else() {
    let (frames, dim) = (60, 16);
    let spec = "[spec]\nfrequency_masks = 1\nfrequency_width = 4\ntime_masks = 1\ntime_width = 20\ntime_share = 0.1";
    let (mut widest_band, mut widest_time, mut band_starts) =
        (0, 0, std::collections::BTreeSet::new());
    for item in 0..500 {
        let mut features: Vec<f32> = (1..=frames * dim).map(|value| value as f32).collect();
        augmentation(spec).mask(item, 0, &mut features, dim);
        let masked = |frame: usize, feature: usize| features[frame * dim + feature] == 0.0;
        let bands: Vec<usize> =
            (0..dim).filter(|&feature| (0..frames).all(|frame| masked(frame, feature))).collect();
        let times: Vec<usize> =
            (0..frames).filter(|&frame| (0..dim).all(|feature| masked(frame, feature))).collect();
        for (index, &value) in features.iter().enumerate() {
            let inside = times.contains(&(index / dim)) || bands.contains(&(index % dim));
            assert_eq!(
                value,
                if inside { 0.0 } else { (index + 1) as f32 },
                "item {item}, value {index}"
            );
        }
        for span in [&bands, &times] {
            assert!(
                span.windows(2).all(|pair| pair[1] == pair[0] + 1),
                "item {item}: one mask is one span"
            );
        }
        widest_band = widest_band.max(bands.len());
        widest_time = widest_time.max(times.len());
        band_starts.extend(bands.first().copied());
    }
    // A time mask of 20 frames would be allowed, but a tenth of 60 frames is 6.
    assert_eq!((widest_band, widest_time), (4, 6));
    assert_eq!(band_starts.len(), dim, "a band may start anywhere");
    // Wider than the features themselves, and nothing to mask at all.
    let wide = augmentation("[spec]\nfrequency_width = 1000\ntime_width = 1000\ntime_share = 1.0");
    (0..50).for_each(|item| wide.mask(item, 0, &mut [1.0; 12], 4));
    wide.mask(0, 0, &mut [], 4);
}

#[test]
fn draws_depend_on_seed_epoch_and_item_and_not_on_the_other_steps() {
    let all = "speed = [0.9, 1.1]\ngain_db = [-6.0, 6.0]\n[noise]\nprobability = 1\n[reverb]\nprobability = 1";
    assert_eq!(waveform(all, 3), waveform(all, 3));
    assert_ne!(waveform(all, 3), waveform(all, 4));
    let one = augmentation(all);
    let other_epoch = Augmentation { epoch: 3, ..one.clone() };
    let other_seed = Augmentation { seed: 12, ..one.clone() };
    assert!(one.speed(3) != other_epoch.speed(3) && one.speed(3) != other_seed.speed(3));
    assert_eq!(
        one.speed(3),
        augmentation("speed = [0.9, 1.1]").speed(3),
        "noise and room do not change the speed"
    );
}

#[test]
fn wrong_settings_are_named() {
    let cases = [
        ("speed = [1.1, 0.9]", "augment.speed"),
        ("speed = [0.4, 1.0]", "augment.speed"),
        ("gain_db = [0.0, nan]", "augment.gain_db"),
        ("[silence]\nafter_s = [0.0, 61.0]", "augment.silence.after_s"),
        ("[noise]\nprobability = 1.5", "augment.noise.probability"),
        ("[noise]\nsnr_db = [5.0, inf]", "augment.noise.snr_db"),
        ("[noise]\nslope = [0.0, 3.0]", "augment.noise.slope"),
        ("[babble]\nvoices = [0, 2]", "augment.babble.voices"),
        ("[babble]\nprobability = -0.1", "augment.babble.probability"),
        ("[reverb]\nrt60_s = [0.0, 1.0]", "augment.reverb.rt60_s"),
        ("[spec]\ntime_share = 1.01", "augment.spec.time_share"),
    ];
    for (recipe, field) in cases {
        let config: AugmentConfig = toml::from_str(recipe).unwrap();
        let message = config.validate().unwrap_err().to_string();
        assert!(message.starts_with(field), "{recipe}: {message}");
    }
    for unknown in ["sped = [1.0, 1.0]", "[noise]\nsnr = [1.0, 2.0]", "[spec]\nmasks = 1"] {
        assert!(toml::from_str::<AugmentConfig>(unknown).is_err(), "{unknown}");
    }
    for defaults in ["[silence]", "[noise]", "[babble]", "[reverb]", "[spec]"] {
        toml::from_str::<AugmentConfig>(defaults).unwrap().validate().unwrap();
    }
}

#[test]
fn noise_is_gaussian() {
    let noise = coloured_noise(1_000_000, 0.0, &mut Random::keyed(&[6]));
    let level = root_mean_square(&noise) as f32;
    let beyond = |sigmas: f32| {
        noise.iter().filter(|sample| sample.abs() > sigmas * level).count() as f64 / 1e6
    };
    for (sigmas, share) in [(1.0, 0.3173), (2.0, 0.0455), (3.0, 0.0027)] {
        let measured = beyond(sigmas);
        assert!(
            (measured - share).abs() < 0.1 * share,
            "beyond {sigmas} sigma: {measured}, not {share}"
        );
    }
}
