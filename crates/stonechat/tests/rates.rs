//! Streams at other rates than the model's: the same as conversion followed by recognition, for any
//! cut.
#![cfg(feature = "resample")]

mod common;

use common::{Storage, model, sound};
use stonechat::{Error, Options, Recognizer, Stream, Token, Transcript};
use stonechat_audio::Resampler;

/// Rates of telephones, files, browsers and microphones; the model of these tests is at 8 kHz.
const RATES_HZ: [u32; 8] = [5_000, 8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000];

fn recognizer() -> Recognizer {
    Recognizer::new(model(Storage::Dense), Options::default()).unwrap()
}

fn hear(stream: &mut Stream, samples: &[f32], cuts: &[usize]) -> (Transcript, Vec<Token>) {
    let mut rest = samples;
    for cut in cuts.iter().cycle() {
        let (now, later) = rest.split_at(rest.len().min(*cut));
        rest = later;
        stream.push(now).unwrap();
        if rest.is_empty() {
            break;
        }
    }
    (stream.finish(), stream.tokens())
}

#[test]
fn any_rate_and_any_cut_give_the_text_of_the_converted_samples() {
    let recognizer = recognizer();
    for rate_hz in RATES_HZ {
        // The same samples as if they were at the other rate: their meaning does not matter.
        let samples = sound(1.7, 5);
        let mut resampler = Resampler::new(rate_hz, 8_000).unwrap();
        let mut converted = Vec::new();
        resampler.push(&samples, &mut converted).unwrap();
        resampler.finish(&mut converted).unwrap();
        let expected = hear(&mut recognizer.stream(), &converted, &[usize::MAX]);
        assert!(expected.1.len() > 3, "{rate_hz} Hz: nothing was recognised");

        let mut stream = recognizer.stream_at(rate_hz).unwrap();
        for cuts in [&[usize::MAX][..], &[1], &[7, 160, 4_096], &[333]] {
            assert!(hear(&mut stream, &samples, cuts) == expected, "{rate_hz} Hz cut by {cuts:?}");
            assert_eq!(stream.sample_rate_hz(), rate_hz);
            let seconds = samples.len() as f64 / f64::from(rate_hz);
            assert!((stream.seconds() - seconds).abs() < 1e-9, "{rate_hz} Hz");
            stream.reset();
        }
    }
}

#[test]
fn impossible_rates_are_refused() {
    for rate_hz in [0, 999, 768_001, u32::MAX] {
        let error = recognizer().stream_at(rate_hz).unwrap_err();
        assert!(matches!(error, Error::Rate(_)), "{rate_hz}");
        assert!(error.to_string().contains(&rate_hz.to_string()), "{error}");
    }
}
